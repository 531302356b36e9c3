package plan

import (
	"cmp"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// unsettle records the keys that the plan has something to say about.
func (d *draft) unsettle() {
	for key := range d.changes {
		d.unsettled[key] = struct{}{}
	}
	for key := range d.quarantined {
		d.unsettled[key] = struct{}{}
	}
	for _, q := range d.attention {
		if q.Key != "" {
			d.unsettled[q.Key] = struct{}{}
		}
	}
	for _, n := range d.notes {
		if n.Key != "" {
			d.unsettled[n.Key] = struct{}{}
		}
	}
}

// noteSighted records in links that their key was delivered, so it cannot be a
// mistake. A fetch that did not end properly proves nothing of the kind.
func (d *draft) noteSighted(end Delivery) {
	if !end.Complete {
		return
	}
	for i, up := range d.links {
		if _, sighted := d.keys.sighted[up.Key]; sighted {
			d.links[i].Seen = true
			delete(d.keys.sighted, up.Key)
		}
	}
	for key := range d.keys.sighted {
		d.links = append(d.links, LinkUpdate{Key: key, Seen: true})
	}
}

// sortLinks sorts what links must remember by key. For a record that is set
// aside, nothing is remembered.
func (d *draft) sortLinks() {
	d.links = slices.DeleteFunc(d.links, func(up LinkUpdate) bool { _, aside := d.quarantined[up.Key]; return aside })
	slices.SortFunc(d.links, func(x, y LinkUpdate) int { return cmp.Compare(x.Key, y.Key) })
}

// tallyNotes adds the summary notes, where a note for each user would be too
// much.
func (d *draft) tallyNotes() {
	if n := d.tally.unmatched; n > 0 {
		d.note("", "", "%s no account; the action update creates none", count(n, "record has", "records have"))
	}
	if n := d.tally.renames; n > 0 {
		d.note("", "", "%s another cn by the mapping; only the automation with the action lifecycle that owns an account renames it",
			count(n, "account has", "accounts have"))
	}
	if n := d.tally.others; n > 0 {
		d.note("", "", "%s to another automation; only attributes are compared", count(n, "link belongs", "links belong"))
	}
	if n := d.tally.staying; n > 0 {
		d.note("", "", "%s", count(n, "account stays where it was when it was linked, and not where ou would put it",
			"accounts stay where they were when they were linked, and not where ou would put them"))
	}
	if n := len(d.keys.deleted); n > 0 && d.set.Action != ActionLifecycle {
		d.note("", "", "%s reported as deleted; the action %s does nothing about that", count(n, "key is", "keys are"), d.set.Action)
	}
	if n := len(d.waiting); n > 0 {
		d.note("", "", "%s for a later run with a binary value: one run writes at most %d MiB of them",
			count(n, "account waits", "accounts wait"), maxBinary>>20)
	}
	if n := d.tally.ended; n > 0 {
		d.note("", "", "%s no account and gets none: disable_when holds already", count(n, "record has", "records have"))
	}
	if n := d.tally.inGroups; n > 0 {
		d.note("", "", "%s of disabled accounts stay: the groups are protected or out of scope", count(n, "membership", "memberships"))
	}
	if n := d.tally.kept; n > 0 {
		d.note("", "", "%s missing; missing.action is keep", count(n, "account is", "accounts are"))
	}
}

// sortedQuarantine lists what needs a person, by key. If something is said
// twice about the same part, it is listed once.
func (d *draft) sortedQuarantine() []ident.QuarantineItem {
	out := slices.Concat(d.keyless, d.attention)
	for _, q := range d.quarantined {
		out = append(out, q)
	}
	slices.SortStableFunc(out, func(x, y ident.QuarantineItem) int {
		return cmp.Or(x.Key.Compare(y.Key), cmp.Compare(x.Part, y.Part), cmp.Compare(x.Cause, y.Cause))
	})
	return slices.CompactFunc(out, func(x, y ident.QuarantineItem) bool { return x.Part != "" && x == y })
}

// sortedNotes puts the notes that concern everybody first. Notes about a
// record that was set aside later stay: they are still true.
func (d *draft) sortedNotes() []ident.Note {
	slices.SortStableFunc(d.notes, func(x, y ident.Note) int {
		return cmp.Or(x.Key.Compare(y.Key), cmp.Compare(x.Text, y.Text))
	})
	return d.notes
}
