package dispatch

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// scene is a dispatcher over a real store, with applications and a directory in
// memory. In a synctest bubble its clock is simulated.
type scene struct {
	testing.TB
	dir     string
	store   *store.Store
	starter store.Lease
	actors  map[orchestration.Kind]Actor
	poll    time.Duration // of dispatchers; 0: as in production
	key     sealer
	logged  bytes.Buffer

	woken atomic.Pointer[Dispatcher]

	mu           sync.Mutex
	applications map[string]map[string]any
	off          map[string]bool // applications that are not enabled
	objects      map[ident.GUID]ident.Entry
	adDown       error
	panics       map[ident.GUID]bool // reading these objects panics
	read         [][]string          // the attributes of each object that was read
	sent         []sending
	observed     map[string]int
	answer       func(sending) (host.Answer, error)
}

// sending is one call as an application got it.
type sending struct {
	at          time.Time
	application string
	Outgoing
}

func newScene(t testing.TB) *scene {
	s := &scene{
		TB: t, dir: t.TempDir(), applications: map[string]map[string]any{"crm": {}}, objects: map[ident.GUID]ident.Entry{},
		answer: func(sending) (host.Answer, error) { return host.Answer{Status: 200}, nil },
	}
	s.open()
	return s
}

func (s *scene) open() {
	s.Helper()
	var err error
	ctx := s.Context()
	if s.store, err = store.Open(ctx, s.dir, store.WithDue(s.due)); err != nil {
		s.Fatal(err)
	}
	if err := s.store.BreakLeases(ctx); err != nil {
		s.Fatal(err)
	}
	if s.starter, err = s.store.AcquireLease(ctx, "starter", "test", 1000*time.Hour); err != nil {
		s.Fatal(err)
	}
}

// due wakes the dispatcher, as the agent does.
func (s *scene) due() {
	if d := s.woken.Load(); d != nil {
		d.Wake()
	}
}

func (s *scene) dispatcher() *Dispatcher {
	d := New(Settings{
		Store: s.store, Sender: s, Directory: s, Actors: s.who, Observe: s.observe, Poll: s.poll, Sealer: s.key, Log: slog.New(slog.NewTextHandler(io.MultiWriter(s.Output(), &s.logged), nil)), Owner: "test",
	})
	s.woken.Store(d)
	return d
}

// link links an object to a key of an application.
func (s *scene) link(application string, key ident.Key, guid ident.GUID) {
	s.Helper()
	err := s.store.PutLink(s.Context(), ident.Link{Application: application, Key: key, GUID: guid, Automation: "staff"}, "test")
	if err != nil {
		s.Fatal(err)
	}
}

// run runs a dispatcher until the function that it returns is called.
func (s *scene) run() (d *Dispatcher, stop func()) {
	s.Helper()
	d = s.dispatcher()
	return d, s.running(d)
}

// running runs that dispatcher until the function that it returns is called.
func (s *scene) running(d *Dispatcher) (stop func()) {
	s.Helper()
	ctx, cancel := context.WithCancel(s.Context())
	ended := make(chan error)
	go func() { ended <- d.Run(ctx) }()
	var once sync.Once
	return func() {
		once.Do(func() {
			cancel()
			if err := <-ended; err != nil {
				s.Errorf("dispatcher: %v", err)
			}
		})
	}
}

// within runs a test in a bubble with its own clock and store.
func within(t *testing.T, do func(*scene)) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t)
		defer func() { _ = s.store.Close() }()
		do(s)
	})
}

func (s *scene) Applications() map[string]map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.applications)
}

func (s *scene) observe(webhook, result string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.observed == nil {
		s.observed = map[string]int{}
	}
	s.observed[webhook+" "+result]++
}

func (s *scene) counted() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.observed)
}

func (s *scene) who() map[orchestration.Kind]Actor {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.actors
}

func (s *scene) Sends(application string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.off[application]
}

func (s *scene) Send(ctx context.Context, application string, call Outgoing) (host.Answer, error) {
	one := sending{time.Now(), application, call}
	s.mu.Lock()
	s.sent = append(s.sent, one)
	answer := s.answer
	s.mu.Unlock()
	a, err := answer(one)
	if ctx.Err() != nil {
		return a, ctx.Err()
	}
	return a, err
}

func (s *scene) Object(_ context.Context, guid ident.GUID, attributes []string) (ident.Entry, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.read = append(s.read, attributes)
	if s.panics[guid] {
		panic("as the test wants")
	}
	e, found := s.objects[guid]
	return e, found, s.adDown
}

func (s *scene) Named(_ context.Context, dn ident.DN, _ []string) (ident.Entry, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.objects {
		if e.DN == dn {
			return e, true, s.adDown
		}
	}
	return ident.Entry{}, false, s.adDown
}

func (s *scene) Schema(context.Context, []string) (ident.Schema, error) { return nil, nil }

// person puts an object into the directory.
func (s *scene) person(name string, attributes ...string) ident.GUID {
	guid := ident.GUID("guid-" + name)
	e := ident.Entry{GUID: guid, DN: ident.DN("CN=" + name + ",DC=c"), Attributes: ident.Attributes{}}
	e.Attributes.Set("sAMAccountName", name)
	for i := 0; i+1 < len(attributes); i += 2 {
		e.Attributes.Set(attributes[i], attributes[i+1])
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[guid] = e
	return guid
}

// begins is an instance of an orchestration for an object.
func (s *scene) begins(d orchestration.Definition, guid ident.GUID) store.NewInstance {
	s.Helper()
	text, err := json.Marshal(d)
	if err != nil {
		s.Fatal(err)
	}
	return store.NewInstance{
		Orchestration: d.Name, Definition: text, Trigger: "command", By: "ada", GUID: guid, DN: s.objects[guid].DN, Name: string(guid),
	}
}

// hold starts an instance that a run holds.
func (s *scene) hold(d orchestration.Definition, run int64, guid ident.GUID) {
	s.Helper()
	n := s.begins(d, guid)
	n.Held, n.Run, n.Cause = true, run, "too many"
	s.begin(n)
}

// started begins one instance that a run caused.
func (s *scene) started(run int64, d orchestration.Definition, guid ident.GUID) int64 {
	s.Helper()
	n := s.begins(d, guid)
	n.Trigger, n.Run, n.By = "after disabled", run, "schedule"
	return s.begin(n)[0]
}

func (s *scene) start(d orchestration.Definition, guids ...ident.GUID) []int64 {
	s.Helper()
	var list []store.NewInstance
	for _, guid := range guids {
		list = append(list, s.begins(d, guid))
	}
	return s.begin(list...)
}

func (s *scene) begin(list ...store.NewInstance) []int64 {
	s.Helper()
	ids, err := s.store.StartInstances(s.Context(), s.starter, list)
	if err != nil {
		s.Fatal(err)
	}
	return ids
}

func (s *scene) instance(id int64) store.Instance {
	s.Helper()
	i, err := s.store.Instance(s.Context(), id)
	if err != nil {
		s.Fatal(err)
	}
	return i
}

func (s *scene) status(id int64, want store.InstanceStatus) {
	s.Helper()
	if i := s.instance(id); i.Status != want {
		s.Errorf("instance %d of %s is %s (%s), want %s", id, i.Orchestration, i.Status, i.Cause, want)
	}
}

func (s *scene) deliveries(f store.DeliveryFilter) (list []store.Delivery) {
	s.Helper()
	err := s.store.Deliveries(s.Context(), f, func(d store.Delivery) error { list = append(list, d); return nil })
	if err != nil {
		s.Fatal(err)
	}
	return list
}

// calls returns what arrived, as "application path".
func (s *scene) calls() (list []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.sent {
		text := fmt.Sprintf("%s %s", one.application, one.Webhook.Path)
		if one.Again {
			text += " again"
		}
		list = append(list, text)
	}
	return list
}

// webhook is a step that calls an application.
func webhook(application, path string) orchestration.Step {
	return orchestration.Step{Webhook: &orchestration.Webhook{
		Ref: application + "/off", Application: application,
		Call: abi.Webhook{Name: "off", Method: "PUT", Path: path},
	}}
}

func define(name string, steps ...orchestration.Step) orchestration.Definition {
	return orchestration.Definition{Name: name, Steps: steps}
}

// unavailable is the error of an application that is down.
func unavailable(sent bool) error {
	return &host.CallError{Connector: "x", Application: "crm", Function: "invoke", Kind: abi.KindUnavailable, Message: "no answer", Sent: sent}
}

// told returns the story of an instance, as "step result".
func (s *scene) told(id int64) string {
	s.Helper()
	lines, err := s.store.Story(s.Context(), id)
	if err != nil {
		s.Fatal(err)
	}
	list := make([]string, len(lines))
	for i, l := range lines {
		list[i] = strings.TrimSpace(l.Step + " " + l.Result)
	}
	return strings.Join(list, ", ")
}
