//go:build !wasip1

package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/rollcall-agent/rollcall/plugins/pipedrive/sim"
	"github.com/rollcall-agent/rollcall/sdk/abi"
	"github.com/rollcall-agent/rollcall/sdk/sdktest"
)

// manifest returns the manifest, which all tests share and must not change.
func manifest(t *testing.T) abi.Manifest {
	t.Helper()
	m, err := decoded()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

var decoded = sync.OnceValues(func() (m abi.Manifest, err error) {
	meta, err := toml.DecodeFile("manifest.toml", &m)
	if unknown := meta.Undecoded(); err == nil && len(unknown) > 0 {
		err = fmt.Errorf("unknown keys %v", unknown)
	}
	m.Normalize()
	return m, err
})

// usersEndpoint is the manifest's endpoint without its page size, so that the
// simulator's own applies.
func usersEndpoint(t *testing.T) abi.Endpoint {
	t.Helper()
	e := endpoint(t, "users")
	e.Params = nil
	return e
}

func endpoint(t *testing.T, name string) abi.Endpoint {
	t.Helper()
	e, ok := manifest(t).Endpoint(name)
	if !ok {
		t.Fatalf("no endpoint %s", name)
	}
	return e
}

// scene is a simulator and a host that talks to it. The simulator's clock
// advances by the waits of the host.
type scene struct {
	sim  *sim.Server
	host *sdktest.Host
}

func newScene(t *testing.T, o sim.Options) scene {
	t.Helper()
	host := &sdktest.Host{Authorize: func(r *http.Request) { r.Header.Set("x-api-token", "sim-api-token") }}
	start := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	o.Now = func() time.Time {
		now := start
		for _, w := range host.Waits {
			now = now.Add(w)
		}
		return now
	}
	s := sim.New(o)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	host.URL, host.Client = server.URL, server.Client()
	return scene{s, host}
}

func (s scene) fault(t *testing.T, faults ...sim.Fault) {
	t.Helper()
	for _, f := range faults {
		if err := s.sim.AddFault(f); err != nil {
			t.Fatal(err)
		}
	}
}

func (s scene) requests() (list []string) {
	for _, r := range s.sim.Requests() {
		list = append(list, fmt.Sprintf("%s?%s %d", r.Path, r.Query, r.Status))
	}
	return list
}

func (s scene) keys() string {
	var keys []string
	for _, r := range s.host.Records {
		keys = append(keys, r.Key)
	}
	return strings.Join(keys, " ")
}

// fails checks for a failure of that kind whose message contains all of these.
func fails(t *testing.T, err error, kind abi.Kind, message ...string) {
	t.Helper()
	var f *sdktest.Error
	if !errors.As(err, &f) {
		t.Fatalf("got %v, want a failure of kind %s", err, kind)
	}
	if f.Kind != kind {
		t.Errorf("kind %s, want %s: %s", f.Kind, kind, f.Message)
	}
	for _, part := range message {
		if !strings.Contains(f.Message, part) {
			t.Errorf("message %q does not hold %q", f.Message, part)
		}
	}
	if strings.ContainsAny(f.Message, "\r\n") || strings.Contains(f.Message, "sim-api-token") {
		t.Errorf("message %q", f.Message)
	}
}

func TestManifest(t *testing.T) {
	m := manifest(t)
	if err := m.Validate(); err != nil {
		t.Fatal(err)
	}
	key, _ := m.Profile(abi.AuthAPIKey)
	oauth, _ := m.Profile(abi.AuthOAuth2)
	if key.Header != "x-api-token" || oauth.BaseURLField != "api_domain" || oauth.ClientAuth != abi.ClientAuthBasic || len(m.Cannot) == 0 {
		t.Errorf("%+v, %+v", key, oauth)
	}
}

func TestFetchDeliversEverybody(t *testing.T) {
	s := newScene(t, sim.Options{Seed: 1, People: 500, NoEmail: 6})
	if err := s.host.Fetch(connector(), endpoint(t, "users")); err != nil {
		t.Fatal(err)
	}
	if len(s.host.Records) != 500 || s.host.Records[0].Key != "1" || s.host.Records[499].Key != "500" {
		t.Errorf("%d records", len(s.host.Records))
	}
	if got := s.requests(); len(got) != 1 || got[0] != "/v1/users?limit=30 200" {
		t.Errorf("requests %v", got)
	}
}

func TestFetchUsesTheEndpointOfTheCall(t *testing.T) {
	s := newScene(t, sim.Options{Seed: 1, People: 20})
	e := usersEndpoint(t)
	e.Path, e.Params = "/api/v1/users/find", map[string]string{"term": "ada.novak1@", "search_by_email": "1"}
	if err := s.host.Fetch(connector(), e); err != nil {
		t.Fatal(err)
	}
	if s.keys() != "1" {
		t.Errorf("keys %s", s.keys())
	}
}

func TestFetchFollowsBothFormsOfPaging(t *testing.T) {
	styles := map[string]abi.Repeat{
		"as in the manifest": usersEndpoint(t).Repeat,
		"none":               {Style: abi.RepeatNone},
		"offset":             {Style: abi.RepeatOffset, Param: "start", Next: "/additional_data/pagination/next_start"},
	}
	for name, repeat := range styles {
		for _, form := range []sim.Paging{sim.OffsetPaging, sim.CursorPaging} {
			t.Run(name+"/"+string(form), func(t *testing.T) {
				s := newScene(t, sim.Options{Seed: 1, People: 7, Paging: form, PageSize: 3})
				e := usersEndpoint(t)
				e.Repeat = repeat
				if err := s.host.Fetch(connector(), e); err != nil {
					t.Fatal(err)
				}
				if s.keys() != "1 2 3 4 5 6 7" || len(s.requests()) != 3 {
					t.Errorf("keys %s, requests %v", s.keys(), s.requests())
				}
			})
		}
	}
}

func TestFetchKeepsParametersWhilePaging(t *testing.T) {
	s := newScene(t, sim.Options{Seed: 1, People: 5, Paging: sim.OffsetPaging})
	e := usersEndpoint(t)
	e.Params = map[string]string{"limit": "2", "start": "2"}
	if err := s.host.Fetch(connector(), e); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(s.requests(), ", "); s.keys() != "3 4 5" || got != "/v1/users?limit=2&start=2 200, /v1/users?limit=2&start=4 200" {
		t.Errorf("keys %s, requests %s", s.keys(), got)
	}
}

func checked(s scene) error {
	_, err := s.host.Check(connector())
	return err
}

func TestCheck(t *testing.T) {
	s := newScene(t, sim.Options{Seed: 1, People: 2})
	if err := checked(s); err != nil {
		t.Fatal(err)
	}
	if got := s.requests(); len(got) != 1 || got[0] != "/v1/users/me? 200" {
		t.Errorf("requests %v", got)
	}
	if len(s.host.Lines) != 1 || !strings.Contains(s.host.Lines[0], `user 1 of company "example-co", "ada.novak1@example.org"`) {
		t.Errorf("log %v", s.host.Lines)
	}
}

func TestCheckFails(t *testing.T) {
	for _, c := range []struct {
		fault   sim.Fault
		kind    abi.Kind
		message string
	}{
		{sim.Fault{Kind: sim.DataNull}, abi.KindBadResponse, "no user id at /data/id"},
		{sim.Fault{Kind: sim.DataEmpty}, abi.KindBadResponse, "no user id at /data/id"},
		{sim.Fault{Kind: sim.HTML}, abi.KindBadResponse, "HTML page instead of JSON"},
		{sim.Fault{Kind: sim.Forbidden}, abi.KindForbidden, "lacks the right"},
		{sim.Fault{Kind: sim.Truncate, Bytes: 60}, abi.KindBadResponse, "GET /v1/users/me"},
		{sim.Fault{Kind: sim.Reset}, abi.KindUnavailable, "GET /v1/users/me"},
	} {
		s := newScene(t, sim.Options{Seed: 1, People: 2})
		s.fault(t, c.fault)
		fails(t, checked(s), c.kind, "GET /v1/users/me", c.message)
	}
}
