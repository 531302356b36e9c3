package fit

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/endpoint"
	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/macro"
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
		if err := mergeEndpoint(&out, change, macro.Scope(cfg.EndpointScope(), m)); err != nil {
			return out, err
		}
	}
	return out, setOne(&out, from, change, macro.Scope(cfg.EndpointScope(expr.NameKey), m))
}

func mergeEndpoint(out *endpoint.Endpoint, change config.Endpoint, scope expr.Scope) error {
	if change.Method != nil {
		out.Method = string(*change.Method)
	}
	for _, text := range []struct {
		from *string
		to   *string
	}{{change.Body, &out.Body}, {change.Records, &out.Records}, {change.Record, &out.Record}, {change.Key, &out.Key}} {
		if text.from != nil {
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
	maxEmpty := cmp.Or(change.MaxEmpty, known.MaxEmpty)
	if change.Style != "" {
		known = abi.Repeat{
			Style: abi.RepeatStyle(change.Style), Param: change.Param, Next: change.Next, More: change.More,
			LimitParam: change.LimitParam, Limit: change.Limit, First: change.First,
		}
	}
	known.MaxEmpty = maxEmpty
	return known
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
