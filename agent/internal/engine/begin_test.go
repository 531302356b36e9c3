package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dirtest"
	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

const users = "(sAMAccountType=805306368)"

// reads is the Reader of a test.
type reads struct{ dirtest.Directory }

func (r reads) Named(ctx context.Context, dn ident.DN, attributes []string) (ident.Entry, bool, error) {
	e, err := r.Get(ctx, conn.ByDN(dn), attributes)
	if errors.Is(err, conn.ErrNotFound) {
		return e, false, nil
	}
	return e, err == nil, err
}

func (r reads) Schema(context.Context, []string) (ident.Schema, error) {
	return ident.Schema{"badpwdcount": {Syntax: ident.SyntaxInteger, Single: true}}, nil
}

// stale begins an orchestration for the staff whose title is old.
func stale(t *testing.T, s *scene, where string) Beginning {
	t.Helper()
	condition, err := expr.NewScope("ad", "manager", "links", "now").Compile(expr.Source{Text: where, Pos: expr.Pos{File: "f", Line: 1, Column: 1}})
	if err != nil {
		t.Fatal(err)
	}
	return Beginning{
		Automation: "stale", Orchestration: "ask", Definition: json.RawMessage(`{"name":"ask"}`), First: "mail",
		Bases: []ident.DN{s.ou}, Search: users, Filter: orchestration.NewFilter(condition),
		Limit: plan.Limit{Count: 2}, People: func(context.Context) (int, error) { return 0, nil }, Once: true,
		Reader: func() (Reader, func()) { return reads{s.dc.Connect(t, dirtest.AsAgent)}, func() {} },
	}
}

// people makes users with a title each.
func (s *scene) people(t *testing.T, titles ...string) {
	t.Helper()
	for i, title := range titles {
		name := fmt.Sprint("Old ", i)
		s.dc.AddUser(t, s.ou, name, fmt.Sprint("old", i), map[string][]string{
			"userAccountControl": {"512"}, "title": {title}, "manager": {string(s.ou.Child("Hana Made"))},
		})
	}
}

func (s *scene) guidOf(t *testing.T, cn string) ident.GUID {
	t.Helper()
	e, err := s.dc.Connect(t, dirtest.AsAdministrator).Get(t.Context(), conn.ByDN(s.ou.Child(cn)), []string{"cn"})
	if err != nil {
		t.Fatal(err)
	}
	return e.GUID
}

func summary(r Report) string {
	c := r.Summary.Began
	return fmt.Sprintf("%s %s: %d match, %d begin, %d held, %d before, %d under way, %d unclear", r.Kind, r.Result,
		c.Matched, c.Begun, c.Held, c.Before, c.UnderWay, c.Unclear)
}

// TestAnAutomationBeginsOrchestrations goes with one automation over many days.
func TestAnAutomationBeginsOrchestrations(t *testing.T) {
	s := newScene(t, nil)
	s.people(t, "old", "old", "new", "old")
	b := stale(t, s, `ad.title == "old" && manager.displayName == "Hana Made" && links.crm == null`)
	s.Replace(map[string]Automation{"stale": {Settings: plan.Settings{Automation: "stale"}, Begins: &b}}, nil)
	run := func(want string) Report {
		t.Helper()
		r, err := s.Run(t.Context(), Request{Automation: "stale", Kind: store.KindScheduled, By: "schedule"})
		if got := summary(r); err != nil || got != want {
			t.Errorf("%s, want %s (%v)", got, want, err)
		}
		return r
	}
	planned := func(want string) {
		t.Helper()
		p, err := s.PlanBegin(t.Context(), b, nil)
		var got []string
		for _, o := range p.Objects {
			got = append(got, string(o.Verdict))
		}
		slices.Sort(got)
		if all := strings.Join(got, ", "); err != nil || all != want {
			t.Errorf("plan: %s, want %s (%v)", all, want, err)
		}
	}
	planned("begin, begin, hold")
	live := &noting{}
	s.Observer = live
	first := run("scheduled held: 3 match, 2 begin, 1 held, 0 before, 0 under way, 0 unclear")
	if live.held["start"] != 1 || live.since.Before(first.Started) {
		t.Errorf("the metrics say that %d are held, since %s", live.held["start"], live.since)
	}
	if first.Orchestration != "ask" || first.HeldStarts != 1 || first.Summary.Began.Looked != 8 {
		t.Errorf("%+v", first)
	}
	planned("before, before, before")
	run("scheduled ok: 3 match, 0 begin, 0 held, 3 before, 0 under way, 0 unclear")

	s.dc.Replace(t, s.ou.Child("Old 0"), "title", "new")
	run("scheduled ok: 2 match, 0 begin, 0 held, 2 before, 0 under way, 0 unclear")
	s.dc.Replace(t, s.ou.Child("Old 0"), "title", "old")
	run("scheduled ok: 3 match, 0 begin, 0 held, 2 before, 1 under way, 0 unclear")

	var begun []string
	if err := s.Store.Instances(t.Context(), store.InstanceFilter{Run: first.ID}, func(i store.Instance) error {
		begun = append(begun, fmt.Sprint(i.Orchestration, " ", i.Automation, " ", i.Trigger, " ", i.By, " ", i.Step, " ", i.Status))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(begun)
	want := []string{"ask stale schedule schedule mail held", "ask stale schedule schedule mail ready", "ask stale schedule schedule mail ready"}
	if !slices.Equal(begun, want) {
		t.Errorf("%q", begun)
	}
	if _, success, err := s.Store.Standing(t.Context(), "stale"); err != nil || success.IsZero() {
		t.Errorf("no run counts as a success: %v", err)
	}
	if _, err := s.Store.ApproveInstances(t.Context(), store.Holding{Run: first.ID}, "ada"); err != nil {
		t.Fatal(err)
	}
	if err := s.ObserveHeld(t.Context(), "stale"); err != nil || live.held["start"] != 0 || !live.since.IsZero() {
		t.Errorf("after the approval %d are held, since %s: %v", live.held["start"], live.since, err)
	}
}

// TestAFilterWithoutAValueSetsAside: nothing begins for an object of which the filter
// says nothing, the others go on, and the object is not forgotten.
func TestAFilterWithoutAValueSetsAside(t *testing.T) {
	s := newScene(t, nil)
	s.people(t, "2020-01-01", "x")
	b := stale(t, s, `ad.title != null && date_diff(date(ad.title), now, "days") > 3`)
	s.Replace(map[string]Automation{"stale": {Settings: plan.Settings{Automation: "stale"}, Begins: &b}}, nil)
	r, err := s.Run(t.Context(), Request{Automation: "stale", Kind: store.KindScheduled, By: "schedule"})
	if got := summary(r); err != nil || got != "scheduled quarantined: 1 match, 1 begin, 0 held, 0 before, 0 under way, 1 unclear" {
		t.Errorf("%s (%v)", got, err)
	}
	items, err := s.Store.Quarantine(t.Context(), "stale")
	if err != nil || len(items) != 1 || !strings.HasPrefix(items[0].Name, "old1 (CN=Old 1,") || !strings.Contains(items[0].Cause, "f:1:") {
		t.Errorf("%+v, %v", items, err)
	}
	for _, title := range []string{"x", "2020-01-01"} { // unclear, and back
		s.dc.Replace(t, s.ou.Child("Old 0"), "title", title)
		r, err = s.Run(t.Context(), Request{Automation: "stale", Kind: store.KindScheduled, By: "schedule"})
	}
	if got := summary(r); err != nil || got != "scheduled quarantined: 1 match, 0 begin, 0 held, 1 before, 0 under way, 1 unclear" {
		t.Errorf("%s (%v)", got, err)
	}
}

// TestAFailedSearchForgetsNobody: a run that has not seen every object ends as failed,
// and begins for nobody a second time.
func TestAFailedSearchForgetsNobody(t *testing.T) {
	s := newScene(t, nil)
	s.people(t, "old")
	b := stale(t, s, `ad.title == "old"`)
	automation := func(b Beginning) {
		s.Replace(map[string]Automation{"stale": {Settings: plan.Settings{Automation: "stale"}, Begins: &b}}, nil)
	}
	run := func() Report {
		r, err := s.Run(t.Context(), Request{Automation: "stale", Kind: store.KindScheduled, By: "schedule"})
		if err != nil && r.ID == 0 {
			t.Fatal(err)
		}
		return r
	}
	automation(b)
	run()
	broken := b
	broken.Bases = []ident.DN{"OU=Gone," + s.ou}
	automation(broken)
	if r := run(); r.Result != store.RunFailed || !strings.Contains(r.Error, "look for objects under OU=Gone") {
		t.Errorf("%s %s", r.Result, r.Error)
	}
	broken = b
	broken.Limit = plan.Limit{Percent: 20}
	broken.People = func(context.Context) (int, error) { return 0, errors.New("away") }
	automation(broken)
	if r := run(); r.Result != store.RunFailed || !strings.Contains(r.Error, "limits.start") {
		t.Errorf("%s %s", r.Result, r.Error)
	}
	automation(b)
	if got := summary(run()); got != "scheduled ok: 1 match, 0 begin, 0 held, 1 before, 0 under way, 0 unclear" {
		t.Error(got)
	}
}

// TestAPersonBeginsAnOrchestration: for chosen objects, each once, as a run without an
// automation.
func TestAPersonBeginsAnOrchestration(t *testing.T) {
	s := newScene(t, nil)
	s.people(t, "old", "old", "new")
	b := stale(t, s, `ad.title == "old"`)
	b.Automation, b.Once = "", false
	guid := s.guidOf(t, "Old 0")
	b.Chosen, b.Bases = []ident.GUID{guid, guid, s.guidOf(t, "Old 2")}, nil
	r, err := s.Begin(t.Context(), b, "ada")
	if got := summary(r); err != nil || got != "orchestrate ok: 1 match, 1 begin, 0 held, 0 before, 0 under way, 0 unclear" {
		t.Errorf("%s (%v)", got, err)
	}
	if r.Automation != "" || r.Orchestration != "ask" || r.By != "ada" {
		t.Errorf("%+v", r.Run)
	}
	r, err = s.Begin(t.Context(), b, "ada")
	if got := summary(r); err != nil || got != "orchestrate ok: 1 match, 0 begin, 0 held, 0 before, 1 under way, 0 unclear" {
		t.Errorf("%s (%v)", got, err)
	}
	b.Chosen, b.Bases, b.Limit = []ident.GUID{guid}, []ident.DN{s.ou}, plan.Limit{Count: 1}
	r, err = s.Begin(t.Context(), b, "ada")
	if got := summary(r); err != nil || got != "orchestrate held: 2 match, 0 begin, 1 held, 0 before, 1 under way, 0 unclear" {
		t.Errorf("%s (%v)", got, err)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if _, err := s.Begin(stopped, b, "ada"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
