package expr

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestTrace(t *testing.T) {
	env := Env{
		"user": map[string]any{"name": " Ada Novak ", "none": nil, "id": 7, "org": map[string]any{"unit": "R&D"}, "tags": []any{"a", "b"}},
		"now":  time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
	for text, want := range map[string]string{
		`{{ lower(first_word(user.name)) }}`:                        `user.name= Ada Novak |first_word(user.name)=Ada`,
		`{{ upper(user.name) }}-{{ user.id + 1 }}`:                  `user.name= Ada Novak |upper(user.name)= ADA NOVAK |user.id=7|user.id + 1=8`,
		`{{ user.org.unit }}x`:                                      `user.org.unit=R&D`,
		`{{ any(user.tags, # == "b") ? "yes" : lower(user.none) }}`: `user.tags=a, b|any(user.tags, # == "b")=true`,
		`{{ default(user.none, "d") }}`:                             `user.none: user.none is null`,
		`{{ lower(user.nothing) + "x" }}`:                           `user.nothing: user.nothing is absent|lower(user.nothing): user.nothing is absent`,
		`{{ left(user.name, int(user.name)) }}`:                     `user.name= Ada Novak `, // it fails there
		`plain`:                                                     ``,
		`{{ 5 }}`:                                                   ``,
		`{{ let n = trim(user.name); n + n }}`:                      `user.name= Ada Novak |trim(user.name)=Ada Novak|n + n=Ada NovakAda Novak`,
		`{{ trim(user.name) + trim(user.name) }}`:                   `user.name= Ada Novak |trim(user.name)=Ada Novak`,
	} {
		tmpl, err := testScope().Template(Source{Text: text}, EscapeNone)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var got []string
		for _, s := range tmpl.Trace(env) {
			line := s.Text + "=" + s.Value.Text()
			if s.Value.V == nil {
				line = s.Text + ": " + s.Value.Cause
			}
			got = append(got, line)
		}
		if g := strings.Join(got, "|"); g != want {
			t.Errorf("%s:\n got %s\nwant %s", text, g, want)
		}
	}
}

// A long expression does not make a long trace.
func TestTraceIsBounded(t *testing.T) {
	var parts []string
	for i := range 300 {
		parts = append(parts, fmt.Sprintf("user.f%d", i))
	}
	tmpl, err := testScope().Template(Source{Text: "{{ [" + strings.Join(parts, ", ") + "] }}"}, EscapeNone)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(tmpl.Trace(Env{"user": map[string]any{}})); n != mostSteps {
		t.Errorf("%d steps", n)
	}
}
