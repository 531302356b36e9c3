package main

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/host/rescue"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// The call of `rollcall validate --online`. Whoever serves it reads the file
// itself, so that a running agent checks what it would get, not what it has.
type (
	onlineRequest struct {
		Config string // an absolute path
	}
	onlineAnswer  struct{ Findings []onlineFinding }
	onlineFinding struct {
		Where string `json:"where"` // "directory", "application pipedrive"
		abi.Finding
	}
)

// rightFailed is the state of what could not be found out because of an error.
const rightFailed abi.RightState = "failed"

func (a *app) onlineCalls(m *control.Mux) {
	control.Handle(m, "online", func(ctx context.Context, _ control.Caller, in onlineRequest) (onlineAnswer, error) {
		cfg, err := config.Load(in.Config)
		if err != nil {
			return onlineAnswer{}, control.Usage(err)
		}
		h, err := a.host(ctx)
		if err != nil {
			return onlineAnswer{}, err
		}
		if here, there := absolute(a.config.Agent.ModulesDir), absolute(cfg.Agent.ModulesDir); here != there {
			return onlineAnswer{}, control.Usage(fmt.Errorf("modules_dir is %s, and the running agent has its connectors from %s: restart it, or stop it and check again", there, here))
		}
		return onlineAnswer{a.with(cfg, h).online(ctx)}, nil
	})
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// with is the same agent under another configuration, for as long as a check
// takes. It belongs to a, which closes what they share. Rate limits and budgets
// stay those of a, whose calls go on meanwhile.
func (a *app) with(cfg *config.Config, h *host.Host) *app {
	for name, now := range a.config.Applications {
		if conf, ok := cfg.Applications[name]; ok {
			conf.RateLimit, conf.DailyBudget = now.RateLimit, now.DailyBudget
			cfg.Applications[name] = conf
		}
	}
	return &app{
		config: cfg, log: a.log, store: a.store, vault: a.vault, secrets: a.secrets, metrics: a.metrics, loadedHost: h,
	}
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
