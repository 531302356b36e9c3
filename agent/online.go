package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/host/rescue"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// The call of `rollcall validate --online`: a running agent checks what it
// would get, not what it has.
type (
	onlineAnswer struct {
		Findings     []onlineFinding
		RunningAgent *divergence
	}
	onlineFinding struct {
		Where string `json:"where"` // "directory", "application pipedrive"
		abi.Finding
	}
)

// rightFailed is the state of what could not be found out because of an error.
const rightFailed abi.RightState = "failed"

func (a *app) onlineCalls(m *control.Mux) {
	control.Handle(m, "online", func(ctx context.Context, _ control.Caller, in onDisk) (onlineAnswer, error) {
		found, err := a.read(in)
		if err != nil {
			return onlineAnswer{}, err
		}
		t, err := a.under(ctx, found.config)
		if err != nil {
			return onlineAnswer{}, err
		}
		checked := t.online(ctx)
		if ctx.Err() != nil { // what was not asked to its end is no finding
			return onlineAnswer{}, fmt.Errorf("the check was not finished: %w; nothing was written", context.Cause(ctx))
		}
		return onlineAnswer{checked, found.agent}, nil
	})
}

// online asks the directory and every enabled application at once: one that is
// slow or fails does not keep the others from being asked.
func (a *app) online(ctx context.Context) []onlineFinding {
	names := slices.Sorted(maps.Keys(a.config.Applications))
	found := make([][]onlineFinding, len(names)+1)
	var group errgroup.Group
	group.Go(func() error {
		found[0] = a.ask("directory", func() []onlineFinding { return a.checkDirectory(ctx) })
		return nil
	})
	for i, name := range names {
		if conf := a.config.Applications[name]; conf.Enabled {
			group.Go(func() error {
				found[i+1] = a.ask("application "+name, func() []onlineFinding { return a.checkApplication(ctx, conf) })
				return nil
			})
		}
	}
	_ = group.Wait() // what fails is a finding
	all := []onlineFinding{}
	for _, f := range found {
		all = append(all, f...)
	}
	return all
}

// ask makes a panic of one check the finding of that one.
func (a *app) ask(where string, check func() []onlineFinding) (found []onlineFinding) {
	err := rescue.Do(a.log, func() error { found = check(); return nil }, "check", where)
	if err != nil {
		found = []onlineFinding{{where, abi.Finding{Use: where, Right: "check", State: rightFailed, Reason: err.Error()}}}
	}
	return found
}
