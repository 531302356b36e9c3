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
	all := op.Attributes
	op.Attributes = all[:0:0]
	for _, ch := range all {
		if ch, left := j.withoutOpen(c, ch); left {
			op.Attributes = append(op.Attributes, ch)
		}
	}
	if len(op.Attributes) == 0 {
		c.drop(map[ident.Class]bool{ident.ClassReferences: true})
	}
	return len(c.ops) > 0
}

// withoutOpen leaves out of one attribute whom it cannot name, as lateReference does
// with keys that nobody is linked to: a list that replaces is written only as a whole,
// unless what is absent counts as null.
func (j *judge) withoutOpen(c *change, ch ident.AttributeChange) (out ident.AttributeChange, left bool) {
	out = ch
	out.New, out.Named = nil, nil
	for i, n := range ch.Named {
		if !j.notLinked(n.Key) {
			out.New, out.Named = append(out.New, ch.New[i]), append(out.Named, n)
			continue
		}
		j.draft.references.open(ch.Name, unnamed{n.Key, notLinked}, c.key)
		j.draft.unsettled[c.key] = struct{}{}
	}
	if len(out.Named) == len(ch.Named) {
		return ch, true
	}
	if ch.Add {
		return out, len(out.New) > 0
	}
	empties, absentIsNull := j.draft.references.partial[partialReference{c.key, ch.Name}]
	return out, absentIsNull && (empties || len(out.New) > 0) && !sameObjects(out)
}

// sameObjects reports whether a change of references leaves named who is named.
func sameObjects(ch ident.AttributeChange) bool {
	for i, v := range ch.New {
		if !slices.ContainsFunc(ch.Old, func(old string) bool { return sameDN(ident.DN(old), ident.DN(v)) }) || ch.Named[i].GUID == "" {
			return false
		}
	}
	return len(ch.New) == len(ch.Old)
}

// notLinked reports whether a key has no link, and gets none by this run.
func (j *judge) notLinked(key ident.Key) bool {
	if !j.draft.references.linked[key] {
		return false
	}
	c := j.draft.changes[key]
	return c == nil || c.linking() == nil || c.linking().Verdict != ident.VerdictApply
}
