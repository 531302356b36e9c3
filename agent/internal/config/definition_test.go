package config

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
)

func TestDefinitionCarriesEveryRule(t *testing.T) {
	const attributes = `[data_sources.people.attributes]
proxyAddresses = { values = ["SMTP:{{ user.a }}", "smtp:{{ user.b }}"], merge = "add" }
title = { value = "{{ user.title }}", apply = "if_empty", authoritative = "directory" }
company = { value = "{{ user.company }}", on_missing = "clear", absent = "clear" }
info = { value = "{{ user.info }}", on_missing = "default", default = "none" }
manager = { reference = "{{ user.boss }}", on_missing = "clear" }
secretary = { references = ["{{ user.a }}", "{{ user.b }}"], merge = "add" }
initials = { formats = ["{{ user.i }}", "{{ user.j }}"], unique = "container", apply = "create" }
`
	c := mustLoad(t, map[string]string{"agent.toml": strings.NewReplacer(
		"[data_sources.people.attributes]\n", attributes,
		`connector = "pipedrive"`, "connector = \"pipedrive\"\nsettings = { team = \"x\" }",
	).Replace(base(t))})
	def := c.Definition(c.Automations["staff"])
	if def.Primary != "id" || def.Where.Text != "user.active_flag" || def.OU.Text != "OU=Staff,DC=example,DC=com" ||
		len(def.Groups) != 1 || def.Lookups["departments"]["1"] != "Sales" || def.Settings["team"] != "x" {
		t.Errorf("definition %+v", def)
	}
	want := map[string]mapping.AttributeDef{
		"proxyAddresses": {Values: []Text{{Text: "SMTP:{{ user.a }}"}, {Text: "smtp:{{ user.b }}"}}, Add: true, OnMissing: "keep", Apply: ident.ApplyAlways},
		"title":          {Value: &Text{Text: "{{ user.title }}"}, Apply: ident.ApplyIfEmpty, Directory: true, OnMissing: "keep"},
		"company":        {Value: &Text{Text: "{{ user.company }}"}, Apply: ident.ApplyAlways, OnMissing: "clear", Absent: "clear"},
		"info":           {Value: &Text{Text: "{{ user.info }}"}, Apply: ident.ApplyAlways, OnMissing: "default", Default: &Text{Text: "none"}},
		"initials":       {Formats: []Text{{Text: "{{ user.i }}"}, {Text: "{{ user.j }}"}}, Apply: ident.ApplyCreate, OnMissing: "keep", Unique: "container"},
		"manager":        {Value: &Text{Text: "{{ user.boss }}"}, Reference: true, Apply: ident.ApplyAlways, OnMissing: "clear"},
		"secretary":      {Values: []Text{{Text: "{{ user.a }}"}, {Text: "{{ user.b }}"}}, Reference: true, Add: true, Apply: ident.ApplyAlways, OnMissing: "keep"},
		"displayName":    {Value: &Text{Text: "{{ trim(user.name) }}"}, Apply: ident.ApplyAlways, OnMissing: "keep"},
		"department":     {Value: &Text{Text: "{{ lookup('departments', user.role_id, 'Other') }}"}, Apply: ident.ApplyAlways, OnMissing: "keep"},
		"mail":           {Value: &Text{Text: "{{ lower(user.email) }}"}, Apply: ident.ApplyAlways, OnMissing: "keep", Unique: "forest"},
		"sAMAccountName": {Value: &Text{Text: "{{ sam_safe(user.name) }}"}, Apply: ident.ApplyCreate, OnMissing: "keep", Unique: "domain", Suffix: "number"},
	}
	if len(def.Attributes) != len(want) {
		t.Errorf("%d attributes, want %d", len(def.Attributes), len(want))
	}
	ignorePlaces := cmp.Transformer("text", func(x Text) string { return x.Text })
	for _, got := range def.Attributes {
		w := want[got.Name]
		w.Name = got.Name
		if got.Pos.Line == 0 {
			t.Errorf("%s has no place", got.Name)
		}
		got.Pos = Pos{}
		if diff := cmp.Diff(w, got, ignorePlaces); diff != "" {
			t.Errorf("%s (-want +got):\n%s", got.Name, diff)
		}
	}
}

func TestAutomationsCarryTheirMapper(t *testing.T) {
	c := mustLoad(t, map[string]string{"agent.toml": base(t)})
	m := c.Automations["staff"].Mapper
	if m == nil {
		t.Fatal("the automation has no mapper")
	}
	if want := []string{"active_flag", "email", "id", "name", "role_id"}; !slices.Equal(m.Fields(), want) {
		t.Errorf("fields %v, want %v", m.Fields(), want)
	}
	for active, want := range map[bool]bool{true: true, false: false} {
		in, err := m.InScope(ident.Record{Key: "1", Fields: map[string]any{"id": "1", "active_flag": active}})
		if err != nil || in != want {
			t.Errorf("active %t: in scope %t, %v", active, in, err)
		}
	}
}
