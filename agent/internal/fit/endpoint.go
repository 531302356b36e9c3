package fit

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/endpoint"
	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/macro"
	"github.com/rollcall-agent/rollcall/agent/internal/outbound"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// endpointOf merges the configuration's changes into the manifest's endpoint, or
// makes a new one. It has the endpoint's own key; the caller replaces that by
// primary_key of the data source.
func endpointOf(
	cfg *config.Config, app config.Application, data config.DataSource, name string, m abi.Manifest,
) (endpoint.Endpoint, error) {
	from, inManifest := m.Endpoint(name)
	change, changed := app.Endpoints[name]
	if !inManifest && !changed {
		var known []string
		for _, e := range m.Endpoints {
			known = append(known, e.Name)
		}
		return endpoint.Endpoint{}, fmt.Errorf("%s: data source %s: connector %s has no endpoint %q (it has: %s); "+
			"define [applications.%s.endpoints.%s] for a new one",
			data.Pos, data.Name, m.Name, name, strings.Join(known, ", "), app.Name, name)
	}
	from.Name = name
	out := endpoint.Endpoint{Endpoint: from}
	if changed {
		scopeOf := func(more ...string) expr.Scope { return macro.Scope(cfg.EndpointScope(more...), m) }
		if change.ForEach != "" {
			scopeOf = func(more ...string) expr.Scope {
				return macro.Scope(cfg.EndpointScope(append(more, expr.NameParent)...), m)
			}
		}
		if err := mergeEndpoint(&out, change, scopeOf()); err != nil {
			return out, err
		}
		if err := mergePaging(&out, change, scopeOf); err != nil {
			return out, err
		}
	}
	if change.ForEach != "" {
		return out, setEach(&out, app.Name, cfg, change, m)
	}
	return out, setOne(&out, from, change, macro.Scope(cfg.EndpointScope(expr.NameKey), m))
}

// Endpoint returns an endpoint of an application without a data source, with its
// own key.
func Endpoint(cfg *config.Config, app config.Application, name string, m abi.Manifest) (endpoint.Endpoint, error) {
	if wrong := Application(app, m); len(wrong) > 0 {
		return endpoint.Endpoint{}, errors.Join(wrong...)
	}
	_, inManifest := m.Endpoint(name)
	if _, own := app.Endpoints[name]; !own && !inManifest {
		known := slices.Collect(maps.Keys(app.Endpoints))
		for _, e := range m.Endpoints {
			known = append(known, e.Name)
		}
		slices.Sort(known)
		return endpoint.Endpoint{}, fmt.Errorf("application %s has no endpoint %q (it has: %s); define "+
			"[applications.%s.endpoints.%s] for a new one",
			app.Name, name, strings.Join(slices.Compact(known), ", "), app.Name, name)
	}
	out, err := endpointOf(cfg, app, config.DataSource{Endpoints: []string{name}}, name, m)
	if err == nil && out.Each != nil {
		err = fmt.Errorf("endpoint %s of application %s cannot be called alone: it is called for each record of endpoint %s; "+
			"`rollcall plan` calls it for the records of a data source", name, app.Name, out.Each.Of)
	}
	out.Normalize()
	return out, err
}

func mergeEndpoint(out *endpoint.Endpoint, change config.Endpoint, scope expr.Scope) error {
	if change.Method != nil {
		out.Method = string(*change.Method)
	}
	for _, text := range []struct {
		from *string
		to   *string
	}{{change.Records, &out.Records}, {change.Record, &out.Record}, {change.Key, &out.Key}} {
		if text.from != nil && (text.to != &out.Key || change.ForEach == "") {
			*text.to = *text.from
		}
	}
	if change.Kind != "" {
		out.Kind = change.Kind
	}
	if change.Mode != nil {
		out.Mode = abi.Mode(*change.Mode)
	}
	if change.Keyed != nil {
		out.Keyed = *change.Keyed
	}
	if change.Cost != nil {
		out.Cost = int64(*change.Cost)
	}
	if change.Repeat != nil {
		out.Repeat = mergeRepeat(out.Repeat, *change.Repeat)
	}
	return mergeTemplates(out, change, scope)
}

// mergeRepeat replaces the way of paging as a whole. When the configuration sets
// none, the connector's stays: without paging, an endpoint would deliver only
// its first page, and all other users would count as missing.
func mergeRepeat(known abi.Repeat, change config.Repeat) abi.Repeat {
	bounds := known
	if change.Style != "" {
		known = abi.Repeat{
			Style: abi.RepeatStyle(change.Style), Param: change.Param, Next: change.Next, NextHeader: change.NextHeader, More: change.More,
			LimitParam: change.LimitParam, Limit: change.Limit, First: change.First,
		}
		if change.Until != nil {
			known.Until = change.Until.Text
		}
	}
	known.MaxEmpty, known.MaxPages = cmp.Or(change.MaxEmpty, bounds.MaxEmpty), cmp.Or(change.MaxPages, bounds.MaxPages)
	if change.Total != "" || change.TotalHeader != "" {
		known.Total, known.TotalHeader = change.Total, change.TotalHeader
	}
	return known
}

// mergePaging compiles the body and until.
func mergePaging(out *endpoint.Endpoint, change config.Endpoint, scopeOf func(more ...string) expr.Scope) error {
	if change.Body != nil {
		t, err := outbound.CompileBody(*change.Body, endpoint.BodyScope(scopeOf), change.Format())
		if err != nil {
			return err
		}
		if len(t.References("last_success")) > 0 && out.Mode != abi.ModeChanges {
			return fmt.Errorf("%s: the body uses last_success, so the endpoint must say mode = \"changes\"", change.Body.Pos)
		}
		out.Body, out.Format = t, change.Format()
	}
	if change.Repeat == nil || change.Repeat.Until == nil {
		return nil
	}
	var err error
	out.Until, err = endpoint.UntilScope(scopeOf).Compile(*change.Repeat.Until)
	return err
}

// mergeTemplates compiles the texts that the configuration sets. They have been
// checked already, but for what macros are and use; an error names the place.
func mergeTemplates(out *endpoint.Endpoint, change config.Endpoint, scope expr.Scope) error {
	compile := func(t *config.Text, escape expr.Escape, to **expr.Template) error {
		if t == nil {
			return nil
		}
		compiled, err := scope.Template(*t, escape)
		if err == nil && compiled.Uses("last_success") && out.Mode != abi.ModeChanges {
			err = fmt.Errorf("%s: a macro of it uses last_success, so the endpoint must say mode = \"changes\"", t.Pos)
		}
		*to = compiled
		return err
	}
	if err := compile(change.Path, expr.EscapePath, &out.Path); err != nil {
		return err
	}
	if err := compile(change.URL, expr.EscapePath, &out.URL); err != nil {
		return err
	}
	for _, set := range []struct {
		from   map[string]config.Text
		to     *map[string]*expr.Template
		escape expr.Escape
	}{{change.Params, &out.Params, expr.EscapeNone}, {change.Headers, &out.Headers, expr.EscapeHeader}} {
		for name, text := range set.from {
			var t *expr.Template
			if err := compile(&text, set.escape, &t); err != nil {
				return err
			}
			if *set.to == nil {
				*set.to = map[string]*expr.Template{}
			}
			(*set.to)[name] = t
		}
	}
	return nil
}
