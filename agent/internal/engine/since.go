package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/apply"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/operation"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// dropSettled removes from a saved plan what is already done and what can no
// longer be made as planned, and reports both. Only the rest counts towards
// limits and may be held.
func (e *Engine) dropSettled(ctx context.Context, r *run) error {
	fates := make([][]operation.Fate, len(r.plan.Changes))
	err := e.alone(ctx, r.Automation, func() error {
		v, schema, err := e.current(ctx, r.automation, r.client, false, nil)
		if err != nil {
			return err
		}
		defer v.close()
		now := operation.World{
			View: v, Space: r.automation.Settings.Space(), Anchor: r.automation.Settings.Anchor,
			Known: func(attribute string) bool { return !schema.Rule(attribute).Unread },
		}
		for i, c := range r.plan.Changes {
			if fates[i], err = now.Since(c); err != nil {
				return fmt.Errorf("see what has become of %s: %w", c.Name, err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return e.keepUnsettled(ctx, r, fates)
}

// keepUnsettled keeps in a saved plan what is still to be made.
func (e *Engine) keepUnsettled(ctx context.Context, r *run, fates [][]operation.Fate) error {
	var left []ident.Change
	var settled []ident.Outcome
	done := map[ident.Step]bool{}
	for i, c := range r.plan.Changes {
		var ops []ident.Operation
		for k, op := range c.Operations {
			fate := fates[i][k]
			if fate == (operation.Fate{}) || op.Verdict == ident.VerdictDecided || op.Verdict == ident.VerdictRejected {
				ops = append(ops, op)
				continue
			}
			o := r.job.Outcome(apply.Task{Change: &c, Op: op}, ident.ResultSkipped)
			o.Cause, o.Next = fate.Why, apply.PlanAnew
			if fate.Done {
				o.Next = "" // nobody has to do anything
				done[ident.Step{Class: op.Class, Key: c.Key}] = true
			}
			settled = append(settled, o)
		}
		if c.Operations = ops; len(ops) > 0 {
			left = append(left, c)
		}
	}
	for _, c := range left {
		for k := range c.Operations { // nothing waits for what is done
			op := &c.Operations[k]
			op.After = slices.DeleteFunc(slices.Clone(op.After), func(step ident.Step) bool { return done[step] })
		}
	}
	r.plan.Changes = left
	waiting, err := e.refusals(ctx, r.Automation)
	if err != nil {
		return err
	}
	r.plan.Refused = min(r.plan.Refused, len(waiting)) // some of them may have been settled since
	if err := r.job.Record(ctx, settled); err != nil {
		return fmt.Errorf("record what of the plan is not made any more: %w", err)
	}
	return nil
}

// noteWaiting counts the operations of a saved plan that an earlier run holds.
func (e *Engine) noteWaiting(ctx context.Context, r *run) error {
	held, err := e.Store.HeldOutcomes(ctx, r.Automation)
	if err != nil {
		return fmt.Errorf("read what is held: %w", err)
	}
	waits := map[store.OperationID]bool{}
	for _, c := range r.plan.Changes {
		for _, op := range c.Operations {
			if op.Verdict == ident.VerdictDecided {
				waits[store.OperationID{Key: c.Key, Class: op.Class, Digest: op.Digest}] = true
			}
		}
	}
	for _, h := range held {
		if waits[store.OperationID{Key: h.Key, Class: h.Operation.Class, Digest: h.Operation.Digest}] {
			r.tally.wait(h)
		}
	}
	return nil
}
