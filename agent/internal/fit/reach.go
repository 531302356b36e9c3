package fit

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Reach is one host that requests of a connector may go to.
type Reach struct {
	Host string `json:"host"` // a name, "*." and a domain, or a name with a port from the configuration
	Use  string `json:"use"`  // what is sent there
}

// Reaches lists the hosts of a manifest, and those that applications of the
// connector and their webhooks name in the configuration. It marks hosts that
// receive secrets or at which people log in.
func Reaches(m abi.Manifest, cfg *config.Config) []Reach {
	list := []Reach{}
	for _, h := range m.Hosts {
		list = append(list, Reach{h, "requests"})
	}
	add := func(text, use string) {
		if u, err := url.Parse(text); err == nil && u.Host != "" {
			if r := (Reach{strings.ToLower(u.Host), use}); !slices.Contains(list, r) {
				list = append(list, r)
			}
		}
	}
	for _, p := range m.Auth {
		add(p.TokenURL, "login: the client's id and secret, for tokens ("+p.Name+")")
		add(p.AuthURL, "login: the page for the consent ("+p.Name+")")
		if p.Login != nil {
			if at := p.Login.URL; at != "" {
				add(at, "login: user name and password ("+p.Name+")")
			} else {
				add(m.BaseURL, "login: user name and password ("+p.Name+")")
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Applications)) {
		conf := cfg.Applications[name]
		if conf.Connector != m.Name {
			continue
		}
		of := " of application " + name
		add(conf.BaseURL, "base_url"+of)
		add(conf.TokenURL, "login: token_url"+of)
		add(conf.AuthURL, "login: auth_url"+of)
		if p, ok := m.Profile(abi.AuthKind(conf.Auth)); ok && p.Login != nil && p.Login.URL == "" {
			add(conf.BaseURL, "login: user name and password"+of)
		}
		add(conf.Proxy, "proxy"+of)
		for i, h := range NamedHosts(conf) {
			by := "endpoints"
			if i < len(conf.Hosts) {
				by = "hosts"
			}
			list = append(list, Reach{h, by + of})
		}
		for _, h := range WebhookHosts(cfg, name) {
			list = append(list, Reach{h, "webhooks" + of})
		}
	}
	return list
}
