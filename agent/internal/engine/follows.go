package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// countHeld counts the orchestrations that limits.start has held after the changes
// of a run: like operations that are held, they need a person. A run that begins
// orchestrations has counted them itself.
func (e *Engine) countHeld(ctx context.Context, r *run) error {
	if r.began != nil {
		return nil
	}
	list, err := e.Store.InstancesOfRun(ctx, r.ID)
	if err != nil {
		return fmt.Errorf("count the orchestrations that run %d holds: %w", r.ID, err)
	}
	for _, c := range list {
		if c.Status == store.InstanceHeld {
			r.tally.held += c.Count
		}
	}
	return nil
}

// follow adds to a plan which orchestrations would begin, and how many of them
// limits.start allows as things are now.
func (e *Engine) follow(ctx context.Context, p *ident.Plan, set plan.Settings) error {
	p.Follows = follows(p.Changes, set.Starts)
	if len(p.Follows) == 0 {
		return nil
	}
	used, err := e.Store.CountStarts(ctx, set.Automation, "", e.Now().Add(-24*time.Hour))
	if err != nil {
		return fmt.Errorf("count what limits.start is about: %w", err)
	}
	people, err := e.Store.CountLinks(ctx, set.Automation)
	if err != nil {
		return fmt.Errorf("count the users of limits.start: %w", err)
	}
	limit := ident.LimitState{Class: ident.ClassStart, Limit: set.Start.String(), Allowed: set.Start.Of(people), Used: used}
	for _, f := range p.Follows {
		limit.Planned += f.Count
	}
	if left := max(0, limit.Allowed-used); limit.Allowed >= 0 && limit.Planned > left {
		limit.Over = limit.Planned - left
		limit.Reason = fmt.Sprintf("%s may begin in 24 hours (linked users: %d), and %d began; what exceeds it is held",
			store.Orchestrations(limit.Allowed), people, used)
	}
	p.Limits = append(p.Limits, limit)
	return nil
}

// follows counts the orchestrations that begin when everything is applied that
// the limits let through. Of an exchange only the second operation counts, as in
// the run.
func follows(changes []ident.Change, starts map[ident.Class][]string) []ident.Follow {
	counts := map[ident.Class]int{}
	for _, c := range changes {
		for _, op := range c.Operations {
			if op.Verdict == ident.VerdictApply && !op.Aside {
				counts[op.Class]++
			}
		}
	}
	var out []ident.Follow
	for _, class := range ident.Classes {
		for _, name := range starts[class] {
			if n := counts[class]; n > 0 {
				out = append(out, ident.Follow{Orchestration: name, Class: class, Count: n})
			}
		}
	}
	return out
}
