package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// tell reports something that needs a person's attention and is not in the
// plan.
func (r *run) tell(item ident.QuarantineItem) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.aside = append(r.aside, item)
}

// takeAside returns the items set aside since the last call, or since the plan
// was made, and forgets them.
func (r *run) takeAside() []ident.QuarantineItem {
	r.mu.Lock()
	defer r.mu.Unlock()
	items := r.aside
	r.aside = nil
	return items
}

// dropBlocked removes the users who are left alone from the plan.
func (r *run) dropBlocked() {
	r.plan.Changes = slices.DeleteFunc(r.plan.Changes, func(c ident.Change) bool { return r.job.Blocked(c.Key) })
}

// withoutBlocked removes the users who are left alone from the plan. For these
// users, what was set aside before planning replaces what the plan says.
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

// quarantine records what a run has set aside. A run of chosen users replaces
// what was said about these, and leaves the rest as it is.
func (e *Engine) quarantine(ctx context.Context, r *run) error {
	if r.chosen == nil {
		return e.setQuarantine(ctx, r, r.plan.Quarantined)
	}
	n, err := e.Store.MergeQuarantine(ctx, r.Automation, func(key ident.Key) bool { return r.chosen.decided[key] }, r.plan.Quarantined)
	if err != nil {
		return fmt.Errorf("record the quarantine: %w", err)
	}
	e.Observer.Quarantined(r.Automation, n)
	return nil
}

func (e *Engine) setQuarantine(ctx context.Context, r *run, items []ident.QuarantineItem) error {
	if err := e.Store.SetQuarantine(ctx, r.Automation, items); err != nil {
		return fmt.Errorf("record the quarantine: %w", err)
	}
	e.Observer.Quarantined(r.Automation, len(items))
	return nil
}
