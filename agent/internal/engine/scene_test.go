package engine

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dctest"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dirtest"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/mirror"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/write"
	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host/soak"
)

func TestMain(m *testing.M) { os.Exit(dctest.Main(m)) }

// feed is a source whose next answer the test writes down.
type feed struct {
	changes bool
	records []ident.Record
	cursor  string
	fails   error
	block   func(context.Context) error // when set, it is called before the answer

	mu   sync.Mutex
	from []ident.Position
}

var _ Fetcher = (*feed)(nil)

func (f *feed) ChangesOnly() bool { return f.changes }
func (f *feed) Endpoint() string  { return "users" }

func (f *feed) Fetch(ctx context.Context, from ident.Position, each func([]ident.Record) error) (string, error) {
	f.mu.Lock()
	f.from = append(f.from, from)
	f.mu.Unlock()
	if f.block != nil {
		if err := f.block(ctx); err != nil {
			return "", err
		}
	}
	if err := each(f.records); err != nil {
		return "", err
	}
	return f.cursor, f.fails
}

// asked is where the last fetch was told to go on.
func (f *feed) asked() ident.Position { return f.from[len(f.from)-1] }

// silent is an Observer that nobody listens to.
type silent struct{}

func (silent) RunEnded(string, string, time.Duration) {}
func (silent) Stands(string, []string, time.Time)     {}
func (silent) Records(string, string, int)            {}
func (silent) Change(string, string, string)          {}
func (silent) Quarantined(string, int)                {}
func (silent) Held(string, string, int)               {}
func (silent) HeldSince(string, time.Time)            {}

// scene is an engine over a domain, with a state of its own.
type scene struct {
	testing.TB
	*Engine
	dc    *dirtest.Domain
	ou    ident.DN
	state string // folder
	url   string // of the DC
}

// newScene is a scene for a rule of ours: in memory, and at full size at the
// domain controller, since the rule must hold there.
func newScene(t *testing.T, sources map[string]*feed, opts ...store.Option) *scene {
	t.Helper()
	if soak.Full() {
		return onDC(t, sources, opts...)
	}
	d := dirtest.InMemory(t)
	return newSceneIn(t, d, d.Connect(t, dirtest.AsAgent).Server().URL, func(context.Context, string) (Directory, error) {
		return remembered{d.Connect(t, dirtest.AsAgent)}, nil
	}, sources, opts...)
}

// remembered is a connection to a domain in memory, which needs no closing.
type remembered struct{ dirtest.Directory }

func (remembered) Close() error { return nil }

// onDC is a scene for what rests on the behaviour of the domain controller.
func onDC(t *testing.T, sources map[string]*feed, opts ...store.Option) *scene {
	t.Helper()
	dc := dctest.Start(t)
	return newSceneAt(t, dc, dc.URL, sources, opts...)
}

// newSceneAt is a scene at a domain controller that is reached by another URL.
func newSceneAt(t *testing.T, dc *dctest.DC, url string, sources map[string]*feed, opts ...store.Option) *scene {
	t.Helper()
	return newSceneIn(t, dirtest.OnDC(dc), url, func(ctx context.Context, _ string) (Directory, error) {
		return conn.Open(ctx, conn.Settings{
			URLs: []string{url}, BaseDN: dc.BaseDN, BindDN: dc.BindDN, CAFile: dc.CAFile, Connections: 2, Timeout: time.Minute,
			Password: func(context.Context) (string, error) { return dc.BindPassword, nil },
		}, slog.New(slog.DiscardHandler), nil)
	}, sources, opts...)
}

func newSceneIn(
	t *testing.T, dc *dirtest.Domain, url string, connect func(context.Context, string) (Directory, error), sources map[string]*feed, opts ...store.Option,
) *scene {
	t.Helper()
	state := t.TempDir()
	st, err := store.Open(t.Context(), state, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	s := &scene{TB: t, dc: dc, ou: dc.OU("Staff"), state: state, url: url}
	automations := map[string]Automation{}
	for name, source := range sources {
		automations[name] = Automation{
			Settings: plan.Settings{
				Automation: name, Application: name, DataSource: name, Config: "c0ffee", Action: plan.ActionLifecycle,
				Missing: plan.Missing{Action: plan.MissingDisable}, Anchor: "employeeNumber", Scope: []ident.DN{s.ou},
				SourceShrink: plan.Limit{Unlimited: true},
			},
			Mapper: mapper(t, name, s.ou), Source: source, Password: Password{Length: 24},
		}
	}
	s.Engine, err = New(t.Context(), Settings{
		Store: st, Automations: automations, Observer: silent{}, Log: slog.New(slog.DiscardHandler), Now: time.Now, Writers: 2,
		Connect: connect,
		Rules:   write.Rules{Scope: []ident.DN{s.ou}, Anchor: "employeeNumber", BindDN: dc.BindDN},
		Mirror:  mirror.Spec{Base: dc.BaseDN, Attributes: []string{"employeeNumber", "displayName", "sAMAccountName", "title", "mail", "userPrincipalName", "proxyAddresses", "thumbnailPhoto", "jpegPhoto"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func mapper(t *testing.T, name string, ou ident.DN, groups ...ident.DN) *mapping.Mapper {
	t.Helper()
	src := func(text string) *expr.Source { return &expr.Source{Text: text} }
	in := make([]expr.Source, len(groups))
	for i, g := range groups {
		in[i] = *src(string(g))
	}
	m, errs := mapping.Compile(mapping.Definition{
		Primary: "id", OU: src(string(ou)), Groups: in,
		Attributes: []mapping.AttributeDef{
			{Name: "displayName", Value: src("{{ user.name }}")},
			{Name: "sAMAccountName", Value: src(name + "{{ user.id }}"), Apply: ident.ApplyCreate, Unique: mapping.UniqueDomain},
			{Name: "title", Value: src("user.title"), OnMissing: mapping.OnMissingClear},
			{Name: "thumbnailPhoto", Value: src("user.photo"), Encoding: mapping.EncodingBase64},
			{Name: "jpegPhoto", Value: src("{{ user.photo }}"), Encoding: mapping.EncodingBase64},
		},
	})
	for _, err := range errs {
		t.Fatal(err)
	}
	return m
}

func person(key ident.Key, name string, more ...string) ident.Record {
	r := ident.Record{Endpoint: "users", Key: key, Fields: map[string]any{"id": string(key), "name": name}}
	for i := 0; i < len(more); i += 2 {
		r.Fields[more[i]] = more[i+1]
	}
	return r
}

func gone(key ident.Key) ident.Record {
	return ident.Record{Endpoint: "users", Key: key, Deleted: true}
}

// run makes one run that must not fail.
func (s *scene) run(automation string) Report {
	s.Helper()
	r, err := s.Run(s.Context(), Request{Automation: automation, Kind: store.KindManual, By: "test"})
	if err != nil {
		s.Fatalf("run of %s: %v", automation, err)
	}
	return r
}

// account finds the account of a record.
func (s *scene) account(anchor string, more ...string) ident.Entry {
	s.Helper()
	found := s.dc.Find(s, "(employeeNumber="+anchor+")", append(more, "displayName", "title", "userAccountControl", "thumbnailPhoto", "jpegPhoto")...)
	if len(found) != 1 {
		s.Fatalf("%d accounts of %s", len(found), anchor)
	}
	return found[0]
}

// dropByDrop is a source that delivers a record every few milliseconds and
// never comes to an end.
type dropByDrop struct{ batches atomic.Int64 }

var _ Fetcher = (*dropByDrop)(nil)

func (d *dropByDrop) ChangesOnly() bool { return false }
func (d *dropByDrop) Endpoint() string  { return "users" }

func (d *dropByDrop) Fetch(ctx context.Context, _ ident.Position, each func([]ident.Record) error) (string, error) {
	for {
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
		n := d.batches.Add(1)
		if err := each([]ident.Record{person(ident.Key(fmt.Sprint(n)), "Drop")}); err != nil {
			return "", err
		}
	}
}
