package runtime

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/metrics"
	"github.com/rollcall-agent/rollcall/agent/internal/notify"
	"github.com/rollcall-agent/rollcall/agent/internal/schedule"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// Serve accepts commands until ctx ends, and returns when those in progress
// have stopped. It starts at once, before the agent is up: each command must
// wait for started, and fail with its error.
type Serve func(ctx context.Context, started func(context.Context) error) error

// Run runs the daemon. It takes an agent that is locked but not opened, and
// returns when ctx has ended and everything has stopped.
func (a *Agent) Run(ctx context.Context, serve Serve) error {
	told := ctx
	group, ctx := errgroup.WithContext(ctx)
	a.serving.Store(true)
	starting := newStart()
	group.Go(func() error { return serve(ctx, starting.wait) })
	err := a.start(ctx, group, starting)
	starting.end(err)
	if err != nil {
		err = errors.Join(err, stopAll(group))
		if told.Err() == nil {
			return err
		}
		a.log.Info("stopped before it was ready", "cause", err)
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

// start brings the agent up. Everything that runs from then on is in the
// group.
func (a *Agent) start(ctx context.Context, group *errgroup.Group, starting *start) error {
	if err := a.Open(ctx); err != nil {
		return err
	}
	loaded := make(chan struct{})
	a.metrics.Readiness(a.readiness(ctx, loaded))
	if at := a.Config().Agent.Listen; at != "" {
		l, err := metrics.Listen(ctx, at)
		if err != nil {
			return err
		}
		a.log.Info("metrics", "url", "http://"+l.Addr().String()+"/metrics")
		group.Go(func() error { return a.metrics.Serve(ctx, l, a.log) })
	}
	starting.at("loading the connectors")
	e, err := a.Engine(ctx)
	if err != nil {
		return err
	}
	if err := errors.Join(e.Observe(ctx), a.observeAllAside(ctx)); err != nil {
		return err
	}
	starting.at("compiling the connectors")
	a.prepare(ctx)
	group.Go(func() error { return a.host.Watch(ctx, func() { a.refreshed(ctx) }) })
	group.Go(func() error {
		return schedule.Run(ctx, a.now.Load().entries(), schedule.SystemClock(), a.log, a.scheduled(e))
	})
	group.Go(func() error { a.retainDaily(ctx); return nil })
	group.Go(func() error { a.watchTokens(ctx); return nil })
	group.Go(func() error { a.dispatch(ctx); return nil })
	group.Go(func() error { a.react(ctx); return nil })
	group.Go(func() error { a.follow(ctx, e); return nil })
	a.receive(ctx, group, e)
	group.Go(func() error { a.keepSubscriptions(ctx, e); return nil })
	close(loaded)
	return nil
}

// stopAll ends what was started if the rest could not be.
func stopAll(group *errgroup.Group) error {
	stop := errors.New("the agent could not start")
	group.Go(func() error { return stop })
	if err := group.Wait(); !errors.Is(err, stop) {
		return err
	}
	return nil
}

// entries returns the automations with a schedule.
func (s *Snapshot) entries() []schedule.Entry {
	var entries []schedule.Entry
	for _, name := range s.all() {
		if spec := s.conf(name).Schedule; spec != "" && s.enabled(name) {
			entries = append(entries, schedule.Entry{Name: name, Spec: spec})
		}
	}
	return entries
}

// enabled reports whether no application that an automation works with is disabled.
func (s *Snapshot) enabled(automation string) bool {
	if conf, ok := s.config.Triggered[automation]; ok {
		return s.config.DisabledOf(conf.Orchestration) == ""
	}
	return s.applicationOf(automation).Enabled
}

// scheduled runs an automation and logs how it ended.
func (a *Agent) scheduled(e *engine.Engine) func(context.Context, string) error {
	return func(ctx context.Context, name string) error {
		report, err := e.Run(unattended(ctx), byItself(name))
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

// byItself returns the request for a scheduled run.
func byItself(automation string) engine.Request {
	return engine.Request{Automation: automation, Kind: store.KindScheduled, By: "schedule"}
}

func (a *Agent) logReport(r engine.Report) {
	a.log.Log(context.Background(), engine.LevelOf(r.Result), engine.LogRunEnded, "automation", r.Automation, "run", r.ID, "result", r.Result,
		"delivered", r.Summary.Records.Delivered, "applied", r.Count("applied"), "held", r.Count("held"),
		"failed", r.Count("failed"), "quarantined", len(r.Summary.Quarantined), "nobody_missing", r.Summary.NobodyMissing, "cause", r.Error)
}
