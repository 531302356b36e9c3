package tryout

import (
	"slices"
	"strconv"
	"strings"
)

// templateOf returns the template that gives a value in a mapping: of a list of
// objects the first one's. "" where the value is an object or a list of objects,
// whose members have templates of their own.
func templateOf(path, types []string) string {
	switch {
	case slices.Contains(types, "object"), slices.Contains(types, "objects"):
		return ""
	case len(types) > 0 && (slices.Contains(types, "list") || slices.Contains(types, "strings")):
		return `{{ join(` + reference(path) + `, ", ") }}`
	}
	return "{{ " + reference(path) + " }}"
}

// reference returns the expression for a path within a record.
func reference(path []string) string {
	var b strings.Builder
	b.WriteString("user")
	for _, name := range path {
		switch {
		case name == "[]":
			b.WriteString("[0]")
		case plain(name):
			b.WriteString("." + name)
		default:
			b.WriteString("[" + strconv.Quote(name) + "]")
		}
	}
	return b.String()
}

// words are names that the language of expressions keeps for itself.
var words = []string{
	"and", "or", "not", "in", "matches", "contains", "startsWith", "endsWith",
	"let", "if", "else", "nil", "null", "true", "false",
}

// plain reports whether a name may follow a dot.
func plain(name string) bool {
	for i, r := range name {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != "" && !slices.Contains(words, name)
}

// Line returns a template as the right side of a line of the configuration.
func Line(template string) string {
	if !strings.ContainsAny(template, `"\`) {
		return `"` + template + `"`
	}
	if !strings.Contains(template, "'") {
		return "'" + template + "'"
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(template) + `"`
}
