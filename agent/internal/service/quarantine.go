package service

import (
	"context"
	"maps"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

type (
	// QuarantineList is what an automation has set aside, and what else of it
	// needs a person.
	QuarantineList struct {
		Automation  string                 `json:"automation"`
		Application string                 `json:"application"` // "" for one that begins an orchestration
		Items       []ident.QuarantineItem `json:"items"`
	}
	// AcceptRequest names a key or, without one, all keys of an automation.
	AcceptRequest struct {
		Automation string
		Key        ident.Key
	}
)

// Quarantine lists what every automation has set aside.
func (s *Service) Quarantine(ctx context.Context, _ Caller, _ Nothing) ([]QuarantineList, error) {
	var all []QuarantineList
	cfg := s.agent.Config()
	names := slices.AppendSeq(slices.Collect(maps.Keys(cfg.Automations)), maps.Keys(cfg.Triggered))
	slices.Sort(names)
	for _, name := range names {
		items, err := s.agent.Store().Quarantine(ctx, name)
		if err != nil {
			return nil, err
		}
		slices.SortStableFunc(items, func(x, y ident.QuarantineItem) int { return x.Key.Compare(y.Key) })
		source := cfg.DataSources[cfg.Automations[name].DataSource]
		all = append(all, QuarantineList{name, source.Application, orEmpty(items)})
	}
	return all, nil
}

// Accept records that a person accepts what is reported about a key, and
// returns what was accepted.
func (s *Service) Accept(ctx context.Context, caller Caller, in AcceptRequest) ([]ident.QuarantineItem, error) {
	e, err := s.agent.Engine(ctx)
	if err != nil {
		return nil, err
	}
	items, err := e.Accept(ctx, in.Automation, in.Key, string(caller))
	return orEmpty(items), mistaken(err)
}

// Retry makes the next run try again what the directory refused, and returns
// how much that is.
func (s *Service) Retry(ctx context.Context, _ Caller, in AcceptRequest) (int, error) {
	e, err := s.agent.Engine(ctx)
	if err != nil {
		return 0, err
	}
	n, err := e.RetryRefused(ctx, in.Automation, in.Key)
	return n, mistaken(err)
}
