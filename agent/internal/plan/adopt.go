package plan

import (
	"maps"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	ops "github.com/rollcall-agent/rollcall/agent/internal/operation"
)

// tie plans the operation that links a record to an account that is there, and
// all that follows from it: a person who approves an adoption sees what they
// approve.
func (b *Builder) tie(rec ident.Record, e ident.Entry, op operation) error {
	c := &change{key: rec.Key, entry: e, name: entryName(e)}
	if op.Class == ident.ClassAdopt {
		c.entry = b.anchoredEntry(e, rec.Key)
	}
	c.add(op)
	if b.set.Action == ActionCreate { // does nothing about linked accounts
		b.plan(c)
		return nil
	}
	link := b.prospect(rec.Key, e)
	if op.Class == ident.ClassLink {
		link.Origin = ident.OriginRestored
	}
	want, ok, err := b.mapRecord(rec, &c.entry, link)
	if !ok || err != nil {
		return err
	}
	if err := b.compare(c, want, *link); err != nil {
		return err
	}
	b.plan(c)
	return nil
}

// prospect is the link of an account that is about to be adopted.
func (b *Builder) prospect(key ident.Key, e ident.Entry) *ident.Link {
	return &ident.Link{Application: b.set.Application, Key: key, GUID: e.GUID, Automation: b.set.Automation, Origin: ident.OriginAdopted}
}

// anchoredEntry is an account as its adoption leaves it.
func (b *Builder) anchoredEntry(e ident.Entry, key ident.Key) ident.Entry {
	if b.set.Anchor == "" {
		return e
	}
	e.Attributes = maps.Clone(e.Attributes)
	e.Attributes.Set(b.set.Anchor, b.anchorOf(key))
	return e
}

// adoption is the operation that links an account of somebody else. The anchor
// that it carries already is no change.
func (b *Builder) adoption(key ident.Key, e ident.Entry, reason string) operation {
	op := operation{Operation: ident.Operation{Class: ident.ClassAdopt, Reason: reason}}
	if b.set.Anchor != "" {
		anchor := []string{b.anchorOf(key)}
		op.Attributes = []ident.AttributeChange{{Name: b.set.Anchor, Old: e.Attributes.Values(b.set.Anchor), New: anchor}}
	}
	return op
}

// waitsFor says what the operations of a user wait for.
func waitsFor(class ident.Class) string {
	if class == ident.ClassAdopt {
		return "; waits for the account to be adopted"
	}
	return "; waits for the account to be created"
}

// linking returns the operation that makes the link of a change; nil when
// there is one already.
func (c *change) linking() *operation {
	if len(c.ops) > 0 && ops.MakesLink(c.ops[0].Class) {
		return c.ops[0]
	}
	return nil
}

// stay notes where an account is and where ou would put it. As long as ou
// names that place, the account stays where it is.
func (b *Builder) stay(c *change, want ident.Desired) {
	here := c.entry.DN.Parent()
	if op := c.linking(); op != nil {
		op.OU = want.Parent
	}
	up := LinkUpdate{Key: c.key, Placed: here}
	if !sameDN(here, want.Parent) {
		b.tally.staying++
		up.OU = want.Parent
	}
	if c.linking() == nil {
		b.links = append(b.links, up)
	}
}
