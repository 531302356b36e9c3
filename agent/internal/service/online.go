package service

import (
	"context"
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/check"
	"github.com/rollcall-agent/rollcall/agent/internal/runtime"
)

// OnlineAnswer answers `rollcall validate --online`. A running agent checks
// the configuration on disk, not the one that it runs with.
type OnlineAnswer struct {
	Findings     []check.Finding
	RunningAgent *Divergence
}

var _ check.Agent = (*runtime.Snapshot)(nil)

// Online checks whether the accounts may do everything that the configuration
// on disk uses. It writes nothing.
func (s *Service) Online(ctx context.Context, _ Caller, in OnDisk) (OnlineAnswer, error) {
	checked, differs, err := s.agent.Checked(ctx, in)
	if err != nil {
		return OnlineAnswer{}, err
	}
	found := check.Online(ctx, checked, s.agent.Log())
	if ctx.Err() != nil { // an interrupted check has no findings
		return OnlineAnswer{}, fmt.Errorf("the check was not finished: %w; nothing was written", context.Cause(ctx))
	}
	return OnlineAnswer{found, differs}, nil
}
