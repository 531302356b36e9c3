package plan

import (
	"fmt"
	"maps"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// orderHandovers puts operations that hand over values in order: whoever gives
// a value up comes before whoever gets it. In a ring one account steps aside
// first, so that no value is on two objects at any moment.
func (b *Builder) orderHandovers() error {
	for _, class := range []ident.Class{ident.ClassUpdate, ident.ClassRename} {
		g := b.handovers(class)
		for g.settle(); len(g.open) > 0; g.settle() {
			key := g.inRing()
			if err := b.makeRoom(key, class, g); err != nil {
				return err
			}
			g.gave[key] = true
		}
	}
	return nil
}

// handovers is who gets what from whom by operations of one class.
type handovers struct {
	givers map[ident.Key][]given // by the key of the taker
	open   []ident.Key           // takers that still wait, in order
	gave   map[ident.Key]bool    // who has given up everything by now
}

// handovers collects what was asked for and is given, and notes it in the
// operations of the takers.
func (b *Builder) handovers(class ident.Class) *handovers {
	g := &handovers{givers: map[ident.Key][]given{}, gave: map[ident.Key]bool{}}
	for _, key := range slices.Sorted(maps.Keys(b.handover.needs)) {
		c, planned := b.changes[key]
		if !planned {
			continue
		}
		for _, n := range b.handover.needs[key] {
			op := c.taker(n)
			if op == nil || n.step().Class != class {
				continue
			}
			if !slices.Contains(op.After, n.step()) {
				op.After = append(op.After, n.step())
				op.Reason += fmt.Sprintf("; once the key %s has let go of it", n.holder)
			}
			if op.Class == class { // others come later in any case
				g.givers[key] = append(g.givers[key], n.given)
			}
		}
		if len(g.givers[key]) > 0 {
			g.open = append(g.open, key)
		}
	}
	return g
}

// settle lets everybody give who waits for nobody.
func (g *handovers) settle() {
	waits := func(key ident.Key) bool {
		return slices.ContainsFunc(g.givers[key], func(v given) bool {
			return !g.gave[v.holder] && slices.Contains(g.open, v.holder)
		})
	}
	for before := -1; before != len(g.open); {
		before = len(g.open)
		still := g.open[:0:0]
		for _, key := range g.open {
			if waits(key) {
				still = append(still, key)
			}
		}
		g.open = still
	}
}

// inRing returns a key of those that wait for each other: the smallest of the
// ring that the first one leads to.
func (g *handovers) inRing() ident.Key {
	var path []ident.Key
	at := g.open[0]
	for !slices.Contains(path, at) {
		path = append(path, at)
		for _, v := range g.givers[at] {
			if !g.gave[v.holder] && slices.Contains(g.open, v.holder) {
				at = v.holder
				break
			}
		}
	}
	return slices.Min(path[slices.Index(path, at):])
}

// makeRoom splits the operation of an account in two: the first lets go of
// what others wait for.
func (b *Builder) makeRoom(key ident.Key, class ident.Class, g *handovers) error {
	c := b.changes[key]
	var wanted []place
	for _, taker := range g.open {
		for _, v := range g.givers[taker] {
			if v.holder == key {
				wanted = append(wanted, v.place)
			}
		}
	}
	at := slices.IndexFunc(c.ops, func(op *operation) bool { return op.Class == class })
	aside, err := b.stepAside(c, c.ops[at], wanted)
	if err != nil {
		return err
	}
	c.ops = slices.Insert(c.ops, at, aside)
	return nil
}

// together holds what cannot be applied alone: a taker whose giver is held, and
// an account that would step aside for nothing. It returns the changes that have
// to do with others.
func (j *judge) together(changes []*change) []*change {
	byKey := map[ident.Key]*change{}
	var linked []*change
	for _, c := range changes {
		byKey[c.key] = c
		if slices.ContainsFunc(c.ops, func(op *operation) bool { return op.Aside || len(op.After) > 0 }) {
			linked = append(linked, c)
		}
	}
	for changed := len(linked) > 0; changed; {
		changed = false
		for _, c := range linked {
			for _, op := range c.ops {
				if op.Verdict != ident.VerdictApply {
					continue
				}
				if other := needed(c, op, linked, byKey); other != nil {
					j.follow(op, other)
					changed = true
				}
			}
		}
	}
	return linked
}

// needed returns an operation that stands against applying op: one that must
// come before it, or without which an account would step aside for nothing.
func needed(c *change, op *operation, linked []*change, byKey map[ident.Key]*change) *operation {
	for _, step := range op.After {
		if other := byKey[step.Key].first(step.Class); other != nil && other.Verdict != ident.VerdictApply {
			return other
		}
	}
	if !op.Aside {
		return nil
	}
	for _, taker := range linked {
		for _, other := range taker.ops {
			own := taker == c && other != op
			if (own && other.Class == op.Class || slices.Contains(other.After, ident.Step{Class: op.Class, Key: c.key})) && other.Verdict != ident.VerdictApply {
				return other
			}
		}
	}
	return nil
}

// first finds the operation of a class; nil when there is none, or no change.
func (c *change) first(class ident.Class) *operation {
	if c == nil {
		return nil
	}
	for _, op := range c.ops {
		if op.Class == class {
			return op
		}
	}
	return nil
}

// follow gives an operation the verdict of one that it waits for.
func (j *judge) follow(op, other *operation) {
	op.Verdict = ident.VerdictHold
	if other.Verdict == ident.VerdictRefuse {
		op.Verdict = ident.VerdictRefuse
	}
	op.Reason += "; waits for another account to give up a value, which this run does not apply"
	j.states[op.Class].Over++
}
