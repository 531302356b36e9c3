package fit

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Application checks an application against the manifest of its connector. It
// returns an error for each setting that the connector does not support, and for
// each required one that is missing.
func Application(conf config.Application, m abi.Manifest) []error {
	var wrong []error
	profile, ok := m.Profile(abi.AuthKind(conf.Auth))
	if !ok {
		var kinds []string
		for _, p := range m.Auth {
			kinds = append(kinds, string(p.Kind))
		}
		wrong = append(wrong, fmt.Errorf("%s: application %s: connector %s does not support auth = %q (it supports: %s)",
			conf.Pos, conf.Name, m.Name, conf.Auth, strings.Join(kinds, ", ")))
	} else if profile.Login != nil {
		if _, err := LoginURL(conf, m, *profile.Login); err != nil {
			wrong = append(wrong, err)
		}
	}
	var names []string
	for _, s := range m.Secrets {
		names = append(names, s.Name)
		if _, ok := conf.Secrets[s.Name]; s.Required && !ok {
			wrong = append(wrong, fmt.Errorf(
				"%s: application %s: connector %s needs the secret %s%s: refer to it in [applications.%s.secrets]",
				conf.Pos, conf.Name, m.Name, s.Name, inBrackets(s.Title), conf.Name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(conf.Secrets)) {
		if _, known := m.Secret(name); !known {
			wrong = append(wrong, fmt.Errorf("%s: application %s: connector %s has no secret %q%s",
				conf.Secrets[name].Pos, conf.Name, m.Name, name, inBrackets(nearest(name, names))))
		}
	}
	return append(wrong, wrongSettings(conf, m)...)
}

// wrongSettings checks the settings against those that the manifest declares.
func wrongSettings(conf config.Application, m abi.Manifest) []error {
	var wrong []error
	var names []string
	for _, s := range m.Settings {
		names = append(names, s.Name)
		value, set := conf.Settings[s.Name]
		if !set && s.Required {
			wrong = append(wrong, fmt.Errorf(
				"%s: application %s: connector %s needs the setting %s%s: set it in [applications.%s.settings]",
				conf.Pos, conf.Name, m.Name, s.Name, inBrackets(s.Title), conf.Name))
		}
		if set {
			if err := s.Check(value); err != nil {
				wrong = append(wrong, fmt.Errorf("%s: application %s: setting %s: %w", conf.Pos, conf.Name, s.Name, err))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(conf.Settings)) {
		if !slices.Contains(names, name) {
			wrong = append(wrong, fmt.Errorf("%s: application %s: connector %s has no setting %q%s",
				conf.Pos, conf.Name, m.Name, name, inBrackets(nearest(name, names))))
		}
	}
	return wrong
}

// LoginURL returns the URL at which to open a session. It is below base_url, and
// only on a host of the manifest or one that the configuration names.
func LoginURL(conf config.Application, m abi.Manifest, login abi.Login) (string, error) {
	text := login.URL
	if text == "" {
		base := conf.BaseURL
		if base == "" {
			base = m.BaseURL
		}
		if base == "" {
			return "", fmt.Errorf("%s: application %s: base_url is missing: connector %s does not know where to log in",
				conf.Pos, conf.Name, m.Name)
		}
		text = strings.TrimSuffix(base, "/") + login.Path
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return "", fmt.Errorf("%s: application %s: %q, where connector %s logs in, is not a URL", conf.Pos, conf.Name, text, m.Name)
	}
	configured := false
	if base, err := url.Parse(conf.BaseURL); err == nil && conf.BaseURL != "" {
		configured = strings.EqualFold(u.Host, base.Host) && u.Scheme == base.Scheme
	}
	if !configured && (u.Scheme != "https" || u.Port() != "" && u.Port() != "443" || !m.AllowsHost(u.Hostname())) {
		return "", fmt.Errorf("%s: application %s: connector %s logs in at %s, which is neither a host of its manifest on port 443 "+
			"nor that of base_url: the password is not sent there",
			conf.Pos, conf.Name, m.Name, u.Redacted())
	}
	return text, nil
}

// NamedHosts lists the hosts that the configuration of an application names beside its
// base URLs: in hosts, and in the URLs of endpoints.
func NamedHosts(conf config.Application) []string {
	hosts := slices.Clone(conf.Hosts)
	for _, e := range conf.Endpoints {
		if host := hostOf(e.URL); host != "" {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// WebhookHosts lists the hosts in the URLs of an application's webhooks that the
// configuration sets.
func WebhookHosts(cfg *config.Config, application string) []string {
	var hosts []string
	for _, name := range slices.Sorted(maps.Keys(cfg.Webhooks)) {
		w := cfg.Webhooks[name]
		if w.Application != application {
			continue
		}
		urls := []*config.Text{w.URL}
		if w.Verify != nil {
			urls = append(urls, w.Verify.URL)
		}
		for _, u := range urls {
			if host := hostOf(u); host != "" && !slices.Contains(hosts, host) {
				hosts = append(hosts, host)
			}
		}
	}
	return hosts
}

// hostOf returns the host of a URL that is written out.
func hostOf(t *config.Text) string {
	if t == nil {
		return ""
	}
	whole, _, _ := strings.Cut(t.Text, "{{")
	u, err := url.Parse(whole)
	if err != nil {
		return ""
	}
	return u.Host
}

// RateLimit returns a rate limit in the manifest's form; "" for none.
func RateLimit(r config.RateLimit) string {
	if r.Requests == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%s", r.Requests, r.Per)
}
