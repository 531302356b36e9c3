package host

import (
	"context"
	"fmt"
	"time"

	"github.com/rollcall-agent/rollcall/host/internal/abi1"
	"github.com/rollcall-agent/rollcall/host/internal/web"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Application is one configured use of a connector. All calls with the same
// Name share connections, rate limit and daily budget.
type Application struct {
	Name     string
	BaseURL  string         // from the configuration; takes precedence over a token's and the manifest's
	Settings map[string]any // the settings that the manifest declares
	// Hosts lists further hosts from the configuration: "name", "name:port" or
	// "*.domain". Requests may go there, placeholders of secrets may not.
	Hosts       []string
	Credentials Credentials // nil: none
	RateLimit   string      // REQUESTS/DURATION; "" is the manifest's
	DailyBudget int64       // tokens a day; 0 is the manifest's
	// Proxy is the URL of an HTTP proxy, http:// or https://, with user and
	// password if it needs them. "direct" is no proxy; "" follows HTTPS_PROXY,
	// HTTP_PROXY and NO_PROXY in the environment.
	Proxy string
	// Secrets holds a reader for each configured secret of the manifest, by name.
	// A call reads all of them before its first request, because an answer may
	// reflect a secret that an earlier call sent; and it reads one again when the
	// connector asks for it.
	Secrets map[string]func(context.Context) (string, error)
	// Configured stands for everything that the configuration says of the
	// application, references of secrets included: calls with another value share
	// no instance of the connector. "" is one value like any other.
	Configured string
	// Macros renders the templates of one call; nil: the call has none.
	Macros Macros
	// Paging evaluates what the configuration says about the pages of one fetch;
	// nil: nothing.
	Paging Paging
	// Watch is told of each request of a call, with its answer; nil: nobody
	// watches, and nothing is kept. It must not block.
	Watch func(Exchange)

	rehearse bool // nothing is sent
}

// Macros renders templates in the scope of one call. Its errors wrap the
// abi.Code that the connector gets: input, refused, no_value or too_large.
type Macros = abi1.Macros

// Paging evaluates what the configuration says about the pages of a fetch.
type Paging = abi1.Paging

// Page is one page of an answer.
type Page = abi1.Page

// ErrEnough is the error of a fetch that was ended at the number of pages that
// its call wants.
var ErrEnough = abi1.ErrEnough

// client returns the client that sends the requests of a call. outbound says
// that the call delivers a webhook.
func (c *Connector) client(app Application, outbound bool) (*web.Client, error) {
	s, err := c.webSettings(app)
	if err != nil {
		return nil, err
	}
	s.Outbound = outbound
	return web.New(s)
}

// elsewhere returns the client for requests that are none of the application's API:
// what their answers say of limits does not concern it.
func (c *Connector) elsewhere(app Application) (*web.Client, error) {
	s, err := c.webSettings(app)
	if err != nil {
		return nil, err
	}
	s.Elsewhere, s.MaxBody = true, abi.MaxAttachment
	return web.New(s)
}

func (c *Connector) webSettings(app Application) (web.Settings, error) {
	m := c.module.Manifest
	var urls []string
	if app.BaseURL != "" {
		urls = append(urls, app.BaseURL)
	}
	rules, err := web.NewRules(m.Hosts, app.Hosts, urls)
	if err != nil {
		return web.Settings{}, err
	}
	shared := c.host.network(app.Name)
	if err := shared.limiter.Configure(limits(m, app)); err != nil {
		return web.Settings{}, err
	}
	s := web.Settings{
		Network: web.Network{Rules: rules, Proxy: app.Proxy, TLS: c.host.settings.TLS}, Pool: shared.pool,
		Configured: app.BaseURL, Manifest: m.BaseURL,
		Secrets: app.Secrets, Limiter: shared.limiter,
		Timeout: c.host.settings.CallTimeout, SpoolDir: c.host.settings.CacheDir,
		UserAgent: "rollcall/" + c.host.settings.Version, MaxBody: abi.MaxBodySize, Watch: app.Watch, Rehearse: app.rehearse,
	}
	for _, p := range m.Auth {
		s.Profiles = append(s.Profiles, p.Name)
	}
	for _, secret := range m.Secrets {
		s.SecretNames = append(s.SecretNames, secret.Name)
	}
	if app.Credentials != nil {
		s.Credentials = app.Credentials
	}
	if o := c.host.observer; o != nil {
		s.Observe = func(status int, took time.Duration) { o.HTTPRequest(app.Name, status, took) }
		s.ObserveLimit = func(waited time.Duration) { o.RateLimited(app.Name, waited) }
	}
	return s, nil
}

// limits returns the manifest's limits, unless the configuration sets its own.
func limits(m abi.Manifest, app Application) web.Limits {
	l := web.Limits{Rate: m.RateLimit, Rates: m.Rates, PerDay: m.Budget.PerDay, Reset: m.Budget.Reset, LeftHeader: m.Budget.LeftHeader}
	if app.RateLimit != "" {
		l.Rate = app.RateLimit
	}
	if app.DailyBudget != 0 {
		l.PerDay = app.DailyBudget
	}
	return l
}

// settings checks the configured settings against the manifest and fills in
// defaults.
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
