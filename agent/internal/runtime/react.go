package runtime

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/fit"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/react"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// reacting converts the automations that changes in the directory begin. One that sends
// to an application that is not enabled is broken: it sets aside what it asks for.
func (s *Snapshot) reacting() []react.Automation {
	var out []react.Automation
	for _, name := range slices.Sorted(maps.Keys(s.config.Triggered)) {
		if conf := s.config.Triggered[name]; conf.Trigger == config.TriggerDirectory {
			out = append(out, s.reaction(conf))
		}
	}
	return out
}

// reaction converts an automation to the form that a reactor judges events for.
func (s *Snapshot) reaction(conf config.Automation) react.Automation {
	a := react.Automation{
		Name: conf.Name, On: conf.Events, Object: conf.Object, Bases: Below(s.config.Directory.Scope, conf.Base),
		Orchestration: conf.Orchestration, Limit: func(ctx context.Context) (store.StartLimit, error) { return s.startLimit(ctx, conf) },
	}
	if conf.Filter != nil {
		a.Filter = orchestration.NewFilter(conf.Filter)
	}
	a.Definition, a.Compiled = s.orchestrations[conf.Orchestration].definition, s.orchestrations[conf.Orchestration].compiled
	a.Broken = s.unreactive(conf)
	return a
}

// unreactive returns the reason why changes in the directory cannot begin the
// orchestration of an automation; nil when they can.
func (s *Snapshot) unreactive(conf config.Automation) error {
	if _, err := s.beginning(conf.Orchestration); err != nil {
		return err
	}
	return errors.Join(fit.Reaction(s.config, conf.Name, s.orchestrations[conf.Orchestration].compiled)...)
}

// reactor returns what judges events in this process. It is made on the first call.
func (a *Agent) reactor() *react.Reactor {
	a.reacting.once.Do(func() {
		a.reacting.read = a.objects()
		a.reacting.reactor = react.New(react.Settings{
			Store: a.store, Directory: a.reacting.read, Log: a.log, Owner: "agent", Judged: a.judged,
			Automations: func() []react.Automation { return a.now.Load().reactions },
		})
	})
	return a.reacting.reactor
}

// reacting is what judges events.
type reacting struct {
	once    sync.Once
	reactor *react.Reactor
	read    *objects
}

// react judges events until ctx ends.
func (a *Agent) react(ctx context.Context) {
	ctx = unattended(ctx)
	for _, one := range a.now.Load().reactions {
		_, _ = one.Limit(ctx) // counts beside what follows; who needs the count is told what failed
	}
	a.reactor().Run(ctx)
	a.population.work.Wait()
}

// eventsFound tells the reactor that there may be events. It is for whoever has
// brought the mirror up to date.
func (a *Agent) eventsFound() { a.reactor().Wake() }

// judged tells the log and the metrics what became of events: one line for each
// automation and run, however many events there are.
func (a *Agent) judged(ctx context.Context, list []store.Judged) {
	type about struct {
		automation string
		run        int64 // that holds; 0: set aside
	}
	var order []about
	n := map[about]int{}
	for _, one := range list {
		a.metrics.Judged(one.Automation, string(one.Verdict))
		if one.Verdict != store.EventHeld && one.Verdict != store.EventAside {
			continue
		}
		of := about{one.Automation, one.Run}
		if n[of]++; n[of] == 1 {
			order = append(order, of)
		}
	}
	changed := map[string]bool{}
	for _, of := range order {
		changed[of.automation] = true
		if of.run != 0 {
			a.log.Warn("orchestrations are held: more than limits.start", "automation", of.automation, "run", of.run, "held", n[of],
				"next", fmt.Sprintf("look at `rollcall runs %d`, then approve or reject it", of.run))
			continue
		}
		a.log.Warn("changes in the directory are set aside", "automation", of.automation, "changes", n[of],
			"next", "`rollcall quarantine list` says why")
	}
	for automation := range changed {
		if err := errors.Join(a.ObserveHeld(ctx, automation), a.observeAside(ctx, automation)); err != nil {
			a.log.Warn("the metrics could not be set", "automation", automation, "cause", err)
		}
	}
}

// observeAside sets the metric of what an automation has set aside.
func (a *Agent) observeAside(ctx context.Context, automation string) error {
	n, err := a.store.CountAside(ctx, automation)
	if err == nil {
		a.metrics.EventsAside(automation, n)
	}
	return err
}

// observeAllAside sets the metric at the start: of every automation that may set
// changes aside, and of those that are not configured any more and have some left.
func (a *Agent) observeAllAside(ctx context.Context) error {
	names, err := a.store.AsideAutomations(ctx)
	if err != nil {
		return err
	}
	for name, conf := range a.Config().Triggered {
		if conf.Trigger == config.TriggerDirectory {
			names = append(names, name)
		}
	}
	for _, name := range names {
		if err := a.observeAside(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// reactOnce judges what is open, and returns how that ended for each automation that
// holds something or has set something aside.
func (a *Agent) reactOnce(ctx context.Context) []Ended {
	ctx = unattended(ctx)
	now := a.now.Load()
	for _, one := range now.reactions {
		now.countFirst(ctx, one.Name)
	}
	all, err := a.reactor().Judge(ctx)
	var ended []Ended
	if err != nil {
		a.log.Error("changes in the directory could not be looked at; they wait", "cause", err)
		ended = append(ended, Ended{Err: fmt.Errorf("look at changes in the directory: %w", err)})
	}
	results := map[string]store.RunResult{}
	for automation, n := range all {
		switch {
		case n[store.EventHeld] > 0:
			results[automation] = store.RunHeld
		case n[store.EventAside] > 0:
			results[automation] = store.RunQuarantined
		}
	}
	for _, automation := range slices.Sorted(maps.Keys(results)) {
		one := Ended{Automation: automation}
		one.Report.Automation, one.Report.Result = automation, results[automation]
		ended = append(ended, one)
	}
	return ended
}

// ApproveHeld lets begin what a run holds of orchestrations, or lets it go on. What a
// later change has overtaken stays held unless overtaken says otherwise; it is returned.
func (a *Agent) ApproveHeld(ctx context.Context, h store.Holding, by string, overtaken bool) (int, []react.Overtaken, error) {
	if !overtaken {
		return a.reactor().Approve(ctx, h, by)
	}
	n, err := a.store.ApproveInstances(ctx, h, by)
	return n, nil, err
}

// RetryEvents judges anew what an automation has set aside.
func (a *Agent) RetryEvents(ctx context.Context, what react.Again) ([]store.Judged, error) {
	s, err := a.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	s.countFirst(ctx, what.Automation)
	reactor := a.reactor()
	a.reacting.read.forget() // a person asks: so is the directory
	list, err := reactor.Retry(ctx, what)
	return list, errors.Join(err, a.observeAside(ctx, what.Automation))
}

// DropEvents drops what an automation has set aside, on behalf of by: one event, or
// all (0).
func (a *Agent) DropEvents(ctx context.Context, automation string, event int64, by string) ([]store.AsideEvent, error) {
	list, err := a.store.DropAside(ctx, automation, event, by)
	return list, errors.Join(err, a.observeAside(ctx, automation))
}

// imaged lists the attributes that the automations which ask for changes need of
// objects, as they are and as they were: what on, where and the orchestrations name.
func (s *Snapshot) imaged() []string {
	var names []string
	for _, conf := range s.config.Triggered {
		if conf.Trigger != config.TriggerDirectory {
			continue
		}
		names = append(names, named(conf)...)
		if compiled := s.orchestrations[conf.Orchestration].compiled; compiled != nil {
			names = append(names, read(compiled, "old")...)
			if slices.ContainsFunc(conf.Events, func(on ident.On) bool { return on.Kind == ident.EventDeleted }) {
				names = append(names, read(compiled, "ad")...)
			}
		}
	}
	return ident.Mirrorable(names)
}

// askedByName lists the attributes that on of the automations names.
func (s *Snapshot) askedByName() []string {
	var names []string
	for _, conf := range s.config.Triggered {
		for _, on := range conf.Events {
			names = append(names, on.Attributes...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// named lists the attributes that on and where of an automation name.
func named(conf config.Automation) []string {
	var names []string
	for _, on := range conf.Events {
		switch {
		case on.Kind == ident.EventModified && len(on.Attributes) == 0:
			names = append(names, ident.UsualAttributes(conf.Object)...)
		default:
			names = append(names, on.Attributes...)
		}
	}
	if conf.Filter != nil {
		f := orchestration.NewFilter(conf.Filter)
		for _, object := range []string{"ad", "old", "manager"} {
			names = append(names, read(f, object)...)
		}
	}
	return names
}

// attributed is an orchestration or a filter.
type attributed interface {
	Attributes(object string) ([]string, bool)
}

// read lists the attributes that an orchestration or a filter reads of an object.
func read(o attributed, object string) []string {
	names, _ := o.Attributes(object)
	return names
}
