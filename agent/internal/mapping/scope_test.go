package mapping

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func told(s Scope) string {
	var b strings.Builder
	fmt.Fprintf(&b, "in %v, decisive %d\n", s.In, s.Decisive)
	for _, c := range s.Conditions {
		fmt.Fprintf(&b, "%s %s is %s%s\n", c.Pos, c.Text, c.Truth, strings.TrimSuffix(": "+c.Cause, ": "))
		for _, r := range c.Reads {
			fmt.Fprintf(&b, "    %s %s %v\n", r.Field, r.State, r.Value)
		}
	}
	return b.String()
}

// TestScope tells which conditions are true, and what they read.
func TestScope(t *testing.T) {
	m := compile(t, Definition{
		Where: src("user.active && (user.team == 'a' || user.team ==\n  settings.team) && user.boss.id > 1 && user.active"), Settings: map[string]any{"team": "b"},
	})
	for fields, want := range map[string]string{
		`{"active": true, "team": "b", "boss": {"id": 2}}`: `in true, decisive -1
agent.toml:5:10 user.active is true
    user.active present true
agent.toml:5:25 (user.team == 'a' || user.team == settings.team) is true
    user.team present b
    settings.team present b
agent.toml:6:21 user.boss.id > 1 is true
    user.boss.id present 2
agent.toml:6:41 user.active is true
    user.active present true
`,
		`{"active": true, "team": "", "boss": null}`: `in false, decisive 1
agent.toml:5:10 user.active is true
    user.active present true
agent.toml:5:25 (user.team == 'a' || user.team == settings.team) is false
    user.team empty 
    settings.team present b
agent.toml:6:21 user.boss.id > 1 is undecided: user.boss is null
    user.boss.id absent <nil>
agent.toml:6:41 user.active is true
    user.active present true
`,
		`{"active": null, "boss": {"id": "x"}}`: `in false, decisive 0
agent.toml:5:10 user.active is undecided: user.active is null
    user.active null <nil>
agent.toml:5:25 (user.team == 'a' || user.team == settings.team) is undecided: user.team is absent
    user.team absent <nil>
    settings.team present b
agent.toml:6:21 user.boss.id > 1 is undecided: > cannot compare a text ("x") with a number (1)
    user.boss.id present x
agent.toml:6:41 user.active is undecided: user.active is null
    user.active null <nil>
`,
	} {
		s := m.Scope(rec(t, fields))
		if diff := cmp.Diff(want, told(s)); diff != "" {
			t.Errorf("%s: %s", fields, diff)
		}
		if undecided := s.Decisive >= 0 && s.Conditions[s.Decisive].Truth == Undecided; undecided != (s.Err != nil) {
			t.Errorf("%s: undecided %v, and the error is %v", fields, undecided, s.Err)
		}
	}
	if s := compile(t, Definition{}).Scope(rec(t, `{}`)); !s.In || s.Decisive != -1 || len(s.Conditions) > 0 {
		t.Errorf("without a filter: %+v", s)
	}
}

// TestScopeDecidesAsInScope: what is shown as the reason is what happened.
func TestScopeDecidesAsInScope(t *testing.T) {
	part := rapid.SampledFrom([]string{
		"user.a", "!user.b", "user.c == 1", "(user.a || user.b)", "default(user.c, 0) > 0", "user.c != null", "user.a == user.b", "user.c in [1, 2]",
	})
	value := rapid.SampledFrom([]any{true, false, nil, 1, "x", "absent"})
	rapid.Check(t, func(r *rapid.T) {
		m, errs := Compile(Definition{Primary: "id", Where: src(strings.Join(rapid.SliceOfN(part, 1, 4).Draw(r, "where"), " && "))})
		if len(errs) > 0 {
			r.Skip(errs)
		}
		fields := map[string]any{"id": "1"}
		for _, name := range []string{"a", "b", "c"} {
			if v := value.Draw(r, name); v != "absent" {
				fields[name] = v
			}
		}
		text, err := json.Marshal(fields)
		if err != nil {
			r.Fatal(err)
		}
		record := rec(t, string(text))
		in, failure := m.InScope(record)
		s := m.Scope(record)
		want := map[bool]string{true: "in", false: "out"}[in]
		if failure != nil {
			want = "undecided"
		}
		got := "in"
		if s.Decisive >= 0 {
			got = map[Truth]string{False: "out", Undecided: "undecided", True: "true?"}[s.Conditions[s.Decisive].Truth]
		}
		if got != want || s.In != in || m.Excluded(record) != s.Decisive {
			r.Fatalf("%s with %s is %s (%v), its conditions say %s:\n%s", m.where.Source().Text, text, want, failure, got, told(s))
		}
	})
}
