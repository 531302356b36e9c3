package engine

import (
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
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
