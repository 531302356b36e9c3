package plan

import (
	"fmt"
	"maps"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// orderHandovers puts operations that hand over values in order: the account
// that gives up a value comes before the one that gets it. In a ring one
// account is first moved aside, so that no value is on two objects at any
// moment.
func (f *differ) orderHandovers() error {
	for _, class := range []ident.Class{ident.ClassUpdate, ident.ClassRename} {
		g := f.handovers(class)
		for _, first := range g.keys {
			for g.waits[first] > 0 {
				key := g.inRing(first)
				if err := f.makeRoom(key, class, g); err != nil {
					return err
				}
				g.gives(key)
			}
		}
	}
	return nil
}

// handovers records which account gets which value from which other, for the
// operations of one class.
type handovers struct {
	keys   []ident.Key               // keys that get something, in order
	givers map[ident.Key][]given     // what each key gets, and from which
	takers map[ident.Key][]ident.Key // the keys that wait for a key, once for each value
	waits  map[ident.Key]int         // for how many values each key still waits
	gave   map[ident.Key]bool        // keys that have given up everything
}

// handovers collects the values that are both wanted and given up, and notes
// them in the operations of the accounts that get them.
func (f *differ) handovers(class ident.Class) *handovers {
	g := &handovers{
		givers: map[ident.Key][]given{}, takers: map[ident.Key][]ident.Key{},
		waits: map[ident.Key]int{}, gave: map[ident.Key]bool{},
	}
	for _, key := range slices.Sorted(maps.Keys(f.handover.needs)) {
		c, planned := f.draft.changes[key]
		if !planned {
			continue
		}
		for _, n := range f.handover.needs[key] {
			op := c.taker(n)
			if op == nil || n.step().Class != class {
				continue
			}
			if !slices.Contains(op.After, n.step()) {
				op.After = append(op.After, n.step())
				op.Reason += fmt.Sprintf("; once the key %s has let go of it", n.holder)
			}
			if op.Class == class { // other classes come later in any case
				g.givers[key] = append(g.givers[key], n.given)
			}
		}
		if len(g.givers[key]) > 0 {
			g.keys = append(g.keys, key)
		}
	}
	g.begin()
	return g
}

// begin counts how many values each key waits for, and starts with the keys
// that wait for none.
func (g *handovers) begin() {
	for _, key := range g.keys {
		for _, v := range g.givers[key] {
			if len(g.givers[v.holder]) > 0 {
				g.takers[v.holder] = append(g.takers[v.holder], key)
				g.waits[key]++
			}
		}
	}
	for _, key := range g.keys {
		if g.waits[key] == 0 {
			g.gives(key)
		}
	}
}

// gives marks that a key has given up everything, and then does the same for
// the keys that waited for it alone.
func (g *handovers) gives(key ident.Key) {
	for ready := []ident.Key{key}; len(ready) > 0; ready = ready[1:] {
		giver := ready[0]
		if g.gave[giver] {
			continue
		}
		g.gave[giver] = true
		for _, taker := range g.takers[giver] {
			if g.waits[taker]--; g.waits[taker] == 0 {
				ready = append(ready, taker)
			}
		}
	}
}

// inRing returns a key of a ring of keys that wait for each other: the
// smallest of the ring that is reached from at.
func (g *handovers) inRing(at ident.Key) ident.Key {
	var path []ident.Key
	visited := map[ident.Key]int{}
	for {
		if i, ring := visited[at]; ring {
			return slices.Min(path[i:])
		}
		visited[at] = len(path)
		path = append(path, at)
		i := slices.IndexFunc(g.givers[at], func(v given) bool { return !g.gave[v.holder] && len(g.givers[v.holder]) > 0 })
		at = g.givers[at][i].holder
	}
}

// makeRoom splits the operation of an account in two: the first releases the
// values that others wait for.
func (f *differ) makeRoom(key ident.Key, class ident.Class, g *handovers) error {
	c := f.draft.changes[key]
	var wanted []place
	for _, taker := range g.takers[key] {
		for _, v := range g.givers[taker] {
			if v.holder == key && g.waits[taker] > 0 {
				wanted = append(wanted, v.place)
			}
		}
	}
	at := slices.IndexFunc(c.ops, func(op *operation) bool { return op.Class == class })
	aside, err := f.stepAside(c, c.ops[at], wanted)
	if err != nil {
		return err
	}
	c.ops = slices.Insert(c.ops, at, aside)
	return nil
}
