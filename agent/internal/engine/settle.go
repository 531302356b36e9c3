package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/operation"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// settle records all that the plan decided without the directory: what links
// must remember, who is in quarantine, what is held or refused, and which held
// operations are no longer planned.
func (e *Engine) settle(ctx context.Context, r *run, made planned) error {
	for _, u := range made.links {
		if err := e.updateLink(ctx, r, u); err != nil {
			return fmt.Errorf("update the link of key %s: %w", u.Key, err)
		}
	}
	if err := e.setQuarantine(ctx, r, r.plan.Quarantined); err != nil {
		return err
	}
	if err := e.Store.ForgetAccepted(ctx, r.Automation, made.settled); err != nil {
		return fmt.Errorf("forget what was accepted and is settled: %w", err)
	}
	if err := e.Store.ForgetRefusals(ctx, r.Automation, made.past); err != nil {
		return fmt.Errorf("forget what the directory refused and is settled: %w", err)
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

// keepUndecided lets nothing be over of which the plan says nothing: of records
// that are set aside, of users whom another run is changing, and of whoever is
// not back after a delivery by which nobody is missing although it names
// everybody. Who is delivered, in whatever form, is not missing any more.
func (m *planned) keepUndecided(end plan.Delivery, b *plan.Builder, busy map[ident.Key]string) {
	undecided := !end.Complete || end.Doubt != "" || !end.ChangesOnly && m.Records.Delivered == 0
	aside := map[ident.Key]bool{}
	for _, q := range m.Quarantined {
		aside[q.Key] = aside[q.Key] || q.Part == ""
	}
	m.undecided = func(key ident.Key, class ident.Class) bool {
		return busy[key] != "" || undecided && !b.Back(key) || aside[key] && class != ident.ClassDisable
	}
	if undecided {
		m.settled, m.past = nil, nil
		return
	}
	m.settled = slices.DeleteFunc(m.settled, func(q ident.QuarantineItem) bool { return aside[q.Key] })
	m.past = slices.DeleteFunc(m.past, func(r ident.Refusal) bool { return aside[r.Key] })
}

// failedItem tells about a write that failed: the next run tries it again, and
// until that succeeds somebody is not dealt with.
func failedItem(o ident.Outcome, attribute, common string) ident.QuarantineItem {
	part := operation.Undone(o.Operation.Class)
	if part != "" && attribute != "" {
		part = attribute
	}
	return ident.QuarantineItem{
		Key: o.Key, Name: o.Name, Part: part, Next: o.Next,
		Cause:  fmt.Sprintf("%s failed: %s", o.Operation.Class, o.Cause),
		Shared: fmt.Sprintf("%s failed in %s: %s", o.Operation.Class, cmp.Or(o.Operation.To, o.DN).Parent(), cmp.Or(common, o.Cause)),
	}
}

// hold records what the limits hold or refuse.
func (e *Engine) hold(ctx context.Context, r *run) error {
	var commits []store.Commit
	for i := range r.plan.Changes {
		c := &r.plan.Changes[i]
		for _, op := range c.Operations {
			result, ok := map[ident.Verdict]ident.Result{
				ident.VerdictHold: ident.ResultHeld, ident.VerdictRefuse: ident.ResultRefused,
			}[op.Verdict]
			if !ok {
				continue
			}
			o := e.outcome(r, task{change: c, op: op}, result)
			o.Cause = op.Reason
			commits = append(commits, e.commit(r, o))
		}
	}
	if err := e.recordAll(ctx, r, commits); err != nil {
		return fmt.Errorf("record what is held: %w", err)
	}
	return nil
}

// recordAll records outcomes together and counts them.
func (e *Engine) recordAll(ctx context.Context, r *run, commits []store.Commit) error {
	if len(commits) == 0 {
		return nil
	}
	if err := e.Store.CommitAll(ctx, r.lease, commits); err != nil {
		return err
	}
	for _, c := range commits {
		e.count(r, c.Outcome)
	}
	return nil
}

// dropHeld ends operations that an earlier run held and that this run's plan
// no longer holds: what has changed since must be looked at anew.
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
		// What this run holds anew, with something that it waits for, is asked
		// about once.
		verdict, still := planned[store.OperationID{Key: h.Key, Class: h.Operation.Class, Digest: h.Operation.Digest}]
		if still && verdict != ident.VerdictHold {
			r.tally.wait(h)
			continue
		}
		if r.isBlocked(h.Key) {
			continue
		}
		if undecided(h.Key, h.Operation.Class) {
			r.tally.wait(h)
			continue
		}
		gone = append(gone, store.Drop{ID: h.ID, Cause: droppedFor(r.ID, h.Operation, instead[store.OperationID{Key: h.Key, Class: h.Operation.Class}])})
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

// droppedFor says why a run ends a held operation: what it plans instead, of
// the same class for the same user, if anything.
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

// forgetRejected takes back rejections of what is no longer planned: when the
// same comes up again later, for another reason, a person is asked again. A
// delivery that cannot be believed takes nothing back: what somebody has said no
// to would be made by the run after it.
func (e *Engine) forgetRejected(ctx context.Context, r *run, planned map[store.OperationID]ident.Verdict, undecided func(ident.Key, ident.Class) bool) error {
	decided, err := e.Store.Decided(ctx, r.Automation)
	if err != nil {
		return fmt.Errorf("read what was rejected: %w", err)
	}
	var gone []int64
	for id, d := range decided {
		if _, still := planned[id]; d.Result == ident.ResultRejected && !still && !r.isBlocked(id.Key) && !undecided(id.Key, id.Class) {
			gone = append(gone, d.ID)
		}
	}
	if err := e.Store.ForgetRejected(ctx, r.lease, gone); err != nil {
		return fmt.Errorf("forget what is no longer planned: %w", err)
	}
	return nil
}

// outcome starts the record of what became of a task.
func (e *Engine) outcome(r *run, t task, result ident.Result) ident.Outcome {
	return ident.Outcome{
		Run: r.ID, Key: t.change.Key, GUID: t.change.GUID, DN: t.change.DN, Name: t.change.Name,
		Operation: t.op, Result: result, Approved: t.approved, At: e.Now(),
	}
}

func (e *Engine) commit(r *run, o ident.Outcome) store.Commit {
	return store.Commit{Outcome: o, Automation: r.Automation, Application: r.automation.Settings.Application, By: r.By}
}

// count tells the run's result and the metrics about an outcome.
func (e *Engine) count(r *run, o ident.Outcome) {
	r.tally.add(o)
	e.Observer.Change(r.Automation, string(o.Operation.Class), string(o.Result))
}
