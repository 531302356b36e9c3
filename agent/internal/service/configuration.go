package service

import (
	"context"
	"maps"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/connector"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/runtime"
)

// NewOnDisk names a file relative to the caller's folder. With runningConfig,
// the question uses the configuration that the agent runs with.
func NewOnDisk(path string, runningConfig bool) OnDisk { return runtime.NewOnDisk(path, runningConfig) }

// Configuration returns how the configuration on disk differs from the
// agent's; nil if it does not.
func (s *Service) Configuration(_ context.Context, _ Caller, in OnDisk) (*Divergence, error) {
	return s.agent.Divergence(in)
}

// Connectors lists the files of the modules folder, whatever their state.
func (s *Service) Connectors(ctx context.Context, _ Caller, _ Nothing) ([]connector.View, error) {
	modules, err := s.agent.Modules(ctx)
	if err != nil {
		return nil, err
	}
	return connector.Views(modules, s.agent.Config()), nil
}

func (s *Service) unknownApplication(name string) error {
	return &ident.UnknownNameError{
		What: "application", Name: name, Known: slices.Collect(maps.Keys(s.agent.Config().Applications)),
	}
}
