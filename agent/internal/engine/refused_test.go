package engine

import (
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
)

// TestRefusalsNobodyForesaw: what the directory refuses keeps nothing else from
// that person, and is not planned as good again and again. This directory takes
// no userParameters over LDAP, and in fSMORoleOwner only servers.
func TestRefusalsNobodyForesaw(t *testing.T) {
	source := &feed{}
	s := onDC(t, map[string]*feed{"refused": source})
	s.mapped("refused",
		mapping.AttributeDef{Name: "userParameters", OnMissing: mapping.OnMissingClear}, mapping.AttributeDef{Name: "fSMORoleOwner", OnMissing: mapping.OnMissingClear},
		mapping.AttributeDef{Name: "title"}, mapping.AttributeDef{Name: "department"})
	now := time.Now()
	s.Now = func() time.Time { return now }
	fields := map[string]string{"userParameters": "bad", "title": "Boss"}
	run := func(what string, applied, failed int, items ...string) {
		t.Helper()
		rec := person("1", "Refused One")
		for name, v := range fields {
			rec.Fields[name] = v
		}
		source.records = []ident.Record{rec}
		r := s.run("refused")
		if r.Count(ident.ResultApplied) != applied || r.Count(ident.ResultFailed) != failed || len(r.Outcomes) != applied+failed {
			t.Errorf("%s: %+v, want %d applied and %d failed", what, r.Outcomes, applied, failed)
		}
		s.wantItems("refused", items...)
		if t.Failed() {
			t.Fatal(what)
		}
	}
	is := func(attribute, want string) {
		t.Helper()
		found := s.dc.Find(t, "(employeeNumber=refused:1)", attribute)
		if len(found) != 1 || found[0].Attributes.First(attribute) != want {
			t.Errorf("%s is not %q: %+v", attribute, want, found)
		}
	}
	const refused = "1 userParameters: userParameters: refused by the directory: "

	run("creation", 1, 1, refused)
	is("title", "Boss")
	is("displayName", "Refused One")
	run("the next run waits", 0, 0, refused)
	fields["title"] = "Chief"
	run("other attributes go on", 1, 0, refused)
	is("title", "Chief")
	fields["userParameters"] = "bad too"
	run("another value is tried", 0, 1, refused)
	now = now.Add(31 * time.Minute)
	run("its time has come", 0, 1, refused)
	now = now.Add(31 * time.Minute)
	run("the next time is later", 0, 0, refused)
	if n, err := s.RetryRefused(t.Context(), "refused", "1"); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	run("somebody wants it tried", 0, 1, refused)
	fields["fSMORoleOwner"], fields["department"] = string(s.ou), "Sales"
	now = now.Add(31 * time.Minute)
	run("two of three", 1, 1, "1 fSMORoleOwner: ", refused)
	is("department", "Sales")
	delete(fields, "userParameters")
	delete(fields, "fSMORoleOwner")
	run("nothing is wanted any more", 0, 0)
	if left, err := s.Store.Refusals(t.Context(), "refused"); len(left) != 0 || err != nil {
		t.Errorf("still remembered: %+v, %v", left, err)
	}
}

// TestOperationsThatAreRefusedAsAWhole: a create that the directory takes in no
// form is set aside with its cause.
func TestOperationsThatAreRefusedAsAWhole(t *testing.T) {
	source := &feed{records: []ident.Record{person("1", "Whole One"), person("2", "Whole Two")}}
	s := onDC(t, map[string]*feed{"whole": source})
	before := s.dc.Get(t, s.dc.BaseDN, "minPwdLength").Attributes.First("minPwdLength")
	s.dc.Replace(t, s.dc.BaseDN, "minPwdLength", "40")
	t.Cleanup(func() { s.dc.Replace(t, s.dc.BaseDN, "minPwdLength", before) })
	oneCause := func() []ident.QuarantineItem {
		t.Helper()
		const policy = "create failed: the password does not meet the domain's password policy"
		s.wantItems("whole", policy, policy)
		items, err := s.Store.Quarantine(t.Context(), "whole")
		want := "create failed in " + string(s.ou) + ": the password does not meet the domain's password policy (LDAP result code 19)"
		if err != nil || items[0].Shared != want || items[1].Shared != want {
			t.Errorf("not one cause: %+v, %v", items, err)
		}
		return items
	}
	if r := s.run("whole"); r.Count(ident.ResultFailed) != 2 {
		t.Fatalf("%+v", r.Outcomes)
	}
	oneCause()
	if r := s.run("whole"); len(r.Outcomes) != 0 {
		t.Errorf("planned as good again: %+v", r.Outcomes)
	}
	if items := oneCause(); !strings.Contains(items[0].Next, "rollcall quarantine retry whole 1") {
		t.Errorf("%+v", items)
	}
	s.dc.Replace(t, s.dc.BaseDN, "minPwdLength", before)
	if _, err := s.RetryRefused(t.Context(), "whole", ""); err != nil {
		t.Fatal(err)
	}
	if r := s.run("whole"); r.Count(ident.ResultApplied) != 2 {
		t.Errorf("%+v", r.Outcomes)
	}
}
