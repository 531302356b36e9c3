package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/oauth"
	"github.com/rollcall-agent/rollcall/agent/internal/source"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// application is what the host must know of a configured application.
func (a *app) application(conf config.Application, m abi.Manifest) (host.Application, error) {
	profile, ok := m.Profile(abi.AuthKind(conf.Auth))
	if !ok {
		var kinds []string
		for _, p := range m.Auth {
			kinds = append(kinds, string(p.Kind))
		}
		return host.Application{}, fmt.Errorf("%s: application %s: connector %s does not support auth = %q (it supports: %s)",
			conf.Pos, conf.Name, m.Name, conf.Auth, strings.Join(kinds, ", "))
	}
	credentials, err := a.kept(conf, profile)
	if err != nil {
		return host.Application{}, err
	}
	app := host.Application{
		Name: conf.Name, BaseURL: conf.BaseURL, Settings: conf.Settings,
		Credentials: credentials, RateLimit: rateText(conf.RateLimit),
	}
	for _, e := range conf.Endpoints {
		if e.URL == nil {
			continue
		}
		if u, err := url.Parse(e.URL.Text); err == nil && u.Host != "" && !strings.Contains(u.Host, "{{") {
			app.Hosts = append(app.Hosts, u.Host)
		}
	}
	return app, nil
}

// rateText is a rate limit in the manifest's form; "" for none.
func rateText(r config.RateLimit) string {
	if r.Requests == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%s", r.Requests, r.Per)
}

// credentials keeps secrets on this side: the connector only names a profile.
func (a *app) credentials(conf config.Application, profile abi.AuthProfile) (host.Credentials, error) {
	secret := func(ref config.SecretRef) func(context.Context) (string, error) {
		return func(ctx context.Context) (string, error) {
			s, err := resolve(ctx, a.secrets, ref)
			return s.Reveal(), err
		}
	}
	switch conf.Auth {
	case config.AuthOAuth2:
		tokenURL := profile.TokenURL
		if conf.TokenURL != "" {
			tokenURL = conf.TokenURL
		}
		return oauth.New(oauth.Settings{
			Application: conf.Name, TokenURL: tokenURL, ClientID: conf.ClientID, ClientSecret: secret(conf.ClientSecret),
			SecretInBody: profile.ClientAuth == abi.ClientAuthBody,
			BaseURLField: profile.BaseURLField, BasePath: profile.BasePath,
			HTTP: tokenClient(), Expiry: a.metrics.TokenExpiry,
		}, a.vault), nil
	case config.AuthBasic:
		return &resolved{profile: profile, user: conf.Username, secret: secret(conf.Password)}, nil
	case config.AuthAPIKey:
		return &resolved{profile: profile, secret: secret(conf.APIKey)}, nil
	case config.AuthBearer:
		return &resolved{profile: profile, secret: secret(conf.Token)}, nil
	}
	return nil, fmt.Errorf("%s: auth = %q is not known", conf.Pos, conf.Auth)
}

// resolved are static credentials whose secret is read when a request needs
// it: a missing one concerns its own application, and a new one needs no
// restart.
type resolved struct {
	profile abi.AuthProfile
	user    string
	secret  func(context.Context) (string, error)

	mu  sync.Mutex
	now host.StaticCredentials
}

var _ host.Credentials = (*resolved)(nil)

// Apply implements host.Credentials.
func (r *resolved) Apply(ctx context.Context, req *http.Request) error {
	secret, err := r.secret(ctx)
	if err != nil {
		return err
	}
	now, err := host.NewStaticCredentials(r.profile, r.user, secret)
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.now = now
	r.mu.Unlock()
	return now.Apply(ctx, req)
}

// Rejected implements host.Credentials: nothing better is known.
func (r *resolved) Rejected(context.Context) (bool, error) { return false, nil }

// BaseURL implements host.Credentials: it is not known from them.
func (r *resolved) BaseURL(context.Context) (string, error) { return "", nil }

// Redact implements host.Credentials.
func (r *resolved) Redact() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now.Redact()
}

// tokenClient speaks to token URLs only, which the configuration or the
// manifest names; a redirect would carry the client secret elsewhere.
func tokenClient() *http.Client {
	return &http.Client{
		Timeout:       30 * time.Second,
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// endpointOf merges what the configuration changes into the manifest's
// endpoint, or makes a new one.
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
		return withKey(out, data), nil
	}
	if err := mergeEndpoint(&out, change, lookups); err != nil {
		return out, err
	}
	return withKey(out, data), nil
}

// withKey lets primary_key of the data source decide when the endpoint has no
// key of its own.
func withKey(e source.Endpoint, data config.DataSource) source.Endpoint {
	if e.Key == "" {
		e.Key = "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(data.PrimaryKey)
	}
	return e
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
	if r := change.Repeat; r != nil {
		out.Repeat = abi.Repeat{
			Style: abi.RepeatStyle(r.Style), Param: r.Param, Next: r.Next, More: r.More,
			LimitParam: r.LimitParam, Limit: r.Limit, First: r.First,
		}
	}
	return mergeTemplates(out, change, lookups)
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
