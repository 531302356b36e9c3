package plan

import (
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Finish decides about missing keys, applies the limits and returns the plan.
func (b *Builder) Finish(d Delivery) (ident.Plan, error) {
	nobody, err := b.conclude(d)
	if err != nil {
		return ident.Plan{}, fmt.Errorf("plan: %w", err)
	}
	ruled := b.judge.rule(d, nobody)
	b.draft.noteOpen()
	b.draft.unsettle()
	b.draft.noteSighted(d)
	b.draft.sortLinks()
	b.draft.counts.Quarantined = len(b.draft.quarantined) + len(b.draft.keyless)

	p := ident.Plan{
		Automation: b.set.Automation, Application: b.set.Application, Kind: b.set.Kind, DataSource: b.set.DataSource,
		Made: b.set.Now, Config: b.set.Config,
		Records: b.draft.counts, NobodyMissing: nobody, Scope: b.scopeCounts(), Doubt: ruled.doubt, Refused: b.draft.refusedBefore(),
		Changes: make([]ident.Change, 0, len(ruled.changes)), Limits: ruled.limits,
		Quarantined: b.draft.sortedQuarantine(), Notes: b.draft.sortedNotes(),
	}
	for _, c := range ruled.changes {
		p.Changes = append(p.Changes, c.finish())
	}
	return p, nil
}

// conclude does what is only possible once all records have come, up to the
// verdicts. It says why nobody can be missing; "" if somebody may be.
func (b *Builder) conclude(d Delivery) (nobody string, err error) {
	b.draft.counts.Delivered += d.Skipped
	b.draft.counts.InScope += d.Skipped
	b.draft.counts.Unchanged += d.Skipped
	if err := b.retryBlocked(); err != nil {
		return "", err
	}
	if err := b.diff.addLate(); err != nil {
		return "", err
	}
	if err := b.diff.lateReferences(); err != nil {
		return "", err
	}
	nobody = b.leavers.nobodyMissing(d)
	b.draft.counts.Deleted = len(b.draft.keys.deleted)
	if err := b.leavers.planMissing(d, nobody != ""); err != nil {
		return "", err
	}
	if !d.Chosen { // these look at all accounts
		if err := b.leavers.strayAnchors(d); err != nil {
			return "", err
		}
		b.leavers.emptyDelivery(d)
		if err := b.match.anchorInUse(); err != nil {
			return "", err
		}
	}
	b.diff.absentEverywhere()
	b.draft.tallyNotes()
	return nobody, b.diff.orderHandovers()
}
