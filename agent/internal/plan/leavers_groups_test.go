package plan

import (
	"slices"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

const (
	sales  ident.DN = "CN=Sales,OU=Groups,DC=x"
	beyond ident.DN = "CN=Outside,OU=Elsewhere,DC=x"
)

// stripScene is a leaver whom an earlier run disabled, in two groups that may be changed,
// one that is protected and one that is out of scope.
func stripScene() *scene {
	s := newScene()
	s.set.Missing.StripGroups = true
	s.record("10", nil)
	s.linked("10") // somebody is always there
	e, l := s.known("11", nil)
	since := noon.AddDate(0, 0, -3)
	l.MissingSince, l.Placed, e.DN = &since, leavers, leavers.Child("Ada 11")
	e.Attributes["useraccountcontrol"] = []string{"514"}
	s.put("g-sales", sales, "objectClass", "group")
	s.put("g-out", beyond, "objectClass", "group")
	s.put("g-admins", "CN=Admins,OU=Groups,DC=x", "objectClass", "group")
	s.protected["g-admins"] = "gives power over the domain"
	for _, g := range []ident.DN{crm, sales, beyond, "CN=Admins,OU=Groups,DC=x"} {
		s.members[g] = map[ident.GUID]bool{"g11": true}
	}
	return s
}

func (s *scene) without(key ident.Key) []ident.Record {
	all := slices.Clone(s.records)
	s.records = slices.DeleteFunc(slices.Clone(all), func(r ident.Record) bool { return r.Key == key })
	return all
}

// A leaver loses the groups once the account is disabled, and gets them back with it.
func TestLeaversLoseTheirGroups(t *testing.T) {
	s := stripScene()
	back := s.without("11")
	const stay = " note | 2 memberships of disabled accounts stay: the groups are protected or out of scope"
	step := func(want ...string) {
		t.Helper()
		p := s.plan(t)
		wantTrace(t, p, want...)
		s.apply(t, p, s.updates)
	}
	step("11 apply groups -CN=CRM,OU=Groups,DC=x -CN=Sales,OU=Groups,DC=x | missing: pipedrive no longer delivers the key 11; out of CRM, Sales", stay)
	if got := s.links["11"].Stripped; !slices.Equal(got, []ident.GUID{"g-crm", "g-sales"}) {
		t.Errorf("remembered: %v", got)
	}
	step(stay)
	s.members[crm]["g11"] = true // somebody adds the account by hand
	step("11 apply groups -CN=CRM,OU=Groups,DC=x | missing: pipedrive no longer delivers the key 11; out of CRM", stay)

	s.records = back
	s.entries["g-sales"].DN = "CN=Trade,OU=Groups,DC=x" // renamed meanwhile
	s.members["CN=Trade,OU=Groups,DC=x"] = map[ident.GUID]bool{}
	step("11 apply enable CN=Ada 11,OU=Leavers,DC=x -> CN=Ada 11,OU=Staff,DC=x | back: pipedrive delivers the key 11 again; rollcall had disabled the account",
		"11 apply groups CN=Trade,OU=Groups,DC=x CN=CRM,OU=Groups,DC=x | groups: back in Trade, CRM, where the account was before the key was missing")
	if got := s.links["11"].Stripped; len(got) > 0 {
		t.Errorf("still remembered: %v", got)
	}
	delete(s.members[crm], "g11") // and somebody takes it out again, which is left so
	step()
}

func TestWhoLosesNoGroups(t *testing.T) {
	for name, change := range map[string]func(*scene, *ident.Entry, *ident.Link){
		"nobody asked for it":           func(s *scene, _ *ident.Entry, _ *ident.Link) { s.set.Missing.StripGroups = false },
		"disabled by somebody else":     func(_ *scene, _ *ident.Entry, l *ident.Link) { l.MissingSince = nil },
		"enabled by hand":               func(_ *scene, e *ident.Entry, _ *ident.Link) { e.Attributes["useraccountcontrol"] = []string{"512"} },
		"a state that cannot be read":   func(_ *scene, e *ident.Entry, _ *ident.Link) { delete(e.Attributes, "useraccountcontrol") },
		"the account may not be edited": func(s *scene, e *ident.Entry, _ *ident.Link) { s.protected[e.GUID] = "is an administrator" },
	} {
		t.Run(name, func(t *testing.T) {
			s := stripScene()
			s.without("11")
			change(s, s.entries["g11"], s.links["11"])
			for _, c := range s.plan(t).Changes {
				for _, op := range c.Operations {
					if op.Class == ident.ClassGroups {
						t.Errorf("%+v", op)
					}
				}
			}
		})
	}
	s := stripScene()
	s.without("11")
	s.delivery.Doubt = "a record may be somebody else's"
	s.delivery.Complete = false
	if p := s.plan(t); len(p.Changes) > 0 {
		t.Errorf("by a delivery in doubt: %v", trace(p))
	}
}

// Whose account was disabled by the last day, and who is missing since, is a leaver too.
func TestWhoHadLeftAlreadyLosesTheGroups(t *testing.T) {
	for _, to := range []ident.DN{leavers, ""} {
		s := stripScene()
		s.without("11")
		s.links["11"].Off, s.set.Missing.MoveTo = ident.OffEnded, to
		if p := s.plan(t); len(p.Changes) != 1 || len(p.Changes[0].Operations[0].Left) != 2 {
			t.Errorf("move_to %q: %v", to, trace(p))
		}
	}
}

// Many who left long ago are no reason to doubt a delivery when strip_groups is set later.
func TestOldLeaversCastNoDoubt(t *testing.T) {
	s := stripScene()
	s.set.SourceShrink = Limit{Percent: 20}
	s.without("11")
	e, l := s.known("12", nil)
	l.MissingSince, l.Placed, e.DN = s.links["11"].MissingSince, leavers, leavers.Child("Ada 12")
	e.Attributes["useraccountcontrol"] = []string{"514"}
	s.members[crm]["g12"] = true
	s.without("12")
	p := s.plan(t)
	if len(p.Changes) != 2 || p.Changes[0].Operations[0].Verdict != ident.VerdictApply || p.Changes[1].Operations[0].Verdict != ident.VerdictApply {
		t.Errorf("%v", trace(p))
	}
}

// What a returner cannot get back is told, and what is gone is forgotten.
func TestGroupsThatCannotBeGivenBack(t *testing.T) {
	s := stripScene()
	s.links["11"].Stripped = []ident.GUID{"g-gone", "g-admins", "g-sales"}
	s.members = map[ident.DN]map[ident.GUID]bool{sales: {"g11": true}}
	p := s.plan(t)
	wantTrace(t, p,
		"11 apply enable CN=Ada 11,OU=Leavers,DC=x -> CN=Ada 11,OU=Staff,DC=x | back: pipedrive delivers the key 11 again; rollcall had disabled the account",
		"11 groups | group CN=Admins,OU=Groups,DC=x: CN=Admins,OU=Groups,DC=x is protected: gives power over the domain; the account, which was in "+
			"it before the key was missing, is not added to it | add the account by hand, or leave it so"+accept11,
		"11 note | was in a group when the key was missing that does not exist any more: g-gone")
	want := []ident.GUID{"g-gone", "g-sales"}
	for _, up := range s.updates {
		if len(up.Rejoined) > 0 && !slices.Equal(up.Rejoined, want) {
			t.Errorf("%v", up.Rejoined)
		}
	}
}
