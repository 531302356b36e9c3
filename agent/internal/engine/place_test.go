package engine

import (
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/operation"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// away makes a scene whose leavers go to an OU of their own, and whose people
// are in one of their own.
func away(t *testing.T, name string, source *feed) (s *scene, leavers ident.DN) {
	t.Helper()
	s = onDC(t, map[string]*feed{name: source})
	a := s.configured.Load().automations[name]
	ou := func(rdn string) ident.DN {
		dn := ident.DN("OU=" + name + " " + rdn + "," + string(s.dc.OU("Staff")))
		s.dc.Add(t, dn, map[string][]string{"objectClass": {"organizationalUnit"}})
		return dn
	}
	s.ou, leavers = ou("staff"), ou("leavers")
	a.Settings.Scope = []ident.DN{s.ou, leavers}
	a.Settings.Missing.MoveTo = leavers
	a.Mapper = mapper(t, name, s.ou)
	s.Rules.Scope = a.Settings.Scope
	s.Replace(map[string]Automation{name: a}, nil)
	return s, leavers
}

// at checks where the account of a key is, and whether it is disabled.
func (s *scene) at(anchor string, dn ident.DN, uac string) ident.Entry {
	s.Helper()
	e := s.account(anchor)
	if !e.DN.EqualFold(dn) || e.Attributes.First("userAccountControl") != uac {
		s.Fatalf("the account of %s is %s with userAccountControl %s, want %s with %s", anchor, e.DN, e.Attributes.First("userAccountControl"), dn, uac)
	}
	return e
}

// Two people of one name leave and come back, while somebody else has taken
// their names in both places: each step is done by one run.
func TestLeaversAndReturnersOfOneName(t *testing.T) {
	bo, cy := person("9", "Bo"), person("8", "Cy")
	both := []ident.Record{person("1", "Ada"), person("2", "Ada"), bo, cy}
	source := &feed{records: both}
	s, leavers := away(t, "names", source)
	s.wantRun("names", store.RunOK)
	s.at("names:1", s.ou.Child("Ada"), "512")
	s.at("names:2", s.ou.Child("Ada (names2)"), "512")

	s.dc.AddUser(t, leavers, "Ada", "namesleft", nil) // of years ago
	source.records = both[1:]
	r := s.wantRun("names", store.RunOK)
	s.at("names:1", leavers.Child("Ada (names1)"), "514")
	if o := r.Outcomes[0]; !strings.HasSuffix(o.Operation.Reason, "CN=Ada,"+string(leavers)+" has the name Ada there, so it becomes Ada (names1)") {
		t.Errorf("reason %q", o.Operation.Reason)
	}
	source.records = both[2:]
	s.wantRun("names", store.RunOK)
	s.at("names:2", leavers.Child("Ada (names2)"), "514")

	s.dc.AddUser(t, s.ou, "Ada", "namesnew1", nil)
	s.dc.AddUser(t, s.ou, "Ada (names1)", "namesnew2", nil)
	source.records = both[1:]
	s.wantRun("names", store.RunOK)
	s.at("names:2", s.ou.Child("Ada (names2)"), "512")
	// Every name that the mapping has for the other is taken.
	source.records = both
	s.run("names")
	if got := s.aside("names", "1"); len(got) != 1 || !strings.Contains(got[0], "none of its 2 forms can be used") {
		t.Errorf("quarantine has %q", got)
	}
	s.dc.Delete(t, s.ou.Child("Ada (names1)"))
	s.wantRun("names", store.RunOK)
	s.at("names:1", s.ou.Child("Ada (names1)"), "512")
	if r := s.wantRun("names", store.RunOK); len(r.Outcomes) != 0 {
		t.Errorf("not settled: %+v", r.Outcomes)
	}
}

// A person of one name moves to another OU while another there gives the name
// up, and one whose new name is in use where they are: each at once.
func TestRenameAndMoveCross(t *testing.T) {
	source := &feed{records: []ident.Record{person("1", "Ada"), person("2", "Bo")}}
	s, other := away(t, "cross", source)
	s.wantRun("cross", store.RunOK)
	a := s.configured.Load().automations["cross"]
	a.Mapper = mapper(t, "cross", other) // everybody belongs there now
	s.Replace(map[string]Automation{"cross": a}, nil)
	s.dc.AddUser(t, other, "Ada", "crossold", nil) // the old name of 1 is taken there
	s.dc.AddUser(t, s.ou, "Zoe", "crosszoe", nil)  // the new name of 1 is taken here
	s.dc.AddUser(t, other, "Yan", "crossyan", nil) // the new name of 2 is taken there
	source.records = []ident.Record{person("1", "Zoe"), person("2", "Yan")}
	r := s.wantRun("cross", store.RunOK)
	s.at("cross:1", other.Child("Zoe"), "512")
	s.at("cross:2", other.Child("Yan (cross2)"), "512")
	for _, o := range r.Outcomes {
		if o.Result != ident.ResultApplied {
			t.Errorf("%s of %s is %s: %s", o.Operation.Class, o.Name, o.Result, o.Cause)
		}
	}
	if r := s.wantRun("cross", store.RunOK); len(r.Outcomes) != 0 {
		t.Errorf("not settled: %+v", r.Outcomes)
	}
}

// Somebody whom an administrator moved comes back to that place, and one whose
// account has expired is told.
func TestReturnerComesHome(t *testing.T) {
	source := &feed{records: []ident.Record{person("1", "Ada"), person("2", "Bo")}}
	s, leavers := away(t, "home", source)
	s.wantRun("home", store.RunOK)
	special := ident.DN("OU=Special," + string(s.ou))
	s.dc.Add(t, special, map[string][]string{"objectClass": {"organizationalUnit"}})
	s.dc.Move(t, s.ou.Child("Ada"), "CN=Ada", special)
	source.records = source.records[1:]
	s.wantRun("home", store.RunOK)
	s.at("home:1", leavers.Child("Ada"), "514")
	s.dc.Replace(t, leavers.Child("Ada"), "accountExpires", "134167968000000000") // 2026-03-01
	source.records = []ident.Record{person("1", "Ada"), person("2", "Bo")}
	for range 2 {
		s.wantRun("home", store.RunQuarantined)
		s.at("home:1", special.Child("Ada"), "512")
		if got := s.aside("home", "1"); len(got) != 1 || !strings.HasPrefix(got[0], "accountExpires: the account expired on 2026-03-01") {
			t.Errorf("quarantine has %q", got)
		}
	}
	s.dc.Replace(t, special.Child("Ada"), "accountExpires", "0")
	s.wantRun("home", store.RunOK)
}

// A run that was cut off between the two halves of a disable or an enable, or
// after both, is taken up by the next one; the account has the name that it
// got, or gets the one that is free then.
func TestCutOffUnderAnotherName(t *testing.T) {
	source := &feed{records: []ident.Record{person("1", "Ada"), person("2", "Bo")}}
	s, leavers := away(t, "cut", source)
	s.wantRun("cut", store.RunOK)
	s.dc.AddUser(t, leavers, "Ada", "cutold", nil)
	home, free := s.ou.Child("Ada"), leavers.Child("Ada (cut1)")
	all, without := source.records, source.records[1:]
	cn := []ident.AttributeChange{{Name: "cn", Old: []string{"Ada"}, New: []string{"Ada (cut1)"}}}
	link := func() ident.Link {
		l, ok, err := s.Store.LinkByKey(t.Context(), ident.Users("cut"), "1")
		if err != nil || !ok {
			t.Fatalf("link: %v, %v", ok, err)
		}
		return l
	}
	left := func(op ident.Operation) {
		l := link()
		after := l
		s.leave(store.Intent{Automation: "cut", Key: "1", GUID: l.GUID, DN: op.From, Operation: op, Link: &after})
	}

	// Disabled, not yet moved, and back already: the name has not changed.
	left(ident.Operation{Class: ident.ClassDisable, From: home, To: free, Attributes: cn})
	s.dc.Replace(t, home, "userAccountControl", "514")
	s.wantRun("cut", store.RunOK)
	s.at("cut:1", home, "512")
	if l := link(); l.Applied["cn"] != operation.Digest([]string{"Ada"}) || l.Left != "" || l.MissingSince != nil {
		t.Errorf("link %+v", l)
	}

	// Disabled, not yet moved.
	left(ident.Operation{Class: ident.ClassDisable, From: home, To: free, Attributes: cn})
	s.dc.Replace(t, home, "userAccountControl", "514")
	source.records = without
	s.wantRun("cut", store.RunOK)
	s.at("cut:1", free, "514")
	if l := link(); l.MissingSince == nil || !l.Left.EqualFold(s.ou) || !l.Placed.EqualFold(leavers) {
		t.Errorf("link %+v", l)
	}
	if r := s.wantRun("cut", store.RunOK); len(r.Outcomes) != 0 {
		t.Errorf("not settled: %+v", r.Outcomes)
	}

	// Enabled, not yet moved back.
	left(ident.Operation{Class: ident.ClassEnable, From: free, To: home})
	s.dc.Replace(t, free, "userAccountControl", "512")
	source.records = all
	s.wantRun("cut", store.RunOK)
	e := s.account("cut:1")
	if !e.DN.Parent().EqualFold(s.ou) || e.Attributes.First("userAccountControl") != "512" {
		t.Errorf("the account is %s with %s", e.DN, e.Attributes.First("userAccountControl"))
	}
	if l := link(); l.MissingSince != nil || l.Left != "" {
		t.Errorf("link %+v", l)
	}
	if r := s.wantRun("cut", store.RunOK); len(r.Outcomes) != 0 {
		t.Errorf("not settled: %+v", r.Outcomes)
	}
}

// Who is in a group by their primary group is a member of it: it is not joined
// again by each run, and a join that was cut off counts as made.
func TestPrimaryGroupIsMembership(t *testing.T) {
	source := &feed{records: []ident.Record{person("1", "Ada"), person("2", "Bo")}}
	s := onDC(t, map[string]*feed{"primary": source})
	group := s.dc.AddGroup(t, s.dc.OU("Groups"), "primary team")
	a := s.configured.Load().automations["primary"]
	a.Settings.Scope = append(a.Settings.Scope, s.dc.OU("Groups"))
	s.Rules.Scope = a.Settings.Scope
	a.Mapper = mapper(t, "primary", s.ou, group)
	s.Replace(map[string]Automation{"primary": a}, nil)
	if r := s.wantRun("primary", store.RunOK); r.Counts[ident.ClassGroups][ident.ResultApplied] != 2 {
		t.Fatalf("counts %v", r.Counts)
	}
	e := s.account("primary:1")
	team, found, err := s.Store.EntryByDN(t.Context(), group)
	if err != nil || !found {
		t.Fatalf("the group in the mirror: %v, %v", found, err)
	}
	sid := team.Attributes.First("objectSid")
	s.dc.Replace(t, e.DN, "primaryGroupID", sid[strings.LastIndexByte(sid, '-')+1:])
	if got := s.dc.Get(t, e.DN, "memberOf").Attributes.Values("memberOf"); len(got) > 0 && got[0] == string(group) {
		t.Fatalf("the primary group is listed: %v", got)
	}
	if r := s.wantRun("primary", store.RunOK); len(r.Outcomes) != 0 {
		t.Errorf("joined again: %+v", r.Outcomes)
	}
	s.leave(store.Intent{Automation: "primary", Key: "1", GUID: e.GUID, DN: e.DN, Operation: ident.Operation{Class: ident.ClassGroups, Groups: []ident.DN{group}}})
	s.wantRun("primary", store.RunOK)
	runs, err := s.Store.Runs(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	cut, err := ReadReport(t.Context(), s.Store, runs[1].ID)
	if err != nil || cut.Counts[ident.ClassGroups][ident.ResultApplied] != 1 {
		t.Errorf("the join that was cut off: %+v, %v", cut.Outcomes, err)
	}
}
