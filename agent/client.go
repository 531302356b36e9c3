package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/progress"
	"github.com/rollcall-agent/rollcall/agent/internal/statedir"
)

// load reads the configuration and prints its warnings.
func (c *cli) load() (*config.Config, error) {
	cfg, err := config.Load(c.configPath)
	if err != nil {
		return nil, err
	}
	for _, w := range cfg.Warnings {
		openPage(c.stderr).put("", w.String())
	}
	return cfg, nil
}

// call asks the running agent, or does the work in this process when none runs.
func (c *cli) call(ctx context.Context, name string, in, out any) error {
	return c.connected(ctx, func(ctx context.Context, client control.Client) error { return client.Call(ctx, name, in, out) })
}

// stream is call for an answer of any length.
func (c *cli) stream(ctx context.Context, name string, in any, each func(json.RawMessage) error) error {
	return c.connected(ctx, func(ctx context.Context, client control.Client) error { return client.Stream(ctx, name, in, each) })
}

// connected makes calls, and shows how far they are. When ctx ends, they stop
// at their next safe point.
func (c *cli) connected(ctx context.Context, do func(context.Context, control.Client) error) error {
	ctx = progress.With(ctx, c.stderr.show)
	defer c.stderr.clear()
	client, done, err := c.reach(ctx)
	if err != nil {
		return err
	}
	defer done()
	defer context.AfterFunc(ctx, func() {
		_, _ = fmt.Fprintln(c.stderr, "rollcall: stopping at the next safe point; Ctrl-C again leaves at once")
	})()
	return do(ctx, client)
}

// reach connects to the running agent, or opens the state in this process.
func (c *cli) reach(ctx context.Context) (client control.Client, done func(), err error) {
	cfg, err := config.Load(c.configPath)
	if err != nil {
		client, err = c.reachAnyway(ctx, err)
		return client, func() {}, err
	}
	dir := cfg.Agent.StateDir
	answers := func() (bool, error) {
		remote, err := control.Connect(ctx, dir)
		if errors.Is(err, control.ErrNoAgent) {
			return false, nil
		}
		client, done = remote, func() {}
		return err == nil, err
	}
	if there, err := answers(); there || err != nil {
		return client, done, err
	}
	if err := statedir.Make(dir); err != nil {
		return nil, nil, err
	}
	lock, err := lockState(ctx, dir, answers)
	if err != nil || lock == nil {
		return client, done, err
	}
	a := &app{config: cfg, log: c.logger(cfg.Agent.Log), lock: lock}
	if err := a.open(ctx); err != nil {
		a.close()
		return nil, nil, err
	}
	return &control.Local{Mux: a.calls(), Who: control.Self()}, a.close, nil
}

// reachAnyway connects to the running agent although the file has a mistake:
// what it did and what it holds must be seen then too. What needs the file is
// refused by the agent, with the same mistake.
func (c *cli) reachAnyway(ctx context.Context, mistake error) (control.Client, error) {
	dir := config.StateDir(c.configPath)
	if dir == "" {
		return nil, mistake
	}
	remote, err := control.Connect(ctx, dir)
	if err != nil {
		return nil, mistake
	}
	return remote, nil
}

// onDisk names the configuration for whoever serves a command: paths are the
// caller's, and the agent has another folder.
func (c *cli) onDisk() onDisk { return onDisk{Config: absolute(c.configPath)} }

// runningAgent asks the agent that runs, if one does and answers to this user,
// in what its configuration is another. One that is starting is not waited for.
func (c *cli) runningAgent(ctx context.Context, cfg *config.Config) (*divergence, error) {
	remote, err := control.Connect(ctx, cfg.Agent.StateDir)
	if err != nil {
		return nil, nil //nolint:nilerr,nilnil // none runs, or it is none of this user's business
	}
	var d *divergence
	brief, leave := context.WithCancel(ctx)
	defer leave()
	starting := false
	brief = progress.With(brief, func(s progress.Step) {
		if s.Notice {
			starting = true
			leave()
		}
	})
	if err = remote.Call(brief, "configuration", c.onDisk(), &d); starting {
		return nil, nil //nolint:nilnil // as it says
	}
	return d, err
}
