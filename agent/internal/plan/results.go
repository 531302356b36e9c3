package plan

import (
	"maps"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// LinkUpdates returns what links must remember although no operation of the
// plan says so, in the order of keys. Call it after Finish.
func (b *Builder) LinkUpdates() []LinkUpdate { return b.draft.links }

// Accepted returns the items of this plan that a person has accepted and that
// would otherwise need a person. Accepted items that it does not return are
// gone and need not be remembered. Call it after Finish.
func (b *Builder) Accepted() []ident.QuarantineItem { return b.draft.accepted }

// Unsettled returns the keys, in order, that a later run must plan again even
// if the source does not deliver them again. These are the keys with a change,
// in quarantine, with something that needs a person, or with a note, and
// linked keys that are reported as deleted. Call it after Finish.
func (b *Builder) Unsettled() []ident.Key { return slices.Sorted(maps.Keys(b.draft.unsettled)) }

// StillRefused returns the refusals, by Key and Part, of what is still to be
// written. All other refusals no longer apply. Call it after Finish.
func (b *Builder) StillRefused() []ident.Refusal { return b.draft.stillRefused }

// Back reports whether a record of the key was delivered and is not out of
// scope. Whatever became of the record, the key is not missing.
func (b *Builder) Back(key ident.Key) bool {
	_, seen := b.draft.keys.seen[key]
	_, left := b.draft.keys.left[key]
	return seen && !left
}

// OutOfScope returns how many records so far were not what where asks for.
func (b *Builder) OutOfScope() int { return b.draft.counts.OutOfScope }

// LastOut says what the last record out of scope is not: what where asks for, with
// the condition.
func (b *Builder) LastOut() string { return b.draft.lastOut }

// Marks returns the keys of links that were delivered for the first time since
// they were absent, and those that are absent for the first time. Both are
// empty if the delivery is not trusted. Call it after Finish.
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
// nor a record in scope explains. Call it after Finish.
func (b *Builder) Strays() int { return b.leavers.strays }

// Crashes returns the internal errors of rollcall, for the log. The records
// concerned are in quarantine. Call it after Finish.
func (b *Builder) Crashes() Crashes { return b.draft.crashes }
