package fit

import (
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/endpoint"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// knownEndpoint finds the called endpoint in the manifest: the one with the same
// place, perhaps under another name, or the one that the configuration moved
// elsewhere. When several have that place, the one with the same name wins;
// without such a name, the one with the strictest audience does.
func knownEndpoint(app config.Application, e endpoint.Endpoint, m abi.Manifest, now time.Time) *abi.Endpoint {
	named := -1
	var there []int
	called := places(e.Target(now, app.Settings), app.BaseURL, m.BaseURL)
	for i, candidate := range m.Endpoints {
		if candidate.Name == e.Name {
			named = i
		}
		if methodOf(candidate.Method) == methodOf(e.Method) && samePlace(called, places(candidate.Path+candidate.URL, m.BaseURL)) {
			there = append(there, i)
		}
	}
	switch {
	case named >= 0 && (len(there) == 0 || slices.Contains(there, named)):
		return &m.Endpoints[named]
	case len(there) == 0:
		return nil
	}
	strictest := slices.MaxFunc(there, func(a, b int) int {
		return strictness(m.Endpoints[a].Audience) - strictness(m.Endpoints[b].Audience)
	})
	return &m.Endpoints[strictest]
}

// Known returns the endpoint of the manifest that an endpoint of an application calls,
// under whatever name; false when it is none of them.
func Known(cfg *config.Config, app config.Application, name string, m abi.Manifest, now time.Time) (abi.Endpoint, bool) {
	called, err := endpointOf(cfg, app, config.DataSource{Application: app.Name}, name, m)
	if err != nil {
		return abi.Endpoint{}, false
	}
	known := knownEndpoint(app, called, m, now)
	if known == nil {
		return abi.Endpoint{}, false
	}
	return *known, true
}

// strictness ranks audiences: the higher, the less may be done with their
// records.
func strictness(a abi.Audience) int {
	return slices.Index([]abi.Audience{"", abi.AudienceWorkforce, abi.AudienceCustomers, abi.AudienceObjects}, a)
}

func methodOf(method string) string {
	if method == "" {
		return abi.MethodGet
	}
	return method
}

// places returns the forms of a path that may mean the same: as written, and
// below each base URL, without the query and a leading "api".
func places(target string, bases ...string) []string {
	u, err := url.Parse(target)
	if err != nil || u.Path == "" {
		return nil
	}
	all := []string{plainPath(u.Path)}
	if u.IsAbs() {
		return all
	}
	for _, text := range bases {
		if base, err := url.Parse(text); err == nil && text != "" {
			all = append(all, plainPath(base.Path+"/"+u.Path))
		}
	}
	return all
}

func plainPath(p string) string {
	p = strings.ToLower(path.Clean("/" + p))
	if rest, ok := strings.CutPrefix(p, "/api/"); ok {
		return "/" + rest
	}
	return p
}

func samePlace(a, b []string) bool {
	return slices.ContainsFunc(a, func(p string) bool { return slices.Contains(b, p) })
}
