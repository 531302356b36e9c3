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
// not yet time to try again. part is that of an ident.Refusal. The digest is
// computed only if something was refused.
func (d *draft) refused(key ident.Key, part string, digest func() string) (ident.Refusal, bool) {
	if d.refusal == nil {
		return ident.Refusal{}, false
	}
	r, ok := d.refusal(key, part)
	if !ok || r.Digest != digest() {
		return r, false
	}
	d.stillRefused = append(d.stillRefused, ident.Refusal{Key: key, Part: part})
	r.Next += fmt.Sprintf("; it is tried again after %s, when another value is to be written, or once you say: %s",
		r.Again.UTC().Format(time.DateTime+" UTC"), ident.Command("quarantine retry", d.set.Automation, string(key)))
	return r, d.set.Now.Before(r.Again)
}

// refusedAttribute reports whether a change of an attribute is left out, and
// adds an item that says why.
func (d *draft) refusedAttribute(key ident.Key, name string, ch ident.AttributeChange) bool {
	r, wait := d.refused(key, text.Lower(ch.Name), func() string { return ops.AppliedDigest(ch) })
	if wait {
		d.attendRefused(key, name, ch.Name, r)
	}
	return wait
}

// attendRefused reports what is left out because the directory refused it
// before.
func (d *draft) attendRefused(key ident.Key, name, part string, r ident.Refusal) {
	d.attendShared(key, name, part, r.Cause, cmp.Or(r.Shared, r.Cause), r.Next)
	d.leftOut = append(d.leftOut, d.attention[len(d.attention)-1])
}

// refusedBefore counts what is left out because the directory refused it
// before. What a person has accepted does not count as a failure.
func (d *draft) refusedBefore() int {
	open := slices.DeleteFunc(slices.Clone(d.leftOut), func(q ident.QuarantineItem) bool { return slices.Contains(d.accepted, q) })
	return len(open)
}
