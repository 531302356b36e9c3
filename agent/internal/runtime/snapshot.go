package runtime

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/macro"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/react"
	"github.com/rollcall-agent/rollcall/agent/internal/source"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Snapshot is a configuration with everything derived from it and from the
// connectors that serve at one moment: manifests, automations, and what keeps
// an automation from running. It never changes. The agent replaces its own as
// a whole; a configuration that a command names gets another snapshot over the
// same parts.
type Snapshot struct {
	*parts
	config      *config.Config
	credentials *credentials
	trial       bool      // the directory is not the one that the agent runs with
	own         *Snapshot // that the agent runs with, if this is another one

	// The fields below are set once the connectors are loaded.
	connectors  map[string]served // by the name that applications use
	automations map[string]engine.Automation
	broken      map[string]error // automations that cannot run, and why

	orchestrations map[string]orchestrated
	reactions      []react.Automation      // that changes in the directory begin
	fingerprints   map[string]string       // of the applications
	rules          map[string]*macro.Rules // by application that has a connector
	reading        map[string][]string     // automations, by application and endpoint of its connector
}

// served is the connector that serves under a name, or the reason why none
// does.
type served struct {
	*host.Connector
	manifest abi.Manifest // of that moment; the connector itself returns the manifest of the file that serves now
	err      error
}

// with returns s with the connectors that serve now.
func (s *Snapshot) with(ctx context.Context, h *host.Host) *Snapshot {
	next := &Snapshot{
		parts: s.parts, config: s.config, credentials: s.credentials, trial: s.trial, own: s.own,
		connectors: map[string]served{}, automations: map[string]engine.Automation{}, broken: map[string]error{},
		orchestrations: map[string]orchestrated{}, fingerprints: map[string]string{}, rules: map[string]*macro.Rules{},
	}
	for _, application := range s.config.Applications {
		next.fingerprints[application.Name] = application.Fingerprint()
		name := application.Connector
		if _, done := next.connectors[name]; !done {
			next.connectors[name] = serving(h, name)
		}
	}
	for name, application := range s.config.Applications {
		if c := next.connectors[application.Connector]; c.err == nil {
			next.rules[name] = macro.ForInvokes(c.manifest, application.Settings)
		}
	}
	next.reading = next.readers()
	for name := range s.config.Orchestrations {
		next.orchestrations[name] = next.orchestration(name)
	}
	for _, name := range next.names() {
		built, err := next.automation(ctx, name)
		if err != nil {
			next.broken[name] = err
			continue
		}
		next.automations[name] = built
	}
	for name, conf := range s.config.Triggered {
		if conf.Trigger == config.TriggerDirectory {
			if err := next.unreactive(conf); err != nil {
				next.broken[name] = fmt.Errorf("automation %s: %w", name, err)
				continue
			}
			next.automations[name] = engine.Automation{Settings: plan.Settings{Automation: name}, Reacts: conf.Orchestration}
			continue
		}
		begins, err := next.triggered(conf)
		if err != nil {
			next.broken[name] = err
			continue
		}
		next.automations[name] = engine.Automation{Settings: plan.Settings{Automation: name}, Begins: &begins}
	}
	next.reactions = next.reacting()
	return next
}

func serving(h *host.Host, name string) served {
	c, err := h.Connector(name)
	if err != nil {
		return served{err: err}
	}
	return served{Connector: c, manifest: c.Manifest()}
}

// Config returns the configuration of s. It must not be changed.
func (s *Snapshot) Config() *config.Config { return s.config }

// Connector returns the connector that serves an application.
func (s *Snapshot) Connector(application config.Application) (*host.Connector, error) {
	c := s.connectors[application.Connector]
	return c.Connector, c.err
}

// servedTo returns what serves an application. Its error contains the place of
// the application in the configuration, and what to do next.
func (s *Snapshot) servedTo(application config.Application) (served, error) {
	c := s.connectors[application.Connector]
	if err := c.err; err != nil {
		return c, fmt.Errorf("%s: application %s: %w", application.Pos, application.Name, source.WithNext(err))
	}
	return c, nil
}

// all lists the automations, those with a trigger too.
func (s *Snapshot) all() []string {
	names := slices.AppendSeq(s.names(), maps.Keys(s.config.Triggered))
	slices.Sort(names)
	return names
}

// conf returns an automation, with a trigger or without.
func (s *Snapshot) conf(automation string) config.Automation {
	if conf, ok := s.config.Triggered[automation]; ok {
		return conf
	}
	return s.config.Automations[automation]
}

// names lists the automations that bring records of applications.
func (s *Snapshot) names() []string { return slices.Sorted(maps.Keys(s.config.Automations)) }

// applicationOf returns the application that an automation gets its records
// from.
func (s *Snapshot) applicationOf(automation string) config.Application {
	return s.config.Applications[s.config.DataSources[s.config.Automations[automation].DataSource].Application]
}
