package engine

import (
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// twoKinds is a scene in which two automations read users and persons of one
// application.
func twoKinds(t *testing.T, users, persons *feed) *scene {
	t.Helper()
	s := newScene(t, map[string]*feed{"kusers": users, "kpersons": persons})
	s.kinds()
	return s
}

func (s *scene) kinds() {
	all := map[string]Automation{}
	for name, kind := range map[string]string{"kusers": ident.UserKind, "kpersons": "person"} {
		a := s.Automations[name]
		a.Settings.Application, a.Settings.Kind = "twokinds", kind
		all[name] = a
	}
	s.Replace(all, nil)
}

// The ids of users and persons of one application are the same. Nobody is mixed
// up: each has an account, and who is missing among one kind is missing there.
func TestKindsOfOneApplicationAreNotMixedUp(t *testing.T) {
	users, persons := &feed{}, &feed{}
	s := twoKinds(t, users, persons)
	users.records = []ident.Record{person("7", "Ada User"), person("8", "Ben User")}
	persons.records = []ident.Record{person("7", "Cleo Person"), person("8", "Dan Person")}
	s.run("kusers")
	if r := s.run("kpersons"); len(r.Counts) == 0 {
		t.Fatalf("persons: %+v", r)
	}
	for anchor, name := range map[string]string{
		"twokinds:7": "Ada User", "twokinds:8": "Ben User", "twokinds/person:7": "Cleo Person", "twokinds/person:8": "Dan Person",
	} {
		if got := s.account(anchor).Attributes.First("displayName"); got != name {
			t.Errorf("the account of %s is %s", anchor, got)
		}
	}
	for _, name := range []string{"kusers", "kpersons"} {
		if again := s.run(name); len(again.Counts) != 0 {
			t.Errorf("a second run of %s: %+v", name, again.Counts)
		}
	}

	persons.records = persons.records[1:]
	s.run("kpersons")
	s.run("kusers")
	for anchor, gone := range map[string]bool{"twokinds:7": false, "twokinds/person:7": true, "twokinds/person:8": false} {
		if disabled, _ := s.account(anchor).Disabled(); disabled != gone {
			t.Errorf("%s is disabled: %v", anchor, disabled)
		}
	}

	// All that is known of links is lost, and restored by the anchors.
	lost := newSceneIn(t, s.dc, s.url, s.Connect, map[string]*feed{"kusers": users, "kpersons": persons})
	lost.kinds()
	persons.records = append(persons.records, person("9", "Eve Person"))
	lost.run("kpersons")
	lost.run("kusers")
	for space, name := range map[ident.Space]string{ident.Users("twokinds"): "Ben User", ident.SpaceOf("twokinds", "person"): "Dan Person"} {
		link, found, err := lost.Store.LinkByKey(t.Context(), space, "8")
		if err != nil || !found || link.Origin != ident.OriginRestored {
			t.Fatalf("the link of %s 8: %+v %v %v", space, link, found, err)
		}
		if e := lost.account(ident.Anchor(space, "8")); e.GUID != link.GUID || e.Attributes.First("displayName") != name {
			t.Errorf("%s 8 is linked to %s", space, e.DN)
		}
	}
}

// A connector, or the configuration, says since an upgrade that the records are
// persons. Nobody gets a second account, and nobody is missing.
func TestAnotherKindStopsTheAutomation(t *testing.T) {
	users, persons := &feed{}, &feed{}
	s := twoKinds(t, users, persons)
	users.records = []ident.Record{person("17", "Ada Otherkind"), person("18", "Ben Otherkind")}
	s.run("kusers")
	a := s.Automations["kusers"]
	for _, kind := range []string{"person", ident.UserKind} {
		a.Key, a.OwnKey, a.Settings.Application, a.Settings.Kind = "/id", "/id", "twokinds", kind
		s.Replace(map[string]Automation{"kusers": a}, nil)
		asked := len(users.from)
		report, err := s.Run(t.Context(), Request{Automation: "kusers", Kind: store.KindManual, By: "test"})
		if kind == ident.UserKind {
			if err != nil || len(report.Counts) != 0 {
				t.Errorf("with the former kind again: %+v, %v", report.Counts, err)
			}
			continue
		}
		want := `the records of automation kusers are of the kind person now, and its 2 links are of the kind user`
		if err == nil || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), `kind = "user" in [applications.twokinds.endpoints.users]`) || len(users.from) != asked {
			t.Errorf("as persons: %v", err)
		}
	}
}

// The link that an orchestration made belongs to it: an inbound automation takes
// its key for missing never, and finds the person by it.
func TestLinksOfOrchestrationsAreTheirs(t *testing.T) {
	users, persons := &feed{}, &feed{}
	s := twoKinds(t, users, persons)
	users.records = []ident.Record{person("27", "Ada Joiner")}
	s.run("kusers")
	// The account came from the users, and an orchestration made it a person.
	account := s.account("twokinds:27")
	made := ident.Link{
		Application: "twokinds", Kind: "person", Key: "27", GUID: account.GUID, Orchestration: "joiner", Origin: ident.OriginOutbound,
	}
	if err := s.Store.PutLink(t.Context(), made, "test"); err != nil {
		t.Fatal(err)
	}
	for what, records := range map[string][]ident.Record{
		"not delivered": {person("28", "Ben Person")}, "reported as deleted": {person("28", "Ben Person"), gone("27")},
		"delivered": {person("28", "Ben Person"), person("27", "Ada Joiner")},
	} {
		persons.records = records
		s.run("kpersons")
		p, err := s.Plan(t.Context(), Request{Automation: "kpersons"})
		if err != nil || len(p.Changes) != 0 || len(p.Quarantined) != 0 {
			t.Errorf("%s: %+v %+v %v", what, p.Changes, p.Quarantined, err)
		}
		if disabled, _ := s.account("twokinds:27").Disabled(); disabled {
			t.Errorf("%s: the account is disabled", what)
		}
		link, found, err := s.Store.LinkByKey(t.Context(), made.Space(), "27")
		if err != nil || !found || link.Orchestration != "joiner" || link.Automation != "" || link.GUID != account.GUID {
			t.Errorf("%s: the link is %+v %v %v", what, link, found, err)
		}
	}
	if found := s.dc.Find(t, "(displayName=Ada Joiner)", "cn"); len(found) != 1 {
		t.Errorf("%d accounts", len(found))
	}
	gone, err := s.Unlink(t.Context(), made.Space(), "27", "ada")
	if err != nil || gone.Orchestration != "joiner" {
		t.Errorf("removed by hand: %+v %v", gone, err)
	}
}
