package engine

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// TestAnotherPrimaryKeyStopsTheAutomation has an administrator change
// primary_key while links exist. The number of a role is then the key of a
// person: nobody may be touched by it, also where no limit holds anything.
func TestAnotherPrimaryKeyStopsTheAutomation(t *testing.T) {
	source := &feed{}
	s := newScene(t, map[string]*feed{"otherkey": source})
	by := func(key string) {
		a := s.Automations["otherkey"]
		a.Key, a.OwnKey = key, "/id"
		s.Replace(map[string]Automation{"otherkey": a}, nil)
	}
	by("/email")
	if _, err := s.Plan(t.Context(), Request{Automation: "otherkey"}); err != nil {
		t.Fatalf("a first plan: %v", err)
	}
	by("/id") // nobody is linked yet: it may still be any field
	source.records = []ident.Record{person("1", "Ada Otherkey"), person("2", "Ben Otherkey")}
	s.run("otherkey")

	by("/role_id")
	source.records = []ident.Record{person("2", "Cleo Otherkey")}
	asked := len(source.from)
	for what, do := range map[string]func() error{
		"plan": func() error { _, err := s.Plan(t.Context(), Request{Automation: "otherkey"}); return err },
		"apply": func() error {
			_, err := s.Run(t.Context(), Request{Automation: "otherkey", Kind: store.KindManual, By: "test"})
			return err
		},
		"link": func() error {
			_, err := s.Link(t.Context(), LinkRequest{Automation: "otherkey", Key: "2", Account: "x"})
			return err
		},
		"rekey": func() error {
			_, err := s.Rekey(t.Context(), RekeyRequest{Automation: "otherkey", Former: "1", Key: "2"})
			return err
		},
	} {
		err := do()
		want := `automation otherkey has primary_key = "role_id" now, and its 2 links were made by "id"`
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `put primary_key = "id" back`) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if len(source.from) != asked {
		t.Error("the source was asked")
	}
	if name := s.account("otherkey:2").Attributes.First("displayName"); name != "Ben Otherkey" {
		t.Errorf("the account of another person is %q", name)
	}

	by("/id")
	source.records = []ident.Record{person("1", "Ada Otherkey"), person("2", "Ben Otherkey")}
	if back := s.run("otherkey"); len(back.Counts) != 0 {
		t.Errorf("with the former key again: %+v", back.Counts)
	}
}

// TestFormerVersionsTookTheEndpointsKey: links that a version made which did
// not look at primary_key belong to the endpoint's own key. Those of an
// automation that is gone count too.
func TestFormerVersionsTookTheEndpointsKey(t *testing.T) {
	s := newScene(t, map[string]*feed{"formerkey": {}})
	a := s.Automations["formerkey"]
	link := ident.Link{Application: "formerkey", Key: "1", GUID: ident.GUID("00000000-0000-0000-0000-000000000001"), Automation: "formerkey"}
	if err := s.Store.PutLink(t.Context(), link, "test"); err != nil {
		t.Fatal(err)
	}
	a.Key, a.OwnKey = "/email", "/id"
	if err := s.sameKey(t.Context(), a); err == nil || !strings.Contains(err.Error(), `its link was made by "id"`) {
		t.Errorf("links of a former version: %v", err)
	}
	a.Key = "/id"
	if err := s.sameKey(t.Context(), a); err != nil {
		t.Errorf("the key of a former version: %v", err)
	}
	if kept, _, err := s.Store.Meta(t.Context(), keyMeta("formerkey")); err != nil || kept != "" {
		t.Errorf("looking alone remembers %q: %v", kept, err)
	}
	if err := s.rememberKey(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	a.Settings.Automation, a.Key = "renamed", "/email"
	if err := s.sameKey(t.Context(), a); err != nil {
		t.Errorf("the links belong to another automation of the configuration: %v", err)
	}
	s.Replace(map[string]Automation{"renamed": a}, nil)
	if err := s.sameKey(t.Context(), a); err == nil {
		t.Error("the links of an automation that is gone do not count")
	}
	a.Source = elsewhere{&feed{}}
	if err := s.sameKey(t.Context(), a); err != nil {
		t.Errorf("another endpoint: %v", err)
	}
}

// elsewhere is a source with another endpoint.
type elsewhere struct{ *feed }

func (elsewhere) Endpoint() string { return "people" }

// TestASavedPlanRemembersTheKey: whoever begins with a saved plan has links by
// its primary key, and neither is stopped by that of the endpoint nor may go on
// with it.
func TestASavedPlanRemembersTheKey(t *testing.T) {
	source := &feed{records: []ident.Record{person("1", "Ada Savedkey"), person("2", "Ben Savedkey")}}
	s := newScene(t, map[string]*feed{"savedkey": source})
	by := func(key, config string) {
		a := s.Automations["savedkey"]
		a.Key, a.OwnKey, a.Settings.Config = key, "/id", config
		s.Replace(map[string]Automation{"savedkey": a}, nil)
	}
	by("/role_id", "roles")
	roles, err := s.Plan(t.Context(), Request{Automation: "savedkey"})
	if err != nil {
		t.Fatal(err)
	}
	by("/email", "addresses")
	addresses, err := s.Plan(t.Context(), Request{Automation: "savedkey"})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := s.ApplyPlan(t.Context(), addresses, "test"); err != nil || r.Count(ident.ResultApplied) != 2 {
		t.Fatalf("%v, %+v", err, r.Counts)
	}
	s.run("savedkey")
	by("/id", "numbers")
	if _, err := s.Plan(t.Context(), Request{Automation: "savedkey"}); err == nil || !strings.Contains(err.Error(), `2 links were made by "email"`) {
		t.Errorf("by the endpoint's own key: %v", err)
	}
	by("/role_id", "roles")
	if _, err := s.ApplyPlan(t.Context(), roles, "test"); err == nil || !strings.Contains(err.Error(), `2 links were made by "email"`) {
		t.Errorf("a saved plan by another key: %v", err)
	}
}

// TestAKeyIsThatOfWhatIsHeld: as long as nobody is linked primary_key may be
// changed; what a run by the former one holds, and somebody approves before a
// run by the new one has dropped it, makes links by the former.
func TestAKeyIsThatOfWhatIsHeld(t *testing.T) {
	source := &feed{records: []ident.Record{person("1", "Ada Heldkey"), person("2", "Ben Heldkey")}}
	s := newScene(t, map[string]*feed{"heldkey": source})
	by := func(key string) {
		a := s.configured.Load().automations["heldkey"]
		a.Key, a.OwnKey, a.Settings.Approval = key, "/id", plan.ApprovalAlways
		s.Replace(map[string]Automation{"heldkey": a}, nil)
	}
	by("/id")
	held := s.wantRun("heldkey", store.RunHeld)
	by("/role_id")
	connect := s.Connect
	s.Connect = func(context.Context, string) (Directory, error) { return nil, errors.New("no domain controller") }
	if _, err := s.Run(t.Context(), Request{Automation: "heldkey", Kind: store.KindScheduled, By: "schedule"}); err == nil {
		t.Fatal("there is no domain controller, and the run did not fail")
	}
	s.Connect = connect
	if r, err := s.Approve(t.Context(), Decision{Run: held.ID, By: "test"}); err != nil || r.Count(ident.ResultApplied) != 2 {
		t.Fatalf("%v, %+v", err, r.Counts)
	}
	if _, err := s.Plan(t.Context(), Request{Automation: "heldkey"}); err == nil || !strings.Contains(err.Error(), `2 links were made by "id"`) {
		t.Errorf("links by the former key: %v", err)
	}
}
