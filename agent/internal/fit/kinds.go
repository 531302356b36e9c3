package fit

import (
	"cmp"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// KindsOf lists the kinds of links that an application can have: those of the
// endpoints and webhooks of its connector and of the configuration.
func KindsOf(cfg *config.Config, application string, m abi.Manifest) []string {
	var kinds []string
	add := func(kind string) { kinds = append(kinds, cmp.Or(kind, ident.UserKind)) }
	for _, e := range m.Endpoints {
		add(e.Kind)
	}
	for _, w := range m.Webhooks {
		add(w.Kind)
	}
	for _, e := range cfg.Applications[application].Endpoints {
		add(e.Kind)
	}
	for name, w := range cfg.Webhooks {
		if cfg.ApplicationOf(name) == application {
			add(w.Kind)
		}
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// KindOf returns the kind of the records that an automation reads; "" when the
// connector and the configuration do not have its endpoint.
func KindOf(cfg *config.Config, automation string, m abi.Manifest, now time.Time) string {
	data := cfg.DataSources[cfg.Automations[automation].DataSource]
	app := cfg.Applications[data.Application]
	called, err := endpointOf(cfg, app, data, data.Endpoints[0], m)
	if err != nil {
		return ""
	}
	return Fitted{Endpoint: called, known: knownEndpoint(app, called, m, now)}.kind()
}
