package plan

import (
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// known is what a delivery says about the keys of the automation's links. Keys
// that are all new, after a new import or with ids in another form, look like
// as many joiners and leavers; how many records came says nothing about that.
type known struct {
	delivered int          // links whose key was delivered, in scope or not
	absent    []ident.Link // the others
	fresh     []ident.Key  // delivered, but not by the last delivery
}

// lookAtLinks goes through the links once, and returns those that are missing.
func (b *Builder) lookAtLinks(d Delivery) ([]ident.Link, error) {
	var missing []ident.Link
	err := b.view.EachLink(func(link ident.Link) error {
		delivered, err := b.delivered(link.Key, d)
		if err != nil {
			return err
		}
		switch {
		case !delivered:
			b.known.absent = append(b.known.absent, link)
		case link.Delivered:
			b.known.delivered++
		default:
			b.known.delivered++
			b.known.fresh = append(b.known.fresh, link.Key)
		}
		if !delivered || b.hasLeft(link.Key) {
			missing = append(missing, link)
		}
		return nil
	})
	return missing, err
}

// delivered reports whether a record with the key came, whatever became of it.
func (b *Builder) delivered(key ident.Key, d Delivery) (bool, error) {
	if _, seen := b.seen[key]; seen || d.Present == nil {
		return seen, nil
	}
	return d.Present(key)
}

// Back reports whether a record of a key was delivered that is not out of scope:
// whatever became of it, nobody is missing by that key.
func (b *Builder) Back(key ident.Key) bool {
	_, seen := b.seen[key]
	_, left := b.left[key]
	return seen && !left
}

// hasLeft reports whether the record of a linked key was delivered and is out
// of scope.
func (b *Builder) hasLeft(key ident.Key) bool {
	_, left := b.left[key]
	_, aside := b.quarantined[key]
	return left && !aside
}

// strangeKeys says that too many of the linked keys were not delivered, however
// many others were; "" when that is not so. Whom earlier runs have dealt with
// is not counted: who was disabled, and, where nothing is done about missing
// people, who was not delivered by the last delivery either.
func (b *Builder) strangeKeys(judged bool) string {
	absent := 0
	for _, link := range b.known.absent {
		c, changes := b.changes[link.Key]
		follows := changes && len(c.ops) > 0 && c.ops[0].missing
		if follows || !judged && link.Delivered && link.MissingSince == nil {
			absent++
		}
	}
	settled := len(b.known.absent) - absent
	all := max(b.known.delivered+absent, b.hist.CurrentLinks-settled)
	allowed := b.set.SourceShrink.of(all)
	// A single key beside others is a leaver, in a company of three too.
	if b.set.SourceShrink.Percent > 0 && all > 1 {
		allowed = max(allowed, 1)
	}
	if b.set.SourceShrink.Unlimited || absent <= allowed {
		return ""
	}
	return fmt.Sprintf("source_shrink is %s: %d of %s not among those delivered", b.set.SourceShrink, absent, count(all, "linked key is", "linked keys are"))
}

// Marks returns the keys of links that the delivery had for the first time
// since it lacked them, and those that it lacks for the first time. They are
// none when the delivery is not believed. Call it after Finish.
func (b *Builder) Marks() (delivered, absent []ident.Key) {
	if !b.believed {
		return nil, nil
	}
	for _, link := range b.known.absent {
		if link.Delivered {
			absent = append(absent, link.Key)
		}
	}
	return b.known.fresh, absent
}
