package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/apply"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// settle records everything that the plan decides without writing to the
// directory: what links must remember, what is in quarantine, what is held or
// refused, and which held operations are no longer planned.
func (e *Engine) settle(ctx context.Context, r *run, made planned) error {
	for _, u := range made.links {
		if err := e.updateLink(ctx, r, u); err != nil {
			return fmt.Errorf("update the link of key %s: %w", u.Key, err)
		}
	}
	if err := e.quarantine(ctx, r); err != nil {
		return err
	}
	if err := e.Store.ForgetAccepted(ctx, r.Automation, made.settled); err != nil {
		return fmt.Errorf("forget accepted items that are no longer reported: %w", err)
	}
	if err := e.Store.ForgetRefusals(ctx, r.Automation, made.past); err != nil {
		return fmt.Errorf("forget refusals that no longer apply: %w", err)
	}
	e.Observer.Records(r.automation.Settings.DataSource, "quarantined", r.plan.Records.Quarantined)
	r.tally.quarantined = len(r.plan.Quarantined)
	if err := e.dropHeld(ctx, r, made.undecided); err != nil {
		return err
	}
	if err := e.hold(ctx, r); err != nil {
		return err
	}
	return e.confirm(ctx, r)
}

// keepUndecided keeps what earlier runs recorded about users for whom the plan
// decides nothing: their record is in quarantine, another run is changing them,
// or they are not back while nobody can count as missing, because the delivery
// is incomplete, in doubt or, although it should name everybody, empty. A user
// who is delivered in any form is no longer missing.
func (m *planned) keepUndecided(end plan.Delivery, b *plan.Builder, busy map[ident.Key]string) {
	undecided := !end.Complete || end.Doubt != "" || !end.ChangesOnly && m.Records.Delivered == 0
	aside := map[ident.Key]bool{}
	for _, q := range m.Quarantined {
		aside[q.Key] = aside[q.Key] || q.Part == ""
	}
	m.undecided = func(key ident.Key, class ident.Class) bool {
		return busy[key] != "" || end.Held != "" || b.LeftOut(key) || undecided && !b.Back(key) || aside[key] && class != ident.ClassDisable
	}
	if end.Held != "" {
		m.links = nil // nor may a link remember what comes of such a delivery
	}
	if undecided || end.Held != "" {
		m.settled, m.past = nil, nil
		return
	}
	m.settled = slices.DeleteFunc(m.settled, func(q ident.QuarantineItem) bool { return aside[q.Key] || b.LeftOut(q.Key) })
	m.past = slices.DeleteFunc(m.past, func(r ident.Refusal) bool { return aside[r.Key] || b.LeftOut(r.Key) })
}

// hold records what the limits hold or refuse.
func (e *Engine) hold(ctx context.Context, r *run) error {
	var outcomes []ident.Outcome
	for i := range r.plan.Changes {
		c := &r.plan.Changes[i]
		for _, op := range c.Operations {
			result, ok := map[ident.Verdict]ident.Result{
				ident.VerdictHold: ident.ResultHeld, ident.VerdictRefuse: ident.ResultRefused,
			}[op.Verdict]
			if !ok {
				continue
			}
			o := r.job.Outcome(apply.Task{Change: c, Op: op}, result)
			o.Cause = op.Reason
			outcomes = append(outcomes, o)
		}
	}
	if err := r.job.Record(ctx, outcomes); err != nil {
		return fmt.Errorf("record what is held: %w", err)
	}
	return nil
}

// dropHeld ends operations that an earlier run held and this run's plan no
// longer contains: what has changed since must be looked at anew.
func (e *Engine) dropHeld(ctx context.Context, r *run, undecided func(ident.Key, ident.Class) bool) error {
	held, err := e.Store.HeldOutcomes(ctx, r.Automation)
	if err != nil {
		return fmt.Errorf("read what is held: %w", err)
	}
	planned := map[store.OperationID]ident.Verdict{}
	instead := map[store.OperationID]ident.Operation{} // by key and class
	for _, c := range r.plan.Changes {
		for _, op := range c.Operations {
			planned[store.OperationID{Key: c.Key, Class: op.Class, Digest: op.Digest}] = op.Verdict
			instead[store.OperationID{Key: c.Key, Class: op.Class}] = op
		}
	}
	var gone []store.Drop
	for _, h := range held {
		if !r.chosen.has(h.Key) {
			continue
		}
		// If this run holds the same operation anew, together with one that it
		// waits for, the earlier one is dropped, so that a person is asked
		// only once.
		verdict, still := planned[store.OperationID{Key: h.Key, Class: h.Operation.Class, Digest: h.Operation.Digest}]
		if still && verdict != ident.VerdictHold {
			r.tally.wait(h)
			continue
		}
		if r.job.Blocked(h.Key) {
			continue
		}
		other := instead[store.OperationID{Key: h.Key, Class: h.Operation.Class}]
		if undecided(h.Key, h.Operation.Class) && other.Verdict != ident.VerdictHold {
			r.tally.wait(h)
			continue
		}
		gone = append(gone, store.Drop{
			ID: h.ID, Cause: droppedFor(r.ID, h.Operation, other),
		})
	}
	if err := e.forgetRejected(ctx, r, planned, undecided); err != nil {
		return err
	}
	if len(gone) == 0 {
		return nil
	}
	if err := e.Store.DropHeld(ctx, r.lease, r.ID, gone); err != nil {
		return fmt.Errorf("drop what is no longer planned: %w", err)
	}
	return nil
}

// droppedFor says why a run ends a held operation, and names what it plans
// instead, of the same class for the same user, if anything.
func droppedFor(run int64, held, instead ident.Operation) string {
	other := "with other values"
	if held.Digest == instead.Digest {
		other = "together with what it waits for"
	}
	switch instead.Verdict {
	case ident.VerdictHold:
		return fmt.Sprintf("superseded: run %d holds it %s", run, other)
	case ident.VerdictDecided:
		return fmt.Sprintf("superseded: run %d holds it %s", instead.Earlier, other)
	case ident.VerdictApply:
		return fmt.Sprintf("superseded: run %d makes it %s", run, other)
	case ident.VerdictRefuse:
		return fmt.Sprintf("superseded: run %d refuses it %s", run, other)
	case ident.VerdictRejected:
		return fmt.Sprintf("superseded: run %d plans it %s, which was rejected", run, other)
	}
	return fmt.Sprintf("run %d no longer plans it", run)
}

// forgetRejected forgets rejections of what is no longer planned. If the same
// operation is planned again later, for another reason, a person is asked
// again. A delivery in doubt forgets nothing: otherwise the next run would
// make what a person has rejected.
func (e *Engine) forgetRejected(
	ctx context.Context, r *run, planned map[store.OperationID]ident.Verdict, undecided func(ident.Key, ident.Class) bool,
) error {
	decided, err := e.Store.Decided(ctx, r.Automation)
	if err != nil {
		return fmt.Errorf("read what was rejected: %w", err)
	}
	var gone []int64
	for id, d := range decided {
		if _, still := planned[id]; d.Result == ident.ResultRejected && !still && !r.job.Blocked(id.Key) && !undecided(id.Key, id.Class) {
			gone = append(gone, d.ID)
		}
	}
	if err := e.Store.ForgetRejected(ctx, r.lease, gone); err != nil {
		return fmt.Errorf("forget what is no longer planned: %w", err)
	}
	return nil
}
