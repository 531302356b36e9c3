package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/source"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// application is what the host must know of a configured application.
func (a *app) application(ctx context.Context, conf config.Application, m abi.Manifest) (host.Application, error) {
	if wrong := misfits(conf, m); len(wrong) > 0 {
		return host.Application{}, errors.Join(wrong...)
	}
	proxy, err := a.proxy(ctx, conf)
	if err != nil {
		return host.Application{}, err
	}
	profile, _ := m.Profile(abi.AuthKind(conf.Auth)) // or it would be a misfit
	credentials, err := a.shared(conf, m, profile, proxy)
	if err != nil {
		return host.Application{}, err
	}
	app := host.Application{
		Name: conf.Name, BaseURL: conf.BaseURL, Settings: conf.Settings, Hosts: namedHosts(conf),
		Credentials: credentials, RateLimit: rateText(conf.RateLimit), DailyBudget: int64(conf.DailyBudget),
		Proxy: proxy, Secrets: map[string]func(context.Context) (string, error){},
	}
	for name, ref := range conf.Secrets {
		app.Secrets[name] = a.secret(ref)
	}
	return app, nil
}

// namedHosts are those of the URLs of the configuration's own endpoints.
func namedHosts(conf config.Application) []string {
	var hosts []string
	for _, e := range conf.Endpoints {
		if e.URL == nil {
			continue
		}
		if u, err := url.Parse(e.URL.Text); err == nil && u.Host != "" && !strings.Contains(u.Host, "{{") {
			hosts = append(hosts, u.Host)
		}
	}
	return hosts
}

// rateText is a rate limit in the manifest's form; "" for none.
func rateText(r config.RateLimit) string {
	if r.Requests == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%s", r.Requests, r.Per)
}

// endpointOf merges what the configuration changes into the manifest's
// endpoint, or makes a new one. Its key is that of the endpoint: primary_key of
// the data source is yet to take its place.
func endpointOf(app config.Application, data config.DataSource, m abi.Manifest, lookups map[string]map[string]string) (source.Endpoint, error) {
	name := data.Endpoints[0]
	from, inManifest := m.Endpoint(name)
	change, changed := app.Endpoints[name]
	if !inManifest && !changed {
		var known []string
		for _, e := range m.Endpoints {
			known = append(known, e.Name)
		}
		return source.Endpoint{}, fmt.Errorf("%s: data source %s: connector %s has no endpoint %q (it has: %s); define [applications.%s.endpoints.%s] for a new one",
			data.Pos, data.Name, m.Name, name, strings.Join(known, ", "), app.Name, name)
	}
	from.Name = name
	out := source.Endpoint{Endpoint: from}
	if !changed {
		return out, nil
	}
	return out, mergeEndpoint(&out, change, lookups)
}

func mergeEndpoint(out *source.Endpoint, change config.Endpoint, lookups map[string]map[string]string) error {
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
	return mergeTemplates(out, change, lookups)
}

// mergeRepeat takes another way of paging as a whole. Without one the paging
// stays the connector's: an endpoint that lost it would deliver its first page
// only, and everybody else would be missing.
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

// mergeTemplates compiles the texts that the configuration sets. It has
// checked them already; an error here names the place all the same.
func mergeTemplates(out *source.Endpoint, change config.Endpoint, lookups map[string]map[string]string) error {
	scope := expr.NewScope("settings", "now", "last_success").WithLookups(lookups)
	compile := func(t *config.Text, escape expr.Escape, to **expr.Template) error {
		if t == nil {
			return nil
		}
		compiled, err := scope.Template(*t, escape)
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
