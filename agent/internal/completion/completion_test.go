package completion

import (
	"slices"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// TestOnlyPlainWordsAreOffered: keys and names are foreign texts, and a shell
// takes what is offered into its line.
func TestOnlyPlainWordsAreOffered(t *testing.T) {
	place := func(q *lookup) []store.Named {
		return []store.Named{
			{Name: q.Args[0] + "-1", About: "Ada; rm -rf /\x1b[2J"},
			{Name: "staff-$(id)"},
			{Name: "staff 2"},
			{Name: "-staff"},
			{Name: "other"},
			{Name: "staff\n3"},
			{Name: "staff.4@example", About: "\t"},
		}
	}
	got := Words(t.Context(), Query{Config: "none.toml", Args: []string{"staff"}, Typed: "st"}, place)
	if want := []Word{{"staff-1", "Ada rm -rf 2J"}, {"staff.4@example", ""}}; !slices.Equal(got, want) {
		t.Errorf("offered %q, want %q", got, want)
	}
}

// TestNothingIsOfferedAfterAFault: a shell that draws its prompt has no use for
// an error.
func TestNothingIsOfferedAfterAFault(t *testing.T) {
	q := Query{Config: "none.toml", Typed: ""}
	for name, place := range map[string]Place{
		"a panic": func(*lookup) []store.Named { panic("broken") },
		"no time": func(q *lookup) []store.Named { <-q.ctx.Done(); return nil },
	} {
		if got := Words(t.Context(), q, place); got != nil {
			t.Errorf("%s: %v", name, got)
		}
	}
}
