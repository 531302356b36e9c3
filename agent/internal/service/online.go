package service

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/rollcall-agent/rollcall/agent/internal/runtime"
	"github.com/rollcall-agent/rollcall/host/rescue"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// The answer of `rollcall validate --online`: a running agent checks what it
// would get, not what it has.
type (
	// OnlineAnswer lists what was found out.
	OnlineAnswer struct {
		Findings     []OnlineFinding
		RunningAgent *Divergence
	}
	// OnlineFinding is one right and its state.
	OnlineFinding struct {
		Where string `json:"where"` // "directory", "application pipedrive"
		abi.Finding
	}
)

// RightFailed is the state of what could not be found out because of an error.
const RightFailed abi.RightState = "failed"

// Online checks what the accounts may do of what the configuration on disk uses.
// It writes nothing.
func (s *Service) Online(ctx context.Context, _ Caller, in OnDisk) (OnlineAnswer, error) {
	checked, differs, err := s.agent.Checked(ctx, in)
	if err != nil {
		return OnlineAnswer{}, err
	}
	found := (&online{checked, s.agent.Log()}).all(ctx)
	if ctx.Err() != nil { // what was not asked to its end is no finding
		return OnlineAnswer{}, fmt.Errorf("the check was not finished: %w; nothing was written", context.Cause(ctx))
	}
	return OnlineAnswer{found, differs}, nil
}

// online checks one configuration.
type online struct {
	*runtime.Snapshot
	log *slog.Logger
}

// all asks the directory and every enabled application at once: one that is
// slow or fails does not keep the others from being asked.
func (o *online) all(ctx context.Context) []OnlineFinding {
	names := slices.Sorted(maps.Keys(o.Config().Applications))
	found := make([][]OnlineFinding, len(names)+1)
	var group errgroup.Group
	group.Go(func() error {
		found[0] = o.ask("directory", func() []OnlineFinding { return o.checkDirectory(ctx) })
		return nil
	})
	for i, name := range names {
		if conf := o.Config().Applications[name]; conf.Enabled {
			group.Go(func() error {
				found[i+1] = o.ask("application "+name, func() []OnlineFinding { return o.checkApplication(ctx, conf) })
				return nil
			})
		}
	}
	_ = group.Wait() // what fails is a finding
	all := []OnlineFinding{}
	for _, f := range found {
		all = append(all, f...)
	}
	return all
}

// ask makes a panic of one check the finding of that one.
func (o *online) ask(where string, check func() []OnlineFinding) (found []OnlineFinding) {
	err := rescue.Do(o.log, func() error { found = check(); return nil }, "check", where)
	if err != nil {
		found = []OnlineFinding{{where, abi.Finding{Use: where, Right: "check", State: RightFailed, Reason: err.Error()}}}
	}
	return found
}
