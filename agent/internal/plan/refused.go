package plan

import (
	"fmt"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// refused reports whether the directory has refused the same before and it is
// not yet time to try again. part is what ident.Refusal calls so.
func (b *Builder) refused(key ident.Key, part, digest string) (ident.Refusal, bool) {
	if b.hist.Refused == nil {
		return ident.Refusal{}, false
	}
	r, ok := b.hist.Refused(key, part)
	if !ok || r.Digest != digest {
		return r, false
	}
	b.stillRefused = append(b.stillRefused, ident.Refusal{Key: key, Part: part})
	r.Next += fmt.Sprintf("; it is tried again after %s, when another value is to be written, or once you say: rollcall quarantine retry %s %s",
		r.Again.UTC().Format(time.DateTime+" UTC"), b.set.Automation, key)
	return r, b.set.Now.Before(r.Again)
}

// StillRefused returns, by Key and Part, what was refused and is still to be
// written: all other refusals are past. Call it after Finish.
func (b *Builder) StillRefused() []ident.Refusal { return b.stillRefused }

// refusedAttribute reports whether a change of an attribute is left out, and
// tells why.
func (b *Builder) refusedAttribute(key ident.Key, name string, ch ident.AttributeChange) bool {
	r, wait := b.refused(key, text.Lower(ch.Name), AppliedDigest(ch))
	if wait {
		b.attend(key, name, ch.Name, r.Cause, r.Next)
	}
	return wait
}

// dropRefused leaves out the operations that the directory has refused as a
// whole, with what depends on them, and reports whether anything is left.
func (b *Builder) dropRefused(c *change) bool {
	at := c.entry.DN
	whole := false
	linking, tied := c.linking(), c.linkingDigest()
	c.ops = slices.DeleteFunc(c.ops, func(op *operation) bool {
		if whole {
			return true
		}
		digest := tied
		if op != linking {
			digest = digestOf(c, op, at.Parent())
		}
		r, wait := b.refused(c.key, ident.RefusedOperation(op.Class), digest)
		switch {
		case !wait:
			at = op.leaves(at)
			return false
		case op == linking:
			whole = true
			b.quarantined[c.key] = ident.QuarantineItem{Key: c.key, Name: c.name, Cause: r.Cause, Next: r.Next}
		case op.Class == ident.ClassGroups:
			b.attend(c.key, c.name, ident.PartGroups, r.Cause, r.Next)
		default:
			b.attend(c.key, c.name, ident.PartAccount, r.Cause, r.Next)
		}
		return true
	})
	return len(c.ops) > 0
}
