//go:build !wasip1

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/plugins/infobip/sim"
	"github.com/rollcall-agent/rollcall/sdk/abi"
	"github.com/rollcall-agent/rollcall/sdk/sdktest"
)

// manifest returns the manifest, which all tests share and must not change.
func manifest(t *testing.T) abi.Manifest {
	t.Helper()
	m, err := parsed()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

var parsed = sync.OnceValues(func() (abi.Manifest, error) {
	text, err := os.ReadFile("manifest.toml")
	if err != nil {
		return abi.Manifest{}, err
	}
	return host.ParseManifest(text)
})

func endpoint(t *testing.T, name string) abi.Endpoint {
	t.Helper()
	e, ok := manifest(t).Endpoint(name)
	if !ok {
		t.Fatalf("no endpoint %s", name)
	}
	e.Params = maps.Clone(e.Params)
	return e
}

// scene is a simulator and a host that talks to it. The simulator's clock
// advances by the waits of the host.
type scene struct {
	sim  *sim.Server
	host *sdktest.Host
}

const apiKey = "sim-api-key"

func newScene(t *testing.T, o sim.Options) scene {
	t.Helper()
	host := &sdktest.Host{Authorize: func(r *http.Request) { r.Header.Set("Authorization", "App "+apiKey) }}
	clock := &clock{host: host, RoundTripper: &http.Transport{DisableKeepAlives: true}} // net/http sends a request again on a reused connection
	o.Now = func() time.Time {
		return time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC).Add(time.Duration(clock.waited.Load()))
	}
	s := sim.New(o)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	host.URL = server.URL
	host.Client = &http.Client{Transport: clock}
	return scene{s, host}
}

// clock advances, with each request, by the waits of the host. The simulator
// may still be busy with a request whose answer is lost.
type clock struct {
	http.RoundTripper
	host   *sdktest.Host
	waited atomic.Int64
}

func (c *clock) RoundTrip(r *http.Request) (*http.Response, error) {
	var sum time.Duration
	for _, w := range c.host.Waits {
		sum += w
	}
	c.waited.Store(int64(sum))
	return c.RoundTripper.RoundTrip(r)
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
		list = append(list, fmt.Sprintf("%s %s?%s %d", r.Method, r.Path, r.Query, r.Status))
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

// get asks the simulator besides the connector.
func (s scene) get(t *testing.T, path string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.host.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "App "+apiKey)
	resp, err := s.host.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// person is a person as the simulator keeps it.
func (s scene) person(t *testing.T, id int64) sim.Person {
	t.Helper()
	p, err := s.sim.Person(id)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func emails(p sim.Person) string {
	var list []string
	for _, e := range p.Contact.Email {
		list = append(list, e.Address)
	}
	return strings.Join(list, " ")
}

func phones(p sim.Person) string {
	var list []string
	for _, n := range p.Contact.Phone {
		list = append(list, n.Number)
	}
	return strings.Join(list, " ")
}

// state is everything in which deliveries could pile up, without the times of
// changes.
func (s scene) state(t *testing.T) string {
	t.Helper()
	var all []any
	for id := int64(1); id <= 20; id++ {
		if p, err := s.sim.Person(id); err == nil {
			p.ModifiedAt, p.ModifiedFrom = "", ""
			all = append(all, p)
		}
		if a, err := s.sim.Agent(id); err == nil {
			a.UpdatedAt = ""
			all = append(all, a)
		}
	}
	raw, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw) + s.get(t, "/people/2/tags?limit=1000") + s.get(t, "/people/2/customAttributes?limit=1000")
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
	if strings.ContainsAny(f.Message, "\r\n") || strings.Contains(f.Message, apiKey) || strings.Contains(f.Message, "sim-password") {
		t.Errorf("message %q", f.Message)
	}
}

func TestManifest(t *testing.T) {
	m := manifest(t)
	key, _ := m.Profile(abi.AuthAPIKey)
	session, _ := m.Profile(abi.AuthSession)
	oauth, _ := m.Profile(abi.AuthOAuth2)
	_, basic := m.Profile(abi.AuthBasic)
	if key.Header != "Authorization" || key.Prefix != "App " || session.Prefix != "IBSSO " || oauth.Grant != abi.GrantClientCredentials || oauth.ClientAuth != abi.ClientAuthBody || !basic {
		t.Errorf("%+v, %+v, %+v", key, session, oauth)
	}
	for _, e := range m.Endpoints {
		if len(e.Scopes) == 0 || len(e.Rights) == 0 || e.Audience == "" || len(e.Attributes) == 0 {
			t.Errorf("endpoint %s lacks scopes, rights, audience or attributes", e.Name)
		}
	}
	for _, w := range m.Webhooks {
		if len(w.Scopes) == 0 || len(w.Rights) == 0 || w.Method != http.MethodGet && !w.Repeatable && w.Verify == nil {
			t.Errorf("webhook %s lacks scopes or rights, or cannot be delivered again", w.Name)
		}
	}
}
