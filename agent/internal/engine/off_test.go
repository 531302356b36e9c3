package engine

import (
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// TestFromPreHireToLeaver follows one person at a real domain controller: made disabled,
// enabled on the day, disabled when the contract ends although the record is still there,
// and enabled when it is prolonged.
func TestFromPreHireToLeaver(t *testing.T) {
	source := &feed{}
	s := onDC(t, map[string]*feed{"hire": source})
	src := func(text string) *expr.Source { return &expr.Source{Text: text} }
	m, errs := mapping.Compile(mapping.Definition{
		Primary: "id", OU: src(string(s.ou)), EnableWhen: src(`user.begun == "yes"`), DisableWhen: src(`default(user.left, "no") == "yes"`),
		Attributes: []mapping.AttributeDef{
			{Name: "displayName", Value: src("{{ user.name }}")},
			{Name: "sAMAccountName", Value: src("hire{{ user.id }}"), Apply: ident.ApplyCreate},
			{Name: "title", Value: src("user.title")},
		},
	})
	for _, err := range errs {
		t.Fatal(err)
	}
	a := s.configured.Load().automations["hire"]
	a.Mapper = m
	s.Replace(map[string]Automation{"hire": a}, nil)

	somebody := person("9", "Always There", "begun", "yes")
	for i, step := range []struct {
		fields  []string
		class   ident.Class // what is done; "" is nothing
		enabled bool
		off     ident.Off
		aside   bool
	}{
		{fields: []string{"begun", "no"}, class: ident.ClassCreate, off: ident.OffNotYet},
		{fields: []string{"begun", "no"}, off: ident.OffNotYet},
		{fields: []string{"begun", "no", "title", "Boss"}, class: ident.ClassUpdate, off: ident.OffNotYet},
		{fields: []string{"title", "Boss"}, off: ident.OffNotYet, aside: true},
		{fields: []string{"title", "Boss", "begun", "yes"}, class: ident.ClassEnable, enabled: true},
		{fields: []string{"title", "Boss", "begun", "no"}, enabled: true},
		{fields: []string{"title", "Boss", "begun", "yes", "left", "yes"}, class: ident.ClassDisable, off: ident.OffEnded},
		{fields: []string{"title", "Boss", "begun", "yes", "left", "yes"}, off: ident.OffEnded},
		{fields: []string{"title", "Boss", "begun", "yes", "left", "no"}, class: ident.ClassEnable, enabled: true},
	} {
		source.records = []ident.Record{person("1", "Hired One", step.fields...), somebody}
		r := s.run("hire")
		for class, counts := range r.Counts {
			if n := counts[ident.ResultApplied]; n > 0 && class != step.class && i > 0 {
				t.Errorf("step %d: %d of %s", i, n, class)
			}
		}
		if step.class != "" && r.Counts[step.class][ident.ResultApplied] == 0 {
			t.Errorf("step %d: %s is not done: %+v", i, step.class, r.Counts)
		}
		if want := map[bool]store.RunResult{true: store.RunQuarantined, false: store.RunOK}[step.aside]; r.Result != want {
			t.Errorf("step %d is %s", i, r.Result)
		}
		e := s.account("hire:1")
		link, linked := s.link("hire", "1")
		if !linked || s.enabled(e.GUID) != step.enabled || link.Off != step.off || (link.MissingSince == nil) != step.enabled {
			t.Errorf("step %d: enabled %t, link %+v", i, s.enabled(e.GUID), link)
		}
	}
}
