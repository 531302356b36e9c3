package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// tell reports something that needs a person and that the plan does not know.
func (r *run) tell(item ident.QuarantineItem) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.aside = append(r.aside, item)
}

// takeAside returns, once, what has been set aside since the plan was made or
// this was called.
func (r *run) takeAside() []ident.QuarantineItem {
	r.mu.Lock()
	defer r.mu.Unlock()
	items := r.aside
	r.aside = nil
	return items
}

// dropBlocked takes the users who are left alone out of the plan.
func (r *run) dropBlocked() {
	r.plan.Changes = slices.DeleteFunc(r.plan.Changes, func(c ident.Change) bool { return r.job.Blocked(c.Key) })
}

// withoutBlocked takes the users who are left alone out of the plan. What was
// set aside before the plan was made takes the place of what the plan says about
// the same users.
func (r *run) withoutBlocked() {
	r.dropBlocked()
	items := r.takeAside()
	r.plan.Quarantined = slices.DeleteFunc(r.plan.Quarantined, func(q ident.QuarantineItem) bool {
		return slices.ContainsFunc(items, func(item ident.QuarantineItem) bool { return item.Key == q.Key })
	})
	r.plan.Quarantined = append(r.plan.Quarantined, items...)
}

// reportAside adds to the quarantine what was set aside after the plan had been
// recorded, or in a run without a plan of its own.
func (e *Engine) reportAside(ctx context.Context, r *run) error {
	items := r.takeAside()
	if len(items) == 0 {
		return nil
	}
	r.plan.Quarantined = append(r.plan.Quarantined, items...)
	r.tally.quarantined += len(items)
	known, err := e.Store.Quarantine(ctx, r.Automation)
	if err != nil {
		return fmt.Errorf("read the quarantine: %w", err)
	}
	told := make(map[ident.QuarantineItem]bool, len(known))
	for _, item := range known {
		told[item] = true
	}
	for _, item := range items {
		if !told[item] {
			told[item] = true
			known = append(known, item)
		}
	}
	return e.setQuarantine(ctx, r, known)
}

func (e *Engine) setQuarantine(ctx context.Context, r *run, items []ident.QuarantineItem) error {
	if err := e.Store.SetQuarantine(ctx, r.Automation, items); err != nil {
		return fmt.Errorf("record the quarantine: %w", err)
	}
	e.Observer.Quarantined(r.Automation, len(items))
	return nil
}
