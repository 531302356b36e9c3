package jsonstream

import (
	"hash/maphash"
	"slices"
)

const (
	maxNames = 1 << 20 // names of all open objects
	fewNames = 32      // up to here a linear search is faster than a table
)

// names finds names that occur twice in an object. It holds a 64-bit hash, with
// a random seed, of each name in the open objects. Two names with the same hash
// (a chance of one in 10^13 for an object of a thousand names) are treated as a
// name that occurs twice; a duplicate never goes unnoticed.
type names struct {
	seed maphash.Seed
	sums []uint64
}

// object is one open object.
type object struct {
	begun bool     // a member came before
	start int      // where its names begin in sums
	table []uint32 // open addressing: an entry from 1 on is a place in sums; nil while there are few names
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

// find returns the place of a name in the table, or the free place for it.
func (o *object) find(own []uint64, sum uint64) uint64 {
	mask := uint64(len(o.table) - 1)
	at := sum & mask
	for o.table[at] != 0 && own[o.table[at]-1] != sum {
		at = (at + 1) & mask
	}
	return at
}

// tableSize returns a power of two with room for twice the names.
func tableSize(n int) int {
	size := 4 * fewNames
	for size < 4*n {
		size *= 2
	}
	return size
}
