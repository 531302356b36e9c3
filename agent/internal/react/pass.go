package react

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host/rescue"
)

// KeptError says that events could not be judged for the moment. They are open.
type KeptError struct {
	Events int   // one for each object: its later events wait behind it and are not counted
	Err    error // why one of them waits
}

func (e *KeptError) Error() string {
	if e.Events == 1 {
		return e.Err.Error()
	}
	return fmt.Sprintf("%v; and %d more", e.Err, e.Events-1)
}

func (e *KeptError) Unwrap() error { return e.Err }

// pass holds what events that are judged together share.
type pass struct {
	*look
	limits map[string]limited
	kept   map[ident.GUID]error // objects with an event that stays open, and why
	first  error                // the first reason that does not pass by itself in moments, or else the first
}

func (r *Reactor) pass(known map[ident.DN]unread) *pass {
	now := r.Now()
	maps.DeleteFunc(known, func(_ ident.DN, u unread) bool { return !now.Before(u.until) })
	return &pass{
		look:   &look{store: r.Store, directory: r.Directory, now: now, clock: r.Now, unread: known},
		limits: map[string]limited{}, kept: map[ident.GUID]error{},
	}
}

// keep leaves an event open.
func (p *pass) keep(e ident.Event, err error) {
	p.kept[e.GUID] = err
	if p.first == nil || errors.Is(p.first, ErrCounting) && !errors.Is(err, ErrCounting) {
		p.first = err
	}
}

func (p *pass) error() error {
	if p.first == nil {
		return nil
	}
	return &KeptError{Events: len(p.kept), Err: p.first}
}

// judged judges events for automations. A panic about one of them sets the event
// aside for that automation. What cannot be judged for the moment is left out.
func (r *Reactor) judged(ctx context.Context, p *pass, events []ident.Event, automations []Automation) ([]store.JudgedEvent, error) {
	out := make([]store.JudgedEvent, 0, len(events))
	for _, e := range events {
		if p.kept[e.GUID] != nil {
			continue
		}
		one, err := r.event(ctx, p, e, automations)
		var unread *unreadError
		switch {
		case err == nil:
			out = append(out, one)
		case errors.As(err, &unread) && ctx.Err() == nil:
			p.keep(e, err)
		default:
			return nil, err
		}
	}
	return out, nil
}

// event judges one event for automations.
func (r *Reactor) event(ctx context.Context, p *pass, e ident.Event, automations []Automation) (store.JudgedEvent, error) {
	out := store.JudgedEvent{Event: e.ID}
	for _, a := range automations {
		j, asks, err := r.one(ctx, p.look, e, a)
		if err != nil {
			return out, fmt.Errorf("event %d about %s, automation %s: %w", e.ID, e.DN, a.Name, err)
		}
		if !asks {
			continue
		}
		if j.Begin != nil {
			if err := p.limit(ctx, &j, e, a); err != nil {
				return out, fmt.Errorf("event %d about %s, automation %s: %w", e.ID, e.DN, a.Name, err)
			}
		}
		out.Judgements = append(out.Judgements, j)
	}
	return out, nil
}

func (r *Reactor) one(ctx context.Context, l *look, e ident.Event, a Automation) (j store.Judgement, asks bool, err error) {
	panicked := rescue.Do(r.Log, func() error {
		j, asks, err = judge(ctx, l, e, a)
		return nil
	}, "automation", a.Name, "dn", e.DN)
	if panicked != nil {
		return aside(a, panicked.Error(), "report the fault; then "+retryOf(a, e)), true, nil
	}
	var unread *unreadError
	if errors.As(err, &unread) && !unread.lasting && l.now.Sub(e.At) > longest {
		return aside(a, err.Error(), "once the directory can be asked, "+retryOf(a, e)), true, nil
	}
	return j, asks, err
}

// limited is the limit of an automation, or why it is not known.
type limited struct {
	store.StartLimit
	err error
}

// limit sets how many may begin. While that is not known, the event waits; when that
// lasts, a person decides.
func (p *pass) limit(ctx context.Context, j *store.Judgement, e ident.Event, a Automation) error {
	l, ok := p.limits[a.Name]
	if !ok {
		l.StartLimit, l.err = a.Limit(ctx)
		p.limits[a.Name] = l
	}
	switch {
	case l.err == nil:
		j.Begin.Limit = &l.StartLimit
		return nil
	case p.now.Sub(e.At) > longest:
		j.Begin.Held, j.Begin.Cause = true, "limits.start could not be looked at: "+l.err.Error()
		return nil
	}
	return &unreadError{error: fmt.Errorf("limits.start could not be looked at: %w", l.err)}
}
