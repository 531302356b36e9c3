package host

import (
	"context"
	"fmt"
	"time"

	"github.com/rollcall-agent/rollcall/host/internal/web"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Application is one configured use of a connector.
type Application struct {
	Name        string
	BaseURL     string         // of the configuration; wins over that of a token and of the manifest
	Settings    map[string]any // as the manifest declares them
	Hosts       []string       // more hosts that the configuration names: "name", "name:port" or "*.domain"
	Credentials Credentials    // nil: none
	RateLimit   string         // REQUESTS/DURATION; "" is the manifest's
	DailyBudget int64          // tokens a day; 0 is the manifest's
	// Proxy is the URL of an HTTP proxy, "direct" for none, "" for that of the
	// environment.
	Proxy string
	// Secrets reads what the manifest's secrets are, by name, when a request
	// needs it.
	Secrets map[string]func(context.Context) (string, error)
}

func (c *Connector) client(app Application) (*web.Client, error) {
	m := c.module.Manifest
	var urls []string
	if app.BaseURL != "" {
		urls = append(urls, app.BaseURL)
	}
	rules, err := web.NewRules(m.Hosts, app.Hosts, urls)
	if err != nil {
		return nil, err
	}
	limit := app.RateLimit
	if limit == "" {
		limit = m.RateLimit
	}
	limiter, err := c.host.limiter(app.Name, limit)
	if err != nil {
		return nil, fmt.Errorf("rate_limit: %w", err)
	}
	var profiles []string
	for _, p := range m.Auth {
		profiles = append(profiles, p.Name)
	}
	s := web.Settings{
		Rules: rules, Configured: app.BaseURL, Manifest: m.BaseURL, Profiles: profiles,
		Limiter: limiter, Timeout: c.host.settings.CallTimeout, SpoolDir: c.host.settings.CacheDir,
		UserAgent: "rollcall/" + c.host.settings.Version, MaxBody: abi.MaxBodySize, TLS: c.host.settings.TLS,
	}
	if app.Credentials != nil {
		s.Credentials = app.Credentials
	}
	if o := c.host.observer; o != nil {
		s.Observe = func(status int, took time.Duration) { o.HTTPRequest(app.Name, status, took) }
		s.ObserveLimit = func(waited time.Duration) { o.RateLimited(app.Name, waited) }
	}
	return web.New(s), nil
}

// settings checks what the configuration sets against the manifest.
func settings(m abi.Manifest, set map[string]any) (map[string]any, error) {
	all := map[string]any{}
	known := map[string]bool{}
	for _, s := range m.Settings {
		known[s.Name] = true
		v, ok := set[s.Name]
		switch {
		case ok:
			if err := s.Check(v); err != nil {
				return nil, fmt.Errorf("setting %s: %w", s.Name, err)
			}
			all[s.Name] = v
		case s.Required:
			return nil, fmt.Errorf("setting %s is required: %s", s.Name, s.Title)
		case s.Default != nil:
			all[s.Name] = s.Default
		}
	}
	for name := range set {
		if !known[name] {
			return nil, fmt.Errorf("setting %s is not one that the connector declares", name)
		}
	}
	return all, nil
}
