package dirstep

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/apply"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dctest"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dirtest"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/write"
	"github.com/rollcall-agent/rollcall/agent/internal/dispatch"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

func TestMain(m *testing.M) { os.Exit(dctest.Main(m)) }

// scene is an actor over a real store and a domain.
type scene struct {
	testing.TB
	*dirtest.Domain
	actor  *Actor
	store  *store.Store
	lease  store.Lease
	run    int64
	limits map[ident.Class]plan.Limit
	people int
	asked  int // how often the people were counted
	down   error
	// fault is asked before and after each write. What it returns is the answer
	// of the write, whatever was written; a panic of it ends the process, as far
	// as the state is concerned.
	fault  func(written bool) error
	before func(attributes []string) // each read of one object
}

func opened(t testing.TB, d *dirtest.Domain) *scene {
	s := &scene{TB: t, Domain: d, people: 100, limits: plan.DefaultLimits(), fault: func(bool) error { return nil }}
	var err error
	ctx := t.Context()
	if s.store, err = store.Open(ctx, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.store.Close() })
	if s.lease, err = s.store.AcquireLease(ctx, "outbox", "test", 1000*time.Hour); err != nil {
		t.Fatal(err)
	}
	if s.run, err = s.store.StartRun(ctx, s.lease, store.Run{Automation: "staff", Application: "crm", By: "schedule"}); err != nil {
		t.Fatal(err)
	}
	if err := s.store.FinishRun(ctx, s.lease, store.Run{ID: s.run, Result: store.RunOK}); err != nil {
		t.Fatal(err)
	}
	s.start()
	return s
}

// start begins with an actor that remembers nothing, as after a kill.
func (s *scene) start() {
	s.actor = New(Settings{
		Store: s.store, Objects: &apply.Objects{}, Log: slog.New(slog.DiscardHandler), Now: time.Now,
		Rules: write.Rules{
			Scope: []ident.DN{s.OU("Staff"), s.OU("Leavers"), s.OU("Groups")}, Anchor: "employeeNumber", BindDN: s.BindDN,
		},
		Connect: func(context.Context, string) (Directory, error) {
			if s.down != nil {
				return nil, s.down
			}
			return &connection{s.Domain.Connect(s.TB, dirtest.AsAgent), s}, nil
		},
		Limits: func(string) map[ident.Class]plan.Limit { return s.limits },
		People: func(context.Context) (int, error) { s.asked++; return s.people, nil },
	})
}

// connection has faults.
type connection struct {
	dirtest.Directory
	s *scene
}

func (c *connection) Close() error { return nil }

func (c *connection) faulty(do func() error) error {
	if err := c.s.fault(false); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return c.s.fault(true)
}

func (c *connection) Get(ctx context.Context, t conn.Target, attributes []string) (ident.Entry, error) {
	if c.s.before != nil {
		c.s.before(attributes)
	}
	return c.Directory.Get(ctx, t, attributes)
}

func (c *connection) Modify(ctx context.Context, t conn.Target, mods []conn.Mod, permissive bool) error {
	return c.faulty(func() error { return c.Directory.Modify(ctx, t, mods, permissive) })
}

func (c *connection) ModifyDN(ctx context.Context, dn ident.DN, rdn string, parent ident.DN) error {
	return c.faulty(func() error { return c.Directory.ModifyDN(ctx, dn, rdn, parent) })
}

func (c *connection) Delete(ctx context.Context, dn ident.DN) error {
	return c.faulty(func() error { return c.Directory.Delete(ctx, dn) })
}

var counted atomic.Int64

// user makes an enabled account.
func (s *scene) user(parent ident.DN, attributes ...string) (ident.GUID, ident.DN) {
	s.Helper()
	name := fmt.Sprintf("step%03d", counted.Add(1))
	all := map[string][]string{}
	for i := 0; i+1 < len(attributes); i += 2 {
		all[attributes[i]] = append(all[attributes[i]], attributes[i+1])
	}
	return s.AddUser(s.TB, parent, name, name, all), parent.Child(name)
}

func (s *scene) entry(guid ident.GUID) ident.Entry {
	s.Helper()
	return s.Get(s.TB, ident.DN("<GUID="+string(guid)+">"), "cn", "mobile", "title", "description", "department", "manager", "userAccountControl", "memberOf",
		"otherMobile")
}

// act carries out one attempt of a step of the orchestration "leaver".
func (s *scene) act(guid ident.GUID, w orchestration.Write, more ...func(*dispatch.Action)) dispatch.Done {
	s.Helper()
	a := dispatch.Action{
		Instance: store.Instance{ID: 7, Orchestration: "leaver", Automation: "staff", Run: s.run, By: "schedule", GUID: guid, DN: "CN=as it was", Name: "Ada", Status: "ready"},
		Step:     "off", Turn: 1, Attempt: 1, Lease: s.lease, Rendered: orchestration.Rendered{Directory: &w},
	}
	for _, change := range more {
		change(&a)
	}
	return s.actor.Act(s.Context(), a)
}

// outcomes returns what the run has, as "class result".
func (s *scene) outcomes() (list []ident.Outcome) {
	s.Helper()
	list, err := s.store.Outcomes(s.Context(), s.run)
	if err != nil {
		s.Fatal(err)
	}
	return list
}

func (s *scene) results() string {
	s.Helper()
	var list []string
	for _, o := range s.outcomes() {
		list = append(list, string(o.Operation.Class)+" "+string(o.Result))
	}
	return strings.Join(list, ", ")
}

func (s *scene) open() int {
	s.Helper()
	list, err := s.store.Intents(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	return len(list)
}

func set(attributes ...string) orchestration.Write {
	w := orchestration.Write{Action: orchestration.ActionUpdate}
	for i := 0; i+1 < len(attributes); i += 2 {
		a := orchestration.AttributeValues{Name: attributes[i]}
		if attributes[i+1] != "" {
			a.Values = strings.Split(attributes[i+1], "|")
		}
		w.Attributes = append(w.Attributes, a)
	}
	return w
}

func do(action orchestration.Action) orchestration.Write { return orchestration.Write{Action: action} }

var (
	errDown    = errors.New("down")
	errUnknown = &conn.Error{Op: "modify", Unknown: true, Err: errors.New("no answer")}
)
