package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/progress"
	"github.com/rollcall-agent/rollcall/agent/internal/runtime"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
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

// ask sends a question to the running agent, or answers it in this process if
// none is running.
func ask[In, Out any](
	ctx context.Context, c *cli, question func(*control.Client, context.Context, In) (Out, error), in In,
) (out Out, err error) {
	err = c.connected(ctx, func(ctx context.Context, client *control.Client) error {
		out, err = question(client, ctx, in)
		return err
	})
	return out, err
}

// list is like ask, for an answer of any length.
func list[In, Item any](
	ctx context.Context, c *cli, question func(*control.Client, context.Context, In) iter.Seq2[Item, error], in In, each func(Item) error,
) error {
	return c.connected(ctx, func(ctx context.Context, client *control.Client) error {
		for item, err := range question(client, ctx, in) {
			if err != nil {
				return err
			}
			if err := each(item); err != nil {
				return err
			}
		}
		return nil
	})
}

// connected calls do with a client, and shows the progress of its calls. When
// ctx ends, they stop at their next safe point.
func (c *cli) connected(ctx context.Context, do func(context.Context, *control.Client) error) error {
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
func (c *cli) reach(ctx context.Context) (client *control.Client, done func(), err error) {
	cfg, err := config.Load(c.configPath)
	if err != nil {
		client, err = c.reachAnyway(ctx, err)
		return client, func() {}, err
	}
	answers := func() (bool, error) {
		remote, err := control.Connect(ctx, cfg.Agent.StateDir)
		if errors.Is(err, control.ErrNoAgent) {
			return false, nil
		}
		client, done = control.NewClient(remote), func() {}
		return err == nil, err
	}
	if there, err := answers(); there || err != nil {
		return client, done, err
	}
	a, err := runtime.Lock(ctx, cfg, runtime.Settings{Log: c.logger(cfg.Agent.Log), Version: version, Answers: answers})
	if errors.Is(err, runtime.ErrServed) {
		return client, done, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if err := a.Open(ctx); err != nil {
		a.Close()
		return nil, nil, err
	}
	local := &control.Local{Mux: control.Calls(service.New(a), a.Log()), Caller: control.Self()}
	return control.NewClient(local), a.Close, nil
}

// reachAnyway connects to the running agent even if the file has a mistake,
// because what the agent did and holds must stay visible. The agent refuses
// whatever needs the file, and reports the same mistake.
func (c *cli) reachAnyway(ctx context.Context, mistake error) (*control.Client, error) {
	dir := config.StateDir(c.configPath)
	if dir == "" {
		return nil, mistake
	}
	remote, err := control.Connect(ctx, dir)
	if err != nil {
		return nil, mistake
	}
	return control.NewClient(remote), nil
}

// onDisk names the configuration that the command is about.
func (c *cli) onDisk() service.OnDisk { return service.NewOnDisk(c.configPath, false) }

// runningAgent asks the running agent how its configuration differs from the
// file. It returns nothing if no agent is running or answers to this user. It
// does not wait for an agent that is starting.
func (c *cli) runningAgent(ctx context.Context, cfg *config.Config) (*service.Divergence, error) {
	remote, err := control.Connect(ctx, cfg.Agent.StateDir)
	if err != nil {
		return nil, nil //nolint:nilerr,nilnil // none runs, or it is none of this user's business
	}
	brief, leave := context.WithCancel(ctx)
	defer leave()
	starting := false
	brief = progress.With(brief, func(s progress.Step) {
		if s.Notice {
			starting = true
			leave()
		}
	})
	d, err := control.NewClient(remote).Configuration(brief, c.onDisk())
	if starting {
		return nil, nil //nolint:nilnil // as it says
	}
	return d, err
}

// printDivergence prints the difference below a result; what says which of the
// two configurations the result belongs to.
func printDivergence(w io.Writer, d *service.Divergence, what string) {
	if d == nil {
		return
	}
	p := pageOf(w)
	p.blank()
	p.lines(yellow, "Caution: ", d.Says()+".")
	p.put("", what+" To make the file count: "+d.Next+".")
}

// cautionConnectors warns if the listed connectors are those of an agent whose
// configuration differs from the one on disk.
func (c *cli) cautionConnectors(ctx context.Context) {
	cfg, err := config.Load(c.configPath)
	if err != nil {
		return // the agent was asked nevertheless, see reachAnyway
	}
	d, err := c.runningAgent(ctx, cfg)
	if err != nil || d == nil {
		return
	}
	d.Differs = slices.DeleteFunc(d.Differs, func(one config.Difference) bool {
		return one.Table != "modules" && (one.Table != "agent" || !slices.Contains(one.Keys, "modules_dir"))
	})
	if len(d.Differs) > 0 {
		printDivergence(c.stderr, d, "These are the connectors of the agent.")
	}
}
