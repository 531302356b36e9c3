package macro

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// These stand in place of an example.
const (
	noExample = "(no value)" // for the object
	notShown  = "(not shown)"
)

// mostExample is how much of a value an example shows, in characters.
const mostExample = 60

// Spelled lists the members of ad, manager and old that choices and macros name, and
// stands for all others of them.
func Spelled(m abi.Manifest, choices []Choice) map[string][]string {
	out := map[string][]string{"ad": {expr.Every}, "manager": {expr.Every}}
	scope := Scope(expr.NewScope(abi.InvokeRoots()...), m)
	for _, c := range choices {
		e, err := scope.Compile(expr.Source{Text: c.Name})
		if err != nil || placeholder(c.Name) {
			continue
		}
		for _, root := range []string{"ad", "manager", "old"} {
			out[root] = append(out[root], e.Fields(root)...)
		}
	}
	return out
}

// WithExamples replaces the examples by the values that the names have, and adds the
// attributes of the object that the choices do not name. What may be a password is
// not shown.
func WithExamples(m abi.Manifest, choices []Choice, env map[string]any) []Choice {
	scope := Scope(expr.NewScope(abi.InvokeRoots()...), m)
	known := map[string]bool{}
	var out []Choice
	for _, c := range choices {
		if !placeholder(c.Name) && !strings.HasPrefix(c.Name, "steps.") {
			c.Example = valueOf(scope, env, c.Name)
		}
		known[text.Lower(c.Name)] = true
		out = append(out, c)
	}
	object, _ := env["ad"].(map[string]any)
	for _, attribute := range slices.Sorted(maps.Keys(object)) {
		if !known["ad."+text.Lower(attribute)] {
			known["ad."+text.Lower(attribute)] = true
			out = append(out, Choice{Name: "ad." + attribute, Type: typeOf(object[attribute]), Example: shown(attribute, object[attribute])})
		}
	}
	return out
}

// placeholder reports whether a name stands for others: ad.ATTRIBUTE.
func placeholder(name string) bool {
	return slices.ContainsFunc(strings.Split(name, "."), func(part string) bool {
		return len(part) > 2 && strings.IndexFunc(part, func(r rune) bool { return !unicode.IsUpper(r) }) < 0
	})
}

func valueOf(scope expr.Scope, env map[string]any, name string) string {
	e, err := scope.Compile(expr.Source{Text: name})
	if err != nil {
		return noExample
	}
	v, err := e.Eval(env)
	if err != nil || v.V == nil {
		return noExample
	}
	if usesSecret(e) {
		return notShown
	}
	return shown(name, v.V)
}

// shown returns a value as an example.
func shown(name string, value any) string {
	if mayBeSecret(name) {
		return notShown
	}
	var s string
	switch v := value.(type) {
	case []any:
		parts := make([]string, 0, len(v))
		for _, one := range v {
			parts = append(parts, expr.Value{V: one}.Text())
		}
		s = fmt.Sprintf("%d: %s", len(v), strings.Join(parts, "; "))
	default:
		s = expr.Value{V: value}.Text()
	}
	s = strings.Join(strings.FieldsFunc(s, unicode.IsControl), " ")
	if cut := text.Cut(s, mostExample); cut != s {
		return cut + " ..."
	}
	return s
}

// mayBeSecret reports whether an attribute may hold a password, such as those of
// LAPS, which an account with many rights can read.
func mayBeSecret(name string) bool {
	lower := text.Lower(name)
	return !strings.HasSuffix(lower, "pwdlastset") && (strings.Contains(lower, "pwd") || strings.Contains(lower, "password"))
}

// usesSecret reports whether an expression, such as that of a macro, reads an attribute
// that may hold a password.
func usesSecret(e *expr.Expression) bool {
	return slices.ContainsFunc([]string{"ad", "manager", "old"}, func(root string) bool {
		return slices.ContainsFunc(e.Fields(root), mayBeSecret)
	})
}

func typeOf(value any) string {
	switch value.(type) {
	case []any:
		return "list"
	case string:
		return "string"
	case bool:
		return "bool"
	case int, float64:
		return "number"
	}
	return "any"
}
