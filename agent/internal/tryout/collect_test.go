package tryout

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// record reads the fields of a record as the host delivers them.
func record(t *testing.T, fields string) ident.Record {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(fields))
	d.UseNumber()
	r := ident.Record{}
	if err := d.Decode(&r.Fields); err != nil {
		t.Fatal(err)
	}
	return r
}

var people = []string{
	`{"id":1,"name":"Ada","mail":null,"tags":["a","b"],"org":{"name":"N","size":1.5},"phones":[{"n":"1"},{"n":""}],"9f-x":"k","password":"s3cret"}`,
	`{"id":"2","name":" ","mail":"b@x","tags":[],"org":{},"phones":[{"n":null}],"on":true}`,
	`{"id":3,"name":null,"tags":[1,"a"],"org":null,"phones":[]}`,
}

// TestAttributesAreCounted: each record counts once at each place, as one of the
// four values.
func TestAttributesAreCounted(t *testing.T) {
	c := NewCollector(true)
	for _, p := range people {
		c.Add(record(t, p))
	}
	c.Add(ident.Record{Key: "4", Deleted: true})
	c.Add(ident.Record{Key: "1", Partial: true, Fields: map[string]any{"photo": "AAAA"}})
	c.Add(ident.Record{Problem: "no key", Fields: map[string]any{}})
	s := c.Summary()
	if s.Records != 4 || s.Deleted != 1 || s.Partial != 1 || s.Problems != 1 || s.Problem != "no key" || s.More {
		t.Errorf("%+v", s)
	}
	want := []Attribute{
		{"9f-x", []string{"string"}, 1, 0, 0, 3, []string{"k"}, `{{ user["9f-x"] }}`},
		{"id", []string{"int", "string"}, 3, 0, 0, 1, []string{"1", "2", "3"}, `{{ user.id }}`},
		{"mail", []string{"string"}, 1, 1, 0, 2, []string{"b@x"}, `{{ user.mail }}`},
		{"name", []string{"string"}, 1, 1, 1, 1, []string{"Ada"}, `{{ user.name }}`},
		{"on", []string{"bool"}, 1, 0, 0, 3, []string{"true"}, `{{ user.on }}`},
		{"org", []string{"object"}, 1, 1, 1, 1, nil, ""},
		{"org.name", []string{"string"}, 1, 0, 0, 3, []string{"N"}, `{{ user.org.name }}`},
		{"org.size", []string{"number"}, 1, 0, 0, 3, []string{"1.5"}, `{{ user.org.size }}`},
		{"password", []string{"string"}, 1, 0, 0, 3, nil, `{{ user.password }}`},
		{"phones", []string{"objects", "list"}, 2, 0, 1, 1, []string{`[{"n":"1"},{"n":""}]`, `[{"n":null}]`}, ""},
		{"phones[].n", []string{"string"}, 1, 1, 0, 2, []string{"1"}, `{{ user.phones[0].n }}`},
		{"tags", []string{"list", "strings"}, 2, 0, 1, 1, []string{`["a","b"]`, `[1,"a"]`}, `{{ join(user.tags, ", ") }}`},
	}
	if !reflect.DeepEqual(s.Attributes, want) {
		for i, a := range s.Attributes {
			if i >= len(want) || !reflect.DeepEqual(a, want[i]) {
				t.Errorf("%+v", a)
			}
		}
		t.Errorf("%d attributes, want %d", len(s.Attributes), len(want))
	}
	c = NewCollector(false)
	c.Add(record(t, people[0]))
	for _, a := range c.Summary().Attributes {
		if len(a.Samples) > 0 {
			t.Errorf("%s shows %v, and nobody asked", a.Name, a.Samples)
		}
	}
}

// TestTemplatesGiveTheValue: what is there to be copied loads, and gives the value.
func TestTemplatesGiveTheValue(t *testing.T) {
	r := record(t, `{"a":"A","9-x":"B","o":{"in":"C","x y":"D","q'\"":"E"},"l":["F","G"],"ps":[{"v":"H"}],"not":"I"}`)
	c := NewCollector(false)
	c.Add(r)
	want := map[string]string{
		"a": "A", "9-x": "B", "o.in": "C", "o.x y": "D", `o.q'"`: "E", "l": "F, G", "ps[].v": "H", "not": "I",
	}
	for _, a := range c.Summary().Attributes {
		if a.Template == "" {
			continue
		}
		var line struct{ X string }
		if _, err := toml.Decode("x = "+Line(a.Template), &line); err != nil || line.X != a.Template {
			t.Errorf("%s: %s: %v", a.Name, Line(a.Template), err)
		}
		compiled, err := expr.NewScope("user").Template(expr.Source{Text: line.X}, expr.EscapeNone)
		if err != nil {
			t.Errorf("%s: %v", a.Name, err)
			continue
		}
		v, err := compiled.Eval(expr.Env{"user": r.Fields})
		if err != nil || v.Text() != want[a.Name] {
			t.Errorf("%s: %s gives %q, %v; want %q", a.Name, a.Template, v.Text(), err, want[a.Name])
		}
		delete(want, a.Name)
	}
	if len(want) > 0 {
		t.Errorf("no template for %v", want)
	}
}

// TestWhatIsRememberedIsBounded: neither many attributes, nor deep ones, nor long
// values, nor many different ones stay in memory.
func TestWhatIsRememberedIsBounded(t *testing.T) {
	c := NewCollector(true)
	deep := strings.Repeat(`{"a":`, 20) + `1` + strings.Repeat(`}`, 20)
	for i := range 2000 {
		c.Add(record(t, fmt.Sprintf(`{"k%d":%q,"same":"%d","%s":1,"deep":%s}`, i, strings.Repeat("v", 5000), i, strings.Repeat("n", 300), deep)))
	}
	s := c.Summary()
	if len(s.Attributes) > MaxAttributes || !s.More || len(c.known) > MaxAttributes {
		t.Errorf("%d attributes, more: %v", len(s.Attributes), s.More)
	}
	for _, a := range s.Attributes {
		if len(a.Samples) > maxSamples || len(a.Name) > maxName || strings.Count(a.Name, ".") >= maxDepth {
			t.Errorf("%s: %d samples", a.Name, len(a.Samples))
		}
		for _, v := range a.Samples {
			if len(v) > maxSample+3 {
				t.Errorf("%s: a sample of %d bytes", a.Name, len(v))
			}
		}
	}
}
