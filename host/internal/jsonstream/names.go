package jsonstream

import (
	"hash/maphash"
	"slices"
)

const (
	maxNames = 1 << 20 // names of all objects that are open at once
	fewNames = 32      // up to here looking at each of them is faster than a table
)

// names tells whether a name came before in its object. It holds 64 bits of
// each name of the objects that are open, under a key of its own: two names
// that meet by chance (one in 10^13 for an object of a thousand names) fail
// the call like a name that occurs twice, and never pass for one.
type names struct {
	seed maphash.Seed
	sums []uint64
}

// object is one object that is open.
type object struct {
	begun bool     // a member came before
	start int      // of its names in sums
	table []uint32 // open addressing: 1 and more is a place in sums; nil while there are few
}

func (n *names) open() object {
	if n.sums == nil {
		n.seed, n.sums = maphash.MakeSeed(), make([]uint64, 0, fewNames)
	}
	return object{start: len(n.sums)}
}

func (n *names) close(o *object) { n.sums = n.sums[:o.start] }

func (n *names) sum(name []byte) uint64 { return maphash.Bytes(n.seed, name) }

// add reports whether a name is new in its object.
func (n *names) add(o *object, sum uint64) bool {
	own := n.sums[o.start:]
	if o.table == nil {
		if slices.Contains(own, sum) {
			return false
		}
	} else if at := o.find(own, sum); o.table[at] != 0 {
		return false
	} else {
		o.table[at] = uint32(len(own) + 1)
	}
	n.sums = append(n.sums, sum)
	if own = n.sums[o.start:]; len(own) > max(fewNames, len(o.table)/2) {
		o.table = make([]uint32, tableSize(len(own)))
		for i, sum := range own {
			o.table[o.find(own, sum)] = uint32(i + 1)
		}
	}
	return true
}

// find returns the place in the table of a name, or the one where it belongs.
func (o *object) find(own []uint64, sum uint64) uint64 {
	mask := uint64(len(o.table) - 1)
	at := sum & mask
	for o.table[at] != 0 && own[o.table[at]-1] != sum {
		at = (at + 1) & mask
	}
	return at
}

// tableSize is a power of two that leaves room for as many again.
func tableSize(n int) int {
	size := 4 * fewNames
	for size < 4*n {
		size *= 2
	}
	return size
}
