package plan

import (
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// references judges the references once it is known which accounts they can name.
// It returns the changes of which something is left.
func (j *judge) references(changes []*change, lim *limiter) []*change {
	return slices.DeleteFunc(changes, func(c *change) bool {
		if !j.dropOpen(c) {
			delete(j.draft.changes, c.key)
			j.draft.counts.Unchanged++
			return true
		}
		lim.references(c)
		return false
	})
}

// dropOpen leaves out what a change was to name of accounts that this run does not
// make or adopt after all, because that is held or refused. It reports whether
// anything of the change is left.
func (j *judge) dropOpen(c *change) bool {
	op := c.first(ident.ClassReferences)
	if op == nil {
		return true
	}
	op.Attributes = slices.DeleteFunc(op.Attributes, func(ch ident.AttributeChange) bool {
		i := slices.IndexFunc(ch.Named, func(n ident.Named) bool { return j.notLinked(n.Key) })
		if i < 0 {
			return false
		}
		j.draft.references.open(ch.Name, unnamed{ch.Named[i].Key, notLinked}, c.key)
		j.draft.unsettled[c.key] = struct{}{}
		return true
	})
	if len(op.Attributes) == 0 {
		c.drop(map[ident.Class]bool{ident.ClassReferences: true})
	}
	return len(c.ops) > 0
}

// notLinked reports whether a key has no link, and gets none by this run.
func (j *judge) notLinked(key ident.Key) bool {
	if !j.draft.references.linked[key] {
		return false
	}
	c := j.draft.changes[key]
	return c == nil || c.linking() == nil || c.linking().Verdict != ident.VerdictApply
}
