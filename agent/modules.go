package main

import (
	"context"

	"github.com/rollcall-agent/rollcall/host/rescue"
	"golang.org/x/sync/errgroup"
)

// refresh builds the automations anew after connectors have changed, and says
// which of them that concerns.
func (a *app) refresh(ctx context.Context) {
	a.mu.Lock()
	defer a.mu.Unlock()
	automations, broken := a.automations(ctx, a.loadedHost)
	for _, name := range sortedNames(a.config.Automations) {
		before, now := a.loaded.Unable(name), broken[name]
		switch {
		case now != nil && (before == nil || before.Error() != now.Error()):
			a.log.Error("automation cannot run", "automation", name, "error", now)
		case now == nil && before != nil:
			a.log.Info("automation can run again", "automation", name)
		}
	}
	a.loaded.Replace(automations, broken)
}

// refreshed is refresh for the watcher of the modules folder: a panic leaves the
// automations as they were.
func (a *app) refreshed(ctx context.Context) {
	err := rescue.Do(a.log, func() error { a.refresh(ctx); return nil }, "modules", a.config.Agent.ModulesDir)
	if err != nil {
		a.log.Error("the automations could not be built anew and are as before", "error", err)
	}
}

// prepare compiles the connectors in use before the agent says that it is
// ready, and logs what cannot run: one of them does not stop the others.
func (a *app) prepare(ctx context.Context) {
	used := map[string]bool{}
	for _, name := range sortedNames(a.config.Automations) {
		if err := a.loaded.Unable(name); err != nil {
			a.log.Error("automation cannot run", "automation", name, "error", err)
			continue
		}
		used[a.config.Applications[a.config.DataSources[a.config.Automations[name].DataSource].Application].Connector] = true
	}
	var group errgroup.Group
	for name := range used {
		group.Go(func() error {
			connector, err := a.loadedHost.Connector(name)
			if err == nil {
				err = rescue.Do(a.log, func() error { return connector.Prepare(ctx) }, "connector", name)
			}
			if err != nil {
				a.log.Error("connector cannot be compiled", "connector", name, "error", err)
			}
			return nil
		})
	}
	_ = group.Wait() // each has logged its own
}
