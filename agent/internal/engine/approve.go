package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/apply"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// Decision is a person's answer about the operations that a run holds.
type Decision struct {
	Run  int64
	Only ident.Class // "" is all of them
	By   string
}

// ErrNothingHeld means that a run holds none of the operations that a decision
// is about.
var ErrNothingHeld = errors.New("nothing of it is held")

// nothingHeld returns the error for a decision about nothing.
func nothingHeld(run int64) error {
	return fmt.Errorf("run %d: %w (applied, rejected or replaced by a later run: see `rollcall runs %d`)", run, ErrNothingHeld, run)
}

// automationOf returns the automation that a decision is about.
func (e *Engine) automationOf(ctx context.Context, d Decision) (string, error) {
	if _, ok, err := e.Store.RunByID(ctx, d.Run); err != nil {
		return "", fmt.Errorf("read run %d: %w", d.Run, err)
	} else if !ok {
		return "", &UnknownRunError{ID: d.Run}
	}
	held, err := e.Store.HeldOfRun(ctx, d.Run)
	if err != nil {
		return "", fmt.Errorf("read what run %d holds: %w", d.Run, err)
	}
	var classes []string
	for _, h := range held {
		if d.Only == "" || h.Operation.Class == d.Only {
			return h.Automation, nil
		}
		if !slices.Contains(classes, string(h.Operation.Class)) {
			classes = append(classes, string(h.Operation.Class))
		}
	}
	if len(classes) > 0 {
		return "", fmt.Errorf("run %d: %w of the class %s; it holds: %s", d.Run, ErrNothingHeld, d.Only, strings.Join(classes, ", "))
	}
	return "", nothingHeld(d.Run)
}

// Approve carries out what a run holds, as a run of its own. Every operation
// is checked against the present directory; limits do not count it.
func (e *Engine) Approve(ctx context.Context, d Decision) (Report, error) {
	name, err := e.automationOf(ctx, d)
	if err != nil {
		return Report{}, err
	}
	a, err := e.automation(name)
	if err != nil {
		return Report{}, fmt.Errorf("run %d: %w", d.Run, err)
	}
	req := Request{Automation: name, Kind: store.KindApproval, By: d.By}
	return e.record(ctx, a, req, func(ctx context.Context, r *run) error {
		if err := e.claim(ctx, r, d); err != nil {
			return err
		}
		return e.connected(ctx, func(client Directory) error {
			if err := e.enter(ctx, r, client); err != nil {
				return err
			}
			tasks, err := e.claimed(ctx, r, d.By)
			if err != nil {
				return err
			}
			return e.applyEarlier(ctx, r, tasks)
		})
	})
}

// claim reserves the operations that a decision is about before the run waits
// for anything. From here on they cannot be rejected.
func (e *Engine) claim(ctx context.Context, r *run, d Decision) error {
	n, err := e.Store.ClaimHeld(ctx, r.lease, d.Run, d.Only, r.ID)
	if err != nil {
		return fmt.Errorf("approve what run %d holds: %w", d.Run, err)
	}
	if n == 0 {
		return nothingHeld(d.Run)
	}
	return nil
}

// claimed groups the claimed operations by user again. Those that the recovery
// has settled are left out, and those it could not settle stay held.
func (e *Engine) claimed(ctx context.Context, r *run, by string) ([]apply.Task, error) {
	held, err := e.Store.ClaimedHeld(ctx, r.ID)
	if err != nil {
		return nil, fmt.Errorf("read what run %d is to carry out: %w", r.ID, err)
	}
	changes := map[ident.Key]*ident.Change{}
	tasks := make([]apply.Task, 0, len(held))
	for _, h := range held {
		if r.job.Blocked(h.Key) {
			r.tally.wait(h)
			continue
		}
		c, ok := changes[h.Key]
		if !ok {
			c = &ident.Change{Key: h.Key, GUID: h.GUID, DN: h.DN, Name: h.Name}
			changes[h.Key] = c
		}
		tasks = append(tasks, apply.Task{Change: c, Op: h.Operation, HeldID: h.ID, Approved: by})
	}
	return tasks, nil
}

// Reject declines what a run holds: the operations are not made, and later
// runs do not hold the same ones again. It returns how many were rejected.
func (e *Engine) Reject(ctx context.Context, d Decision) (int, error) {
	automation, err := e.automationOf(ctx, d)
	if err != nil {
		return 0, err
	}
	n, err := e.Store.RejectHeld(ctx, d.Run, d.Only, d.By)
	if err != nil {
		return 0, fmt.Errorf("reject what run %d holds: nothing was rejected: %w", d.Run, err)
	}
	if n == 0 {
		return 0, nothingHeld(d.Run)
	}
	return n, e.ObserveHeld(ctx, automation)
}

// ErrPlanOutdated means that a saved plan was made with another configuration.
var ErrPlanOutdated = errors.New("the plan was made with another configuration")

// ApplyPlan applies a saved plan as it stands. Nothing is added. An operation
// that is already done, or whose old values no longer hold, is skipped. Limits
// count only what is left, at the time of applying.
func (e *Engine) ApplyPlan(ctx context.Context, p ident.Plan, by string) (Report, error) {
	a, err := e.automation(p.Automation)
	if err != nil {
		return Report{}, err
	}
	if p.Config != a.Settings.Config {
		return Report{}, fmt.Errorf("%w: make and save it again with `rollcall plan %s --out FILE`", ErrPlanOutdated, p.Automation)
	}
	req := Request{Automation: p.Automation, Kind: store.KindSaved, By: by}
	return e.record(ctx, a, req, func(ctx context.Context, r *run) error {
		return e.connected(ctx, func(client Directory) error {
			if err := e.enter(ctx, r, client); err != nil {
				return err
			}
			r.plan = p
			r.dropBlocked() // the saved plan does not contain them; reportAside reports them
			if err := e.dropSettled(ctx, r); err != nil {
				return err
			}
			if err := e.limitAgain(ctx, r); err != nil {
				return err
			}
			if err := e.noteWaiting(ctx, r); err != nil {
				return err
			}
			if err := e.hold(ctx, r); err != nil {
				return err
			}
			if err := e.rememberKey(ctx, a); err != nil {
				return err
			}
			return e.applyEarlier(ctx, r, planTasks(r.plan))
		})
	})
}

// limitAgain applies the limits to a saved plan, counting what runs have used
// since it was made.
func (e *Engine) limitAgain(ctx context.Context, r *run) error {
	history, err := e.history(ctx, r.automation)
	if err != nil {
		return fmt.Errorf("read what earlier runs did: %w", err)
	}
	r.plan = plan.Relimit(r.automation.Settings, history, r.plan)
	return nil
}
