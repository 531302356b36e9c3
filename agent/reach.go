package main

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// connectorView is a module with all that requests on its behalf may go to.
type connectorView struct {
	host.Module
	Reach []reach `json:"reach"`
}

// reach is one host and what is sent there.
type reach struct {
	Host string `json:"host"` // a name, "*." and a domain, or with a port what the configuration names
	Use  string `json:"use"`
}

func (a *app) connectorViews(modules []host.Module) []connectorView {
	views := make([]connectorView, len(modules))
	for i, m := range modules {
		views[i] = connectorView{m, reaches(m.Manifest, a.config.Applications)}
	}
	return views
}

// reaches lists the hosts of a manifest and those that applications of the
// connector name in the configuration, with those that get secrets for a token
// or see people log in named as such.
func reaches(m abi.Manifest, applications map[string]config.Application) []reach {
	list := []reach{}
	for _, h := range m.Hosts {
		list = append(list, reach{h, "requests"})
	}
	add := func(text, use string) {
		if u, err := url.Parse(text); err == nil && u.Host != "" {
			if r := (reach{strings.ToLower(u.Host), use}); !slices.Contains(list, r) {
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
	for _, name := range slices.Sorted(maps.Keys(applications)) {
		conf := applications[name]
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
		for _, h := range namedHosts(conf) {
			list = append(list, reach{h, "endpoints" + of})
		}
	}
	return list
}
