package engine

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
)

// TestWhoIsOutOfScopeHasTheReason: in a run of that user, in the numbers of a whole
// run, and in the operation for somebody who has left.
func TestWhoIsOutOfScopeHasTheReason(t *testing.T) {
	staff := func(key ident.Key, name string, active, external bool) ident.Record {
		r := person(key, name)
		r.Fields["active"], r.Fields["external"] = active, external
		return r
	}
	s, f := keysScene(t, "outside", staff("1", "Out One", true, false), staff("2", "Out Two", true, true), staff("3", "Out Three", false, false))
	a := s.Automations["outside"]
	m, errs := mapping.Compile(mapping.Definition{
		Primary: "id", OU: &expr.Source{Text: string(s.ou)}, Where: &expr.Source{Text: "user.active && !user.external"},
		Attributes: []mapping.AttributeDef{
			{Name: "displayName", Value: &expr.Source{Text: "{{ user.name }}"}},
			{Name: "sAMAccountName", Value: &expr.Source{Text: "outside{{ user.id }}"}, Apply: ident.ApplyCreate},
		},
	})
	if errs != nil {
		t.Fatal(errs)
	}
	a.Mapper = m
	s.Automations["outside"] = a
	r := s.run("outside")
	want := []ident.ScopeCount{{Condition: "user.active", OutOfScope: 1}, {Condition: "!user.external", OutOfScope: 1}}
	if diff := cmp.Diff(want, r.Summary.Scope); diff != "" {
		t.Error(diff)
	}
	if got := notes(s.instant("outside", "2"), "2"); !strings.Contains(got, "its record is not what where asks for (!user.external)") {
		t.Errorf("the run of one user says %q", got)
	}
	f.records[0] = staff("1", "Out One", false, false)
	r = s.run("outside")
	if len(r.Outcomes) != 1 || !strings.Contains(r.Outcomes[0].Operation.Reason, "no longer what where asks for (user.active)") {
		t.Errorf("%+v", r.Outcomes)
	}
}
