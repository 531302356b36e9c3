package runtime

import (
	"context"
	"errors"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host/rescue"
)

// missed remembers, by application, which automations have run since its
// subscription was made again, while others wait for a run that is under way. After
// a restart all of them run once more.
type missed map[string]*caughtUp

type caughtUp struct {
	since time.Time // when the subscription was made again
	ran   map[string]bool
	told  map[string]bool
}

// of returns what has run for an application since then.
func (m missed) of(application string, since time.Time) *caughtUp {
	if m[application] == nil || !m[application].since.Equal(since) {
		m[application] = &caughtUp{since: since, ran: map[string]bool{}, told: map[string]bool{}}
	}
	return m[application]
}

// runEach runs those automations that have not run since then, and returns whether
// all have. run returns false for one that has to wait.
func (c *caughtUp) runEach(automations []string, run func(name string, first bool) (ran bool)) (all bool) {
	all = true
	for _, name := range automations {
		if c.ran[name] {
			continue
		}
		first := !c.told[name]
		c.told[name] = true
		if c.ran[name] = run(name, first); !c.ran[name] {
			all = false
		}
	}
	return all
}

// pollAfterRepairs runs the automations of applications whose subscription was made
// again, so that nothing is missed that happened without it. It returns false when
// an automation has to wait for a run that is under way.
func (a *Agent) pollAfterRepairs(ctx context.Context, e *engine.Engine, owed missed) (all bool) {
	list, err := a.store.Subscriptions(ctx)
	if err != nil {
		return true // checkSubscriptions has told, or will
	}
	all = true
	for _, one := range list {
		if !one.Poll || one.State != store.SubscriptionRegistered {
			delete(owed, one.Application)
			continue
		}
		names := a.now.Load().scheduledFrom(one.Application)
		if !owed.of(one.Application, one.Changed).runEach(names, a.catchUp(ctx, e, one.Application)) {
			all = false
			continue
		}
		delete(owed, one.Application)
		if err := a.store.SubscriptionPolled(ctx, one.Application); err != nil && ctx.Err() == nil {
			a.log.Error("the run after a repaired subscription is not remembered", "application", one.Application, "cause", err)
		}
	}
	return all
}

// scheduledFrom lists the automations of an application that have a schedule.
func (s *Snapshot) scheduledFrom(application string) (names []string) {
	for _, name := range s.names() {
		if s.applicationOf(name).Name == application && s.config.Automations[name].Schedule != "" && s.enabled(name) {
			names = append(names, name)
		}
	}
	return names
}

// catchUp runs an automation of an application. A run that fails has run: the
// schedule tries it again.
func (a *Agent) catchUp(ctx context.Context, e *engine.Engine, application string) func(name string, first bool) bool {
	return func(name string, first bool) (ran bool) {
		if first {
			a.log.Info("run because changes may have been lost with the subscription", "automation", name, "application", application)
		}
		err := rescue.Do(a.log, func() error {
			report, err := e.Run(unattended(ctx), engine.Request{Automation: name, Kind: store.KindScheduled, By: "repaired subscription"})
			if err == nil {
				a.logReport(report)
			}
			return err
		}, "automation", name)
		var leased *store.LeasedError
		switch {
		case errors.As(err, &leased), ctx.Err() != nil:
			return false
		case err != nil:
			a.log.Error("run failed", "automation", name, "cause", err)
		}
		return true
	}
}
