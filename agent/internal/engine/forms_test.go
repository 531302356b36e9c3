package engine

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
)

// TestFormsThatTheDirectoryKeeps: dates, booleans, numbers and lists are written
// as the domain controller keeps them, so that the next run has nothing to do.
func TestFormsThatTheDirectoryKeeps(t *testing.T) {
	source := &feed{}
	s := onDC(t, map[string]*feed{"forms": source})
	want := map[string]string{
		"accountExpires": "143082720000000000", "msTSExpireDate": "20240531080000.0Z", "msNPAllowDialin": "TRUE",
		"uidNumber": "1000", "maxStorage": "4294967296", "localeID": "1031|1033", "otherTelephone": "1|2|3",
	}
	var defs []mapping.AttributeDef
	var names []string
	for name := range want {
		def := mapping.AttributeDef{Name: name}
		if def.Add = name == "otherTelephone"; def.Add {
			def.Value = &expr.Source{Text: "user.otherTelephone"}
		}
		defs, names = append(defs, def), append(names, name)
	}
	s.mapped("forms", defs...)
	p := person("1", "Forms One", "accountExpires", "2054-05-31", "msTSExpireDate", "2024-05-31T10:00:00.5+02:00", "msNPAllowDialin", "true")
	p.Fields["uidNumber"], p.Fields["maxStorage"] = json.Number("1e3"), json.Number("4294967296")
	p.Fields["localeID"] = []any{json.Number("1031"), "1033"}
	p.Fields["otherTelephone"] = []any{json.Number("1"), "2"}
	source.records = []ident.Record{p}
	if r := s.run("forms"); r.Count(ident.ResultApplied) != 1 {
		t.Fatalf("%+v", r)
	}
	made := s.dc.Find(t, "(employeeNumber=forms:1)", "otherTelephone")
	if len(made) != 1 {
		t.Fatalf("%+v", made)
	}
	s.dc.Replace(t, made[0].DN, "otherTelephone", "3", "2", "1")
	if r := s.run("forms"); len(r.Outcomes) != 0 {
		t.Errorf("the second run did %+v", r.Outcomes)
	}
	s.wantItems("forms")
	e := s.dc.Get(t, made[0].DN, names...)
	for name, list := range want {
		got := map[string]bool{}
		for _, v := range e.Attributes.Values(name) {
			got[v] = true
		}
		for _, v := range strings.Split(list, "|") {
			if !got[v] || len(got) != strings.Count(list, "|")+1 {
				t.Errorf("%s is %q, want %s", name, e.Attributes.Values(name), list)
			}
		}
	}

	p.Fields["accountExpires"] = json.Number("1717113600") // seconds since 1970
	source.records = []ident.Record{p}
	if r := s.run("forms"); len(r.Outcomes) != 0 {
		t.Errorf("%+v", r.Outcomes)
	}
	s.wantItems("forms", "1 accountExpires: accountExpires: 1717113600 counts 100 ns since 1601")
	p.Fields["accountExpires"] = "never"
	if r := s.run("forms"); r.Count(ident.ResultApplied) != 1 {
		t.Errorf("%+v", r)
	}
	if got := s.dc.Get(t, made[0].DN, "accountExpires").Attributes.First("accountExpires"); got != "9223372036854775807" {
		t.Errorf("accountExpires is %s", got)
	}
}
