package expr

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// The same work in plain Go and as an expression shows the cost of an
// expression.
func BenchmarkLogonName(b *testing.B) {
	env := Env{"user": map[string]any{"givenName": "Łukasz", "surname": "Ångström-Groß"}}
	e, err := testScope().Compile(Source{Text: `lower(ascii(left(user.givenName, 1) + user.surname))`})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("expression", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if v, err := e.Eval(env); err != nil || v.V != "langstrom-gross" {
				b.Fatal(v, err)
			}
		}
	})
	b.Run("plain", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			user := env["user"].(map[string]any)
			given, surname := user["givenName"].(string), user["surname"].(string)
			_, n := utf8.DecodeRuneInString(given)
			if s := strings.ToLower(foldASCII(given[:n] + surname)); s != "langstrom-gross" {
				b.Fatal(s)
			}
		}
	})
}

func BenchmarkCompile(b *testing.B) {
	scope := testScope()
	for b.Loop() {
		if _, err := scope.Compile(Source{Text: `lower(ascii(left(user.givenName, 1) + user.surname))`}); err != nil {
			b.Fatal(err)
		}
	}
}
