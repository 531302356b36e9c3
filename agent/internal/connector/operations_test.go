package connector

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/macro"
	"github.com/rollcall-agent/rollcall/agent/internal/outbound"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/host/testdata/kept"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// vendor is one of the applications whose every operation is tried: the
// connector as it is shipped, against the simulator.
type vendor struct {
	name      string
	profile   abi.AuthKind
	secret    string
	authorize func(http.Header)          // of what the test itself asks the simulator
	simulator func(*stage) http.Handler  // with what every operation needs
	settings  map[string]any             // of the application
	lists     []string                   // paths of all that an operation could change
	endpoints map[string]func(*stage)    // by name: makes records to be read
	webhooks  map[string]operation       // by name
	price     func(costs []int64) string // as the page of the vendor writes it; nil: it has none
}

// operation is how one webhook is tried.
type operation struct {
	prepare func(*stage)             // makes what it is about: link and settings
	done    func(*stage) string      // what the simulator's state lacks; nil: it only reads
	reads   func(*stage, any) string // what the answer lacks
	key     func(*stage) string      // the link that it makes
	ends    bool                     // whether the record of the link is gone afterwards
}

func vendors() []vendor { return []vendor{pipedriveVendor(), infobipVendor(nil)} }

// modules are the connectors as they are shipped, in a host. They are made
// once, as compiling takes seconds.
var modules = sync.OnceValues(func() (*host.Host, error) {
	cache, err := kept.Folder("connector")
	if err != nil {
		return nil, err
	}
	s := host.Settings{ModulesDir: filepath.Join(scratch, "operations"), CacheDir: cache, AllowUnsigned: true}
	var log bytes.Buffer
	for _, v := range vendors() {
		if _, err := Build(scratchContext, "../../../plugins/"+v.name, filepath.Join(s.ModulesDir, v.name+".wasm"), &log); err != nil {
			return nil, errors.Join(err, errors.New(log.String()))
		}
	}
	return host.Open(scratchContext, s, slog.New(slog.DiscardHandler), nil)
})

// stage is a simulator with an application at it, and the object that an
// operation is about.
type stage struct {
	testing.TB
	vendor
	api       http.Handler
	connector *host.Connector
	app       host.Application
	settings  map[string]any
	ad        map[string]any
	link      string
	watched   []string // paths, besides the vendor's lists, that the operation could change
}

// epoch is when everything happens: the simulators' clocks stand still.
func epoch() time.Time { return time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC) }

// newStage starts a simulator; serve gives the URL that it is reached at.
func newStage(t testing.TB, v vendor, serve func(http.Handler) string) *stage {
	t.Helper()
	h, err := modules()
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{TB: t, vendor: v, settings: map[string]any{}, ad: map[string]any{
		"objectGUID": "6f9619ff-8b86-d011-b42d-00cf4fc964ff", "cn": `Ada "Q." Novak & Co`, "sAMAccountName": "anovak", "givenName": "Ada", "sn": "Novák",
		"displayName": "Ada Novák", "mail": "ada.novak@example.org", "telephoneNumber": "+385 1 234 567", "mobile": "+385 99 123 4567",
		"disabled": false, "dn": "CN=Ada,OU=Staff,DC=example,DC=com",
	}}
	if s.connector, err = h.Connector(v.name); err != nil {
		t.Fatal(err)
	}
	m := s.connector.Manifest()
	for _, d := range m.Settings {
		if d.Default != nil {
			s.settings[d.Name] = d.Default
		}
	}
	maps.Copy(s.settings, v.settings)
	profile, _ := m.Profile(v.profile)
	credentials, err := host.NewStaticCredentials(profile, "", v.secret)
	if err != nil {
		t.Fatal(err)
	}
	s.api = v.simulator(s)
	// A name of its own, so that no stage waits for what another has sent.
	s.app = host.Application{Name: v.name + " of " + t.Name(), BaseURL: serve(s.api), Credentials: credentials, RateLimit: "1000/1s", Settings: s.settings}
	return s
}

// served serves a simulator for as long as the test takes.
func served(t testing.TB) func(http.Handler) string {
	return func(h http.Handler) string {
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		return server.URL
	}
}

// ask sends a request to the simulator past the connector.
func (s *stage) ask(method, path, body string) (status int, answer any) {
	s.Helper()
	r := httptest.NewRequestWithContext(context.Background(), method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	s.authorize(r.Header)
	w := httptest.NewRecorder()
	s.api.ServeHTTP(w, r)
	d := json.NewDecoder(w.Body)
	d.UseNumber()
	_ = d.Decode(&answer) // what is no JSON is nothing
	return w.Code, answer
}

// do is ask for what must succeed.
func (s *stage) do(method, path, body string) any {
	s.Helper()
	status, answer := s.ask(method, path, body)
	if status > 299 {
		s.Fatalf("%s %s %s: the simulator answered %d %v", method, path, body, status, answer)
	}
	return answer
}

// state is all that an operation could change.
func (s *stage) state() string {
	s.Helper()
	var b strings.Builder
	for _, path := range slices.Concat(s.lists, s.watched) {
		status, answer := s.ask(http.MethodGet, path, "")
		text, err := json.MarshalIndent(answer, "", " ")
		if err != nil {
			s.Fatal(err)
		}
		fmt.Fprintf(&b, "%s: %d %s\n", path, status, text)
	}
	return b.String()
}

// webhook renders a webhook of the manifest for the object of the stage.
func (s *stage) webhook(name string) abi.Webhook {
	s.Helper()
	w, ok := s.connector.Manifest().Webhook(name)
	if !ok {
		s.Fatalf("there is no webhook %s", name)
	}
	c, err := outbound.Compile(w, macro.Scope(outbound.NewScope(), s.connector.Manifest()))
	if err != nil {
		s.Fatal(err)
	}
	old := maps.Clone(s.ad)
	old["mail"] = "old@example.org"
	env := expr.Env{"ad": s.ad, "old": old, "settings": s.settings, "now": epoch(), "link": nil}
	if s.link != "" {
		env["link"] = map[string]any{"key": s.link}
	}
	if w, err = c.Render(env); err != nil {
		s.Fatal(err)
	}
	return w
}

// invoke delivers a webhook.
func (s *stage) invoke(w abi.Webhook, again bool) (host.Answer, error) {
	return s.connector.Invoke(context.Background(), s.app, abi.InvokeCall{Webhook: w, Again: again, Retry: abi.RetryLimits{Attempts: 1}})
}

// fetch reads an endpoint and returns the keys.
func (s *stage) fetch(e abi.Endpoint) ([]string, error) {
	var keys []string
	_, err := s.connector.Fetch(context.Background(), s.app, abi.FetchCall{Endpoint: e, Retry: abi.RetryLimits{Attempts: 1}}, func(r host.Record) error {
		keys = append(keys, r.Key)
		if r.Problem != "" {
			return errors.New(r.Problem)
		}
		return nil
	})
	return keys, err
}

// at is the value at a JSON pointer; nil when there is none.
func at(v any, pointer string) any {
	for _, name := range strings.Split(pointer, "/")[1:] {
		switch in := v.(type) {
		case map[string]any:
			v = in[name]
		case []any:
			i := 0
			if _, err := fmt.Sscan(name, &i); err != nil || i >= len(in) {
				return nil
			}
			v = in[i]
		default:
			return nil
		}
	}
	return v
}

// records is the list in an answer, which may be the answer itself.
func records(answer any, pointer string) any {
	if list, is := answer.([]any); is {
		return list
	}
	return at(answer, pointer)
}

// with is the element of a list whose member has that value; nil when there is
// none, or more than one.
func with(list any, pointer, value string) any {
	elements, _ := list.([]any)
	var found any
	for _, e := range elements {
		if fmt.Sprint(at(e, pointer)) != value {
			continue
		}
		if found != nil {
			return nil
		}
		found = e
	}
	return found
}

// differs says how got is not what is wanted; "" when it is.
func differs(got, want any) string {
	if fmt.Sprint(got) == fmt.Sprint(want) {
		return ""
	}
	return fmt.Sprintf("there is %v, want %v", got, want)
}

// TestEveryEndpointReads: what a connector delivers is what the simulator has.
func TestEveryEndpointReads(t *testing.T) {
	for _, v := range vendors() {
		for _, e := range manifestOf(t, v).Endpoints {
			t.Run(v.name+"/"+e.Name, func(t *testing.T) {
				prepare, ok := v.endpoints[e.Name]
				if !ok {
					t.Fatal("the endpoint has no case")
				}
				s := newStage(t, v, served(t))
				if prepare != nil {
					prepare(s)
				}
				list, _ := records(s.do(http.MethodGet, e.Path+"?limit=500", ""), e.Records).([]any)
				var want []string
				for _, element := range list {
					want = append(want, fmt.Sprint(at(element, e.Key)))
				}
				got, err := s.fetch(e)
				if slices.Sort(got); err != nil || len(want) == 0 || !slices.Equal(got, slices.Sorted(slices.Values(want))) {
					t.Errorf("keys %v, want %v: %v", got, want, err)
				}
			})
		}
	}
}

// TestEveryWebhookDoes: each webhook does to the simulator's state what it
// says, and delivered again it does no more.
func TestEveryWebhookDoes(t *testing.T) {
	for _, v := range vendors() {
		for _, w := range manifestOf(t, v).Webhooks {
			t.Run(v.name+"/"+w.Name, func(t *testing.T) {
				o, ok := v.webhooks[w.Name]
				if !ok {
					t.Fatal("the webhook has no case")
				}
				newStage(t, v, served(t)).deliver(w.Name, o)
			})
		}
	}
}

// deliver tries one webhook.
func (s *stage) deliver(name string, o operation) {
	s.Helper()
	if o.prepare != nil {
		o.prepare(s)
	}
	w, state := s.webhook(name), s.state()
	changes := o.done != nil
	if reads := w.Method == http.MethodGet; reads == changes || (w.LinkKey != "") != (o.key != nil) {
		s.Fatalf("the case does not fit the webhook: method %s, link_key %q", w.Method, w.LinkKey)
	}
	if w.EndsLink != o.ends {
		s.Fatalf("the case does not fit the webhook: ends_link %v", w.EndsLink)
	}
	for delivery, again := range []bool{false, true} {
		a, err := s.invoke(w, again)
		if err != nil {
			s.Fatalf("delivery %d: %v", delivery+1, err)
		}
		if problem := o.check(s, a); problem != "" {
			s.Fatalf("delivery %d: %s", delivery+1, problem)
		}
		after := s.state()
		if changes && delivery == 0 {
			if after == state {
				s.Fatal("nothing was changed")
			}
			state = after
		}
		if d := cmp.Diff(state, after); d != "" {
			s.Fatalf("delivery %d changed more: %s", delivery+1, d)
		}
	}
}

// check holds an answer, and what is there now, against the case.
func (o operation) check(s *stage, a host.Answer) string {
	s.Helper()
	if o.key != nil {
		if want := o.key(s); a.LinkKey != want || want == "" {
			return fmt.Sprintf("the link is %q, want %q", a.LinkKey, want)
		}
	}
	if o.reads != nil {
		var answer any
		d := json.NewDecoder(bytes.NewReader(a.Body))
		d.UseNumber()
		if err := d.Decode(&answer); err != nil {
			return err.Error()
		}
		return o.reads(s, answer)
	}
	return o.done(s)
}

func manifestOf(t testing.TB, v vendor) abi.Manifest {
	t.Helper()
	text, err := os.ReadFile("../../../plugins/" + v.name + "/manifest.toml")
	if err != nil {
		t.Fatal(err)
	}
	m, err := host.ParseManifest(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
