//go:build !wasip1

package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// oauth lets the connector use the company's own host, as api_domain and the
// manifest's base_path give it, with a token of these scopes.
func (s scene) oauth(t *testing.T, scopes ...string) {
	t.Helper()
	token := s.sim.IssueAccessToken(scopes...)
	profile, _ := manifest(t).Profile(abi.AuthOAuth2)
	s.host.URL = strings.TrimSuffix(s.host.URL, profile.BasePath) + profile.BasePath
	s.host.Authorize = func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

// An OAuth app with the scopes of an operation may carry it out, and one
// without them is told which to add.
func TestEveryOperationNamesItsScopes(t *testing.T) {
	each(t, func(t *testing.T, name string, o operation) {
		s := newScene(t, quiet())
		w := render(t, name, o.setup(t, s))
		s.oauth(t, w.Scopes...)
		if _, err := s.host.Invoke(connector(), abi.InvokeCall{Webhook: w}); err != nil {
			t.Fatalf("with scopes %v: %v", w.Scopes, err)
		}
		for _, r := range s.sim.Requests() {
			if r.Auth == "bearer" && !strings.HasPrefix(r.Path, "/api/v1/") && !strings.HasPrefix(r.Path, "/api/v2/") {
				t.Errorf("request to %s", r.Path)
			}
		}
		s.oauth(t, "goals:read")
		_, err := s.host.Invoke(connector(), abi.InvokeCall{Webhook: w})
		fails(t, err, abi.KindForbidden, "not granted scope "+w.Scopes[0], "authorize again")
	})
}

func TestEveryEndpointNamesItsScopes(t *testing.T) {
	for _, e := range manifest(t).Endpoints {
		s := newScene(t, quiet())
		s.oauth(t, e.Scopes...)
		if err := s.host.Fetch(connector(), e); err != nil {
			t.Errorf("%s with scopes %v: %v", e.Name, e.Scopes, err)
		}
		s.oauth(t, "goals:read")
		fails(t, s.host.Fetch(connector(), e), abi.KindForbidden, "not granted scope "+e.Scopes[0], "authorize again")
	}
}
