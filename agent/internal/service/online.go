package service

import (
	"context"
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/check"
	"github.com/rollcall-agent/rollcall/agent/internal/runtime"
)

// OnlineAnswer answers `rollcall validate --online`: a running agent checks what
// it would get, not what it has.
type OnlineAnswer struct {
	Findings     []check.Finding
	RunningAgent *Divergence
}

var _ check.Agent = (*runtime.Snapshot)(nil)

// Online checks what the accounts may do of what the configuration on disk uses.
// It writes nothing.
func (s *Service) Online(ctx context.Context, _ Caller, in OnDisk) (OnlineAnswer, error) {
	checked, differs, err := s.agent.Checked(ctx, in)
	if err != nil {
		return OnlineAnswer{}, err
	}
	found := check.Online(ctx, checked, s.agent.Log())
	if ctx.Err() != nil { // what was not asked to its end is no finding
		return OnlineAnswer{}, fmt.Errorf("the check was not finished: %w; nothing was written", context.Cause(ctx))
	}
	return OnlineAnswer{found, differs}, nil
}
