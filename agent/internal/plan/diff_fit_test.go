package plan

import (
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
)

// faultyMapper sets aside the attribute title of everybody.
type faultyMapper struct{ *fakeMapper }

func (m faultyMapper) Map(rec ident.Record, current *ident.Entry, link *ident.Link, names mapping.Names) (ident.Desired, error) {
	d, err := m.fakeMapper.Map(rec, current, link, names)
	d.Aside = []ident.AttributeFault{{Attribute: "title", Cause: `title: "x" is longer than 0 characters`, Next: "shorten it"}}
	return d, err
}

func items(p ident.Plan) string {
	var out []string
	for _, q := range p.Quarantined {
		out = append(out, strings.Join([]string{string(q.Key), q.Name, q.Part, q.Cause, q.Next}, " | "))
	}
	return strings.Join(out, "\n")
}

func TestAttributesSetAsideAreToldAndTheOthersGoOn(t *testing.T) {
	s := newScene()
	e, _ := s.known("1", map[string]any{"department": "Sales"})
	s.record("2", nil)
	b := NewBuilder(s.set, s.world, faultyMapper{s.mapper}, s.hist)
	for _, rec := range s.records {
		if err := b.Add(rec); err != nil {
			t.Fatal(err)
		}
	}
	p, err := b.Finish(s.delivery)
	if err != nil {
		t.Fatal(err)
	}
	const want = `1 | Ada 1 | title | title: "x" is longer than 0 characters | shorten it` + "\n" +
		`2 | Ada 2 | title | title: "x" is longer than 0 characters | shorten it`
	if got := items(p); got != want {
		t.Errorf("items are\n%s\nwant\n%s", got, want)
	}
	if len(p.Changes) != 2 || p.Changes[0].GUID != e.GUID || p.Changes[0].Operations[0].Class != ident.ClassUpdate ||
		p.Changes[1].Operations[0].Class != ident.ClassCreate {
		t.Errorf("changes %+v", p.Changes)
	}
	if p.Records.Quarantined != 0 {
		t.Errorf("%d records count as set aside", p.Records.Quarantined)
	}
}

func TestDNsMustName(t *testing.T) {
	s := newScene()
	s.set.Schema = ident.Schema{"manager": {Syntax: ident.SyntaxDN}, "secretary": {Syntax: ident.SyntaxDN}}
	e, _ := s.known("1", map[string]any{"manager": "CN=Nobody," + string(staff), "title": "Boss"})
	s.known("2", map[string]any{"manager": "CN=Ada 1," + string(staff)})
	had, _ := s.known("3", map[string]any{"manager": "CN=Elsewhere,DC=y"})
	had.Attributes["manager"] = []string{"CN=Elsewhere,DC=y"}
	s.record("4", map[string]any{"manager": "CN=Nobody," + string(staff)})
	p := s.plan(t)
	for _, c := range p.Changes {
		for _, op := range c.Operations {
			for _, a := range op.Attributes {
				if a.Name == "manager" && c.Key != "2" {
					t.Errorf("key %s gets the manager %s", c.Key, a.New)
				}
			}
		}
	}
	if len(p.Changes) != 3 || p.Changes[0].GUID != e.GUID {
		t.Errorf("changes %+v", p.Changes)
	}
	const cause = "manager | manager: CN=Nobody,OU=Staff,DC=x does not exist in the directory"
	if got := items(p); strings.Count(got, cause) != 2 || strings.Count(got, "\n") != 1 {
		t.Errorf("items are\n%s", got)
	}
	s.broken = "ObjectExists"
	if _, err := s.try(); err == nil {
		t.Error("an error of the view was taken for an answer")
	}
}

func TestKeysThatTheAnchorCannotHold(t *testing.T) {
	upper := int64(16)
	s := newScene()
	s.set.Anchor = "employeeID"
	s.set.Schema = ident.Schema{"employeeid": {Syntax: ident.SyntaxText, Single: true, Upper: &upper}}
	s.record("1234567", nil) // pipedrive:1234567 has 17 characters
	s.record("123456", map[string]any{"mail": "other@x"})
	s.account("g-match", staff.Child("Ada by hand"), "mail", "ada1234567@x") // would be adopted
	linked, _ := s.known("7654321", map[string]any{"title": "Boss"})
	delete(linked.Attributes, "employeenumber")
	p := s.plan(t)
	const fault = `the anchor does not fit into employeeID: "pipedrive:1234567" is longer than 16 characters` +
		" | choose another attribute for anchor in [directory]: employeeNumber holds 512 characters"
	got := items(p)
	if !strings.Contains(got, "1234567 |  |  | "+fault) || !strings.Contains(got, "7654321 | Ada 7654321 | employeeID | ") {
		t.Errorf("items are\n%s", got)
	}
	for _, c := range p.Changes {
		if c.Key == "1234567" {
			t.Errorf("an account without an anchor: %+v", c)
		}
	}
	if len(p.Changes) != 2 {
		t.Errorf("changes %+v", p.Changes)
	}
}

func TestAttributesThatNobodyCanHaveAreToldOnce(t *testing.T) {
	s := newScene()
	s.set.Schema = ident.Schema{"title": {Unusable: "does not exist in this directory", Next: "correct its name"}}
	s.known("1", nil)
	s.known("2", nil)
	s.before = func(b *Builder) { b.Mapped([]string{"mail", "Title"}) }
	if got := items(s.plan(t)); got != " |  | Title | Title does not exist in this directory: it is written for nobody | correct its name" {
		t.Errorf("items are\n%s", got)
	}
}

// The directory gives DNs and times back in its own spelling: another spelling
// of the same value is no change, or each run would write it again.
func TestSpellingsThatTheDirectoryDoesNotKeep(t *testing.T) {
	for _, c := range []struct{ attribute, had, wants, written string }{
		{"manager", "CN=Ada 2,OU=Staff,DC=x", "cn=ada 2, ou=staff,dc=X", ""},
		{"manager", "CN=Ada 3,OU=Staff,DC=x", "CN=Ada 2,OU=Staff,DC=x", "CN=Ada 2,OU=Staff,DC=x"},
		{"manager", "", "CN=Ada 2,OU=Staff,DC=x", "CN=Ada 2,OU=Staff,DC=x"},
		{"msTSExpireDate", "20240531100000.0Z", "20240531100000Z", ""},
		{"msTSExpireDate", "20240531100000.0Z", "20240531100000.00Z", ""},
		{"msTSExpireDate", "20240531100000.0Z", "20240531100001Z", "20240531100001.0Z"},
		{"msTSExpireDate", "20240531100000.0Z", "20240531100000.5Z", ""}, // AD keeps no part of a second
	} {
		s := newScene()
		s.set.Schema = ident.Schema{"manager": {Syntax: ident.SyntaxDN, Single: true}, "mstsexpiredate": {Syntax: ident.SyntaxTime, Single: true}}
		e, _ := s.known("1", map[string]any{c.attribute: c.wants})
		s.known("2", nil)
		if c.had != "" {
			e.Attributes[strings.ToLower(c.attribute)] = []string{c.had}
		}
		got := ""
		for _, change := range s.plan(t).Changes {
			got = strings.Join(change.Operations[0].Attributes[0].New, ";")
		}
		if got != c.written {
			t.Errorf("%s %q, wanted %q: %q is written, want %q", c.attribute, c.had, c.wants, got, c.written)
		}
	}
}
