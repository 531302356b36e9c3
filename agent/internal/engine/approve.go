package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// Decision is what a person says about the operations that a run holds.
type Decision struct {
	Run  int64
	Only ident.Class // "" is all of them
	By   string
}

// ErrNothingHeld means that a run holds nothing that the decision is about.
var ErrNothingHeld = errors.New("nothing of it is held")

// held finds what a decision is about.
func (e *Engine) held(ctx context.Context, d Decision) ([]store.Held, error) {
	if _, ok, err := e.Store.RunByID(ctx, d.Run); err != nil {
		return nil, fmt.Errorf("read run %d: %w", d.Run, err)
	} else if !ok {
		return nil, &UnknownRunError{ID: d.Run}
	}
	all, err := e.Store.HeldOfRun(ctx, d.Run)
	if err != nil {
		return nil, fmt.Errorf("read what run %d holds: %w", d.Run, err)
	}
	var chosen []store.Held
	for _, h := range all {
		if d.Only == "" || h.Operation.Class == d.Only {
			chosen = append(chosen, h)
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("run %d: %w (applied, rejected or replaced by a later run: see `rollcall runs %d`)", d.Run, ErrNothingHeld, d.Run)
	}
	return chosen, nil
}

// Approve carries out what a run holds, as a run of its own. Every operation
// is checked against the directory as it is now; limits do not count it.
func (e *Engine) Approve(ctx context.Context, d Decision) (Report, error) {
	chosen, err := e.held(ctx, d)
	if err != nil {
		return Report{}, err
	}
	a, err := e.automation(chosen[0].Automation)
	if err != nil {
		return Report{}, fmt.Errorf("run %d: %w", d.Run, err)
	}
	req := Request{Automation: a.Settings.Automation, Kind: store.KindApproval, By: d.By}
	return e.record(ctx, a, req, func(ctx context.Context, r *run) error {
		return e.withDirectory(ctx, func(client *conn.Client) error {
			if err := e.enter(ctx, r, client); err != nil {
				return err
			}
			if err := e.sync(ctx, client, false); err != nil {
				return err
			}
			return e.apply(ctx, r, heldTasks(chosen, d.By))
		})
	})
}

// heldTasks puts the operations of one user together again.
func heldTasks(held []store.Held, by string) []task {
	changes := map[ident.Key]*ident.Change{}
	tasks := make([]task, 0, len(held))
	for _, h := range held {
		c, ok := changes[h.Key]
		if !ok {
			c = &ident.Change{Key: h.Key, GUID: h.GUID, DN: h.DN, Name: h.Name}
			changes[h.Key] = c
		}
		tasks = append(tasks, task{change: c, op: h.Operation, heldID: h.ID, approved: by})
	}
	return tasks
}

// Reject says no to what a run holds: the same operation is not held again by
// later runs, and not made. It returns how many operations that were.
func (e *Engine) Reject(ctx context.Context, d Decision) (int, error) {
	chosen, err := e.held(ctx, d)
	if err != nil {
		return 0, err
	}
	ids := make([]int64, len(chosen))
	for i, h := range chosen {
		ids[i] = h.ID
	}
	if err := e.Store.RejectHeld(ctx, ids, d.By); err != nil {
		return 0, fmt.Errorf("reject what run %d holds: %w", d.Run, err)
	}
	return len(ids), e.observeHeld(ctx, chosen[0].Automation)
}

// ErrPlanOutdated means that a saved plan was made with another configuration.
var ErrPlanOutdated = errors.New("the plan was made with another configuration")

// ApplyPlan applies a saved plan as it stands: nothing is added, and an
// operation whose old values no longer hold is skipped. The limits count now.
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
		return e.withDirectory(ctx, func(client *conn.Client) error {
			if err := e.enter(ctx, r, client); err != nil {
				return err
			}
			if err := e.sync(ctx, client, false); err != nil {
				return err
			}
			r.plan = p
			if err := e.limitAgain(ctx, r); err != nil {
				return err
			}
			if err := e.hold(ctx, r); err != nil {
				return err
			}
			return e.apply(ctx, r, planTasks(r.plan))
		})
	})
}

// limitAgain judges a saved plan by what has been used since it was made.
func (e *Engine) limitAgain(ctx context.Context, r *run) error {
	history, err := e.history(ctx, r.automation)
	if err != nil {
		return fmt.Errorf("read what earlier runs did: %w", err)
	}
	r.plan = plan.Relimit(r.automation.Settings, history, r.plan)
	return nil
}
