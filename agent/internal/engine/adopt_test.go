package engine

import (
	"maps"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
)

// adoption is an account made by hand that carries the anchor of a record, and
// a run that holds its adoption with all that follows.
func adoption(t *testing.T, application string) (s *scene, source *feed, guid ident.GUID, held Report) {
	t.Helper()
	source = &feed{records: []ident.Record{person("1", "Good One")}}
	s = newScene(t, map[string]*feed{application: source})
	s.run(application)
	deep := "OU=Deep " + ident.DN(application) + "," + s.ou
	s.dc.Add(t, deep, map[string][]string{"objectClass": {"organizationalUnit"}})
	guid = s.dc.AddUser(t, deep, "Old "+application, "old"+application, map[string][]string{"employeeNumber": {application + ":2"}, "title": {"Clerk"}})
	source.records = append(source.records, person("2", "New "+application, "title", "CTO"))
	return s, source, guid, s.run(application)
}

func (s *scene) byGUID(guid ident.GUID) ident.Entry {
	s.Helper()
	return s.dc.Get(s, ident.DN("<GUID="+string(guid)+">"), "title", "displayName", "cn", "employeeNumber")
}

func (s *scene) approve(run int64) Report {
	s.Helper()
	r, err := s.Approve(s.Context(), Decision{Run: run, By: "ada"})
	if err != nil {
		s.Fatal(err)
	}
	return r
}

// TestApprovedAdoptionIsWhatWasShown approves an adoption with all that was
// held with it; the next run finds nothing to do.
func TestApprovedAdoptionIsWhatWasShown(t *testing.T) {
	const app = "approved"
	s, _, guid, held := adoption(t, app)
	for _, class := range []ident.Class{ident.ClassAdopt, ident.ClassUpdate, ident.ClassRename} {
		if held.Counts[class][ident.ResultHeld] != 1 {
			t.Errorf("%s is not held: %+v", class, held.Counts)
		}
	}
	if n := held.Counts[ident.ClassMove]; len(n) > 0 {
		t.Errorf("an adopted account is to be moved: %+v", held.Counts)
	}
	if before := s.byGUID(guid); before.Attributes.First("title") != "Clerk" {
		t.Fatalf("changed without an approval: %+v", before)
	}
	s.approve(held.ID)
	now := s.byGUID(guid)
	if now.Attributes.First("title") != "CTO" || now.DN.Name() != "New "+app || !strings.HasPrefix(string(now.DN.Parent()), "OU=Deep") {
		t.Errorf("after the approval: %+v", now)
	}
	if r := s.run(app); len(r.Counts) != 0 || r.Waiting != 0 {
		t.Errorf("the next run does more than was shown: %+v", r.Counts)
	}
}

// TestAdoptionOfAChangedAccount approves what was shown of an account that
// somebody has changed since: nothing is done, and the next run asks anew.
func TestAdoptionOfAChangedAccount(t *testing.T) {
	const app = "changed"
	s, _, guid, held := adoption(t, app)
	s.dc.Replace(t, s.byGUID(guid).DN, "title", "Cook")
	r := s.approve(held.ID)
	if r.Count(ident.ResultSkipped) != 3 || r.Count(ident.ResultApplied) != 0 {
		t.Errorf("the approval did %+v", r.Counts)
	}
	if !strings.Contains(r.Outcomes[0].Cause, "title is Cook now, not Clerk as was shown") {
		t.Errorf("the cause is %q", r.Outcomes[0].Cause)
	}
	if _, linked := s.link(app, "2"); linked || s.byGUID(guid).Attributes.First("title") != "Cook" {
		t.Error("the account was adopted, or changed")
	}
	again := s.run(app)
	if again.Counts[ident.ClassAdopt][ident.ResultHeld] != 1 {
		t.Fatalf("not asked anew: %+v", again.Counts)
	}
	s.approve(again.ID)
	if got := s.byGUID(guid).Attributes.First("title"); got != "CTO" {
		t.Errorf("title is %s", got)
	}
}

// TestAdoptionUnderAnotherConfiguration changes the mapping between a run that
// holds an adoption and its approval: what the new one leads to was not shown.
func TestAdoptionUnderAnotherConfiguration(t *testing.T) {
	const app = "config"
	s, _, guid, held := adoption(t, app)
	automations := maps.Clone(s.Automations)
	a := automations[app]
	a.Settings.Config = "decaf"
	automations[app] = a
	s.Replace(automations, nil)
	r := s.approve(held.ID)
	if _, linked := s.link(app, "2"); linked || r.Count(ident.ResultSkipped) != 3 || s.byGUID(guid).Attributes.First("title") != "Clerk" {
		t.Errorf("the approval did %+v", r.Counts)
	}
	if !strings.Contains(r.Outcomes[0].Cause, "the configuration was changed since this was shown") {
		t.Errorf("the cause is %q", r.Outcomes[0].Cause)
	}
	s.approve(s.run(app).ID)
	if _, linked := s.link(app, "2"); !linked {
		t.Error("shown again and approved, it is not adopted")
	}
}

// TestChangedAdoptionIsHeldAnew drops all of what was held for an adoption when
// one part of it becomes another, so that one approval covers the whole.
func TestChangedAdoptionIsHeldAnew(t *testing.T) {
	const app = "anew"
	s, source, guid, first := adoption(t, app)
	source.records[1].Fields["title"] = "CEO"
	second := s.run(app)
	if second.Count(ident.ResultHeld) != 3 || second.Waiting != 0 {
		t.Errorf("the second run holds %+v, and %d wait", second.Counts, second.Waiting)
	}
	if left, err := s.Store.HeldOfRun(t.Context(), first.ID); err != nil || len(left) != 0 {
		t.Errorf("the first run still holds %+v, %v", left, err)
	}
	if third := s.run(app); third.Count(ident.ResultHeld) != 0 || third.Waiting != 3 {
		t.Errorf("the third run holds %+v, and %d wait", third.Counts, third.Waiting)
	}
	s.approve(second.ID)
	if got := s.byGUID(guid).Attributes.First("title"); got != "CEO" {
		t.Errorf("title is %s", got)
	}
}

// TestAdoptionWhoseManagerIsAnother approves an adoption with a reference. Whom the
// account named may have been renamed since, but not be somebody else.
func TestAdoptionWhoseManagerIsAnother(t *testing.T) {
	for app, byHand := range map[string]bool{"namesthesame": false, "namesanother": true} {
		t.Run(app, func(t *testing.T) {
			source := &feed{records: []ident.Record{person("1", "Former Boss"), person("3", "Next Boss"), person("4", "Other Boss")}}
			s := newScene(t, map[string]*feed{app: source})
			s.mapped(app, mapping.AttributeDef{Name: "manager", Reference: true})
			s.run(app)
			former, next, other := s.account(app+":1"), s.account(app+":3"), s.account(app+":4")
			guid := s.dc.AddUser(t, s.ou, "Old "+app, "old"+app, map[string][]string{"employeeNumber": {app + ":2"}, "manager": {string(former.DN)}})
			source.records = append(source.records, person("2", "New "+app, "manager", "3"))
			held := s.run(app)
			if held.Counts[ident.ClassReferences][ident.ResultHeld] != 1 || held.Counts[ident.ClassAdopt][ident.ResultHeld] != 1 {
				t.Fatalf("held: %+v", held.Counts)
			}
			s.dc.Move(s, former.DN, "CN=Renamed Boss", s.ou)
			if byHand {
				s.dc.Replace(s, s.byGUID(guid).DN, "manager", string(other.DN))
			}
			r := s.approve(held.ID)
			_, linked := s.link(app, "2")
			manager := s.dc.Get(s, s.byGUID(guid).DN, "manager").Attributes.First("manager")
			if !byHand {
				if r.Count(ident.ResultSkipped) != 0 || !linked || manager != string(next.DN) {
					t.Errorf("the approval did %+v; the manager is %s; %+v", r.Counts, manager, r.Outcomes)
				}
				return
			}
			if linked || r.Count(ident.ResultApplied) != 0 || manager != string(other.DN) {
				t.Errorf("the approval did %+v; the manager is %s", r.Counts, manager)
			}
			want := "manager is " + string(other.DN) + " now, not CN=Renamed Boss," + string(s.ou) + " as was shown"
			if !strings.Contains(r.Outcomes[0].Cause, want) {
				t.Errorf("the cause is %q, want %q", r.Outcomes[0].Cause, want)
			}
		})
	}
}
