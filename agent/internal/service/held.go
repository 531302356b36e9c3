package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/react"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// Overtaken is a held orchestration that a later change of its object has overtaken.
type Overtaken struct {
	Instance int64     `json:"orchestration"`
	Name     string    `json:"name"`
	Change   string    `json:"change"` // that it was to begin for, in words
	Later    string    `json:"later"`  // the later change
	At       time.Time `json:"at"`     // of the later change
	Event    int64     `json:"event"`  // the later change
}

func overtaken(list []react.Overtaken) []Overtaken {
	var out []Overtaken
	for _, o := range list {
		out = append(out, Overtaken{
			Instance: o.Instance, Name: react.NameOf(o.Event), Change: react.Words(o.Event), Later: react.Words(o.By), At: o.By.At, Event: o.By.ID,
		})
	}
	return out
}

// held decides about the orchestrations that a run holds, after its operations
// were decided about with this error. That it holds none of those is no error
// if it holds orchestrations. A run of changes in the directory grows while it waits:
// only what the caller has been shown is decided about, and unseen counts the rest.
func (s *Service) held(
	ctx context.Context, caller Caller, in DecideRequest, decided error, decide func(store.Holding) (int, error),
) (n, unseen int, err error) {
	none := errors.Is(decided, engine.ErrNothingHeld)
	if in.Only != "" || decided != nil && !none {
		return 0, 0, decided
	}
	before, _, err := s.agent.Store().RunByID(ctx, in.Run)
	if err != nil {
		return 0, 0, err
	}
	h := store.Holding{Run: in.Run}
	if grows(before) {
		h.SeenBy = string(caller)
	}
	if n, err = decide(h); err != nil {
		return n, 0, err
	}
	if grows(before) {
		list, err := s.agent.Store().Unseen(ctx, in.Run, string(caller))
		if unseen = len(list); err != nil {
			return n, unseen, err
		}
	}
	switch {
	case n > 0:
		return n, unseen, s.agent.ObserveHeld(ctx, before.Automation)
	case unseen == before.HeldStarts && unseen > 0:
		return 0, unseen, exit.Mistake(fmt.Errorf("run %d holds %s that you have not been shown, and more may join: "+
			"look with `rollcall runs %d` or `rollcall orchestrations`, then decide", in.Run, store.Orchestrations(unseen), in.Run))
	case none && before.HeldStarts == 0:
		return 0, 0, decided
	}
	return 0, unseen, nil
}

// grows reports whether a run holds orchestrations, and more may join them.
func grows(r store.Run) bool { return r.Kind == store.KindEvents && r.HeldStarts > 0 }

// showRun keeps that somebody is about to be shown what a run holds.
func (s *Service) showRun(ctx context.Context, caller Caller, run int64) {
	list, err := s.agent.Store().Unseen(ctx, run, string(caller))
	if err != nil {
		s.agent.Log().Warn("it was not kept what somebody was shown", "run", run, "by", caller, "cause", err)
		return
	}
	s.show(ctx, caller, list)
}

// show keeps which held orchestrations somebody is shown. What is not kept cannot be
// decided about before it is shown again.
func (s *Service) show(ctx context.Context, caller Caller, list []store.Shown) {
	if err := s.agent.Store().Show(ctx, string(caller), list); err != nil {
		s.agent.Log().Warn("it was not kept what somebody was shown", "by", caller, "cause", err)
	}
}
