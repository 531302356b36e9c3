package plan

import (
	"fmt"
	"slices"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
)

// TestAFieldThatNobodyHasIsToldOnce: a typo leaves an attribute alone for
// everybody, and without a word nobody would ever find it.
func TestAFieldThatNobodyHasIsToldOnce(t *testing.T) {
	src := func(text string) *expr.Source {
		return &expr.Source{Text: text, Pos: expr.Pos{File: "agent.toml", Line: 7, Column: 3}}
	}
	m, errs := mapping.Compile(mapping.Definition{
		Primary: "id", OU: src(string(staff)),
		Attributes: []mapping.AttributeDef{
			{Name: "cn", Value: src("user.name")},
			{Name: "sAMAccountName", Value: src("user.login")},
			{Name: "title", Value: src("user.titel")},
			{Name: "mobile", Value: src("user.phone")},
			{Name: "info", Value: src("user.null")},
		},
	})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	const want = "agent.toml:7:3: title: no value: user.titel is absent; so it is in all 5 records that were mapped, and title stays as it " +
		"is for everybody: " +
		"did you mean user.title? If not, supply user.titel at the source"
	for n, want := range map[int][]string{4: nil, 5: {want}} {
		s := newScene()
		s.set.Match = nil
		b := NewBuilder(s.set, s.world, m, s.hist)
		for i := range n {
			fields := map[string]any{"name": fmt.Sprint("Ada ", i), "login": fmt.Sprint("ada", i), "title": "Boss", "null": nil}
			if i == 3 {
				fields["phone"] = "1"
			}
			if err := b.Add(ident.Record{Key: ident.Key(fmt.Sprint(i)), Fields: fields}); err != nil {
				t.Fatal(err)
			}
		}
		p, err := b.Finish(s.delivery)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, note := range p.Notes {
			got = append(got, note.Text)
		}
		if !slices.Equal(got, want) || len(p.Quarantined) > 0 {
			t.Errorf("%d records: %q, want %q; %+v", n, got, want, p.Quarantined)
		}
	}
}
