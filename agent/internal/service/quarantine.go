package service

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

type (
	// QuarantineList is what an automation has set aside, and what else of it
	// needs a person.
	QuarantineList struct {
		Automation  string                 `json:"automation"`
		Application string                 `json:"application"` // "" for one that begins an orchestration
		Items       []ident.QuarantineItem `json:"items"`
		// Events are changes in the directory that an automation could not judge.
		Events     []AsideEvent `json:"events,omitempty"`
		MoreEvents int          `json:"more_events,omitempty"` // that are not listed
	}
	// RetryAnswer says what is tried again: how many refusals the next run does, or
	// what became of changes in the directory.
	RetryAnswer struct {
		Refused int           `json:"refused,omitempty"`
		Events  []JudgedEvent `json:"events"` // nil: the automation is about records
	}
	// AcceptRequest names a key, or the number of a change in the directory, or says
	// that all of an automation is meant. An empty key stands for nothing: a script
	// whose variable is empty must not drop everything.
	AcceptRequest struct {
		Automation string
		Key        ident.Key
		All        bool
		Overtaken  bool // retry: let begin too what a later change has overtaken
	}
)

// check refuses a request that names nothing, or both one key and all.
func (in AcceptRequest) check() error {
	switch {
	case in.All && in.Key != "":
		return exit.Mistake(fmt.Errorf("automation %s: the key %q and all that is set aside are two different wishes: name one of them",
			in.Automation, in.Key))
	case !in.All && in.Key == "":
		return exit.Mistake(fmt.Errorf("automation %s: the key is empty, and names nobody: `rollcall quarantine list` shows the keys",
			in.Automation))
	}
	return nil
}

// Quarantine lists what every automation has set aside.
func (s *Service) Quarantine(ctx context.Context, _ Caller, _ Nothing) ([]QuarantineList, error) {
	var all []QuarantineList
	cfg := s.agent.Config()
	names, err := s.quarantining(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		items, err := s.agent.Store().Quarantine(ctx, name)
		if err != nil {
			return nil, err
		}
		slices.SortStableFunc(items, func(x, y ident.QuarantineItem) int { return x.Key.Compare(y.Key) })
		source := cfg.DataSources[cfg.Automations[name].DataSource]
		one := QuarantineList{Automation: name, Application: source.Application, Items: orEmpty(items)}
		if one.Events, one.MoreEvents, err = s.asideEvents(ctx, name); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// quarantining lists the automations that may have set something aside, in order: those
// that are configured, and those that were and have left something.
func (s *Service) quarantining(ctx context.Context) ([]string, error) {
	cfg := s.agent.Config()
	names, err := s.agent.Store().AsideAutomations(ctx)
	names = slices.AppendSeq(slices.AppendSeq(names, maps.Keys(cfg.Automations)), maps.Keys(cfg.Triggered))
	slices.Sort(names)
	return slices.Compact(names), err
}

// knows reports an automation that there is not and was not.
func (s *Service) knows(ctx context.Context, automation string) error {
	names, err := s.quarantining(ctx)
	if err != nil || slices.Contains(names, automation) {
		return err
	}
	return mistaken(&ident.UnknownNameError{What: "automation", Name: automation, Known: names, List: "rollcall quarantine list"})
}

// Accept records that a person accepts what is reported about a key, or drops a
// change in the directory that was set aside, and returns what that was.
func (s *Service) Accept(ctx context.Context, caller Caller, in AcceptRequest) ([]ident.QuarantineItem, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	if about, err := s.aboutEvents(ctx, in.Automation); about || err != nil {
		if err != nil {
			return nil, err
		}
		return s.dropEvents(ctx, caller, in)
	}
	if in.All {
		if err := s.knows(ctx, in.Automation); err != nil {
			return nil, err
		}
		return nil, exit.Mistake(fmt.Errorf("automation %s has set aside no change in the directory, and those are all that --all drops: "+
			"name the key of whom you mean, as `rollcall quarantine list` shows it", in.Automation))
	}
	e, err := s.agent.Engine(ctx)
	if err != nil {
		return nil, err
	}
	items, err := e.Accept(ctx, in.Automation, in.Key, string(caller))
	return orEmpty(items), mistaken(err)
}

// Retry makes the next run try again what the directory refused, and judges anew what
// was set aside of changes in the directory.
func (s *Service) Retry(ctx context.Context, caller Caller, in AcceptRequest) (RetryAnswer, error) {
	if err := in.check(); err != nil {
		return RetryAnswer{}, err
	}
	about, err := s.aboutEvents(ctx, in.Automation)
	if err != nil {
		return RetryAnswer{}, err
	}
	if about {
		events, err := s.retryEvents(ctx, caller, in)
		return RetryAnswer{Events: events}, err
	}
	e, err := s.agent.Engine(ctx)
	if err != nil {
		return RetryAnswer{}, err
	}
	n, err := e.RetryRefused(ctx, in.Automation, in.Key)
	return RetryAnswer{Refused: n}, mistaken(err)
}
