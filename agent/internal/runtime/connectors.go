package runtime

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/rollcall-agent/rollcall/agent/internal/fit"
	"github.com/rollcall-agent/rollcall/host/rescue"
)

// refresh replaces the snapshot by one with the connectors that serve now, and
// returns the automations concerned.
func (a *Agent) refresh(ctx context.Context) {
	a.mu.Lock()
	defer a.mu.Unlock()
	before := a.now.Load()
	now := before.with(ctx, a.host)
	for _, name := range now.all() {
		was, is := before.broken[name], now.broken[name]
		switch {
		case is != nil && (was == nil || was.Error() != is.Error()):
			a.log.Error("automation cannot run", "automation", name, "cause", is)
		case is == nil && was != nil:
			a.log.Info("automation can run again", "automation", name)
		}
	}
	a.now.Store(now)
	a.engine.Replace(now.automations, now.broken)
	a.engine.ReplaceMirror(now.mirrorSpec())               // orchestrations that can be carried out by now may read more attributes
	names, _ := fit.WebhookNames(now.config, now.manifest) // what a missing connector offers is not sent
	a.metrics.Webhooks(names)
	a.wake() // an application may be there again
}

// refreshed is refresh for the watcher of the modules folder: after a panic
// the automations stay as they were.
func (a *Agent) refreshed(ctx context.Context) {
	err := rescue.Do(a.log, func() error { a.refresh(ctx); return nil }, "folder", a.Config().Agent.ModulesDir)
	if err != nil {
		a.log.Error("the automations could not be built anew and are as before", "cause", err)
	}
}

// prepare compiles the connectors in use before the agent reports that it is
// ready, and logs which cannot run. One of them does not stop the others.
func (a *Agent) prepare(ctx context.Context) {
	now := a.now.Load()
	used := map[string]bool{}
	for _, name := range now.names() {
		if err := now.broken[name]; err != nil {
			a.log.Error("automation cannot run", "automation", name, "cause", err)
			continue
		}
		used[now.applicationOf(name).Connector] = true
	}
	for name := range now.config.Triggered {
		if err := now.broken[name]; err != nil {
			a.log.Error("automation cannot run", "automation", name, "cause", err)
		}
	}
	now.tellOrchestrations()
	var group errgroup.Group
	for name := range used {
		group.Go(func() error {
			c := now.connectors[name]
			err := c.err
			if err == nil {
				err = rescue.Do(a.log, func() error { return c.Prepare(ctx) }, "connector", name)
			}
			if err != nil {
				a.log.Error("connector cannot be compiled", "connector", name, "cause", err)
			}
			return nil
		})
	}
	_ = group.Wait() // each has logged its own error
}
