package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/metrics"
	"github.com/rollcall-agent/rollcall/agent/internal/notify"
	"github.com/rollcall-agent/rollcall/agent/internal/schedule"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host/rescue"
)

func (c *cli) runCommand() *cobra.Command {
	var once bool
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run the agent: automations by their schedules, metrics, commands",
		Args:  exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := c.load()
			if err != nil {
				return err
			}
			a, err := lockApp(cmd.Context(), cfg, newLogger(cfg.Agent.Log, c.stderr))
			if err != nil {
				return err
			}
			defer a.close()
			if !once {
				return a.serve(cmd.Context())
			}
			if err := a.open(cmd.Context()); err != nil {
				return err
			}
			return a.runDue(cmd.Context())
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "run every automation that is due once, and end")
	return cmd
}

// stopTime is how long calls and runs may take to come to a safe point after
// the agent was told to stop.
const stopTime = 4 * time.Second

// serve is the daemon: it returns when ctx ends and everything has stopped.
// Commands are taken from the first moment on, and wait for the end of the
// start.
func (a *app) serve(ctx context.Context) error {
	told := ctx
	group, ctx := errgroup.WithContext(ctx)
	commands, err := control.Listen(ctx, a.config.Agent.StateDir)
	if err != nil {
		return err
	}
	a.serving = true
	starting := newStart()
	group.Go(func() error {
		return control.Serve(ctx, commands, a.calls().Before(starting.wait), stopTime, a.log)
	})
	err = a.start(ctx, group, starting)
	starting.end(err)
	if err != nil {
		err = errors.Join(err, stopAll(group))
		if told.Err() == nil {
			return err
		}
		a.log.Info("stopped before it was ready", "while", err)
		return nil
	}
	a.announce(ctx)
	<-ctx.Done()
	notify.Stopping()
	a.log.Info("stopping")
	err = group.Wait()
	a.log.Info("stopped")
	return err
}

// start brings the agent up. What runs from then on is in the group.
func (a *app) start(ctx context.Context, group *errgroup.Group, starting *start) error {
	if err := a.open(ctx); err != nil {
		return err
	}
	loaded := make(chan struct{})
	a.metrics.Readiness(a.readiness(ctx, loaded))
	if a.config.Agent.Listen != "" {
		l, err := metrics.Listen(ctx, a.config.Agent.Listen)
		if err != nil {
			return err
		}
		a.log.Info("metrics", "url", "http://"+l.Addr().String()+"/metrics")
		group.Go(func() error { return a.metrics.Serve(ctx, l, a.log) })
	}
	starting.at("loading the connectors")
	e, err := a.engine(ctx)
	if err != nil {
		return err
	}
	if err := e.Observe(ctx); err != nil {
		return err
	}
	starting.at("compiling the connectors")
	a.prepare(ctx)
	group.Go(func() error { return a.loadedHost.Watch(ctx, func() { a.refreshed(ctx) }) })
	group.Go(func() error { return schedule.Run(ctx, a.entries(), schedule.SystemClock(), a.log, a.scheduled(e)) })
	group.Go(func() error { a.retainDaily(ctx); return nil })
	close(loaded)
	return nil
}

// stopAll ends what was started when the rest could not be.
func stopAll(group *errgroup.Group) error {
	stop := errors.New("the agent could not start")
	group.Go(func() error { return stop })
	if err := group.Wait(); !errors.Is(err, stop) {
		return err
	}
	return nil
}

// entries are the automations that run by themselves.
func (a *app) entries() []schedule.Entry {
	var entries []schedule.Entry
	for _, name := range sortedNames(a.config.Automations) {
		if spec := a.config.Automations[name].Schedule; spec != "" && a.enabled(name) {
			entries = append(entries, schedule.Entry{Name: name, Spec: spec})
		}
	}
	return entries
}

func (a *app) enabled(automation string) bool {
	source := a.config.DataSources[a.config.Automations[automation].DataSource]
	return a.config.Applications[source.Application].Enabled
}

// scheduled runs an automation and tells the log how it went.
func (a *app) scheduled(e *engine.Engine) func(context.Context, string) error {
	return func(ctx context.Context, name string) error {
		report, err := e.Run(ctx, engine.Request{Automation: name, Kind: store.KindScheduled, By: "schedule"})
		var leased *store.LeasedError
		if errors.As(err, &leased) {
			a.log.Info("run skipped: another run of this automation is under way", "automation", name)
			return nil
		}
		if err != nil {
			if ctx.Err() != nil {
				return nil // stopped on purpose; the history says so
			}
			return err
		}
		a.logReport(report)
		return nil
	}
}

func (a *app) logReport(r engine.Report) {
	a.log.Log(context.Background(), engine.LevelOf(r.Result), engine.LogRunEnded, "automation", r.Automation, "run", r.ID, "result", r.Result,
		"delivered", r.Summary.Records.Delivered, "applied", r.Count("applied"), "held", r.Count("held"),
		"failed", r.Count("failed"), "quarantined", len(r.Summary.Quarantined), "nobody_missing", r.Summary.NobodyMissing, "why", r.Error)
}

// runDue runs what is due since its last run. Automations do not wait for each
// other: the source of one may hang.
func (a *app) runDue(ctx context.Context) error {
	e, err := a.engine(ctx)
	if err != nil {
		return err
	}
	worst := control.ExitDone
	var mu sync.Mutex
	var runs sync.WaitGroup
	defer runs.Wait()
	for _, entry := range a.entries() {
		last, err := a.store.LastScheduled(ctx, entry.Name)
		if err != nil {
			return fmt.Errorf("find the last scheduled run of automation %s: %w", entry.Name, err)
		}
		due, err := schedule.Due(entry, last, time.Now())
		if err != nil {
			return err
		}
		if !due {
			continue
		}
		runs.Go(func() {
			var report engine.Report
			err := rescue.Do(a.log, func() (err error) {
				report, err = e.Run(ctx, engine.Request{Automation: entry.Name, Kind: store.KindScheduled, By: "schedule"})
				return err
			}, "automation", entry.Name)
			if err != nil {
				a.log.Error("run failed", "automation", entry.Name, "error", err)
			} else {
				a.logReport(report)
			}
			mu.Lock()
			defer mu.Unlock()
			worst = worse(worst, resultExit(report.Result), err)
		})
	}
	runs.Wait()
	if err := a.retain(ctx, time.Now()); err != nil {
		a.log.Error("old history was not removed", "error", err)
		worst = control.ExitFailed
	}
	if worst != control.ExitDone {
		return exitError(worst)
	}
	return nil
}

// worse keeps the exit code that a caller must know about first.
func worse(worst int, result error, failure error) int {
	code := control.ExitDone
	var exit exitError
	if errors.As(result, &exit) {
		code = int(exit)
	}
	if failure != nil {
		code = control.ExitFailed
	}
	order := []int{control.ExitDone, control.ExitQuarantine, control.ExitHeld, control.ExitFailed}
	if slices.Index(order, code) > slices.Index(order, worst) {
		return code
	}
	return worst
}

func sortedNames(automations map[string]config.Automation) []string {
	names := make([]string, 0, len(automations))
	for n := range automations {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
