package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Finish decides about missing keys, applies the limits and returns the plan.
func (b *Builder) Finish(d Delivery) (ident.Plan, error) {
	nobody, err := b.conclude(d)
	if err != nil {
		return ident.Plan{}, fmt.Errorf("plan: %w", err)
	}
	changes, linking := b.ordered()
	b.tellRoots()
	b.accept()
	doubt := b.doubts(d, nobody == "")
	judge := newJudge(b.set, b.hist, doubt, linking)
	for _, c := range changes {
		judge.change(c)
	}
	for _, c := range judge.together(changes) {
		c.place()
	}
	b.settle()
	b.noteSighted(d)
	b.counts.Quarantined = len(b.quarantined) + len(b.keyless)
	b.links = slices.DeleteFunc(b.links, func(up LinkUpdate) bool { _, aside := b.quarantined[up.Key]; return aside })
	slices.SortFunc(b.links, func(x, y LinkUpdate) int { return cmp.Compare(x.Key, y.Key) })

	p := ident.Plan{
		Automation: b.set.Automation, Application: b.set.Application, DataSource: b.set.DataSource,
		Made: b.set.Now, Config: b.set.Config,
		Records: b.counts, NobodyMissing: nobody, Doubt: b.doubtOf(d, nobody, doubt, changes), Refused: b.refusedBefore(),
		Changes: make([]ident.Change, 0, len(changes)), Limits: judge.account(),
		Quarantined: b.sortedQuarantine(), Notes: b.sortedNotes(),
	}
	for _, c := range changes {
		p.Changes = append(p.Changes, c.finish())
	}
	return p, nil
}

// conclude decides what can only be decided once everybody has come. It says
// why nobody is missing; "" when somebody may be.
func (b *Builder) conclude(d Delivery) (nobody string, err error) {
	b.counts.Delivered += d.Skipped
	b.counts.InScope += d.Skipped
	b.counts.Unchanged += d.Skipped
	if err := b.retryBlocked(); err != nil {
		return "", err
	}
	if err := b.addLate(); err != nil {
		return "", err
	}
	nobody = b.nobodyMissing(d)
	b.counts.Deleted = len(b.deleted)
	if err := b.planMissing(d, nobody != ""); err != nil {
		return "", err
	}
	if err := b.strayAnchors(d); err != nil {
		return "", err
	}
	b.emptyDelivery(d)
	if err := b.anchorInUse(); err != nil {
		return "", err
	}
	b.absentEverywhere()
	b.tallyNotes()
	return nobody, b.orderHandovers()
}

// ordered returns the changes by their keys, without what the directory has
// refused, and how many accounts they link by themselves.
func (b *Builder) ordered() (changes []*change, linking int) {
	for key, c := range b.changes {
		c.inOrder()
		if !b.dropRefused(c) {
			delete(b.changes, key)
		}
	}
	b.dropWaiting()
	for _, c := range b.changes {
		changes = append(changes, c)
		if op := c.linking(); op != nil && op.Class != ident.ClassCreate && op.hold == "" {
			linking++
		}
	}
	slices.SortFunc(changes, func(x, y *change) int { return x.key.Compare(y.key) })
	return changes, linking
}

// doubts says what may not follow from the delivery, and notes whether it is
// believed. judged tells that the missing were decided about.
func (b *Builder) doubts(d Delivery, judged bool) doubts {
	doubt := b.doubtful(d)
	doubt.created = b.strangeKeys(judged && b.set.Missing.Action != MissingKeep)
	doubt.missing = cmp.Or(doubt.missing, doubt.created)
	doubt.deleted = cmp.Or(doubt.deleted, doubt.created)
	b.believed = doubt == doubts{} && d.Complete && d.Doubt == "" && len(b.keyless) == 0 && b.counts.Delivered > 0
	return doubt
}

// settle notes of which keys the plan has something to say.
func (b *Builder) settle() {
	for key := range b.changes {
		b.unsettled[key] = struct{}{}
	}
	for key := range b.quarantined {
		b.unsettled[key] = struct{}{}
	}
	for _, q := range b.attention {
		if q.Key != "" {
			b.unsettled[q.Key] = struct{}{}
		}
	}
	for _, n := range b.notes {
		if n.Key != "" {
			b.unsettled[n.Key] = struct{}{}
		}
	}
}

// noteSighted lets links know that their key is no mistake. A fetch that did
// not end properly says nothing of the kind.
func (b *Builder) noteSighted(d Delivery) {
	if !d.Complete {
		return
	}
	for i, up := range b.links {
		if _, sighted := b.sighted[up.Key]; sighted {
			b.links[i].Seen = true
			delete(b.sighted, up.Key)
		}
	}
	for key := range b.sighted {
		b.links = append(b.links, LinkUpdate{Key: key, Seen: true})
	}
}

// Unsettled returns the keys, in order, that a later run must plan again even
// when the source does not deliver them again: those with a change, in
// quarantine, with something that needs a person, or with a note, and linked
// ones that are reported as deleted. Call it after Finish.
func (b *Builder) Unsettled() []ident.Key { return slices.Sorted(maps.Keys(b.unsettled)) }

func (c *change) finish() ident.Change {
	out := ident.Change{Key: c.key, GUID: c.entry.GUID, DN: c.entry.DN, Name: c.name}
	for _, op := range c.ops {
		if op.Class == ident.ClassCreate {
			out.DN = op.To
		}
		for i := range op.Attributes { // lists in JSON, not null
			ch := &op.Attributes[i]
			ch.Old, ch.New = append([]string{}, ch.Old...), append([]string{}, ch.New...)
		}
		out.Operations = append(out.Operations, op.Operation)
	}
	return out
}

// tallyNotes reports what would be too much as one note for each user.
func (b *Builder) tallyNotes() {
	if n := b.tally.unmatched; n > 0 {
		b.note("", "", "%s no account; the action update creates none", count(n, "record has", "records have"))
	}
	if n := b.tally.renames; n > 0 {
		b.note("", "", "%s another cn by the mapping; only the automation with the action lifecycle that owns an account renames it", count(n, "account has", "accounts have"))
	}
	if n := b.tally.others; n > 0 {
		b.note("", "", "%s to another automation; only attributes are compared", count(n, "link belongs", "links belong"))
	}
	if n := b.tally.staying; n > 0 {
		b.note("", "", "%s", count(n, "account stays where it was when it was linked, and not where ou would put it",
			"accounts stay where they were when they were linked, and not where ou would put them"))
	}
	if n := len(b.deleted); n > 0 && b.set.Action != ActionLifecycle {
		b.note("", "", "%s reported as deleted; the action %s does nothing about that", count(n, "key is", "keys are"), b.set.Action)
	}
	if n := len(b.waiting); n > 0 {
		b.note("", "", "%s for a later run with a binary value: one run writes at most %d MiB of them", count(n, "account waits", "accounts wait"), maxBinary>>20)
	}
	if n := b.tally.kept; n > 0 {
		b.note("", "", "%s missing; missing.action is keep", count(n, "account is", "accounts are"))
	}
}

func (b *Builder) sortedQuarantine() []ident.QuarantineItem {
	out := slices.Concat(b.keyless, b.attention)
	for _, q := range b.quarantined {
		out = append(out, q)
	}
	slices.SortStableFunc(out, func(x, y ident.QuarantineItem) int {
		return cmp.Or(x.Key.Compare(y.Key), cmp.Compare(x.Part, y.Part), cmp.Compare(x.Cause, y.Cause))
	})
	return slices.CompactFunc(out, func(x, y ident.QuarantineItem) bool { return x.Part != "" && x == y })
}

// sortedNotes puts the notes about everybody first. Notes about a record that
// was set aside later stay: they are still true.
func (b *Builder) sortedNotes() []ident.Note {
	slices.SortStableFunc(b.notes, func(x, y ident.Note) int {
		return cmp.Or(x.Key.Compare(y.Key), cmp.Compare(x.Text, y.Text))
	})
	return b.notes
}
