package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

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
		_, _ = fmt.Fprintln(c.stderr, w)
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
		return err
	}
	remote, err := control.Connect(ctx, cfg.Agent.StateDir)
	if err == nil {
		return do(remote)
	}
	if !errors.Is(err, control.ErrNoAgent) {
		return err
	}
	a, err := openApp(ctx, cfg, newLogger(cfg.Agent.Log, c.stderr))
	if err != nil {
		return err
	}
	defer a.close()
	return do(&control.Local{Mux: a.calls(), Who: control.Self()})
}
