package expr

import "testing"

// A function from text to text does the same for a text alone as for a list of
// arguments, and has nothing that only the other way looks at.
func TestFunctionsOfTexts(t *testing.T) {
	samples := []string{"", " ", "ada", "  Ada  Maria\tNovak ", "Łukasz Groß-Ångström", "+31 (20) 12", "e\u0301a\u200bb", "a&b c%d", "🧑🏽‍🚀x"}
	scope, checked := testScope(), 0
	for name, f := range functionsByName() {
		if f.text == nil && f.part == nil {
			continue
		}
		checked++
		if f.literal != nil || f.prepare != nil || f.volatile || f.nullable {
			t.Errorf("%s is from text to text, and has more than that", name)
		}
		for _, s := range samples {
			r := &run{lib: scope.lib}
			if f.text != nil {
				if got, want := f.text(r, s), f.body(r, []any{s}); got != want {
					t.Errorf("%s(%q) gives %q alone, and %q among arguments", name, s, got, want)
				}
			}
			if f.part != nil {
				if got, want := f.part(s, 2), f.body(r, []any{s, 2}); got != want {
					t.Errorf("%s(%q, 2) gives %q alone, and %q among arguments", name, s, got, want)
				}
			}
		}
	}
	if checked < 10 {
		t.Errorf("%d functions are from text to text", checked)
	}
}

// A call within a call fails at its own place, takes scalars as texts, passes
// null on, and counts what it looks at.
func TestCallsWithinCalls(t *testing.T) {
	env := Env{"user": map[string]any{"n": 42, "none": nil, "list": []any{"a"}, "long": string(make([]byte, MaxText+1))}}
	for text, want := range map[string]string{
		`lower(upper(user.n))`:                      "42",
		`lower("A" + user.n)`:                       "a42",
		`lower("A" + user.none)`:                    "null: user.none is null",
		`upper(trim(user.absent))`:                  "absent: user.absent is absent",
		`upper(left(lower(user.list), 2))`:          "1:12: the first argument must be a text, not a list",
		`upper("x" + user.list)`:                    "1:11: + cannot join a list to a text (use join or item)",
		`left(upper(user.long), 1)`:                 "1:6: the result would be longer than 262144 bytes",
		`left(trim(user.long), 0) + "ok"`:           "ok",
		`user.none + "x"`:                           "null: user.none is null",
		`default(lower(user.none), "d") + user.n`:   "d42",
		`cut(left(right("Ada Novak", 5), 4), 3)`:    "Nov",
		`left("Ada", -1) + right("Ada", user.n-41)`: "a",
	} {
		e, err := testScope().Compile(Source{Text: text, Pos: Pos{Line: 1, Column: 1}})
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		v, err := e.Eval(env)
		got := v.Text()
		switch {
		case err != nil:
			got = err.Error()
		case v.V == nil:
			got = v.State.String() + ": " + v.Cause
		}
		if got != want {
			t.Errorf("%s gives %q, want %q", text, got, want)
		}
	}
}

// Over gives what Eval gives, also after an expression that failed.
func TestOverIsEval(t *testing.T) {
	env := Env{"user": map[string]any{"name": "Ada Novak", "none": nil, "bad": []any{1}, "blank": " \u200b"}}
	var over Over
	over.Begin(env)
	for _, text := range []string{
		`{{ user.nothing }}`, `{{ upper(user.name) }}`, `x{{ user.none }}`, `{{ lower(user.bad) }}`, `{{ user.name }}-{{ first_word(user.name) }}`,
		`{{ map([1, 2], # + int(user.bad)) }}`, `{{ let n = user.name; lower(n) }}`, `{{ user.blank }}`, `{{ 5 }}`, `{{ filter([1, 2], # > 1) }}`, ``,
	} {
		tmpl, err := testScope().Template(Source{Text: text}, EscapeNone)
		if err != nil {
			t.Fatal(err)
		}
		want, wantErr := tmpl.Eval(env)
		s, got, err := over.Text(tmpl)
		if s != "" {
			got.V = s
		}
		if (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
			t.Errorf("%s: %v, want %v", text, err, wantErr)
		}
		if got.State != want.State || got.Text() != want.Text() || got.Cause != want.Cause || got.Missing != want.Missing {
			t.Errorf("%s gives %+v, want %+v", text, got, want)
		}
	}
}
