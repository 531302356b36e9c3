package runtime

import (
	"context"
	"errors"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/fit"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Application returns what the host must know of a configured application.
func (s *Snapshot) Application(ctx context.Context, conf config.Application, m abi.Manifest) (host.Application, error) {
	if wrong := fit.Application(conf, m); len(wrong) > 0 {
		return host.Application{}, errors.Join(wrong...)
	}
	proxy, err := s.Proxy(ctx, conf)
	if err != nil {
		return host.Application{}, err
	}
	profile, _ := m.Profile(abi.AuthKind(conf.Auth)) // otherwise it would be a misfit
	credentials, err := s.shared(conf, m, profile, proxy)
	if err != nil {
		return host.Application{}, err
	}
	app := host.Application{
		Name: conf.Name, BaseURL: conf.BaseURL, Settings: conf.Settings,
		Hosts:      slices.Concat(fit.NamedHosts(conf), fit.WebhookHosts(s.config, conf.Name)),
		Configured: s.fingerprints[conf.Name], Credentials: credentials,
		RateLimit: fit.RateLimit(conf.RateLimit), DailyBudget: int64(conf.DailyBudget),
		Proxy: proxy, Secrets: map[string]func(context.Context) (string, error){},
	}
	for name, ref := range conf.Secrets {
		app.Secrets[name] = s.secret(ref)
	}
	return app, nil
}
