package main

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/control"
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
	return c.connected(ctx, func(client control.Client) error { return client.Call(ctx, name, in, out) })
}

// stream is call for an answer of any length.
func (c *cli) stream(ctx context.Context, name string, in any, each func(json.RawMessage) error) error {
	return c.connected(ctx, func(client control.Client) error { return client.Stream(ctx, name, in, each) })
}

func (c *cli) connected(ctx context.Context, do func(control.Client) error) error {
	cfg, err := config.Load(c.configPath)
	if err != nil {
		return c.connectedAnyway(ctx, err, do)
	}
	remote, err := control.Connect(ctx, cfg.Agent.StateDir)
	if err == nil {
		return do(remote)
	}
	if !errors.Is(err, control.ErrNoAgent) {
		return err
	}
	a, err := openApp(ctx, cfg, c.logger(cfg.Agent.Log))
	if err != nil {
		return err
	}
	defer a.close()
	return do(&control.Local{Mux: a.calls(), Who: control.Self()})
}

// connectedAnyway asks the running agent although the file has a mistake: what
// it did and what it holds must be seen then too. What needs the file is refused
// by the agent, with the same mistake.
func (c *cli) connectedAnyway(ctx context.Context, mistake error, do func(control.Client) error) error {
	dir := config.StateDir(c.configPath)
	if dir == "" {
		return mistake
	}
	remote, err := control.Connect(ctx, dir)
	if err != nil {
		return mistake
	}
	return do(remote)
}

// onDisk names the configuration for whoever serves a command: paths are the
// caller's, and the agent has another folder.
func (c *cli) onDisk() onDisk { return onDisk{Config: absolute(c.configPath)} }

// runningAgent asks the agent that runs, if one does and answers to this user,
// in what its configuration is another.
func (c *cli) runningAgent(ctx context.Context, cfg *config.Config) (*divergence, error) {
	remote, err := control.Connect(ctx, cfg.Agent.StateDir)
	if err != nil {
		return nil, nil //nolint:nilerr,nilnil // none runs, or it is none of this user's business
	}
	var d *divergence
	err = remote.Call(ctx, "configuration", c.onDisk(), &d)
	return d, err
}
