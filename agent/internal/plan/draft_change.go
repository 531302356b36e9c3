package plan

import (
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	ops "github.com/rollcall-agent/rollcall/agent/internal/operation"
)

// change is an ident.Change in the making.
type change struct {
	key   ident.Key
	entry ident.Entry // without a GUID for a create
	name  string
	ops   []*operation
}

// operation is an ident.Operation whose DNs are not set yet: they depend on
// which of the operations before it are applied.
type operation struct {
	ident.Operation
	parent  ident.DN // the container that the object is to be in; "" where it is
	cn      string   // the name that it is to have; "" the one it has
	hold    string   // why it is held whatever the limits say; "" when it is not
	missing bool     // it follows from a missing key
	deleted bool     // the missing key is reported as deleted
}

func (c *change) add(op operation) { c.ops = append(c.ops, &op) }

// first returns the first operation of a class, or nil if there is none. c may
// be nil.
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

// linking returns the operation that makes the link of a change, or nil if the
// link exists already.
func (c *change) linking() *operation {
	if len(c.ops) > 0 && ops.MakesLink(c.ops[0].Class) {
		return c.ops[0]
	}
	return nil
}

// waitsFor returns the end of the reason for an operation that waits for the
// link of its account.
func waitsFor(class ident.Class) string {
	if class == ident.ClassAdopt {
		return "; waits for the account to be adopted"
	}
	return "; waits for the account to be created"
}

// drop removes all operations of some classes. The operation that moves an
// account aside and the one after it have the same class; neither makes sense
// without the other.
func (c *change) drop(gone map[ident.Class]bool) {
	c.ops = slices.DeleteFunc(c.ops, func(op *operation) bool { return gone[op.Class] })
}

// inOrder sorts the operations of a change into the order in which they are
// applied.
func (c *change) inOrder() {
	slices.SortStableFunc(c.ops, func(a, b *operation) int {
		return slices.Index(ident.Classes, a.Class) - slices.Index(ident.Classes, b.Class)
	})
}

func (c *change) finish() ident.Change {
	out := ident.Change{Key: c.key, GUID: c.entry.GUID, DN: c.entry.DN, Name: c.name}
	for _, op := range c.ops {
		if op.Class == ident.ClassCreate {
			out.DN = op.To
		}
		for i := range op.Attributes { // empty lists instead of null in JSON
			ch := &op.Attributes[i]
			ch.Old, ch.New = append([]string{}, ch.Old...), append([]string{}, ch.New...)
		}
		out.Operations = append(out.Operations, op.Operation)
	}
	return out
}

// place sets the DNs of all operations, according to their verdicts.
func (c *change) place() {
	at, approved := c.entry.DN, c.entry.DN
	for _, op := range c.ops {
		at, approved = op.locate(at, approved)
	}
}

// locate sets the DNs of an operation. The object is at one DN if only the
// applied operations are made, and at approved if those that are held are
// approved too. locate returns both DNs after the operation.
func (op *operation) locate(at, approved ident.DN) (ident.DN, ident.DN) {
	from := at
	if op.Verdict == ident.VerdictHold {
		from = approved
	}
	op.place(from)
	switch op.Verdict {
	case ident.VerdictApply:
		return op.leaves(at), op.leaves(approved)
	case ident.VerdictHold:
		return at, op.leaves(approved)
	}
	return at, approved
}

// place sets the DNs of an operation on an object at from.
func (op *operation) place(from ident.DN) { op.From, op.To = op.target().Ends(op.Class, from) }

func (op *operation) target() ops.Target { return ops.Target{Container: op.parent, Name: op.cn} }

// leaves returns the DN of an object at from after the operation.
func (op *operation) leaves(from ident.DN) ident.DN { return op.target().Reach(op.Class, from) }

// identify returns the digest of an operation on the object of the change,
// which is at that time at the given DN.
func (c *change) identify(op *operation, at ident.DN, followers ...string) string {
	return ops.Identify(op.Operation, ops.Account{Key: c.key, GUID: c.entry.GUID, DN: at}, op.target(), followers...)
}

// linkingDigest returns the digest of the operation that makes the link of a
// change, including what follows from it as if all were applied; "" if there
// is none.
func (c *change) linkingDigest() string {
	linking := c.linking()
	if linking == nil {
		return ""
	}
	at := linking.leaves(c.entry.DN)
	var digests []string
	for _, op := range c.ops[1:] {
		digests = append(digests, c.identify(op, at))
		at = op.leaves(at)
	}
	return c.identify(linking, c.entry.DN, digests...)
}
