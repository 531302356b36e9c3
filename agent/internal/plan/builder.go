package plan

import (
	"fmt"
	"maps"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// Builder makes one plan. Call Add, Duplicate, Deleted, Contradiction and
// Quarantine for what was delivered, then Finish once. It passes each record
// from one job to the next. It is not safe for concurrent use.
type Builder struct {
	set    *Settings
	view   View
	mapper Mapper
	hist   *History
	dir    *directory

	draft   *draft
	match   *matcher
	diff    *differ
	leavers *leaverPlanner
	judge   *judge

	unjoined map[ident.Key]bool

	found finding          // for the present record, which has no link
	watch func(Considered) // see Watch; nil: nobody does
}

// NewBuilder starts a plan.
func NewBuilder(settings Settings, view View, mapper Mapper, hist History) *Builder {
	settings = withDefaults(settings)
	set, h := &settings, &hist
	d := newDraft(set, view, h.Refused)
	dir := newDirectory(set, view)
	return &Builder{
		set: set, view: view, mapper: mapper, hist: h, dir: dir, draft: d,
		match:   newMatcher(set, view, mapper, dir, d, h.AnchorsTrusted),
		diff:    newDiffer(set, view, mapper, dir, d),
		leavers: &leaverPlanner{set: set, view: view, hist: h, dir: dir, draft: d},
		judge:   &judge{set: set, hist: h, draft: d},

		unjoined: map[ident.Key]bool{},
	}
}

func withDefaults(set Settings) Settings {
	if set.Adopt == "" {
		set.Adopt = AdoptReview
	}
	if set.Approval == "" {
		set.Approval = ApprovalOverLimit
	}
	if set.Missing.Action == "" {
		set.Missing.Action = MissingKeep
	}
	return set
}

// Add decides about one record. Call it once per record, in the order of the
// keys. An error comes from the View and ends the plan; a fault of the record
// itself puts the record into quarantine.
func (b *Builder) Add(rec ident.Record) error {
	return b.draft.shield(rec.Key, rec, func() error {
		b.found = finding{}
		if err := b.add(rec); err != nil || b.watch == nil {
			return err
		}
		return b.consider(rec)
	})
}

func (b *Builder) add(rec ident.Record) error {
	if _, twice := b.draft.keys.seen[rec.Key]; twice {
		b.Duplicate(rec.Key, 2)
		return nil
	}
	b.draft.names.begin()
	b.draft.delivered(rec.Key)
	if rec.Number != "" {
		b.draft.keys.numbers[rec.Key] = struct{}{}
	}
	if rec.Problem != "" {
		b.draft.setAside(rec.Key, recordName(rec), rec.Problem,
			fmt.Sprintf("correct this record in %s; until then it counts as present, and nothing is done about it", b.set.Application))
		return nil
	}
	rec, err := b.mapper.Derive(rec)
	if err != nil {
		b.draft.quarantineError(rec, err)
		return nil
	}
	in, err := b.mapper.InScope(rec)
	if err != nil {
		b.draft.quarantineError(rec, err)
		return nil
	}
	link, linked, err := b.view.LinkByKey(rec.Key)
	switch {
	case err != nil:
		return fmt.Errorf("plan key %s: %w", rec.Key, err)
	case !in:
		b.draft.counts.OutOfScope++
		by := b.excluding(rec)
		b.draft.excluded[by]++
		b.draft.lastOut = notAsked(by)
		switch {
		case linked:
			b.draft.keys.left[rec.Key] = by
		case b.leavers.listsStrays():
			b.draft.keys.never[rec.Key] = struct{}{}
		}
		return nil
	}
	b.draft.counts.InScope++
	if linked && link.Unseen {
		b.draft.keys.sighted[rec.Key] = struct{}{}
	}
	if err := b.decide(rec, link, linked); err != nil {
		return fmt.Errorf("plan key %s: %w", rec.Key, err)
	}
	return nil
}

// excluding returns the condition by which a record is out of scope; "" when the
// mapper does not tell.
func (b *Builder) excluding(rec ident.Record) string {
	teller, tells := b.mapper.(ScopeTeller)
	if !tells {
		return ""
	}
	if i := teller.Excluded(rec); i >= 0 {
		return teller.Conditions()[i]
	}
	return ""
}

// scopeCounts counts the records out of scope for each condition.
func (b *Builder) scopeCounts() []ident.ScopeCount {
	teller, tells := b.mapper.(ScopeTeller)
	if !tells {
		return nil
	}
	var out []ident.ScopeCount
	counted := map[string]bool{}
	for _, c := range teller.Conditions() {
		if !counted[c] { // one that is written twice excludes the first time
			out = append(out, ident.ScopeCount{Condition: c, OutOfScope: b.draft.excluded[c]})
		}
		counted[c] = true
	}
	return out
}

// notAsked says that a record is not what where asks for, with the condition.
func notAsked(by string) string {
	if by == "" {
		return "what where asks for"
	}
	return fmt.Sprintf("what where asks for (%s)", text.Cut(by, mostCondition))
}

// mostCondition is how much of a condition a reason shows.
const mostCondition = 160

// decide plans a record in scope, with its link if it has one.
func (b *Builder) decide(rec ident.Record, link ident.Link, linked bool) error {
	if linked {
		return b.diff.addLinkedOrLate(rec, link)
	}
	found, err := b.match.unlinked(rec)
	b.found = found
	switch {
	case err != nil:
		return err
	case found.link != nil:
		return b.diff.linkAccount(rec, found.entry, *found.link)
	case found.create:
		return b.diff.create(rec)
	}
	return nil
}

// Duplicate sets aside a key that was delivered n times; Add is not called
// for any of them. The key counts as present.
func (b *Builder) Duplicate(key ident.Key, n int) {
	b.draft.keys.copies += n - 1
	if _, added := b.draft.keys.seen[key]; added {
		n--
	}
	b.draft.keys.seen[key] = struct{}{}
	b.draft.counts.Delivered += n
	b.draft.setAside(key, "", fmt.Sprintf("%s delivered the key %s more than once", b.set.Application, key),
		"remove the duplicate at the source, or choose a primary_key that is unique")
}

// Deleted records that the source reports a key as deleted and delivered
// neither a record nor an attachment with it.
func (b *Builder) Deleted(key ident.Key) { b.draft.keys.deleted[key] = struct{}{} }

// Contradiction sets aside a key that was both delivered and reported as
// deleted; Add is not called for it. The key counts as present, because the
// order of the two reports does not show which one is true.
func (b *Builder) Contradiction(key ident.Key) {
	b.draft.delivered(key)
	b.draft.setAside(key, "",
		fmt.Sprintf("%s delivered the key %s and reported it as deleted at once; it counts as present", b.set.Application, key),
		"look at this key at the source: when it delivers or reports it once more, that counts")
}

// Unjoined says that a key was delivered, and that an inner join leaves it out; Add
// is not called for it. The key counts as present, and nothing is done about it.
func (b *Builder) Unjoined(key ident.Key) {
	b.draft.delivered(key)
	b.draft.counts.Unjoined++
	b.unjoined[key] = true
}

// LeftOut reports whether an inner join leaves a key out.
func (b *Builder) LeftOut(key ident.Key) bool { return b.unjoined[key] }

// Remark adds a note about the delivery as a whole.
func (b *Builder) Remark(text string) { b.draft.note("", "", "%s", text) }

// Quarantine sets aside a record that cannot be passed to Add. Its key counts
// as present. A record without a key ("") may be anybody's, so nobody can be
// missing.
func (b *Builder) Quarantine(key ident.Key, name, cause, next string) {
	if key == "" {
		b.draft.counts.Delivered++
		b.draft.keyless = append(b.draft.keyless, ident.QuarantineItem{Name: name, Cause: cause, Next: next})
		return
	}
	b.draft.delivered(key)
	b.draft.setAside(key, name, cause, next)
}

// Mapped names the attributes that the mapping writes. An attribute that no
// account of this directory can have is reported once instead of once per
// record.
func (b *Builder) Mapped(attributes []string) {
	for _, name := range attributes {
		if rule := b.set.Schema.Rule(name); rule.Unusable != "" {
			b.draft.attend("", "", name, fmt.Sprintf("%s %s: it is written for nobody", name, rule.Unusable), rule.Next)
		}
	}
}

// blockedTries limits the rounds of retryBlocked: a record may wait for
// another that waits itself.
const blockedTries = 3

// retryBlocked plans a record again if it was set aside because another record
// had a value that it wants, and that other record was set aside later: then
// the value is free.
func (b *Builder) retryBlocked() error {
	for range blockedTries {
		for _, key := range slices.Sorted(maps.Keys(b.draft.blocked)) {
			w := b.draft.blocked[key]
			if !slices.ContainsFunc(w.by, func(key ident.Key) bool { _, aside := b.draft.quarantined[key]; return aside }) {
				continue
			}
			delete(b.draft.blocked, key)
			delete(b.draft.quarantined, w.rec.Key)
			b.draft.names.begin()
			err := b.draft.shield(w.rec.Key, w.rec, func() error {
				link, linked, err := b.view.LinkByKey(w.rec.Key)
				if err != nil {
					return err
				}
				return b.decide(w.rec, link, linked)
			})
			if err != nil {
				return fmt.Errorf("plan key %s: %w", w.rec.Key, err)
			}
		}
	}
	return nil
}

// Attend reports something about the whole delivery that needs a person.
func (b *Builder) Attend(cause, next string) { b.draft.attend("", "", ident.PartAccount, cause, next) }
