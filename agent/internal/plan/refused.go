package plan

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	ops "github.com/rollcall-agent/rollcall/agent/internal/operation"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// refused reports whether the directory has refused the same before and it is
// not yet time to try again. part is what ident.Refusal calls so; the digest of
// what is to be written is asked for only where something was refused.
func (b *Builder) refused(key ident.Key, part string, digest func() string) (ident.Refusal, bool) {
	if b.hist.Refused == nil {
		return ident.Refusal{}, false
	}
	r, ok := b.hist.Refused(key, part)
	if !ok || r.Digest != digest() {
		return r, false
	}
	b.stillRefused = append(b.stillRefused, ident.Refusal{Key: key, Part: part})
	r.Next += fmt.Sprintf("; it is tried again after %s, when another value is to be written, or once you say: %s",
		r.Again.UTC().Format(time.DateTime+" UTC"), ident.Command("quarantine retry", b.set.Automation, string(key)))
	return r, b.set.Now.Before(r.Again)
}

// StillRefused returns, by Key and Part, what was refused and is still to be
// written: all other refusals are past. Call it after Finish.
func (b *Builder) StillRefused() []ident.Refusal { return b.stillRefused }

// refusedAttribute reports whether a change of an attribute is left out, and
// tells why.
func (b *Builder) refusedAttribute(key ident.Key, name string, ch ident.AttributeChange) bool {
	r, wait := b.refused(key, text.Lower(ch.Name), func() string { return ops.AppliedDigest(ch) })
	if wait {
		b.attendRefused(key, name, ch.Name, r)
	}
	return wait
}

// attendRefused reports what is left out because it was refused before.
func (b *Builder) attendRefused(key ident.Key, name, part string, r ident.Refusal) {
	b.attendShared(key, name, part, r.Cause, cmp.Or(r.Shared, r.Cause), r.Next)
	b.leftOut = append(b.leftOut, b.attention[len(b.attention)-1])
}

// refusedBefore counts what is left out because it was refused before. What a
// person said is meant to be so is no failure any more.
func (b *Builder) refusedBefore() int {
	open := slices.DeleteFunc(slices.Clone(b.leftOut), func(q ident.QuarantineItem) bool { return slices.Contains(b.accepted, q) })
	return len(open)
}

// dropRefused leaves out the operations that the directory has refused as a
// whole, with what depends on them, and reports whether anything is left.
func (b *Builder) dropRefused(c *change) bool {
	at := c.entry.DN
	whole := false
	gone := map[ident.Class]bool{}
	linking := c.linking()
	c.ops = slices.DeleteFunc(c.ops, func(op *operation) bool {
		if whole {
			return true
		}
		digest := c.linkingDigest
		if op != linking {
			digest = func() string { return c.identify(op, at) }
		}
		r, wait := b.refused(c.key, ident.RefusedOperation(op.Class), digest)
		switch {
		case !wait:
			at = op.leaves(at)
			return false
		case op == linking:
			whole = true
			b.quarantined[c.key] = item(c.key, c.name, "", r.Cause, cmp.Or(r.Shared, r.Cause), r.Next)
			b.leftOut = append(b.leftOut, b.quarantined[c.key])
		case op.Class == ident.ClassGroups:
			b.attendRefused(c.key, c.name, ident.PartGroups, r)
		default:
			b.attendRefused(c.key, c.name, ident.PartAccount, r)
		}
		gone[op.Class] = true
		return true
	})
	c.drop(gone)
	return len(c.ops) > 0
}

// drop leaves out all operations of some classes: a step aside is for nothing
// without the operation that follows it, and the other way round.
func (c *change) drop(gone map[ident.Class]bool) {
	c.ops = slices.DeleteFunc(c.ops, func(op *operation) bool { return gone[op.Class] })
}

// dropWaiting leaves out what waits for an account to give up a value, which
// that account does not do in this plan after all, with what waits for that in
// turn. In a ring nobody steps aside then.
func (b *Builder) dropWaiting() {
	waiting := b.waitingForOthers()
	for changed := true; changed; {
		changed = false
		for _, key := range waiting {
			c, planned := b.changes[key]
			if !planned {
				continue
			}
			gone := map[ident.Class]bool{}
			for _, op := range c.ops {
				if holder, waits := b.waitsInVain(op); waits && !gone[op.Class] {
					gone[op.Class] = true
					b.attend(key, c.name, ident.PartAccount,
						fmt.Sprintf("the %s waits for the account of the key %s to give up a value, and that account is not changed", op.Class, holder),
						fmt.Sprintf("see what is said about the key %s", holder))
				}
			}
			if c.drop(gone); len(c.ops) == 0 {
				delete(b.changes, key)
			}
			changed = changed || len(gone) > 0
		}
	}
}

// waitingForOthers returns the keys, in order, of the accounts that get a value
// once another gives it up.
func (b *Builder) waitingForOthers() []ident.Key {
	var keys []ident.Key
	for key, c := range b.changes {
		if slices.ContainsFunc(c.ops, func(op *operation) bool { return len(op.After) > 0 }) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// waitsInVain returns the key of an account that was to do something before an
// operation, and does not do it.
func (b *Builder) waitsInVain(op *operation) (holder ident.Key, waits bool) {
	for _, step := range op.After {
		if b.changes[step.Key].first(step.Class) == nil {
			return step.Key, true
		}
	}
	return "", false
}
