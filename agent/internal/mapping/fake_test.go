package mapping

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// fakeNames is a directory of names in memory.
type fakeNames struct {
	held     map[string]string // place and value -> holder
	asked    []string
	failWith error
}

func (f *fakeNames) place(attr, value string, unique Unique, parent ident.DN) string {
	where := string(unique)
	if unique == UniqueContainer {
		where = parent.Fold()
	}
	return where + "|" + strings.ToLower(attr+"="+value)
}

func (f *fakeNames) Holder(attr, value string, unique Unique, parent ident.DN, self ident.GUID, key ident.Key) (string, bool, error) {
	f.asked = append(f.asked, attr+"="+value)
	who, ok := f.held[f.place(attr, value, unique, parent)]
	return who, ok && who != string(self) && who != "key "+string(key), f.failWith
}

func (f *fakeNames) Reserve(attr, value string, unique Unique, parent ident.DN, key ident.Key) {
	f.take(attr, value, unique, parent, "key "+string(key))
}

func (f *fakeNames) take(attr, value string, unique Unique, parent ident.DN, holder string) {
	if f.held == nil {
		f.held = map[string]string{}
	}
	f.held[f.place(attr, value, unique, parent)] = holder
}

func src(text string) *expr.Source {
	return &expr.Source{Text: text, Pos: expr.Pos{File: "agent.toml", Line: 5, Column: 10}}
}

func sources(texts ...string) []expr.Source {
	var out []expr.Source
	for _, t := range texts {
		out = append(out, *src(t))
	}
	return out
}

func at(line int) expr.Pos { return expr.Pos{File: "agent.toml", Line: line, Column: 1} }

func compile(t testing.TB, def Definition) *Mapper {
	t.Helper()
	m, errs := Compile(def)
	for _, err := range errs {
		t.Fatalf("compile: %v", err)
	}
	return m
}

// rec makes a record from the JSON of its fields.
func rec(t testing.TB, fields string) ident.Record {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(fields))
	dec.UseNumber()
	r := ident.Record{Endpoint: "users", Key: "7", Fields: map[string]any{}}
	if err := dec.Decode(&r.Fields); err != nil {
		t.Fatal(err)
	}
	return r
}

func entry(dn ident.DN, attributes ...string) *ident.Entry {
	e := &ident.Entry{GUID: "self", DN: dn, Attributes: ident.Attributes{"cn": {dn.Name()}}}
	for i := 0; i+1 < len(attributes); i += 2 {
		name := strings.ToLower(attributes[i])
		if name != "cn" || i > 0 {
			e.Attributes[name] = append(e.Attributes[name], attributes[i+1])
		}
	}
	return e
}

// one maps a definition of one attribute for an account that exists, and
// shows the result: "keep", "clear" or the values.
func one(t *testing.T, a AttributeDef, fields string, attributes ...string) (string, error) {
	t.Helper()
	m := compile(t, Definition{Primary: "id", Attributes: []AttributeDef{a}})
	d, err := m.Map(rec(t, fields), entry("CN=Ada,OU=Staff,DC=x", attributes...), nil, &fakeNames{})
	if err != nil {
		return "", err
	}
	got, ok := d.Attribute(a.Name)
	switch {
	case len(d.Aside) == 1 && d.Aside[0].Attribute == a.Name && d.Aside[0].Next != "":
		return "aside " + d.Aside[0].Cause, nil
	case !ok:
		return "keep", nil
	case got.Clear:
		return "clear", nil
	}
	return strings.Join(got.Values, "|"), nil
}

// staff is the mapping of the manual's first example.
func staff() Definition {
	return Definition{
		Primary: "id",
		Where:   src(`user.active_flag && !user.is_deleted`),
		OU:      src("OU=Staff,DC=example,DC=com"),
		Groups:  sources("CN=CRM,OU=Groups,DC=example,DC=com"),
		Attributes: []AttributeDef{
			{Name: "userPrincipalName", Value: src("{{ attributes.sAMAccountName }}@example.com"), Apply: ident.ApplyCreate},
			{Name: "displayName", Value: src("{{ trim(user.name) }}")},
			{Name: "givenName", Value: src("first_word(user.name)")},
			{Name: "sn", Value: src("{{ last_word(user.name) }}")},
			{Name: "mail", Value: src("{{ lower(user.email) }}"), Unique: UniqueForest},
			{
				Name: "sAMAccountName", Formats: sources(
					"{{ sam_safe(lower(ascii(left(first_word(user.name), 1) + last_word(user.name)))) }}",
					"{{ sam_safe(lower(ascii(first_word(user.name) + '.' + last_word(user.name)))) }}"),
				Unique: UniqueDomain, Suffix: SuffixNumber, Apply: ident.ApplyCreate,
			},
			{Name: "physicalDeliveryOfficeName", Value: src("{{ user.timezone_name }}"), OnMissing: OnMissingClear},
		},
	}
}

// show spells a Desired in one line per fact.
func show(d ident.Desired) string {
	var b strings.Builder
	b.WriteString("in " + string(d.Parent) + "\n")
	for _, g := range d.Groups {
		b.WriteString("group " + string(g) + "\n")
	}
	for _, a := range d.Attributes {
		b.WriteString(a.Name + ": ")
		if a.Clear {
			b.WriteString("clear")
		}
		b.WriteString(strings.Join(a.Values, "|"))
		if a.Apply != ident.ApplyAlways {
			b.WriteString(" (" + string(a.Apply) + ")")
		}
		if a.Add {
			b.WriteString(" (add)")
		}
		if a.Directory {
			b.WriteString(" (directory)")
		}
		b.WriteString("\n")
	}
	return b.String()
}
