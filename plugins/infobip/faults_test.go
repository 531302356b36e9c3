//go:build !wasip1

package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/plugins/infobip/sim"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Lasting faults: the fetch fails with this kind and message after so many
// requests. It also fails on a later page.
func TestEveryFaultFailsTheFetch(t *testing.T) {
	for _, c := range []struct {
		fault    sim.Fault
		kind     abi.Kind
		requests int
		message  []string
	}{
		{sim.Fault{Kind: sim.HTML}, abi.KindBadResponse, 1, []string{"answered 200 with an HTML page", "base_url"}},
		{sim.Fault{Kind: sim.Blocked}, abi.KindBlocked, 1, []string{"answered 403 with an HTML page"}},
		{sim.Fault{Kind: sim.TooMany}, abi.KindRateLimited, 5, []string{"answered 429", "Too many requests", "TOO_MANY_REQUESTS"}},
		{sim.Fault{Kind: sim.TooMany, RetryAfter: 3600}, abi.KindRateLimited, 1, []string{"asks to wait 1h0m0s"}},
		{sim.Fault{Kind: sim.Status, Code: 500}, abi.KindUnavailable, 5, []string{"answered 500", "Please contact support"}},
		{sim.Fault{Kind: sim.Status, Code: 401}, abi.KindAuth, 1, []string{"answered 401", "API key", "base_url"}},
		{sim.Fault{Kind: sim.Status, Code: 403}, abi.KindForbidden, 1, []string{"lack the scope people:read", "FORBIDDEN"}},
		{sim.Fault{Kind: sim.Status, Code: 404}, abi.KindConfig, 1, []string{"answered 404"}},
		{sim.Fault{Kind: sim.Truncate, Bytes: 1}, abi.KindBadResponse, 1, []string{"not JSON"}},
		{sim.Fault{Kind: sim.Truncate, Bytes: 900}, abi.KindBadResponse, 1, []string{"not JSON"}},
		{sim.Fault{Kind: sim.Reset}, abi.KindUnavailable, 5, nil},
		{sim.Fault{Kind: sim.Reset, Bytes: 900}, abi.KindUnavailable, 5, nil},
	} {
		t.Run(string(c.fault.Kind), func(t *testing.T) {
			for skip := range 2 {
				s := newScene(t, sim.Options{Seed: 1, People: 25, Unlimited: true})
				c.fault.Skip = skip
				s.fault(t, c.fault)
				err := s.host.Fetch(connector(), small(t, 10))
				fails(t, err, c.kind, append(c.message, "GET /people/2/persons")...)
				if n := len(s.requests()); n != c.requests+skip {
					t.Errorf("%d requests, want %d", n, c.requests+skip)
				}
			}
		})
	}
}

// Infobip counts by the second: a 429 without a waiting time costs one second.
func TestTransientFaultsAreOvercome(t *testing.T) {
	for name, c := range map[string]struct {
		fault sim.Fault
		least time.Duration
	}{
		"429":         {sim.Fault{Kind: sim.TooMany, Times: 2}, time.Second},
		"Retry-After": {sim.Fault{Kind: sim.TooMany, Times: 2, RetryAfter: 9}, 9 * time.Second},
		"500":         {sim.Fault{Kind: sim.Status, Code: 500, Times: 2}, 1},
		"reset":       {sim.Fault{Kind: sim.Reset, Times: 2}, 1},
	} {
		s := newScene(t, sim.Options{Seed: 1, People: 5})
		s.fault(t, c.fault)
		if err := s.host.Fetch(connector(), endpoint(t, "people")); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, w := range s.host.Waits {
			if len(s.host.Waits) != 2 || w < c.least || w > c.least+time.Second {
				t.Errorf("%s: waits %v", name, s.host.Waits)
			}
		}
	}
}

// The first half of the list, announced as the whole, cannot be distinguished
// from a short list; a page that comes twice can be noticed.
func TestPageRepeats(t *testing.T) {
	for _, siblings := range []string{"present", "absent"} {
		s := newScene(t, sim.Options{Seed: 1, People: 30, Unlimited: true, Readings: map[string]string{"list_siblings": siblings}})
		s.fault(t, sim.Fault{Kind: sim.PageRepeats})
		fails(t, s.host.Fetch(connector(), small(t, 10)), abi.KindBadResponse, "came twice")
	}
}

// post sends a login or a token request besides the connector.
func (s scene) post(t *testing.T, path, kind, text, member string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.host.URL+path, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	resp, err := s.host.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer map[string]any
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatalf("%s: %s", path, raw)
	}
	text, _ = answer[member].(string)
	return text
}

func TestEveryWayToAuthorize(t *testing.T) {
	session := func(t *testing.T, s scene) string {
		return "IBSSO " + s.post(t, "/auth/1/session", "application/json", `{"username":"sim-user","password":"sim-password"}`, "token")
	}
	oauth := func(t *testing.T, s scene) string {
		form := url.Values{"client_id": {"sim-user"}, "client_secret": {"sim-password"}, "grant_type": {"client_credentials"}}
		return "Bearer " + s.post(t, "/auth/1/oauth2/token", "application/x-www-form-urlencoded", form.Encode(), "access_token")
	}
	for name, header := range map[string]func(*testing.T, scene) string{
		"api_key": func(*testing.T, scene) string { return "App " + apiKey }, "session": session, "oauth2": oauth,
		"basic": func(*testing.T, scene) string { return "Basic c2ltLXVzZXI6c2ltLXBhc3N3b3Jk" },
	} {
		if _, ok := manifest(t).Profile(abi.AuthKind(name)); !ok {
			t.Errorf("no profile %s", name)
		}
		s := newOperations(t, nil)
		value := header(t, s)
		s.host.Authorize = func(r *http.Request) { r.Header.Set("Authorization", value) }
		if err := s.host.Fetch(connector(), endpoint(t, "people")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := s.invoke(t, "update_person", about("3")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		value += "x"
		fails(t, s.host.Fetch(connector(), endpoint(t, "people")), abi.KindAuth, "answered 401", "does not accept the credentials")
		fails(t, s.invoke(t, "update_person", about("3")), abi.KindAuth, "answered 401")
		_, err := s.host.Check(connector())
		fails(t, err, abi.KindAuth, "answered 401")
	}
}

func TestMissingScopeIsNamed(t *testing.T) {
	for _, w := range manifest(t).Webhooks {
		s := newOperations(t, nil)
		v := about("3")
		if strings.Contains(w.Path, "agents") {
			v = agent2(t, s)
		}
		before := s.state(t)
		s.sim.SetScopes("account-management:manage")
		fails(t, s.invoke(t, w.Name, v), abi.KindForbidden, "answered 403", w.Scopes[len(w.Scopes)-1], "API key")
		s.sim.SetScopes(sim.AllScopes()...)
		if s.state(t) != before {
			t.Errorf("%s changed something", w.Name)
		}
	}
}
