package engine

import (
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// referring is a scene at the domain controller whose automation maps manager to the
// account of user.manager, and secretary to those of two fields.
func referring(t *testing.T, name string) (*scene, *feed) {
	t.Helper()
	source := &feed{}
	s := onDC(t, map[string]*feed{name: source})
	s.mapped(name, mapping.AttributeDef{Name: "manager", Reference: true, OnMissing: mapping.OnMissingClear})
	a := s.configured.Load().automations[name]
	a.Settings.Limits = map[ident.Class]plan.Limit{ident.ClassUpdate: {Unlimited: true}}
	s.Replace(map[string]Automation{name: a}, nil)
	return s, source
}

// wantManagers checks whom the accounts name, by the keys of both.
func (s *scene) wantManagers(automation string, want map[ident.Key]ident.Key) {
	s.Helper()
	for key, of := range want {
		expected := ""
		if of != "" {
			expected = string(s.account(automation + ":" + string(of)).DN)
		}
		if got := s.account(automation+":"+string(key), "manager").Attributes.First("manager"); got != expected {
			s.Errorf("the manager of %s is %q, want %q", key, got, expected)
		}
	}
}

// settled checks that another run has nothing to do.
func (s *scene) settled(automation string) {
	s.Helper()
	if r := s.run(automation); len(r.Outcomes) != 0 {
		s.Errorf("the next run did %+v", r.Outcomes)
	}
}

// notes are those of a plan.
func (s *scene) notes(automation string) string {
	s.Helper()
	p, err := s.Plan(s.Context(), Request{Automation: automation, Kind: store.KindManual, By: "test"})
	if err != nil {
		s.Fatal(err)
	}
	var out []string
	for _, n := range p.Notes {
		out = append(out, n.Text)
	}
	return strings.Join(out, "\n")
}

// TestManagers: of people who are made in the same run, in a ring, renamed and moved
// in the same run, later, no more, deleted, and made anew.
func TestManagers(t *testing.T) {
	s, source := referring(t, "mgr")
	who := func(key ident.Key, manager any) ident.Record {
		r := person(key, "Manager "+string(key))
		if r.Fields["manager"] = manager; manager == "absent" {
			delete(r.Fields, "manager")
		}
		return r
	}
	source.records = []ident.Record{who("1", "2"), who("2", "1"), who("3", "3"), who("4", "9")}
	r := s.run("mgr")
	if r.Counts[ident.ClassCreate][ident.ResultApplied] != 4 || r.Counts[ident.ClassReferences][ident.ResultApplied] != 3 || len(r.Counts) != 2 {
		t.Fatalf("%+v", r.Counts)
	}
	s.wantManagers("mgr", map[ident.Key]ident.Key{"1": "2", "2": "1", "3": "3", "4": ""})
	s.settled("mgr")
	if notes := s.notes("mgr"); !strings.Contains(notes, "manager: 1 reference is open, as no account is linked to that key; it is written once there is one: 9 (of the key 4)") {
		t.Errorf("notes: %s", notes)
	}
	s.wantItems("mgr")

	// The other comes later; those who are named get other names; one names another.
	source.records = append(source.records, who("9", nil))
	source.records[0].Fields["name"], source.records[1].Fields["name"] = "Manager Renamed 1", "Manager Renamed 2"
	source.records[2].Fields["manager"] = "1"
	r = s.run("mgr")
	if r.Counts[ident.ClassReferences][ident.ResultApplied] != 2 || r.Counts[ident.ClassRename][ident.ResultApplied] != 2 || r.Count(ident.ResultSkipped)+r.Count(ident.ResultFailed) != 0 {
		t.Fatalf("%+v", r.Counts)
	}
	s.wantManagers("mgr", map[ident.Key]ident.Key{"1": "2", "2": "1", "3": "1", "4": "9"})
	s.settled("mgr")

	// One names nobody any more, and one does not say.
	source.records[1].Fields["manager"] = nil
	delete(source.records[3].Fields, "manager")
	r = s.run("mgr")
	if r.Counts[ident.ClassReferences][ident.ResultApplied] != 1 || len(r.Counts) != 1 {
		t.Fatalf("%+v", r.Counts)
	}
	s.wantManagers("mgr", map[ident.Key]ident.Key{"1": "2", "2": "", "4": "9"})
	s.settled("mgr")

	// The link of the one who is named is taken back: what is there stays, and is told.
	former := s.account("mgr:2").DN
	if _, err := s.Unlink(s.Context(), ident.Users("mgr"), "2", "test"); err != nil {
		t.Fatal(err)
	}
	source.records = []ident.Record{source.records[0], source.records[2], source.records[3], source.records[4]}
	if notes := s.notes("mgr"); !strings.Contains(notes, "2 (of the key 1)") {
		t.Errorf("notes: %s", notes)
	}
	s.run("mgr")
	s.wantManagers("mgr", map[ident.Key]ident.Key{"3": "1", "4": "9"})
	if got := s.account("mgr:1", "manager").Attributes.First("manager"); got != string(former) {
		t.Errorf("the manager of 1 is %q, and was %q", got, former)
	}
}

// TestAReferenceThatWasCutOff is found out about like any other write.
func TestAReferenceThatWasCutOff(t *testing.T) {
	s, source := referring(t, "cut")
	boss, one := person("1", "Cut Boss"), person("2", "Cut One", "manager", "1")
	source.records = []ident.Record{boss, person("2", "Cut One")}
	s.run("cut")
	for _, written := range []bool{false, true} {
		source.records = []ident.Record{boss, one}
		e, b := s.account("cut:2"), s.account("cut:1")
		s.dc.Replace(s, e.DN, "manager")
		op := ident.Operation{Class: ident.ClassReferences, Attributes: []ident.AttributeChange{{
			Name: "manager", Reference: true, New: []string{strings.ToLower(string(b.DN))}, Named: []ident.Named{{Key: "1", GUID: b.GUID}},
		}}}
		link, _, err := s.Store.LinkByKey(s.Context(), ident.Users("cut"), "2")
		if err != nil {
			t.Fatal(err)
		}
		s.leave(store.Intent{Automation: "cut", Key: "2", GUID: e.GUID, DN: e.DN, Operation: op, Link: &link})
		if written {
			s.dc.Replace(s, e.DN, "manager", string(b.DN))
		}
		r := s.run("cut")
		if applied := r.Counts[ident.ClassReferences][ident.ResultApplied]; (applied == 1) == written {
			t.Errorf("written before: %t; the next run did %+v", written, r.Counts)
		}
		s.wantManagers("cut", map[ident.Key]ident.Key{"2": "1"})
		s.settled("cut")
	}
}

// TestAnOpenReferenceOfAChangedRecord: where only changes are delivered, the other's
// arrival is enough, without another word about the one who names them.
func TestAnOpenReferenceOfAChangedRecord(t *testing.T) {
	source := &feed{changes: true}
	s := newScene(t, map[string]*feed{"chg": source})
	s.mapped("chg", mapping.AttributeDef{Name: "manager", Reference: true})
	source.records = []ident.Record{person("1", "Change One", "manager", "2")}
	s.run("chg")
	source.records = nil
	s.run("chg")
	source.records = []ident.Record{person("2", "Change Two")}
	s.run("chg")
	s.wantManagers("chg", map[ident.Key]ident.Key{"1": "2"})
	source.records = nil
	s.settled("chg")
}
