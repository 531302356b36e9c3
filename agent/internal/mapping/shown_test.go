package mapping

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// shownText writes what is shown of a record, for comparison.
func shownText(s Shown) string {
	var b strings.Builder
	for _, a := range s.Attributes {
		fmt.Fprintf(&b, "%s = %s", a.Name, strings.Join(a.Values, ", "))
		if a.Clear {
			b.WriteString("cleared")
		}
		if a.Keeps != "" {
			b.WriteString("keeps: " + a.Keeps)
		}
		if a.Fault != nil {
			b.WriteString("fault: " + a.Fault.Cause)
		}
		b.WriteString("\n")
		for _, f := range a.Forms {
			fmt.Fprintf(&b, "  %s:", f.Source.Text)
			for _, step := range f.Steps {
				fmt.Fprintf(&b, " %s=%s;", step.Text, step.Value.Text())
			}
			b.WriteString("\n")
		}
	}
	fmt.Fprintf(&b, "in %s\n", s.Parent)
	for _, f := range s.Faults {
		fmt.Fprintf(&b, "quarantined: %s: %s\n", f.Attribute, f.Cause)
	}
	return b.String()
}

func TestShow(t *testing.T) {
	m := compile(t, Definition{
		OU: src("OU={{ user.team }},DC=x"),
		Attributes: []AttributeDef{
			{Name: "cn", Value: src("{{ attributes.displayName }}")},
			{Name: "displayName", Value: src("{{ trim(user.name) }}")},
			{Name: "sAMAccountName", Value: src("{{ lower(first_word(attributes.displayName)) }}"), Apply: ident.ApplyCreate},
			{Name: "title", Value: src("{{ user.title }}")},
			{Name: "info", Value: src("{{ user.info }}"), OnMissing: OnMissingClear},
			{Name: "company", Value: src("{{ user.company }}"), OnMissing: OnMissingDefault, Default: src("ACME")},
			{Name: "department", Value: src("{{ left(user.name, user.name) }}")},
		},
	})
	recOf := func(fields string) ident.Record { return rec(t, fields) }
	want := `cn = Ada Novak
  {{ attributes.displayName }}:
company = ACME
  {{ user.company }}:
  ACME:
displayName = Ada Novak
  {{ trim(user.name) }}: user.name= Ada Novak;
`
	got := shownText(mustShow(t, m, recOf(`{"name": " Ada Novak", "team": "R&D", "company": null, "info": null}`), nil))
	for _, line := range strings.Split(want, "\n") {
		if !strings.Contains(got, line) {
			t.Errorf("no line %q in\n%s", line, got)
		}
	}
	for _, part := range []string{
		"sAMAccountName = ada\n  {{ lower(first_word(attributes.displayName)) }}: attributes.displayName=Ada Novak; first_word(attributes.displayName)=Ada;\n",
		"title = keeps: no value: user.title is absent\n", "department = fault: ", "in OU=R&D,DC=x\n", "quarantined: department: ",
	} {
		if !strings.Contains(got, part) {
			t.Errorf("%q is not in\n%s", part, got)
		}
	}
	entry := &ident.Entry{DN: "CN=A,OU=T,DC=x", Attributes: ident.Attributes{"samaccountname": {"a"}, "info": {"old"}}}
	got = shownText(mustShow(t, m, recOf(`{"name": "Ada Novak", "team": "T", "info": null}`), entry))
	for _, part := range []string{"sAMAccountName = keeps: it is written with the account's creation only\n", "info = cleared\n"} {
		if !strings.Contains(got, part) {
			t.Errorf("%q is not in\n%s", part, got)
		}
	}
}

func mustShow(t *testing.T, m *Mapper, rec ident.Record, entry *ident.Entry) Shown {
	t.Helper()
	s, err := m.Show(rec, entry, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What is shown is what Map gives, and a record has faults when Map refuses it.
func TestShowIsMap(t *testing.T) {
	m := compile(t, tenTimesFive())
	people := somePeople()
	people = append(people, ident.Record{Endpoint: "users", Key: "x", Fields: map[string]any{"number": "7"}})
	for _, rec := range people {
		d, err := m.Map(rec, nil, nil, nil)
		s := mustShow(t, m, rec, nil)
		if (err == nil) != (len(s.Faults) == 0) {
			t.Errorf("%s: %v, and %d faults", rec.Key, err, len(s.Faults))
		}
		if err != nil {
			continue
		}
		want, got := map[string][]string{}, map[string][]string{}
		for _, a := range d.Attributes {
			want[a.Name] = a.Values
		}
		for _, a := range s.Attributes {
			if len(a.Values) > 0 {
				got[a.Name] = a.Values
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}
