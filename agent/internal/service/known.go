package service

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/fit"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// knownOrchestration requires that an orchestration is configured, or that
// instances of it are kept; "" stands for all.
func (s *Service) knownOrchestration(ctx context.Context, name string) error {
	configured := s.agent.Config().Orchestrations
	if _, is := configured[name]; is || name == "" {
		return nil
	}
	known := slices.Collect(maps.Keys(configured))
	counts, err := s.agent.Store().InstanceCounts(ctx)
	if err != nil {
		return err
	}
	for _, c := range counts {
		if c.Orchestration == name {
			return nil
		}
		known = append(known, c.Orchestration)
	}
	slices.Sort(known)
	return exit.Mistake(&ident.UnknownNameError{What: "orchestration", Name: name, Known: slices.Compact(known)})
}

// errFound ends a list at its first element.
var errFound = errors.New("found")

// sendable requires that an application is configured, or that deliveries for it
// are kept; "" stands for all.
func (s *Service) sendable(ctx context.Context, application string) error {
	if _, is := s.agent.Config().Applications[application]; is || application == "" {
		return nil
	}
	err := s.agent.Store().Deliveries(ctx, store.DeliveryFilter{Application: application}, func(Delivery) error { return errFound })
	switch {
	case errors.Is(err, errFound):
		return nil
	case err != nil:
		return err
	}
	return exit.Mistake(s.unknownApplication(application))
}

// knownKind requires that an application has links of a kind, or can have them; ""
// stands for all. Without the connector nobody can say.
func (s *Service) knownKind(ctx context.Context, application, kind string) error {
	cfg := s.agent.Config()
	conf, configured := cfg.Applications[application]
	if kind == "" || !configured {
		return nil
	}
	links, err := s.linked(ctx, application)
	if err != nil || slices.ContainsFunc(links, func(l ident.Link) bool { return l.Kind == kind }) {
		return err
	}
	m, err := s.manifestOf(ctx, conf)
	if err != nil {
		return nil //nolint:nilerr // the list is empty either way
	}
	if known := fit.KindsOf(cfg, application, m); !slices.Contains(known, kind) {
		return exit.Mistake(&ident.UnknownNameError{What: "kind of links of " + application, Name: kind, Known: known})
	}
	return nil
}
