package apply

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/write"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

const (
	staff   ident.DN = "OU=Staff,DC=x"
	leavers ident.DN = "OU=Leavers,DC=x"
	dc               = "ldaps://dc1.x"
)

// world is a directory in memory that does what it is told, unless a fault
// comes first. It has no rules: those are tested where writes are made.
type world struct {
	mu       sync.Mutex
	accounts map[ident.GUID]ident.Entry
	writes   int
	server   string
	// fault is asked before and after each write. An error is the answer of the
	// write, whatever was written.
	fault func(op ident.Operation, written bool) error
	// passwords are those that accounts have; renewal is the answer when one gets
	// another.
	passwords map[ident.GUID]string
	renewal   error
	unread    map[ident.GUID]error // the answer when one of them is read
}

func newWorld() *world {
	return &world{accounts: map[ident.GUID]ident.Entry{}, passwords: map[ident.GUID]string{}, server: dc, fault: func(ident.Operation, bool) error { return nil }}
}

func (w *world) Server() conn.Server { return conn.Server{URL: w.server} }

func (w *world) Get(_ context.Context, t conn.Target, _ []string) (ident.Entry, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	e, ok := w.accounts[t.GUID]
	if t.GUID == "" {
		for _, one := range w.accounts {
			if one.DN.EqualFold(t.DN) {
				e, ok = one, true
			}
		}
	}
	if err := w.unread[t.GUID]; err != nil {
		return e, err
	}
	if !ok {
		return e, conn.ErrNotFound
	}
	e.Attributes = maps.Clone(e.Attributes)
	return e, nil
}

func (w *world) FindAnchor(_ context.Context, value string) ([]ident.Entry, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []ident.Entry
	for _, guid := range slices.Sorted(maps.Keys(w.accounts)) {
		if e := w.accounts[guid]; e.Attributes.First("employeeNumber") == value {
			found = append(found, e)
		}
	}
	return found, nil
}

func (w *world) Apply(_ context.Context, guid ident.GUID, op ident.Operation, initial write.Initial) (ident.GUID, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.fault(op, false); err != nil {
		return "", err
	}
	w.writes++
	if op.Class == ident.ClassCreate {
		if len(initial.Password) == 0 {
			return "", fmt.Errorf("%s has no password", op.To)
		}
		guid = ident.GUID(fmt.Sprintf("10000000-2000-3000-4000-%012d", w.writes))
		w.passwords[guid] = string(initial.Password)
	}
	w.accounts[guid] = written(w.accounts[guid], guid, op)
	return guid, w.fault(op, true)
}

func (w *world) RenewInitial(_ context.Context, guid ident.GUID, initial write.Initial) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.renewal == nil {
		w.passwords[guid] = string(initial.Password)
	}
	return w.renewal
}

func written(e ident.Entry, guid ident.GUID, op ident.Operation) ident.Entry {
	e.GUID, e.Attributes = guid, maps.Clone(e.Attributes)
	if e.Attributes == nil {
		e.Attributes = ident.Attributes{"useraccountcontrol": {"512"}}
	}
	for _, ch := range op.Attributes {
		e.Attributes.Set(ch.Name, ch.New...)
	}
	switch op.Class {
	case ident.ClassDisable:
		e.Attributes.Set("userAccountControl", "514")
	case ident.ClassEnable:
		e.Attributes.Set("userAccountControl", "512")
	}
	if op.To != "" {
		e.DN = op.To
	}
	return e
}

// fataler is a test, by rapid or not.
type fataler interface {
	Helper()
	Fatal(...any)
}

// scene is a state and a world, in which one run follows the other.
type scene struct {
	fataler
	*world
	store    *store.Store
	settings Settings
	runs     int
	deliver  bool // passwords are handed over

	mu       sync.Mutex
	recorded []ident.Outcome // of the run of now
	told     []ident.QuarantineItem
	failures int
}

var (
	_ Listener  = (*scene)(nil)
	_ Directory = (*world)(nil)
	_ Writer    = (*world)(nil)
)

func (s *scene) Recorded(o ident.Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recorded = append(s.recorded, o)
}

func (s *scene) Tell(item ident.QuarantineItem, failed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told, item)
	if failed {
		s.failures++
	}
}

func newScene(t fataler, folder string) *scene {
	t.Helper()
	st, err := store.Open(context.Background(), folder)
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{fataler: t, world: newWorld(), store: st}
	s.settings = Settings{
		Store: st, Objects: &Objects{}, Writers: 1, Anchor: "employeeNumber", Servers: []string{dc},
		Configured: func(string) bool { return true }, Log: slog.New(slog.DiscardHandler), Now: time.Now,
	}
	return s
}

func opened(t *testing.T) *scene {
	t.Helper()
	s := newScene(t, t.TempDir())
	t.Cleanup(func() { _ = s.store.Close() })
	return s
}

// run does what a run does with a job, under a lease and with a row in the
// history.
func (s *scene) run(automation string, do func(*Job) error) error {
	s.Helper()
	ctx := context.Background()
	lease, err := s.store.AcquireLease(ctx, "automation/"+automation, "test", time.Minute)
	if err != nil {
		s.Fatal(err)
	}
	s.recorded, s.told, s.failures = nil, nil, 0
	id, err := s.store.StartRun(ctx, lease, store.Run{Automation: automation, Application: "app", By: "test"})
	if err != nil {
		s.Fatal(err)
	}
	s.runs++
	failed := do(Begin(s.settings, Order{
		Run: id, Automation: automation, Application: "app", By: "test", Lease: lease, Seen: true, Password: Password{Length: 24, Deliver: s.deliver},
		Directory: s.world, Writer: s.world, Listener: s,
	}))
	if err := s.store.FinishRun(ctx, lease, store.Run{ID: id, Result: store.RunOK}); err != nil {
		s.Fatal(err)
	}
	if err := s.store.ReleaseLease(ctx, lease); err != nil {
		s.Fatal(err)
	}
	return failed
}

// apply makes a run of automation "a" that settles what is open and then
// carries out the tasks.
func (s *scene) apply(tasks ...Task) error {
	s.Helper()
	return s.run("a", func(j *Job) error {
		if err := j.Recover(context.Background()); err != nil {
			return err
		}
		return j.Apply(context.Background(), tasks)
	})
}

func (s *scene) link(key ident.Key) (ident.Link, bool) {
	s.Helper()
	l, ok, err := s.store.LinkByKey(context.Background(), ident.Users("app"), key)
	if err != nil {
		s.Fatal(err)
	}
	return l, ok
}

func (s *scene) open() []store.Intent {
	s.Helper()
	list, err := s.store.Intents(context.Background())
	if err != nil {
		s.Fatal(err)
	}
	return list
}

func creation(key ident.Key) Task {
	to := staff.Child("Person " + string(key))
	return Task{
		Change: &ident.Change{Key: key, DN: to, Name: "Person " + string(key)},
		Op: ident.Operation{
			Class: ident.ClassCreate, Verdict: ident.VerdictApply, To: to, Digest: "create" + string(key),
			Attributes: []ident.AttributeChange{
				{Name: "employeeNumber", New: []string{ident.Anchor(ident.Users("app"), key)}}, {Name: "title", New: []string{"one"}},
			},
		},
	}
}

// created gives a key an account and a link.
func (s *scene) created(key ident.Key) ident.Entry {
	s.Helper()
	if err := s.apply(creation(key)); err != nil {
		s.Fatal(err)
	}
	l, _ := s.link(key)
	return s.accounts[l.GUID]
}

// about makes a task about an account that is there.
func about(key ident.Key, e ident.Entry, op ident.Operation) Task {
	op.Verdict, op.Digest = ident.VerdictApply, string(op.Class)+string(key)
	return Task{Change: &ident.Change{Key: key, GUID: e.GUID, DN: e.DN, Name: e.DN.Name()}, Op: op}
}

func update(attribute, before, after string) ident.Operation {
	ch := ident.AttributeChange{Name: attribute, Old: []string{before}, New: []string{after}}
	return ident.Operation{Class: ident.ClassUpdate, Attributes: []ident.AttributeChange{ch}}
}
