package service

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/react"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// AsideEvent is a change in the directory that an automation has set aside.
type AsideEvent struct {
	Event  int64      `json:"event"`
	At     time.Time  `json:"at"`
	Change string     `json:"change"` // in words
	Name   string     `json:"name"`
	DN     ident.DN   `json:"dn"`
	GUID   ident.GUID `json:"guid"`
	Cause  string     `json:"cause"`
	Next   string     `json:"next"`
}

// JudgedEvent is what became of a change that was judged again.
type JudgedEvent struct {
	Event    int64              `json:"event"`
	Verdict  store.EventVerdict `json:"verdict"`
	Instance int64              `json:"orchestration,omitempty"`
	Run      int64              `json:"run,omitempty"` // that holds it
}

// mostAside is how many changes of one automation a list has.
const mostAside = 1000

// asideEvents lists what an automation has set aside, and says how much more there
// is.
func (s *Service) asideEvents(ctx context.Context, automation string) (list []AsideEvent, more int, err error) {
	kept, err := s.agent.Store().AsideEvents(ctx, automation, 0, mostAside)
	for _, a := range kept {
		list = append(list, asideEvent(automation, a))
	}
	if err == nil && len(kept) == mostAside {
		more, err = s.agent.Store().CountAside(ctx, automation)
		more -= len(kept)
	}
	return list, more, err
}

func asideEvent(automation string, a store.AsideEvent) AsideEvent {
	e := a.Event
	if a.Unreadable != nil {
		a.Cause = a.Unreadable.Error()
		a.Next = "see in the directory whose change it was, and do by hand what must follow; `" +
			ident.Command("quarantine accept", automation, strconv.FormatInt(e.ID, 10)) + "` drops it"
	}
	return AsideEvent{
		Event: e.ID, At: e.At, Change: react.Words(e), Name: react.NameOf(e), DN: e.DN, GUID: e.GUID, Cause: a.Cause, Next: a.Next,
	}
}

// aboutEvents reports whether what an automation sets aside are changes in the
// directory. One that is not configured any more may have some left.
func (s *Service) aboutEvents(ctx context.Context, automation string) (bool, error) {
	if s.agent.Config().Triggered[automation].Trigger == config.TriggerDirectory {
		return true, nil
	}
	n, err := s.agent.Store().CountAside(ctx, automation)
	return n > 0, err
}

// eventNumber reads the number of the change that is meant; 0 stands for all.
func (in AcceptRequest) eventNumber() (int64, error) {
	if in.All {
		return 0, nil
	}
	n, err := strconv.ParseInt(string(in.Key), 10, 64)
	if err != nil || n <= 0 {
		return 0, exit.Mistake(fmt.Errorf("%q is not the number of a change that was set aside: `rollcall quarantine list` shows them", in.Key))
	}
	return n, nil
}

// dropEvents drops what an automation has set aside.
func (s *Service) dropEvents(ctx context.Context, caller Caller, in AcceptRequest) ([]ident.QuarantineItem, error) {
	n, err := in.eventNumber()
	if err != nil {
		return nil, err
	}
	dropped, err := s.agent.DropEvents(ctx, in.Automation, n, string(caller))
	if err == nil && len(dropped) == 0 && n != 0 {
		err = noEvent(in)
	}
	var items []ident.QuarantineItem
	for _, d := range dropped {
		items = append(items, ident.QuarantineItem{
			Event: d.Event.ID, Name: react.NameOf(d.Event), Part: react.Words(d.Event), Cause: d.Cause,
		})
	}
	return orEmpty(items), err
}

// retryEvents judges anew what an automation has set aside.
func (s *Service) retryEvents(ctx context.Context, caller Caller, in AcceptRequest) ([]JudgedEvent, error) {
	n, err := in.eventNumber()
	if err != nil {
		return nil, err
	}
	list, err := s.agent.RetryEvents(ctx, react.Again{Automation: in.Automation, Event: n, Overtaken: in.Overtaken, By: string(caller)})
	if err == nil && len(list) == 0 && n != 0 {
		err = noEvent(in)
	}
	var out []JudgedEvent
	for _, j := range list {
		out = append(out, JudgedEvent{Event: j.Event, Verdict: j.Verdict, Instance: j.Instance, Run: j.Run})
	}
	return orEmpty(out), err
}

func noEvent(in AcceptRequest) error {
	return exit.Mistake(fmt.Errorf("automation %s has set aside no change %s: `rollcall quarantine list` shows what there is",
		in.Automation, in.Key))
}

// EventVerdict is what an automation makes of a change in the directory.
type EventVerdict = store.EventVerdict

// The verdicts about changes in the directory.
const (
	EventBegun    = store.EventBegun
	EventHeld     = store.EventHeld
	EventFiltered = store.EventFiltered
	EventEcho     = store.EventEcho
	EventAside    = store.EventAside
	EventDropped  = store.EventDropped
)
