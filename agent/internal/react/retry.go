package react

import (
	"context"
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// Again says what is judged once more.
type Again struct {
	Automation string
	Event      int64  // that it has set aside; 0: all of these
	Overtaken  bool   // what a later change has overtaken may begin too; it stays aside otherwise
	By         string // who asks
}

// Retry judges anew what an automation has set aside, and returns what came of it.
func (r *Reactor) Retry(ctx context.Context, what Again) (all []store.Judged, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var asking []Automation
	for _, a := range r.Automations() {
		if a.Name == what.Automation {
			asking = append(asking, a)
		}
	}
	if len(asking) == 0 {
		return nil, fmt.Errorf("automation %s does not run: there is no such automation now", what.Automation)
	}
	p := r.pass(map[ident.DN]unread{}) // a person asks: so is the directory
	for from := what.Event; ; {
		aside, err := r.Store.AsideEvents(ctx, what.Automation, from, batch)
		if err != nil {
			return all, err
		}
		var events []ident.Event
		for _, a := range aside {
			if a.Unreadable != nil && a.Event.ID == what.Event {
				return nil, fmt.Errorf("%w; %s", a.Unreadable, acceptOf(asking[0], a.Event))
			}
			if a.Unreadable == nil && (what.Event == 0 || a.Event.ID == what.Event) {
				events = append(events, a.Event)
			}
			from = a.Event.ID + 1
		}
		written, err := r.again(ctx, p, events, asking[0], what)
		all = append(all, written...)
		if err != nil {
			return all, err
		}
		if what.Event != 0 || len(aside) < batch {
			return all, p.error() // about those that wait: they hold up no others
		}
	}
}

// again judges events for one automation that had set them aside. One that the
// automation does not ask for any more is filtered.
func (r *Reactor) again(
	ctx context.Context, p *pass, events []ident.Event, a Automation, what Again,
) ([]store.Judged, error) {
	if len(events) == 0 {
		return nil, nil
	}
	judged, err := r.judged(ctx, p, events, []Automation{a})
	if err != nil {
		return nil, err
	}
	if !what.Overtaken {
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
	written, err := r.Store.JudgeAside(ctx, lease, judged, what.By)
	if err != nil {
		r.lost(err)
		return nil, err
	}
	r.Judged(ctx, written)
	return written, nil
}
