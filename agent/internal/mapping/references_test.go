package mapping

import (
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// TestAReferenceIsKeys: the mapping gives the keys as a record's own key is spelled,
// and leaves it to the plan whose accounts they are.
func TestAReferenceIsKeys(t *testing.T) {
	both := ident.Schema{"manager": {Syntax: ident.SyntaxDN, Single: true}, "title": {Syntax: ident.SyntaxText}}
	for fields, want := range map[string]string{
		`{"boss": 12}`: "12", `{"boss": 12.0}`: "12", `{"boss": " a-7 "}`: "a-7", `{"boss": null}`: "keep", `{}`: "keep", `{"boss": "\u200b"}`: "keep",
		`{"boss": [12, null]}`: "12", `{"boss": [12, 13]}`: "aside it names one account, and there are 2 keys",
		`{"boss": {"id": 12}}`: "error an object or a list of lists cannot be the value",
	} {
		m := compile(t, Definition{Primary: "id", Attributes: []AttributeDef{{Name: "manager", Reference: true, Value: src("user.boss")}}}).Under(both)
		d, err := m.Map(rec(t, fields), entry("CN=Ada,DC=x", "manager", "CN=Old,DC=x"), nil, nil)
		got := "keep"
		if a, ok := d.Attribute("manager"); ok {
			got = strings.Join(a.Values, "|")
			if !a.Reference {
				t.Errorf("%s: it is no reference: %+v", fields, a)
			}
		}
		if len(d.Aside) > 0 {
			got = "aside " + d.Aside[0].Cause
		}
		if err != nil {
			got = "error " + err.Error()
		}
		if got != want && (!strings.Contains(want, " ") || !strings.Contains(got, want[strings.Index(want, " ")+1:])) {
			t.Errorf("%s: %s, want %s", fields, got, want)
		}
	}
	m := compile(t, Definition{Primary: "id", Attributes: []AttributeDef{{Name: "title", Reference: true, Value: src("user.boss")}}}).Under(both)
	if d, err := m.Map(rec(t, `{"boss": 12}`), entry("CN=Ada,DC=x"), nil, nil); err != nil || len(d.Aside) != 1 || !strings.Contains(d.Aside[0].Cause, "names no account") {
		t.Errorf("%+v, %v", d, err)
	}
}

// TestAnotherReferenceIsAnotherMapping: records are mapped again when an attribute
// becomes a reference.
func TestAnotherReferenceIsAnotherMapping(t *testing.T) {
	of := func(reference bool) string {
		return compile(t, Definition{Attributes: []AttributeDef{{Name: "manager", Reference: reference, Value: src("user.boss")}}}).Version()
	}
	if of(true) == of(false) {
		t.Error("the version is the same")
	}
}

// TestKeysThatDifferInCaseAreTwo, as they are two records.
func TestKeysThatDifferInCaseAreTwo(t *testing.T) {
	schema := ident.Schema{"secretary": {Syntax: ident.SyntaxDN}, "description": {Syntax: ident.SyntaxText}}
	values := []expr.Source{*src("{{ user.one }}"), *src("{{ user.two }}"), *src("{{ user.one }}")}
	m := compile(t, Definition{Primary: "id", Attributes: []AttributeDef{
		{Name: "secretary", Reference: true, Values: values}, {Name: "description", Values: values},
	}}).Under(schema)
	d, err := m.Map(rec(t, `{"one": "ab12", "two": "AB12"}`), entry("CN=Ada,DC=x"), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"secretary": "ab12|AB12", "description": "ab12"} {
		if a, _ := d.Attribute(name); strings.Join(a.Values, "|") != want {
			t.Errorf("%s: %q, want %s", name, a.Values, want)
		}
	}
}
