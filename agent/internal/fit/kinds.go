package fit

import (
	"cmp"
	"slices"

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
