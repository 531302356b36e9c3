package mapping

import (
	"errors"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// schema is what a directory says about a few attributes.
func schema() ident.Schema {
	n := func(n int64) *int64 { return &n }
	return ident.Schema{
		"title":          {Syntax: ident.SyntaxText, Single: true, Lower: n(1), Upper: n(8)},
		"description":    {Syntax: ident.SyntaxText, Upper: n(20)},
		"department":     {Syntax: ident.SyntaxText, Single: true},
		"countrycode":    {Syntax: ident.SyntaxInteger, Single: true, Lower: n(0), Upper: n(65535)},
		"cn":             {Syntax: ident.SyntaxText, Single: true, Upper: n(64)},
		"samaccountname": {Syntax: ident.SyntaxText, Single: true, Upper: n(256)},
		"nosuch":         {Unusable: "does not exist in this directory"},
	}
}

// TestWhatDoesNotFitIsSetAside checks that the attribute is named with its
// limit, and that the person's other attributes are written.
func TestWhatDoesNotFitIsSetAside(t *testing.T) {
	for _, c := range []struct {
		name   string
		title  AttributeDef
		fields string
		want   string // the title, or what it was set aside for
		others string // description, which is made of the title
	}{
		{"fits", AttributeDef{Value: src("user.x")}, `{"x": "boss"}`, "boss", "<boss>"},
		{"too long", AttributeDef{Value: src("user.x")}, `{"x": "123456789"}`, `aside "123456789" is longer than 8 characters`, "<old>"},
		{"the next format", AttributeDef{Formats: sources("{{ user.x }}", "{{ left(user.x, 3) }}")}, `{"x": "123456789"}`, "123", "<123>"},
		{"no format fits", AttributeDef{Formats: sources("{{ user.x }}", "{{ user.x }}!")}, `{"x": "123456789"}`, `aside none of its 2 forms can be used: {{ user.x }}: "123456789" is longer than 8 characters; {{ user.x }}!: "123456789!" is longer`, "<old>"},
		{"two values", AttributeDef{Value: src("user.x")}, `{"x": ["a", "b"]}`, "aside it takes one value, and there are 2", "<old>"},
		{"added to the one it has", AttributeDef{Value: src("user.x"), Add: true}, `{"x": "b"}`, "aside it takes one value, and there are 2", "<old>"},
		{"NUL", AttributeDef{Value: src("user.x")}, `{"x": "a\u0000"}`, `aside "a\x00" contains a NUL character`, "<old>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.title.Name = "title"
			m := compile(t, Definition{Attributes: []AttributeDef{
				c.title, {Name: "description", Value: src("<{{ attributes.title }}>")}, {Name: "department", Value: src("user.dep")},
			}}).Under(schema())
			d, err := m.Map(rec(t, strings.Replace(c.fields, "{", `{"dep": "Sales", `, 1)), entry("CN=Ada,DC=x", "title", "old"), nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if a, ok := d.Attribute("title"); ok {
				got = strings.Join(a.Values, "|")
			}
			for _, f := range d.Aside {
				if _, cause, ok := strings.Cut(f.Cause, "title: "); ok && f.Attribute == "title" && f.Next != "" {
					got = "aside " + cause
				}
			}
			if !strings.HasPrefix(got, c.want) {
				t.Errorf("title: %q, want %q", got, c.want)
			}
			if a, _ := d.Attribute("description"); strings.Join(a.Values, "|") != c.others {
				t.Errorf("description: %q, want %q", a.Values, c.others)
			}
			if a, _ := d.Attribute("department"); strings.Join(a.Values, "|") != "Sales" {
				t.Errorf("department did not go on: %q", a.Values)
			}
		})
	}
}

// The advice is an expression that works, and the value that it gives fits.
func TestAdviceGivesAValueThatFits(t *testing.T) {
	for _, c := range []struct{ fields, want string }{
		{`{"x": ["boss", "clerk"]}`, "boss"},
		{`{"x": "Head of everything"}`, "Head of"},
	} {
		m := compile(t, Definition{Attributes: []AttributeDef{{Name: "title", Value: src("user.x")}}}).Under(schema())
		d, err := m.Map(rec(t, c.fields), entry("CN=Ada,DC=x"), nil, nil)
		if err != nil || len(d.Aside) != 1 {
			t.Fatalf("%s: %+v, %v", c.fields, d, err)
		}
		_, advised, _ := strings.Cut(d.Aside[0].Next, ": ")
		m = compile(t, Definition{Attributes: []AttributeDef{{Name: "title", Value: src(strings.Replace(advised, "...", "user.x", 1))}}}).Under(schema())
		d, err = m.Map(rec(t, c.fields), entry("CN=Ada,DC=x"), nil, nil)
		title, _ := d.Attribute("title")
		if err != nil || strings.Join(title.Values, "|") != c.want {
			t.Errorf("%s: %s gives %q, aside %v, %v", c.fields, advised, title.Values, d.Aside, err)
		}
	}
}

// TestNamesThatDoNotFit checks that no account is created without its name, but
// an existing one keeps its name.
func TestNamesThatDoNotFit(t *testing.T) {
	m := compile(t, Definition{Attributes: []AttributeDef{
		{Name: "cn", Value: src("Ada {{ user.id }}")},
		{Name: "sAMAccountName", Value: src("user.sam")},
		{Name: "title", Value: src("user.x"), Apply: ident.ApplyCreate},
	}}).Under(schema())
	long := rec(t, `{"id": 1, "sam": "a-name-of-more-than-20-characters", "x": "x"}`)
	if d, err := m.Map(long, nil, nil, nil); err == nil {
		t.Errorf("an account would be made with %v", d.Attributes)
	}
	d, err := m.Map(long, entry("CN=Ada,DC=x", "sAMAccountName", "ada"), nil, nil)
	if err != nil || len(d.Aside) != 1 || d.Aside[0].Attribute != "sAMAccountName" {
		t.Errorf("aside %v, %v", d.Aside, err)
	}
	d, err = m.Map(rec(t, `{"id": 1, "sam": "ada", "x": "123456789"}`), nil, nil, nil)
	if err != nil || len(d.Aside) != 1 || !strings.Contains(d.Aside[0].Next, "with the account's creation only") {
		t.Errorf("aside %v, %v", d.Aside, err)
	}
}

// When a record has no usable value to match by, the quarantine names the faulty
// value, not a missing one.
func TestMatchValuesThatDoNotFit(t *testing.T) {
	m := compile(t, Definition{Attributes: []AttributeDef{
		{Name: "title", Value: src("user.x")}, {Name: "department", Value: src("user.dep")},
	}}).Under(schema())
	for _, fields := range []string{`{"x": ["a", "b"], "dep": "Sales"}`, `{"x": "123456789", "dep": "Sales"}`, `{"x": "a\u0000", "dep": "Sales"}`} {
		_, err := m.MatchValues(rec(t, fields), []string{"title"})
		var fault *Error
		if !errors.As(err, &fault) || fault.Attribute != "title" || fault.Next == "" {
			t.Errorf("%s: %v", fields, err)
		}
		values, err := m.MatchValues(rec(t, fields), []string{"title", "department"})
		if err != nil || len(values) != 1 || strings.Join(values["department"], "|") != "Sales" {
			t.Errorf("%s, with another attribute: %q, %v", fields, values, err)
		}
	}
	const want = "agent.toml:5:10: title: no value: user.x is null; agent.toml:5:10: department: no value: user.dep is absent; without a value for title and department an existing account could not be recognised"
	if _, err := m.MatchValues(rec(t, `{"x": null}`), []string{"title", "department"}); err == nil || err.Error() != want {
		t.Errorf("no value: %v", err)
	}
}

func TestAttributesThatNobodyCanHave(t *testing.T) {
	m := compile(t, Definition{Attributes: []AttributeDef{
		{Name: "noSuch", Value: src("user.x"), OnMissing: OnMissingClear}, {Name: "title", Value: src("{{ attributes.noSuch }}!")},
	}}).Under(schema())
	for _, fields := range []string{`{"x": "v"}`, `{"x": null}`} {
		d, err := m.Map(rec(t, fields), entry("CN=Ada,DC=x"), nil, nil)
		if _, written := d.Attribute("noSuch"); written || err != nil || len(d.Aside) > 0 {
			t.Errorf("%s: %+v, %v", fields, d, err)
		}
	}
}
