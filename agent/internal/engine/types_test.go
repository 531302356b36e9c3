package engine

import (
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
)

// An API that begins to send another type for a field of the filter leaves
// everybody as they are: nobody is out of scope, and each is set aside with
// both types.
func TestAnotherTypeDisablesNobody(t *testing.T) {
	active := func(key ident.Key, name string, value any) ident.Record {
		r := person(key, name)
		r.Fields["active"] = value
		return r
	}
	f := &feed{}
	s := newScene(t, map[string]*feed{"types": f})
	a := s.Automations["types"]
	m, errs := mapping.Compile(mapping.Definition{
		Primary: "id", OU: &expr.Source{Text: string(s.ou)}, Where: &expr.Source{Text: "user.active == true"},
		Attributes: []mapping.AttributeDef{
			{Name: "displayName", Value: &expr.Source{Text: "{{ user.name }}"}},
			{Name: "sAMAccountName", Value: &expr.Source{Text: "types{{ user.id }}"}, Apply: ident.ApplyCreate},
		},
	})
	if errs != nil {
		t.Fatal(errs)
	}
	a.Mapper = m
	s.Automations["types"] = a
	f.records = []ident.Record{active("1", "Type One", true), active("2", "Type Two", true), active("3", "Type Three", true)}
	s.run("types")
	f.records = []ident.Record{active("1", "Type One", "true"), active("2", "Type Two", false), active("3", "Type Three", true)}
	r := s.run("types")
	if len(r.Outcomes) != 1 || r.Outcomes[0].Key != "2" || r.Outcomes[0].Operation.Class != ident.ClassDisable {
		t.Errorf("only the one who is false leaves: %+v", r.Outcomes)
	}
	if q := r.Summary.Quarantined; len(q) != 1 || q[0].Key != "1" || !strings.Contains(q[0].Cause, `== cannot compare a text ("true") with true or false (true)`) || q[0].Next != `write user.active == "true"` {
		t.Errorf("set aside: %+v", q)
	}
	if e := s.account("types:1"); e.Attributes.First("userAccountControl") != "512" {
		t.Errorf("%s is disabled", e.DN)
	}
}
