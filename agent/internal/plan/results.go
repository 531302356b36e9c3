package plan

import (
	"maps"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// LinkUpdates returns what links must remember although no operation of the
// plan says so, in the order of keys. Call it after Finish.
func (b *Builder) LinkUpdates() []LinkUpdate { return b.draft.links }

// Accepted returns what would need a person, had nobody accepted it: what is
// accepted besides is gone and need not be remembered. Call it after Finish.
func (b *Builder) Accepted() []ident.QuarantineItem { return b.draft.accepted }

// Unsettled returns the keys, in order, that a later run must plan again even
// when the source does not deliver them again: those with a change, in
// quarantine, with something that needs a person, or with a note, and linked
// ones that are reported as deleted. Call it after Finish.
func (b *Builder) Unsettled() []ident.Key { return slices.Sorted(maps.Keys(b.draft.unsettled)) }

// StillRefused returns, by Key and Part, what was refused and is still to be
// written: all other refusals are past. Call it after Finish.
func (b *Builder) StillRefused() []ident.Refusal { return b.draft.stillRefused }

// Back reports whether a record of a key was delivered that is not out of scope:
// whatever became of it, nobody is missing by that key.
func (b *Builder) Back(key ident.Key) bool {
	_, seen := b.draft.keys.seen[key]
	_, left := b.draft.keys.left[key]
	return seen && !left
}

// Marks returns the keys of links that the delivery had for the first time
// since it lacked them, and those that it lacks for the first time. They are
// none when the delivery is not believed. Call it after Finish.
func (b *Builder) Marks() (delivered, absent []ident.Key) {
	if !b.draft.believed {
		return nil, nil
	}
	for _, link := range b.draft.known.absent {
		if link.Delivered {
			absent = append(absent, link.Key)
		}
	}
	return b.draft.known.fresh, absent
}

// Strays returns how many enabled accounts carry an anchor that neither a link
// nor a record in scope accounts for. Call it after Finish.
func (b *Builder) Strays() int { return b.leavers.strays }

// Crashes returns what went wrong within rollcall itself, for the log. The
// records are in quarantine. Call it after Finish.
func (b *Builder) Crashes() Crashes { return b.draft.crashes }
