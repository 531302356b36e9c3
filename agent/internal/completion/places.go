package completion

import (
	"context"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/connector"
	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// glimpse queries the state, as far as it can be read at once.
func (o *lookup) glimpse(ask func(context.Context, *store.Glimpse) ([]store.Named, error)) []store.Named {
	g, err := store.OpenGlimpse(o.StateDir)
	if err != nil {
		return nil
	}
	defer func() { _ = g.Close() }()
	list, err := ask(o.ctx, g)
	if err != nil {
		return nil
	}
	return list
}

// Automations returns the names of the automations that bring records.
func Automations(o *lookup) []store.Named { return asNamed(o.Automations) }

// Runnable returns the names of all automations, those with a trigger too.
func Runnable(o *lookup) []store.Named { return asNamed(slices.Concat(o.Automations, o.Triggered)) }

// Orchestrations returns the names of all orchestrations of the configuration.
func Orchestrations(o *lookup) []store.Named { return asNamed(o.Orchestrations) }

// DataSources returns the data sources.
func DataSources(o *lookup) []store.Named { return asNamed(o.DataSources) }

// Applications returns the names of all applications.
func Applications(o *lookup) []store.Named { return asNamed(o.Applications) }

// Spaces returns the names of all applications, and APPLICATION/KIND where there
// are links of other kinds than users.
func Spaces(o *lookup) []store.Named {
	return append(Applications(o), o.glimpse(func(ctx context.Context, g *store.Glimpse) ([]store.Named, error) {
		return g.Spaces(ctx)
	})...)
}

// Nothing is for a place where any text may stand; it offers none.
func Nothing(*lookup) []store.Named { return nil }

// Fixed is for a place where one of these words must stand.
func Fixed(words ...string) Place {
	return func(*lookup) []store.Named { return asNamed(words) }
}

// Runs returns the numbers of runs: all of them, or those that hold something.
func Runs(held bool) Place {
	return func(o *lookup) []store.Named {
		return o.glimpse(func(ctx context.Context, g *store.Glimpse) ([]store.Named, error) { return g.Runs(ctx, held) })
	}
}

// Classes returns the classes held by the run named before, or all classes if
// that is unknown.
func Classes(o *lookup) []store.Named {
	if len(o.Args) > 0 {
		held := o.glimpse(func(ctx context.Context, g *store.Glimpse) ([]store.Named, error) { return g.Classes(ctx, o.Args[0]) })
		if len(held) > 0 {
			return held
		}
	}
	var all []store.Named
	for _, class := range ident.Classes {
		all = append(all, store.Named{Name: string(class)})
	}
	return all
}

// LinkedKeys returns the linked keys of the application or automation that the
// first argument names.
func LinkedKeys(o *lookup) []store.Named {
	application, kind, named := strings.Cut(o.Args[0], "/")
	if of, known := o.ApplicationOf[application]; known {
		application = of
	} else if !named {
		kind = ident.UserKind
	}
	return o.glimpse(func(ctx context.Context, g *store.Glimpse) ([]store.Named, error) {
		return g.Links(ctx, application, kind, o.Typed)
	})
}

// QuarantinedKeys returns the keys of records that are in quarantine as a
// whole, or of accounts with a part that needs a person.
func QuarantinedKeys(whole bool) Place {
	return func(o *lookup) []store.Named {
		return o.glimpse(func(ctx context.Context, g *store.Glimpse) ([]store.Named, error) {
			return g.Quarantined(ctx, o.Args[0], o.Typed, whole)
		})
	}
}

// RefusedKeys returns the keys of records with an operation that was refused.
func RefusedKeys(o *lookup) []store.Named {
	return o.glimpse(func(ctx context.Context, g *store.Glimpse) ([]store.Named, error) {
		return g.Refused(ctx, o.Args[0], o.Typed)
	})
}

// Secrets returns the names of stored secrets.
func Secrets(o *lookup) []store.Named {
	return o.glimpse(func(ctx context.Context, g *store.Glimpse) ([]store.Named, error) { return g.Secrets(ctx) })
}

// Connectors returns the connectors of the applications and of the files in
// the modules folder.
func Connectors(o *lookup) []store.Named {
	known := slices.Concat(o.Connectors, connector.Names(o.ctx, o.ModulesDir))
	slices.Sort(known)
	return asNamed(slices.Compact(known))
}

// Webhooks returns the webhooks of the configuration, and those of the connectors
// by application.
func Webhooks(o *lookup) []store.Named {
	return append(asNamed(o.Webhooks), ofConnectors(o, func(m abi.Manifest) (all []store.Named) {
		for _, w := range m.Webhooks {
			all = append(all, store.Named{Name: w.Name, About: w.Title})
		}
		return all
	})...)
}

// Endpoints returns the endpoints of the connectors by application.
func Endpoints(o *lookup) []store.Named {
	return ofConnectors(o, func(m abi.Manifest) (all []store.Named) {
		for _, e := range m.Endpoints {
			all = append(all, store.Named{Name: e.Name, About: e.Title})
		}
		return all
	})
}

// ofConnectors returns what the manifests have, as APPLICATION/NAME.
func ofConnectors(o *lookup, names func(abi.Manifest) []store.Named) (all []store.Named) {
	manifests := connector.Manifests(o.ctx, o.ModulesDir)
	for _, application := range o.Applications {
		for _, m := range manifests {
			if m.Name != o.ConnectorOf[application] {
				continue
			}
			for _, one := range names(m) {
				all = append(all, store.Named{Name: application + "/" + one.Name, About: one.About})
			}
			break
		}
	}
	return all
}

// Functions returns the functions of expressions.
func Functions(*lookup) []store.Named {
	var all []store.Named
	for _, f := range expr.Functions() {
		all = append(all, store.Named{Name: f.Name, About: f.Description})
	}
	return all
}

func asNamed(list []string) []store.Named {
	out := make([]store.Named, len(list))
	for i, name := range list {
		out[i].Name = name
	}
	return out
}
