package plan

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
)

// TestScopeCounts: each record out of scope counts for the first condition that is
// false; one that cannot be decided counts for none, and is set aside.
func TestScopeCounts(t *testing.T) {
	s := newScene()
	p := scopePlan(t, s, "user.active && !user.gone  &&\n user.country in ['NL', 'BE'] && user.active", map[ident.Key]map[string]any{
		"1": {"active": true, "gone": false, "country": "NL"},
		"2": {"active": false, "gone": true, "country": "DE"},
		"3": {"active": true, "gone": true, "country": "DE"},
		"4": {"active": true, "gone": false, "country": "DE"},
		"5": {"active": true, "gone": false, "country": "FR"},
		"6": {"active": true, "country": "NL"},
		"7": {"active": nil, "gone": true, "country": "NL"},
	})
	want := []ident.ScopeCount{
		{Condition: "user.active", OutOfScope: 1}, {Condition: "!user.gone", OutOfScope: 1}, {Condition: "user.country in ['NL', 'BE']", OutOfScope: 2},
	}
	if diff := cmp.Diff(want, p.Scope); diff != "" {
		t.Error(diff)
	}
	if r := p.Records; r.InScope != 1 || r.OutOfScope != 4 || r.Quarantined != 2 {
		t.Errorf("%+v", r)
	}
}

// TestWithoutAFilterNothingIsCounted, nor is a reason invented.
func TestWithoutAFilterNothingIsCounted(t *testing.T) {
	if p := scopePlan(t, newScene(), "", map[ident.Key]map[string]any{"1": {"x": true}}); len(p.Scope) > 0 || p.Records.InScope != 1 {
		t.Errorf("%+v", p)
	}
}

// TestALeaverOfTheScopeHasTheCondition as the reason.
func TestALeaverOfTheScopeHasTheCondition(t *testing.T) {
	s := newScene()
	s.linked("11")
	p := scopePlan(t, s, "user.x != 1 && user.active", map[ident.Key]map[string]any{"11": {"x": 0, "active": false}, "1": {"x": 0, "active": true}})
	const want = "missing: the record of the key 11 is no longer what where asks for (user.active)"
	if all := fmt.Sprint(p.Changes); !strings.Contains(all, want) {
		t.Errorf("no %q in %s", want, all)
	}
}

func scopePlan(t *testing.T, s *scene, where string, records map[ident.Key]map[string]any) ident.Plan {
	t.Helper()
	src := func(text string) *expr.Source { return &expr.Source{Text: text} }
	def := mapping.Definition{Primary: "id", OU: src(string(staff)), Attributes: []mapping.AttributeDef{
		{Name: "cn", Value: src("Person {{ user.id }}")}, {Name: "sAMAccountName", Value: src("p{{ user.id }}")}, {Name: "mail", Value: src("{{ user.id }}@y")},
	}}
	if where != "" {
		def.Where = src(where)
	}
	m, errs := mapping.Compile(def)
	for _, err := range errs {
		t.Fatal(err)
	}
	b := NewBuilder(s.set, s.world, m, s.hist)
	for key, fields := range records {
		fields["id"] = string(key)
		if err := b.Add(ident.Record{Endpoint: "users", Key: key, Fields: fields}); err != nil {
			t.Fatal(err)
		}
	}
	p, err := b.Finish(s.delivery)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
