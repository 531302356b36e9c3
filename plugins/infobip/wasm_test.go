//go:build !wasip1

package main

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/plugins/infobip/sim"
	"github.com/rollcall-agent/rollcall/plugins/internal/plugintest"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

var shipped = plugintest.Module{Name: "infobip"}

func TestMain(m *testing.M) { shipped.Main(m) }

// outside is an application at a simulator, called through the real host.
type outside struct {
	scene
	app     host.Application
	records []host.Record
}

func newOutside(t *testing.T, s *sim.Server, kind abi.AuthKind) *outside {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	profile, _ := shipped.Connector(t).Manifest().Profile(kind)
	user, secret := "", apiKey
	if kind == abi.AuthBasic {
		user, secret = "sim-user", "sim-password"
	}
	credentials, err := host.NewStaticCredentials(profile, user, secret)
	if err != nil {
		t.Fatal(err)
	}
	name := "infobip at " + server.URL // one that asks to be left alone must not hold up another test
	return &outside{scene: scene{sim: s}, app: host.Application{Name: name, BaseURL: server.URL, Credentials: credentials, RateLimit: "1000/1s"}}
}

func (o *outside) fetch(t *testing.T, e abi.Endpoint) error {
	t.Helper()
	o.records = nil
	_, err := shipped.Connector(t).Fetch(t.Context(), o.app, abi.FetchCall{Endpoint: e, Retry: abi.RetryLimits{Attempts: 2, MaxWaitMS: 3000}}, func(r host.Record) error {
		o.records = append(o.records, r)
		return nil
	})
	return err
}

func TestWASMManyPeople(t *testing.T) {
	people := soak.Size(3_000, 20_000)
	o := newOutside(t, sim.New(sim.Options{Seed: 1, People: people, Unlimited: true}), abi.AuthAPIKey)
	if err := o.fetch(t, endpoint(t, "people")); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range o.records {
		seen[r.Key] = true
		if r.Problem != "" {
			t.Fatal(r.Problem)
		}
	}
	if len(seen) != people || len(o.records) != people {
		t.Errorf("%d people in %d records", len(seen), len(o.records))
	}
}

func TestWASMEveryEndpoint(t *testing.T) {
	for _, kind := range []abi.AuthKind{abi.AuthAPIKey, abi.AuthBasic} {
		o := newOutside(t, sim.New(sim.Options{Seed: 1, People: 30, Agents: 12, Unlimited: true}), kind)
		for _, e := range manifest(t).Endpoints {
			if err := o.fetch(t, e); err != nil || len(o.records) == 0 {
				t.Errorf("%s: %s: %v, %d records", kind, e.Name, err, len(o.records))
			}
		}
	}
}

// Every webhook through the real host: twice, and after a lost answer.
func TestWASMEveryWebhook(t *testing.T) {
	for _, w := range manifest(t).Webhooks {
		for _, lost := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/lost=%v", w.Name, lost), func(t *testing.T) {
				inside := newOperations(t, nil)
				o := newOutside(t, inside.sim, abi.AuthAPIKey)
				if lost {
					inside.fault(t, sim.Fault{Kind: sim.Lost, Method: w.Method, Times: 1})
				}
				op := operations()[w.Name]
				if op.about == nil {
					op.about = person3
				}
				v := op.about(t, inside)
				for again := range 2 {
					call := abi.InvokeCall{Webhook: render(t, w, v), Again: again > 0, Retry: abi.RetryLimits{Attempts: 1}}
					answer, err := shipped.Connector(t).Invoke(t.Context(), o.app, call)
					if lost && again == 0 {
						var failed *host.CallError
						if !errors.As(err, &failed) || failed.Kind != abi.KindUnavailable {
							t.Fatalf("got %v, want no answer", err)
						}
						continue
					}
					if err != nil {
						t.Fatalf("delivery %d: %v", again+1, err)
					}
					if problem := op.done(t, inside); problem != "" {
						t.Fatalf("delivery %d: %s", again+1, problem)
					}
					if op.key != nil && answer.LinkKey != op.key(t, inside) {
						t.Errorf("key %q, want %q", answer.LinkKey, op.key(t, inside))
					}
				}
			})
		}
	}
}

func TestWASMFailures(t *testing.T) {
	for _, c := range []struct {
		fault   sim.Fault
		kind    abi.Kind
		message string
	}{
		{sim.Fault{Kind: sim.HTML}, abi.KindBadResponse, "HTML page instead of JSON"},
		{sim.Fault{Kind: sim.Blocked}, abi.KindBlocked, "answered 403 with an HTML page"},
		{sim.Fault{Kind: sim.TooMany, RetryAfter: 3600}, abi.KindRateLimited, "asks to wait 1h0m0s"},
		{sim.Fault{Kind: sim.Status, Code: 401}, abi.KindAuth, "does not accept the credentials"},
		{sim.Fault{Kind: sim.Status, Code: 403}, abi.KindForbidden, "the scope people:read"},
		{sim.Fault{Kind: sim.Status, Code: 503}, abi.KindUnavailable, "answered 503"},
		{sim.Fault{Kind: sim.Truncate, Bytes: 900}, abi.KindBadResponse, "/people/2/persons"},
		{sim.Fault{Kind: sim.Reset, Bytes: 900}, abi.KindUnavailable, "/people/2/persons"},
		{sim.Fault{Kind: sim.PageRepeats}, abi.KindBadResponse, "the page repeats"},
	} {
		t.Run(string(c.fault.Kind), func(t *testing.T) {
			o := newOutside(t, sim.New(sim.Options{Seed: 1, People: 30, Unlimited: true}), abi.AuthAPIKey)
			o.scene.fault(t, c.fault)
			var call *host.CallError
			if err := o.fetch(t, small(t, 10)); !errors.As(err, &call) {
				t.Fatalf("got %v", err)
			}
			if call.Kind != c.kind || !strings.Contains(call.Message, c.message) || call.Next == "" || strings.Contains(call.Error(), apiKey) {
				t.Errorf("%s (status %d): %s. Next: %s", call.Kind, call.Status, call.Message, call.Next)
			}
		})
	}
}

// Requests that Infobip cannot carry out are refused before anything is sent;
// nothing that the manifest offers is refused.
func TestWASMWhatCannotBeDone(t *testing.T) {
	s := newOperations(t, nil)
	o := newOutside(t, s.sim, abi.AuthAPIKey)
	m := manifest(t)
	for _, w := range m.Webhooks {
		if l, refused := m.Refuses(render(t, w, about("3"))); refused {
			t.Errorf("%s is refused: %s", w.Name, l.Operation)
		}
	}
	for _, l := range m.Cannot {
		if l.Method == "" {
			continue
		}
		w := abi.Webhook{Name: "own", Method: l.Method, Path: strings.ReplaceAll(l.Path, "*", "7"), MessageType: abi.MessageNone}
		if len(l.Only)+len(l.Fields) > 0 {
			w.MessageType, w.Body = abi.MessageJSON, `{"firstName":"Bo","`+strings.Join(append(l.Fields, "email"), `":1,"`)+`":1}`
		}
		_, err := shipped.Connector(t).Invoke(t.Context(), o.app, abi.InvokeCall{Webhook: w})
		var call *host.CallError
		if !errors.As(err, &call) || !strings.Contains(call.Error(), l.Reason) {
			t.Errorf("%s: %v", l.Operation, err)
		}
	}
	if got := s.requests(); len(got) > 0 {
		t.Errorf("requests %v", got)
	}
}

// Infobip's limits hold: 10 creates a second, 5 of other requests. Nothing is
// answered 429.
func TestWASMRates(t *testing.T) {
	s := sim.New(sim.Options{Seed: 1})
	o := newOutside(t, s, abi.AuthAPIKey)
	o.app.RateLimit = manifest(t).RateLimit
	for i := range 15 {
		w := abi.Webhook{Name: "own", Method: "POST", Path: "/people/2/persons", MessageType: abi.MessageJSON, Body: fmt.Sprintf(`{"externalId":"x%d"}`, i)}
		if _, err := shipped.Connector(t).Invoke(t.Context(), o.app, abi.InvokeCall{Webhook: w}); err != nil {
			t.Fatal(err)
		}
	}
	for range 7 {
		w := abi.Webhook{Name: "own", Method: "GET", Path: "/people/2/tags", Params: map[string]string{"limit": "1"}}
		if _, err := shipped.Connector(t).Invoke(t.Context(), o.app, abi.InvokeCall{Webhook: w}); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range o.requests() {
		if strings.HasSuffix(r, " 429") {
			t.Errorf("%s", r)
		}
	}
}

// A check through the real host finds a right that is lacking.
func TestWASMCheck(t *testing.T) {
	s := sim.New(sim.Options{Unlimited: true, Scopes: []string{"people:read"}})
	o := newOutside(t, s, abi.AuthAPIKey)
	found, err := shipped.Connector(t).Check(t.Context(), o.app, needs(t))
	if err != nil {
		t.Fatal(err)
	}
	states := map[string]abi.RightState{}
	for _, f := range found {
		states[f.Right] = f.State
	}
	if states["people:read"] != abi.RightGranted || states["people:manage"] != abi.RightLacking || states["conversations:manage"] != abi.RightLacking || len(states) != 5 {
		t.Errorf("%v", states)
	}
}
