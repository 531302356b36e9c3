package expr

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestConditions(t *testing.T) {
	scope := NewScope("user")
	for source, want := range map[string][]string{
		`user.a`:                             {`user.a`},
		`user.a && !user.b`:                  {`user.a@1`, `!user.b@11`},
		` user.a  and  user.b && user.c`:     {`user.a@2`, `user.b@15`, `user.c@25`},
		`(user.a && user.b) && user.c`:       {`(user.a && user.b)@1`, `user.c@23`},
		`user.a && (user.b || user.c)`:       {`user.a@1`, `(user.b || user.c)@11`},
		`user.a && user.b || user.c`:         {`user.a && user.b || user.c`},
		`user.a ? user.b && user.c : user.d`: {`user.a ? user.b && user.c : user.d`},
		`let x = user.a; x && user.b`:        {`let x = user.a; x && user.b`},
		`user.a == "x && y" && user.b == '"' && user.c`: {
			`user.a == "x && y"@1`, `user.b == '"'@23`, `user.c@40`,
		},
		"user.a == `a``&&` && user.b /* && */ && user.c": {"user.a == `a``&&`@1", `user.b /* && */@22`, `user.c@41`},
		`any(user.l, {# == 1 && true}) && user.b`:        {`any(user.l, {# == 1 && true})@1`, `user.b@34`},
		`user.and && user.b`:                             {`user.and@1`, `user.b@13`},
		`user.land and not user.b`:                       {`user.land@1`, `not user.b@15`},
		"user.ü && user.b":                               {"user.ü@1", "user.b@11"},
		`user.a / 2 == 1 && user.b`:                      {`user.a / 2 == 1@1`, `user.b@20`},
		`user?.a && user.b ?? false`:                     {`user?.a@1`, `user.b ?? false@12`},
	} {
		e, err := scope.Compile(Source{source, Pos{"f", 1, 1}})
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		var got []string
		for _, c := range e.Conditions() {
			text := c.Source().Text
			if len(want) > 1 {
				text += "@" + strings.TrimPrefix(c.Source().Pos.String(), "f:1:")
			}
			got = append(got, text)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", source, diff)
		}
	}
}

// TestConditionsDecideAsTheWhole: the first condition that is not true says what the
// whole expression says.
func TestConditionsDecideAsTheWhole(t *testing.T) {
	scope := NewScope("user")
	part := rapid.SampledFrom([]string{
		`user.yes`, `user.no`, `user.none`, `user.null`, `!user.yes`, `!user.no`, `user.text == "x && y"`, `(user.no || user.yes)`, `user.text == 'and'`,
		`default(user.none, true)`, `user.none == null`, `(user.yes && user.no)`, `any(user.list, {# > 1 and true})`, `user.no ?? true`, `user.null ?? true`,
	})
	operator := rapid.SampledFrom([]string{" && ", " and ", "\n&&\n", " || ", " && /* && */ "})
	rapid.Check(t, func(r *rapid.T) {
		text := part.Draw(r, "first")
		for range rapid.IntRange(0, 4).Draw(r, "more") {
			text += operator.Draw(r, "operator") + part.Draw(r, "part")
		}
		e, err := scope.Compile(Source{Text: text})
		if err != nil {
			r.Skip(err)
		}
		env := Env{"user": map[string]any{"yes": true, "no": false, "null": nil, "text": "x && y", "list": []any{1, 2}}}
		want, err := e.Eval(env)
		if err != nil {
			r.Fatal(err)
		}
		var got Value
		for _, c := range e.Conditions() {
			if got, err = c.Eval(env); err != nil {
				r.Fatal(err)
			}
			if got.V != true {
				break
			}
		}
		if got.V != want.V {
			r.Fatalf("%s is %v, its conditions %v", text, want.V, got.V)
		}
	})
}
