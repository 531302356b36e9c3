package engine

import (
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
)

// mapped replaces what an automation maps. Each attribute is its record's field
// of that name.
func (s *scene) mapped(automation string, defs ...mapping.AttributeDef) {
	s.Helper()
	src := func(text string) *expr.Source { return &expr.Source{Text: text} }
	all := []mapping.AttributeDef{
		{Name: "displayName", Value: src("{{ user.name }}")},
		{Name: "sAMAccountName", Value: src(automation + "{{ user.id }}"), Apply: ident.ApplyCreate},
	}
	for _, def := range defs {
		if def.Value == nil && def.Formats == nil && def.Values == nil {
			def.Value = src("user." + def.Name)
		}
		all = append(all, def)
	}
	m, errs := mapping.Compile(mapping.Definition{Primary: "id", OU: src(string(s.ou)), Attributes: all})
	for _, err := range errs {
		s.Fatal(err)
	}
	now := s.configured.Load()
	a := now.automations[automation]
	a.Mapper = m
	s.Replace(map[string]Automation{automation: a}, nil)
	for _, name := range m.Attributes() {
		if !slices.Contains(s.Mirror.Attributes, name) {
			s.Mirror.Attributes = append(s.Mirror.Attributes, name)
		}
	}
	s.ReplaceMirror(s.Mirror)
}

// items lists what needs a person, as "key part: cause".
func (s *scene) items(automation string) []string {
	s.Helper()
	found, err := s.Store.Quarantine(s.Context(), automation)
	if err != nil {
		s.Fatal(err)
	}
	var out []string
	for _, q := range found {
		out = append(out, string(q.Key)+" "+q.Part+": "+q.Cause)
	}
	return out
}

func (s *scene) wantItems(automation string, want ...string) {
	s.Helper()
	got := s.items(automation)
	if len(got) != len(want) {
		s.Errorf("items are\n  %s\nwant %d", strings.Join(got, "\n  "), len(want))
		return
	}
	for i, part := range want {
		if !strings.Contains(got[i], part) {
			s.Errorf("item %d is %q, want %q in it", i, got[i], part)
		}
	}
}

// TestWhatTheDirectoryWouldRefuse: one attribute that does not fit is told with
// its limit and keeps none of the others, at the creation and later.
func TestWhatTheDirectoryWouldRefuse(t *testing.T) {
	source := &feed{}
	s := onDC(t, map[string]*feed{"fit": source})
	s.mapped("fit",
		mapping.AttributeDef{Name: "title"}, mapping.AttributeDef{Name: "department"}, mapping.AttributeDef{Name: "manager"},
		mapping.AttributeDef{Name: "countryCode"}, mapping.AttributeDef{Name: "noSuchThing", Value: &expr.Source{Text: "{{ user.name }}"}})
	long := strings.Repeat("x", 129)
	bad := []string{"title", long, "countryCode", "Germany", "manager", "CN=Nobody,DC=ad,DC=test", "department", "Sales"}
	source.records = []ident.Record{person("1", "Fit One", bad...)}
	want := []string{
		"noSuchThing does not exist in this directory", "1 countryCode: ", "1 manager: manager: CN=Nobody,DC=ad,DC=test does not exist",
		"is longer than 128 characters",
	}
	if r := s.run("fit"); r.Count(ident.ResultApplied) != 1 || r.Count(ident.ResultFailed) != 0 {
		t.Fatalf("%+v", r)
	}
	s.wantItems("fit", want...)
	made := s.dc.Find(t, "(employeeNumber=fit:1)", "title", "department", "countryCode")
	if len(made) != 1 || made[0].Attributes.First("department") != "Sales" || made[0].Attributes.First("title") != "" {
		t.Fatalf("%+v", made)
	}
	bad[7] = "Marketing"
	source.records = []ident.Record{person("1", "Fit One", bad...)}
	if r := s.run("fit"); r.Count(ident.ResultApplied) != 1 || r.Count(ident.ResultFailed) != 0 {
		t.Fatalf("%+v", r)
	}
	s.wantItems("fit", want...)
	if e := s.dc.Get(t, made[0].DN, "department"); e.Attributes.First("department") != "Marketing" {
		t.Errorf("%+v", e)
	}
	source.records = []ident.Record{person("1", "Fit One", "title", "Boss", "department", "Marketing")}
	s.run("fit")
	s.wantItems("fit", want[0])
	if r := s.run("fit"); len(r.Outcomes) != 0 {
		t.Errorf("%+v", r)
	}
}

// TestAttributesThatRecogniseNobody: with an anchor or a match attribute that
// no account has, everybody would look new and get a second account.
func TestAttributesThatRecogniseNobody(t *testing.T) {
	m, errs := mapping.Compile(mapping.Definition{Primary: "id"})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	schema := ident.Schema{
		"employeenumber": {}, "mail": {},
		"nosuch":      {Unusable: "does not exist in this directory", Next: "correct its name", Unread: true},
		"whencreated": {Unusable: "is written by the directory itself only", Next: "map another attribute"},
		"grouptype":   {Unusable: "does not belong to user accounts", Next: "map another attribute"},
	}
	for _, c := range []struct {
		anchor string
		match  []string
		want   string
	}{
		{"employeeNumber", []string{"mail"}, ""},
		{"noSuch", []string{"mail"}, "noSuch, but the attribute does not exist in this directory; next: correct its name"},
		{"employeeNumber", []string{"mail", "noSuch"}, "noSuch, but the attribute does not exist"},
		{"employeeNumber", []string{"whenCreated"}, "whenCreated, but the attribute is written by the directory itself only"},
		{"groupType", nil, "groupType, but the attribute does not belong to user accounts"},
	} {
		_, err := Automation{Mapper: m, Settings: plan.Settings{Anchor: c.anchor, Match: c.match}}.under(schema)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, %v: %v, want %q", c.anchor, c.match, err, c.want)
		}
	}
}

// TestPrincipalNamesThatAreTaken: a name that somebody has by hand, or by their
// sAMAccountName, is not planned; the next format is, and otherwise the account
// does without.
func TestPrincipalNamesThatAreTaken(t *testing.T) {
	source := &feed{records: []ident.Record{person("1", "Upn One", "upn", "upnimplied"), person("2", "Upn Two", "upn", "upnowned"), person("3", "Upn Three", "upn", "free")}}
	s := newScene(t, map[string]*feed{"upn": source})
	s.dc.AddUser(t, s.dc.OU("Elsewhere"), "Upn Implied", "upnimplied", nil)
	s.dc.AddUser(t, s.dc.OU("Elsewhere"), "By Hand", "upnhand", map[string][]string{"userPrincipalName": {"upnowned@ad.test"}})
	s.dc.AddUser(t, s.dc.OU("Elsewhere"), "Holds Three", "holdsthree", map[string][]string{"userPrincipalName": {"upn3@ad.test"}})
	formats := func(texts ...string) (out []expr.Source) {
		for _, text := range texts {
			out = append(out, expr.Source{Text: text})
		}
		return out
	}
	s.mapped("upn", mapping.AttributeDef{Name: "userPrincipalName", Unique: mapping.UniqueDomain, Formats: formats("{{ user.upn }}@ad.test")}, mapping.AttributeDef{Name: "title", Value: &expr.Source{Text: "{{ user.upn }}"}})
	run := func(applied, failed int, items ...string) {
		t.Helper()
		if r := s.run("upn"); r.Count(ident.ResultApplied) != applied || r.Count(ident.ResultFailed) != failed {
			t.Errorf("%+v", r.Outcomes)
		}
		s.wantItems("upn", items...)
	}
	run(2, 0, `1 userPrincipalName: userPrincipalName: "upnimplied@ad.test" is in use by CN=Upn Implied`, `2 userPrincipalName: userPrincipalName: "upnowned@ad.test" is in use by CN=By Hand`,
		`3 : sAMAccountName: "upn3" is in use by CN=Holds Three`)
	s.mapped("upn", mapping.AttributeDef{Name: "userPrincipalName", Unique: mapping.UniqueDomain, Formats: formats("{{ user.upn }}@ad.test", "{{ user.upn }}.2@ad.test")})
	run(2, 0, `3 : sAMAccountName: "upn3" is in use by CN=Holds Three`)
	for key, want := range map[string]string{"1": "upnimplied.2@ad.test", "2": "upnowned.2@ad.test"} {
		if found := s.dc.Find(t, "(employeeNumber=upn:"+key+")", "userPrincipalName"); len(found) != 1 || found[0].Attributes.First("userPrincipalName") != want {
			t.Errorf("key %s: %+v", key, found)
		}
	}
}
