package mapping

import (
	"errors"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// When a source begins to send another type, its records are set aside: nobody
// leaves the scope, and nothing is written.
func TestRecordsOfUnlikeTypesAreSetAside(t *testing.T) {
	for _, where := range []string{
		`user.x == true`, `user.x != false`, `user.x in [true]`, `user.x not in [false]`, `!(user.x == false)`, `user.x`, `!user.x`,
		`default(user.x, false) == true`, `any([user.x], # == true)`, `(user.x == true) ? true : false`, `user.x == true || user.id == 1`,
		`lookup("states", user.x, "no") == "yes"`,
	} {
		m := compile(t, Definition{Where: src(where), Lookups: map[string]map[string]string{"states": {"true": "yes", "false": "no"}}})
		if in, err := m.InScope(rec(t, `{"x": true, "id": 1}`)); err != nil || in == strings.HasPrefix(where, "!user") {
			t.Errorf("%s over true: %v %v", where, in, err)
		}
		for _, fields := range []string{`{"x": 1, "id": 2}`, `{"x": 0, "id": 2}`, `{"x": "true", "id": 2}`, `{"x": [true], "id": 2}`, `{"x": {"y": true}, "id": 2}`} {
			if strings.HasPrefix(where, "lookup") && strings.Contains(fields, `"true"`) {
				continue // keys are texts
			}
			in, err := m.InScope(rec(t, fields))
			var e *Error
			if !errors.As(err, &e) || in || e.Attribute != "where" || e.Next == "" {
				t.Errorf("%s over %s: %v %v", where, fields, in, err)
			}
		}
	}
}

func TestUnlikeTypesAreSetAsideEverywhere(t *testing.T) {
	const comparison = `(user.role == "1" ? "a" : "b")`
	all := func(change func(*Definition)) *Mapper {
		def := Definition{Attributes: []AttributeDef{
			{Name: "cn", Value: src("user.cn")}, {Name: "sAMAccountName", Value: src("user.cn")}, {Name: "mail", Value: src("user.cn")},
		}, OU: src("OU=x,DC=x")}
		change(&def)
		return compile(t, def)
	}
	for place, m := range map[string]*Mapper{
		"mail": all(func(d *Definition) { d.Attributes[2].Value = src(comparison) }),
		"cn": all(func(d *Definition) {
			d.Attributes[0] = AttributeDef{Name: "cn", Formats: []expr.Source{*src("{{ " + comparison + " }}")}}
		}),
		"ou":     all(func(d *Definition) { d.OU = src("OU={{ " + comparison + " }},DC=x") }),
		"groups": all(func(d *Definition) { d.Groups = []expr.Source{*src("CN={{ " + comparison + " }},DC=x")} }),
	} {
		if _, err := m.Map(rec(t, `{"cn": "Ada", "role": "1"}`), nil, nil, &fakeNames{}); err != nil {
			t.Errorf("%s: %v", place, err)
		}
		_, err := m.Map(rec(t, `{"cn": "Ada", "role": 1}`), nil, nil, &fakeNames{})
		var e *Error
		if !errors.As(err, &e) || e.Attribute != place || !strings.Contains(e.Cause, `== cannot compare a number (1) with a text ("1")`) || e.Next != "write user.role == 1" {
			t.Errorf("%s: %#v", place, err)
		}
	}
	m := all(func(d *Definition) { d.Attributes[2].Value = src(comparison) })
	if _, err := m.MatchValues(rec(t, `{"cn": "Ada", "role": 1}`), []string{"mail"}); err == nil || !strings.Contains(err.Error(), "cannot compare") {
		t.Errorf("match: %v", err)
	}
}

func TestTypesOfTheManifestAreChecked(t *testing.T) {
	fields := map[string]FieldType{"id": FieldInt, "active": FieldBool, "name": FieldString}
	for where, want := range map[string]string{
		`user.active == true && user.id in [1]`: "",
		`user.active == 1`:                      `agent.toml:5:22: == cannot compare user.active, which is true or false, with 1, which is a number (write user.active == true)`,
		`endpoints.users.id == "1"`:             `agent.toml:5:29: == cannot compare endpoints.users.id, which is a number, with "1", which is a text (write endpoints.users.id == 1)`,
		`endpoints.other.id == "1"`:             "",
		`user.name`:                             `agent.toml:5:15: user.name is a text and stands where true or false is needed (compare it, such as user.name == "true", or ask for any text: !is_empty(user.name))`,
	} {
		errs := compile(t, Definition{Where: src(where)}).Check(map[string]map[string]FieldType{"": fields, "users": fields})
		got := ""
		if len(errs) > 0 {
			got = errs[0].Error()
		}
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", where, got, want)
		}
	}
	bad := src(`{{ user.id == "1" ? "a" : "b" }}`)
	for place, def := range map[string]Definition{
		"value":   {Attributes: []AttributeDef{{Name: "info", Value: bad}}},
		"formats": {Attributes: []AttributeDef{{Name: "info", Formats: []expr.Source{*bad}}}},
		"values":  {Attributes: []AttributeDef{{Name: "info", Values: []expr.Source{*bad}}}},
		"default": {Attributes: []AttributeDef{{Name: "info", Value: src("user.name"), OnMissing: OnMissingDefault, Default: bad}}},
		"ou":      {OU: src("OU=" + bad.Text)},
		"groups":  {Groups: []expr.Source{*src("CN=" + bad.Text)}},
	} {
		if errs := compile(t, def).Check(map[string]map[string]FieldType{"": fields, "users": fields}); len(errs) != 1 || !strings.Contains(errs[0].Error(), "write user.id == 1") {
			t.Errorf("%s: %v", place, errs)
		}
	}
	for _, text := range []string{`attributes.cn == 5 ? "a" : "b"`, `link.key == 5 ? "a" : "b"`, `settings.size == "5" ? "a" : "b"`} {
		_, errs := Compile(Definition{Settings: map[string]any{"size": int64(5)}, Attributes: []AttributeDef{
			{Name: "cn", Value: src("user.cn")}, {Name: "info", Value: src(text)},
		}})
		if len(errs) != 1 || !strings.Contains(errs[0].Error(), "cannot compare") {
			t.Errorf("%s: %v", text, errs)
		}
	}
}

// An attribute of several values is a list in the expressions that read it,
// also where no two accounts may have one of its values.
func TestSeveralUniqueValuesAreAList(t *testing.T) {
	for _, c := range []struct {
		def          AttributeDef
		fields, read string
	}{
		{AttributeDef{Name: "proxyAddresses", Values: sources("SMTP:{{ user.x }}", "smtp:b@x"), Add: true}, `{"x": "a@x"}`, `"smtp:b@x" in attributes.proxyAddresses ? "y" : "n"`},
		{AttributeDef{Name: "proxyAddresses", Value: src("user.x")}, `{"x": ["smtp:a@x", "smtp:b@x"]}`, `any(attributes.proxyAddresses, # endsWith "b@x") ? "y" : "n"`},
		{AttributeDef{Name: "otherMailbox", Value: src(`[user.x, "b@x"]`), Add: true, Unique: UniqueForest}, `{"x": "a@x"}`, `"b@x" in attributes.otherMailbox ? "y" : "n"`},
	} {
		m := compile(t, Definition{Attributes: []AttributeDef{c.def, {Name: "info", Value: src(c.read)}}})
		d, err := m.Map(rec(t, c.fields), entry("CN=Ada,DC=x"), nil, &fakeNames{})
		if info, _ := d.Attribute("info"); err != nil || strings.Join(info.Values, "|") != "y" {
			t.Errorf("%s: %q, %v", c.read, info.Values, err)
		}
	}
}

// Numbers reach AD in one spelling, so that a source that changes its own
// changes no account.
func TestEqualNumbersMapAlike(t *testing.T) {
	for _, id := range []string{"12", "12.0", "1.2e1", "120E-1"} {
		m := compile(t, Definition{Where: src("user.id == 12 && user.id in [12]"), OU: src("OU={{ user.id }},DC=x"), Attributes: []AttributeDef{{Name: "info", Value: src("{{ user.id }}/{{ user.id + 1 }}")}}})
		d, err := m.Map(rec(t, `{"id": `+id+`}`), entry("CN=Ada,DC=x"), &ident.Link{}, nil)
		if err != nil || show(d) != "in OU=12,DC=x\ninfo: 12/13\n" {
			t.Errorf("%s: %s %v", id, show(d), err)
		}
		if in, err := m.InScope(rec(t, `{"id": `+id+`}`)); !in || err != nil {
			t.Errorf("%s: %v %v", id, in, err)
		}
	}
}
