package mapping

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

func field(name string, kind FieldType, value string) DerivedDef {
	return DerivedDef{Name: name, Type: kind, Value: expr.Source{Text: value, Pos: expr.Pos{File: "connector crm, attribute " + name, Line: 1, Column: 1}}}
}

// using returns a mapping that uses the given fields and no others.
func using(t *testing.T, uses ...string) *Mapper {
	t.Helper()
	def := Definition{Primary: "id"}
	for i, u := range uses {
		def.Attributes = append(def.Attributes, AttributeDef{Name: "a" + string(rune('a'+i)), Value: src("{{ user." + u + " }}")})
	}
	return compile(t, def)
}

func spelled(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func deriving(t *testing.T, m *Mapper, defs ...DerivedDef) *Mapper {
	t.Helper()
	out, errs := m.Deriving("", defs)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return out
}

func TestWhatADerivedFieldGives(t *testing.T) {
	const admin = "any(user.access, #.admin)"
	for _, c := range []struct {
		name, value string
		kind        FieldType
		record      string
		want        string // JSON of the field; "" absent; "!..." the cause of the quarantine
	}{
		{"true", admin, FieldBool, `{"access":[{"app":"sales","admin":false},{"app":"global","admin":true}]}`, "true"},
		{"false", admin, FieldBool, `{"access":[{"app":"sales","admin":false}]}`, "false"},
		{"nobody", admin, FieldBool, `{"access":[]}`, "false"},
		{"absent stays absent", admin, FieldBool, `{}`, ""},
		{"null stays null", admin, FieldBool, `{"access":null}`, "null"},
		{"absent is no answer of a comparison", "user.role == 'admin'", FieldBool, `{}`, ""},
		{"an absence that is asked for", "default(user.role, 'none')", FieldString, `{}`, `"none"`},
		{"empty stays empty", "lower(user.role)", FieldString, `{"role":""}`, `""`},
		{"a list that is empty", "map(user.groups, #.name)", FieldStrings, `{"groups":[]}`, `[]`},
		{"a list", "map(user.groups, #.name)", FieldStrings, `{"groups":[{"name":"a"},{"name":"b"}]}`, `["a","b"]`},
		{"objects", "filter(user.groups, #.on)", FieldObjects, `{"groups":[{"on":true}]}`, `[{"on":true}]`},
		{"the first of none", "user.c.email[0].address", FieldString, `{"c":{"email":[]}}`, "null"},
		{"the first of what is not there", "user.c.email[0].address", FieldString, `{"c":{}}`, ""},
		{"the first of nothing at all", "user.c.email[0].address", FieldString, `{}`, ""},
		{"the first", "user.c.email[0].address", FieldString, `{"c":{"email":[{"address":"a"},{"address":"b"}]}}`, `"a"`},
		{"the primary one of none", "(find(user.l, #.p == true) ?? user.l[0]).v", FieldString, `{"l":[]}`, "null"},
		{"the primary one", "(find(user.l, #.p == true) ?? user.l[0]).v", FieldString, `{"l":[{"v":"a"},{"v":"b","p":true}]}`, `"b"`},
		{"none is the primary one", "(find(user.l, #.p == true) ?? user.l[0]).v", FieldString, `{"l":[{"v":"a"},{"v":"b","p":false}]}`, `"a"`},
		{"a number", "user.a + user.b", FieldInt, `{"a":1,"b":2}`, "3"},
		{"it takes the place of a delivered field", admin, FieldBool, `{"access":[],"x":"theirs"}`, "false"},
		{"also when it is absent", admin, FieldBool, `{"x":"theirs"}`, ""},
		{"of another type", "user.role", FieldBool, `{"role":"admin"}`, `!user.x: the expression gives "admin", and the connector says that it is of type bool`},
		{"one of a list of another type", "user.l", FieldStrings, `{"l":["a",1]}`, `!of type strings`},
		{"a fraction", "user.a / 2", FieldInt, `{"a":3}`, `!"1.5"`},
		{"fails", "user.access.admin + 1", FieldInt, `{"access":"yes"}`, "!connector crm, attribute x:1:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := deriving(t, using(t, "x"), field("x", c.kind, c.value))
			r := rec(t, c.record)
			before := len(r.Fields)
			got, err := m.Derive(r)
			if len(r.Fields) != before {
				t.Error("the record that was given is changed")
			}
			if cause, fails := strings.CutPrefix(c.want, "!"); fails {
				var e *Error
				if !errors.As(err, &e) || !strings.Contains(e.Error(), cause) || e.Next == "" {
					t.Errorf("got %v, want %s", err, cause)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			text := ""
			if v, present := got.Fields["x"]; present {
				text = spelled(t, v)
			}
			if text != c.want {
				t.Errorf("got %s, want %s", text, c.want)
			}
		})
	}
}

func TestWhatADerivedFieldNeeds(t *testing.T) {
	plain := using(t, "name", "is_admin")
	m := deriving(t, plain, field("is_admin", FieldBool, "any(user.access, #.admin) || user.owner"), field("other", FieldBool, "nonsense("))
	if want := []string{"access", "id", "name", "owner"}; !slices.Equal(m.Fields(), want) {
		t.Errorf("it needs %v, want %v", m.Fields(), want)
	}
	if unused := deriving(t, using(t, "name"), field("is_admin", FieldBool, "nonsense(")); !slices.Equal(unused.Fields(), []string{"id", "name"}) {
		t.Errorf("what is not used is needed: %v", unused.Fields())
	}
	in := compile(t, Definition{Where: src("user.is_admin")})
	in = deriving(t, in, field("is_admin", FieldBool, "any(user.access, #.admin)"))
	r, err := in.Derive(rec(t, `{"access":[{"admin":true}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if yes, err := in.InScope(r); !yes || err != nil {
		t.Errorf("where: %v, %v", yes, err)
	}
	r, _ = in.Derive(rec(t, `{}`))
	if _, err := in.InScope(r); err == nil || !strings.Contains(err.Error(), "user.is_admin is absent") {
		t.Errorf("where on what cannot be known: %v", err)
	}
}

func TestTheVersionFollowsDerivedFields(t *testing.T) {
	plain := using(t, "x")
	versions := map[string]string{plain.Version(): "plain"}
	for _, d := range []DerivedDef{field("x", FieldBool, "user.a"), field("x", FieldBool, "user.b"), field("x", FieldString, "user.b")} {
		v := deriving(t, plain, d).Version()
		if before, twice := versions[v]; twice {
			t.Errorf("%+v has the version of %s", d, before)
		}
		versions[v] = d.Value.Text
	}
	one, other := field("x", FieldBool, "user.a"), field("unused", FieldBool, "user.c")
	if deriving(t, plain, one).Version() != deriving(t, plain, other, one).Version() {
		t.Error("a field that nothing uses changes the version")
	}
}

func TestMistakesInDerivedFields(t *testing.T) {
	for want, defs := range map[string][]DerivedDef{
		`connector crm, attribute x:1:1: unknown name anny`:                                         {field("x", FieldBool, "anny(user.access)")},
		`connector crm, attribute x:1:4: `:                                                          {field("x", FieldBool, "any(")},
		`connector crm, attribute x:1:1: unknown name link`:                                         {field("x", FieldBool, "link.key")},
		`connector crm, attribute x:1:1: user.y is derived itself (write what that one is made of)`: {field("x", FieldBool, "user.y"), field("y", FieldBool, "user.a")},
		`connector crm, attribute x:1:1: user.x is derived itself`:                                  {field("x", FieldBool, "user.x == 1")},
		`user is used as a whole`:                                                                   {field("x", FieldString, "json(user)")},
		`it would be another value`:                                                                 {field("x", FieldString, "guid()")},
		`the primary key cannot be derived`:                                                         {field("id", FieldString, "user.a")},
	} {
		_, errs := using(t, "x").Deriving("", defs)
		if len(errs) != 1 || !strings.Contains(errs[0].Error(), want) {
			t.Errorf("got %v, want %s", errs, want)
		}
	}
}

func BenchmarkDerive(b *testing.B) {
	plain, errs := Compile(Definition{Where: src("user.is_admin")})
	if errs != nil {
		b.Fatal(errs)
	}
	with, errs := plain.Deriving("", []DerivedDef{field("is_admin", FieldBool, "any(user.access, #.admin)")})
	if errs != nil {
		b.Fatal(errs)
	}
	r := ident.Record{Endpoint: "users", Key: "7", Fields: map[string]any{
		"id": 7, "name": "Ada Novak", "email": "ada@example.org", "active_flag": true,
		"access": []any{map[string]any{"app": "sales", "admin": false}, map[string]any{"app": "global", "admin": true}},
	}}
	for name, m := range map[string]*Mapper{"none": plain, "one": with} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.Derive(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
