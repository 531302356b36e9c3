package react

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	_ "modernc.org/sqlite"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// tb is what testing.T and rapid.T have in common.
type tb interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Fatal(args ...any)
}

// scene is a store with events, and a directory.
type scene struct {
	tb
	ctx         context.Context
	dir         string
	store       *store.Store
	reactor     *Reactor
	automations []Automation
	managers    map[ident.DN]ident.Entry   // that the mirror does not have
	away        error                      // the directory cannot be asked
	hangs       map[ident.DN]time.Duration // before it answers for a manager
	asked       int                        // for managers
	fault       func(written bool) error   // of JudgeEvents: before and after the write
	said        strings.Builder
	told        []store.Judged
	now         time.Time
	before      [2]int64 // the last event and instance of earlier tests
}

// anew makes the scene one without events: what is in the store counts no more.
// Opening a store takes long.
func (s *scene) anew(t tb) {
	s.Helper()
	s.tb, s.automations, s.away, s.fault, s.told, s.now = t, nil, nil, nil, nil, time.Now()
	db := s.db()
	defer func() { _ = db.Close() }()
	err := db.QueryRowContext(s.ctx, `SELECT (SELECT coalesce(max(id), 0) FROM events), (SELECT coalesce(max(id), 0) FROM instances)`).
		Scan(&s.before[0], &s.before[1])
	if err != nil {
		s.Fatal(err)
	}
}

func (s *scene) db() *sql.DB {
	s.Helper()
	db, err := sql.Open("sqlite", filepath.Join(s.dir, store.FileName)+"?_pragma=busy_timeout(20000)&_pragma=synchronous(0)")
	if err != nil {
		s.Fatal(err)
	}
	return db
}

func newScene(ctx context.Context, t tb, dir string) *scene {
	s := &scene{tb: t, ctx: ctx, dir: dir, managers: map[ident.DN]ident.Entry{}, now: time.Now()}
	s.open()
	return s
}

// open is a start of the agent.
func (s *scene) open() {
	s.Helper()
	var err error
	if s.store, err = store.Open(s.ctx, s.dir); err != nil {
		s.Fatal(err)
	}
	if err := s.store.BreakLeases(s.ctx); err != nil {
		s.Fatal(err)
	}
	s.reactor = New(Settings{
		Store: faulty{s.store, s}, Directory: s, Automations: func() []Automation { return s.automations },
		Judged: func(_ context.Context, list []store.Judged) { s.told = append(s.told, list...) },
		Log:    slog.New(slog.NewTextHandler(&s.said, nil)), Owner: "test", Now: func() time.Time { return s.now },
	})
}

func (s *scene) close() {
	s.Helper()
	if err := s.store.Close(); err != nil {
		s.Errorf("close: %v", err)
	}
}

// faulty is a store in which writes fail, and after which writes the process dies.
type faulty struct {
	*store.Store
	s *scene
}

func (f faulty) JudgeEvents(ctx context.Context, lease store.Lease, list []store.JudgedEvent) ([]store.Judged, error) {
	if f.s.fault != nil {
		if err := f.s.fault(false); err != nil {
			return nil, err
		}
	}
	out, err := f.Store.JudgeEvents(ctx, lease, list)
	if err == nil && f.s.fault != nil {
		err = f.s.fault(true)
	}
	return out, err
}

// Named implements Directory.
func (s *scene) Named(_ context.Context, dn ident.DN, _ []string) (ident.Entry, bool, error) {
	s.asked++
	s.now = s.now.Add(s.hangs[dn])
	e, ok := s.managers[dn]
	if ok {
		return e, true, nil
	}
	return e, false, s.away
}

// Schema implements Directory.
func (s *scene) Schema(context.Context, []string) (ident.Schema, error) { return ident.Schema{}, nil }

// add puts open events into the store, as a synchronisation of the mirror does.
func (s *scene) add(events ...ident.Event) {
	s.Helper()
	db := s.db()
	defer func() { _ = db.Close() }()
	for _, e := range events {
		parts, err := ident.EncodeParts(e.Parts)
		if err != nil {
			s.Fatal(err)
		}
		if e.Image == nil {
			e.Image = ident.Attributes{}
		}
		image, err := ident.EncodeImage(e.Image)
		if err != nil {
			s.Fatal(err)
		}
		var g ident.EventGroup
		if e.Group != nil {
			g = *e.Group
		}
		at := e.At
		if at.IsZero() {
			at = s.now
		}
		_, err = db.ExecContext(s.ctx, `INSERT INTO events (at, object, guid, dn, from_dn, name, group_guid, group_dn, group_name,
			parts_json, image_json, unsure, open) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)`,
			at.UnixNano(), e.Object, e.GUID, e.DN, e.From, e.Name, g.GUID, g.DN, g.Name, parts, image, e.Unsure)
		if err != nil {
			s.Fatal(err)
		}
	}
}

// judge judges what is open.
func (s *scene) judge() {
	s.Helper()
	if _, err := s.reactor.Judge(s.ctx); err != nil {
		s.Fatalf("judge: %v", err)
	}
}

// judgedBy returns the verdicts about all events, by their numbers.
func (s *scene) judgedBy() map[int64][]store.TimelineJudged {
	s.Helper()
	list, _, err := s.store.SeenEvents(s.ctx, store.EventFilter{Most: 1_000_000})
	if err != nil {
		s.Fatal(err)
	}
	out := map[int64][]store.TimelineJudged{}
	for _, e := range list {
		out[e.ID] = e.Verdicts
	}
	return out
}

// verdicts returns the verdicts about the first events, each "automation verdict" and
// its cause.
func (s *scene) verdicts(events int64) []string {
	s.Helper()
	var out []string
	judged := s.judgedBy()
	for id := int64(1); id <= events; id++ {
		for _, v := range judged[s.before[0]+id] {
			line := fmt.Sprintf("%d %s %s", id, v.Automation, v.Verdict)
			if v.Cause != "" {
				line += ": " + v.Cause
			}
			out = append(out, line)
		}
	}
	return out
}

// instances returns what has begun or is held.
func (s *scene) instances() []store.Instance {
	s.Helper()
	var out []store.Instance
	err := s.store.Instances(s.ctx, store.InstanceFilter{}, func(i store.Instance) error {
		one, err := s.store.Instance(s.ctx, i.ID)
		if i.ID > s.before[1] {
			out = append(out, one)
		}
		return err
	})
	if err != nil {
		s.Fatal(err)
	}
	slices.SortFunc(out, func(a, b store.Instance) int { return int(a.ID - b.ID) })
	return out
}

func input(s *scene, i store.Instance) (in orchestration.Input) {
	s.Helper()
	if err := json.Unmarshal(i.Input, &in); err != nil {
		s.Fatal(err)
	}
	return in
}

// automation asks for kinds, and begins an orchestration that calls these
// applications.
func (s *scene) automation(name string, on []ident.On, where string, applications ...string) *Automation {
	s.Helper()
	d := orchestration.Definition{Name: "to_" + strings.Join(applications, "_")}
	for i, application := range applications {
		d.Steps = append(d.Steps, orchestration.Step{Name: fmt.Sprint("call", i), Webhook: &orchestration.Webhook{
			Ref: application + "/x", Application: application,
			Call: abi.Webhook{Method: "PUT", Path: "/x", MessageType: "json", Body: `{"a": "{{ ad.title }} {{ old.title }}"}`},
		}})
	}
	if len(applications) == 0 {
		d.Steps = []orchestration.Step{{Name: "wait", Delay: orchestration.Duration(time.Hour)}}
	}
	o, err := orchestration.Compile(d, orchestration.Options{})
	if err != nil {
		s.Fatal(err)
	}
	text, err := json.Marshal(d)
	if err != nil {
		s.Fatal(err)
	}
	a := Automation{
		Name: name, On: on, Object: ident.ObjectUser, Bases: []ident.DN{"OU=Staff,DC=x"}, Orchestration: d.Name, Definition: text, Compiled: o,
		Limit: func(context.Context) (store.StartLimit, error) { return store.StartLimit{Most: -1}, nil },
	}
	if where != "" {
		a.Filter = s.filter(where)
	}
	s.automations = append(s.automations, a)
	return &s.automations[len(s.automations)-1]
}

func (s *scene) filter(where string) *orchestration.Filter {
	s.Helper()
	scope := expr.NewScope("ad", "manager", "links", "now", "old").WithMembers("change", orchestration.ChangeMembers...)
	e, err := scope.Compile(expr.Source{Text: where, Pos: expr.Pos{File: "agent.toml", Line: 7, Column: 10}})
	if err != nil {
		s.Fatal(err)
	}
	return orchestration.NewFilter(e)
}

// on is the kinds of an automation: "disabled", "modified(title)".
func on(texts ...string) []ident.On {
	var out []ident.On
	for _, text := range texts {
		kind, inside, named := strings.Cut(strings.TrimSuffix(text, ")"), "(")
		one := ident.On{Kind: ident.EventKind(kind)}
		if named {
			one.Attributes = strings.Split(inside, ",")
		}
		out = append(out, one)
	}
	return out
}

// user is an event about a user of the staff.
func user(name string, parts ...ident.EventPart) ident.Event {
	dn := ident.DN("CN=" + name + ",OU=Staff,DC=x")
	return ident.Event{
		Object: ident.ObjectUser, GUID: ident.GUID("guid-" + name), DN: dn, From: dn, Name: name, Parts: parts,
		Image: ident.Attributes{"title": {"Boss"}, "displayname": {"Dr " + name}, "useraccountcontrol": {"512"}},
	}
}

func part(kind ident.EventKind) ident.EventPart { return ident.EventPart{Kind: kind} }

func modified(attribute, was, is string) ident.EventPart {
	p := ident.EventPart{Kind: ident.EventModified, Attribute: attribute}
	if was != "" {
		p.Old = []string{was}
	}
	if is != "" {
		p.New = []string{is}
	}
	return p
}

// from says where a part came from.
func from(p ident.EventPart, o ident.Origin) ident.EventPart {
	p.Origin = &o
	return p
}

var errDied = errors.New("the process died")
