package mapping

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// joined is a record of endpoint users with the fields of hr, "" for no record there.
func joined(t *testing.T, lead, hr string) ident.Record {
	t.Helper()
	r := rec(t, lead)
	r.Endpoint = "users"
	if hr != "" {
		r.Joined = map[string]map[string]any{"hr": rec(t, hr).Fields}
	}
	return r
}

func overHR(value string) Definition {
	return Definition{Primary: "id", Endpoints: []string{"users", "hr"}, Attributes: []AttributeDef{
		{Name: "cn", Value: src("user.cn")}, {Name: "sAMAccountName", Value: src("user.cn")}, {Name: "title", Value: src(value)},
	}, OU: src("OU=x,DC=x")}
}

// What a mapping makes of the record of a further endpoint, and of none.
func TestFieldsOfJoinedRecords(t *testing.T) {
	for _, c := range []struct{ value, hr, want string }{
		{"endpoints.hr.title", `{"title": "Chief"}`, "Chief"},
		{"{{ user.cn }}: {{ endpoints.hr.title }}", `{"title": "Chief"}`, "ada: Chief"},
		{"{{ endpoints.users.cn }}", `{}`, "ada"},
		{"endpoints.hr.title", `{}`, "absent"},
		{"endpoints.hr.title", `{"title": null}`, "none"},
		{"endpoints.hr.title", "", "absent"},
		{`default(endpoints.hr.title, "unknown")`, "", "unknown"},
		{`is_null(endpoints.hr.id) ? "not in hr" : "in hr"`, "", "not in hr"},
		{`is_null(endpoints.hr.id) ? "not in hr" : "in hr"`, `{"id": 7}`, "in hr"},
		{"user.title", `{"title": "Chief"}`, "absent"},
	} {
		want, err := compile(t, overHR(c.value)).Map(joined(t, `{"id": 7, "cn": "ada"}`, c.hr), nil, nil, &fakeNames{})
		if err != nil {
			t.Fatal(err)
		}
		title, has := want.Attribute("title")
		got := strings.Join(title.Values, ",")
		switch {
		case slices.Contains(want.Absent, "title"):
			got = "absent"
		case !has:
			got = "none"
		}
		if got != c.want {
			t.Errorf("%s over hr %q: %q, want %q", c.value, c.hr, got, c.want)
		}
	}
}

// A filter that needs the record of a further endpoint sets aside who has none there.
func TestFilterOverJoinedRecords(t *testing.T) {
	for _, c := range []struct{ where, hr, want string }{
		{"endpoints.hr.active", `{"active": true}`, "in"},
		{"endpoints.hr.active", `{"active": false}`, "out"},
		{"endpoints.hr.active", `{}`, "endpoints.hr.active is absent"},
		{"endpoints.hr.active", "", "endpoint hr has no record with this key"},
		{"user.id == 7 && endpoints.hr.active", "", "endpoint hr has no record with this key"},
		{"default(endpoints.hr.active, false)", "", "out"},
		{"endpoints.users.id == 7", "", "in"},
	} {
		def := overHR("user.cn")
		def.Where = src(c.where)
		in, err := compile(t, def).InScope(joined(t, `{"id": 7, "cn": "ada"}`, c.hr))
		got := map[bool]string{true: "in", false: "out"}[in]
		var e *Error
		if errors.As(err, &e) {
			got = e.Cause
		}
		if got != c.want {
			t.Errorf("%s over hr %q: %q, want %q", c.where, c.hr, got, c.want)
		}
	}
}

// Each endpoint is asked for the fields that are used of it; an endpoint that the
// data source does not have is a mistake.
func TestFieldsByEndpoint(t *testing.T) {
	def := overHR("{{ endpoints.hr.title }} {{ endpoints.users.city }}")
	def.Where = src("endpoints.hr.active && user.on")
	m := compile(t, def)
	if lead, hr := m.Fields(), m.FieldsOf("hr"); !slices.Equal(lead, []string{"city", "cn", "id", "on"}) || !slices.Equal(hr, []string{"active", "title"}) {
		t.Errorf("of users %v, of hr %v", lead, hr)
	}
	if at, ok := m.Place("hr.title"); !ok || at.Column == 0 {
		t.Errorf("hr.title is used at %v, %v", at, ok)
	}
	_, errs := Compile(overHR("endpoints.rh.title"))
	if len(errs) != 1 || !strings.Contains(errs[0].Error(), `the data source has no endpoint rh (it has: users, hr)`) {
		t.Errorf("%v", errs)
	}
}

// What a connector computes of a further endpoint's records is there for mappings.
func TestDerivedFieldsOfJoinedRecords(t *testing.T) {
	m := compile(t, overHR("{{ endpoints.hr.grade }} {{ user.grade }}"))
	m, errs := m.Deriving("", []DerivedDef{{Name: "grade", Type: FieldString, Value: expr.Source{Text: "upper(user.cn)"}}})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	m, errs = m.Deriving("hr", []DerivedDef{{Name: "grade", Type: FieldString, Value: expr.Source{Text: `"G" + user.level`}}})
	if len(errs) > 0 || !slices.Equal(m.FieldsOf("hr"), []string{"level"}) || !slices.Equal(m.Fields(), []string{"cn", "id"}) {
		t.Fatal(errs, m.FieldsOf("hr"), m.Fields())
	}
	given := joined(t, `{"id": 7, "cn": "ada"}`, `{"level": "3"}`)
	got, err := m.Derive(given)
	if err != nil || got.Joined["hr"]["grade"] != "G3" || got.Fields["grade"] != "ADA" || len(given.Joined["hr"]) != 1 || len(given.Fields) != 2 {
		t.Errorf("%v, %v; given was %v", got, err, given)
	}
	if got, err = m.Derive(joined(t, `{"id": 7, "cn": "ada"}`, "")); err != nil || got.Joined["hr"] != nil {
		t.Errorf("without a record in hr: %v, %v", got, err)
	}
	_, err = m.Derive(joined(t, `{"id": 7, "cn": "ada"}`, `{"level": ["3"]}`))
	if err == nil || !strings.Contains(err.Error(), "endpoints.hr.grade") {
		t.Errorf("%v", err)
	}
}
