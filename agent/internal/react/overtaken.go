package react

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// Overtaken is a held orchestration about whose object the directory has said something
// else since.
type Overtaken struct {
	Instance int64
	Event    ident.Event // that began it
	By       ident.Event
}

// Approve lets begin what a run holds because of events, or lets it go on. What a later
// change has overtaken stays held, and is returned. Nothing is judged meanwhile, so that
// what a later change begins comes after what is approved here.
func (r *Reactor) Approve(ctx context.Context, h store.Holding, by string) (n int, left []Overtaken, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	held, err := r.Store.HeldChanges(ctx, h.Run)
	if err != nil {
		return 0, nil, err
	}
	for _, one := range held {
		if len(one.Event.Parts) == 0 { // whether a later change has overtaken it is not known
			left = append(left, Overtaken{one.Instance, one.Event, one.Event})
			h.Except = append(h.Except, one.Instance)
			continue
		}
		later, overtaken, err := r.overtaking(ctx, one.Event, r.askedBy(one.Automation, one.Event), one.Instance)
		if err != nil {
			return 0, nil, err
		}
		if overtaken {
			left = append(left, Overtaken{one.Instance, one.Event, later})
			h.Except = append(h.Except, one.Instance)
		}
	}
	n, err = r.Store.ApproveInstances(ctx, h, by)
	return n, left, err
}

// askedBy returns the parts of an event that an automation asks for: all of them when it
// does not ask for such an event any more.
func (r *Reactor) askedBy(automation string, e ident.Event) []ident.EventPart {
	for _, a := range r.Automations() {
		if parts := a.asked(e); a.Name == automation && len(parts) > 0 {
			return parts
		}
	}
	return e.Parts
}

// overtaking returns the last event that has overtaken parts of an event, or may have, as
// it cannot be read any more. What the instance that the event began has written itself
// does not count.
func (r *Reactor) overtaking(
	ctx context.Context, e ident.Event, parts []ident.EventPart, instance int64,
) (by ident.Event, found bool, err error) {
	later, err := r.Store.LaterEvents(ctx, e.GUID, e.ID)
	if err != nil {
		return by, false, err
	}
	own := func(p ident.EventPart) bool { return instance != 0 && p.Origin != nil && p.Origin.Instance == instance }
	for _, l := range slices.Backward(later) {
		if len(l.Parts) == 0 {
			return l, true, nil
		}
		if l.Parts = slices.DeleteFunc(l.Parts, own); l.Overtakes(e, parts) {
			return l, true, nil
		}
	}
	return by, false, nil
}

// stale sets events aside again that would begin something although a later change of
// their object has overtaken them.
func (r *Reactor) stale(ctx context.Context, events []ident.Event, judged []store.JudgedEvent, a Automation) error {
	for i, one := range judged {
		e := events[slices.IndexFunc(events, func(e ident.Event) bool { return e.ID == one.Event })]
		for k, j := range one.Judgements {
			if j.Begin == nil {
				continue
			}
			by, overtaken, err := r.overtaking(ctx, e, a.asked(e), 0)
			if err != nil {
				return err
			}
			if overtaken {
				judged[i].Judgements[k] = aside(a, fmt.Sprintf("a later change has overtaken it: %s on %s (change %d)",
					Words(by), by.At.Local().Format(time.DateTime), by.ID),
					"`"+ident.Command("quarantine retry --overtaken", a.Name, strconv.FormatInt(e.ID, 10))+"` begins it all the same; "+acceptOf(a, e))
			}
		}
	}
	return nil
}
