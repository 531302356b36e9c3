package react

import (
	"context"
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// Retry judges anew what an automation has set aside: one event, or all (0). It
// returns what came of it. What a later change has overtaken stays aside, unless
// overtaken says that it may begin.
func (r *Reactor) Retry(ctx context.Context, automation string, event int64, overtaken bool) (all []store.Judged, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var asking []Automation
	for _, a := range r.Automations() {
		if a.Name == automation {
			asking = append(asking, a)
		}
	}
	if len(asking) == 0 {
		return nil, fmt.Errorf("automation %s does not run: there is no such automation now", automation)
	}
	from := event
	for {
		aside, err := r.Store.AsideEvents(ctx, automation, from, batch)
		if err != nil {
			return all, err
		}
		var events []ident.Event
		for _, a := range aside {
			if event == 0 || a.Event.ID == event {
				events = append(events, a.Event)
			}
			from = a.Event.ID + 1
		}
		if len(events) == 0 {
			return all, nil
		}
		written, err := r.again(ctx, events, asking[0], overtaken)
		all = append(all, written...)
		if err != nil {
			return all, err
		}
		if event != 0 || len(aside) < batch {
			return all, nil
		}
	}
}

// again judges events for one automation that had set them aside. One that the
// automation does not ask for any more is filtered.
func (r *Reactor) again(ctx context.Context, events []ident.Event, a Automation, overtaken bool) ([]store.Judged, error) {
	p := r.pass(&slow{}) // a person asks: so is the directory
	judged, err := r.judged(ctx, p, events, []Automation{a})
	if err != nil {
		return nil, err
	}
	if !overtaken {
		if err := r.stale(ctx, events, judged, a); err != nil {
			return nil, err
		}
	}
	for i := range judged {
		if len(judged[i].Judgements) == 0 {
			judged[i].Judgements = []store.Judgement{{
				Automation: a.Name, Verdict: store.EventFiltered, Cause: "the automation does not ask for such changes any more",
			}}
		}
	}
	lease, err := r.held(ctx)
	if err != nil {
		return nil, err
	}
	written, err := r.Store.JudgeAside(ctx, lease, judged)
	if err != nil {
		r.lost(err)
		return nil, err
	}
	r.Judged(ctx, written)
	return written, p.error()
}
