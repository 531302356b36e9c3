package expr

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// miss says what a text was probably meant to be.
type miss struct {
	at            int // offset in characters
	message, hint string
}

var (
	unexpected = regexp.MustCompile(`unexpected token \w+\("(.*)"\)`)
	plainWords = regexp.MustCompile(`^[\p{L}\p{N}_.,' -]+$`)
	wordBefore = regexp.MustCompile(`([\p{L}_][\p{L}\p{N}_]*)\s*$`)
)

const (
	curlyQuotes  = "“”„‘’‚«»"
	operatorSign = "=<>!&|-"
)

// meantOperators are operators of other languages.
var meantOperators = map[string]string{
	"=": "==", "===": "==", "<>": "!=", "!==": "!=", "=!": "!=", "=>": ">=", "=<": "<=", "&": "&&", "|": "||", "->": ".",
}

// meantWords are words of other languages, in lower case.
var meantWords = map[string]string{
	"and": "and", "or": "or", "not": "not", "true": "true", "false": "false", "null": "null", "none": "null",
	"nil": "null", "undefined": "null",
	"is": "==", "equals": "==", "like": "contains, startsWith or matches", "then": "CONDITION ? A : B", "xor": "!=",
}

// nearMiss explains a syntax error that comes from the habits of another
// language, or from a text without quotes; false when it looks like neither.
func (s Scope) nearMiss(text string, at int, message string) (miss, bool) {
	runes := []rune(text)
	at = max(0, min(at, len(runes)))
	before, after := string(runes[:at]), string(runes[at:])
	bare := strings.TrimSpace(text)
	token := ""
	if m := unexpected.FindStringSubmatch(message); m != nil {
		token = m[1]
	}
	const field = "a field is written user.NAME here, and {{ user.NAME }} within a text"
	switch {
	case strings.HasPrefix(bare, "{{"):
		return miss{at, "this is an expression, and {{ }} is for texts", "write " + strings.TrimSpace(strings.Trim(bare, "{}"))}, true
	case strings.HasPrefix(bare, "${"), strings.HasPrefix(bare, "%") && strings.Contains(bare[1:], "%"):
		return miss{0, "variables are not written like this", field}, true
	case strings.HasPrefix(bare, "{") && token != "":
		return miss{0, "one brace alone begins an object", "did you mean {{ ... }}?"}, true
	case after != "" && strings.ContainsRune(curlyQuotes, runes[at]):
		return miss{at, fmt.Sprintf("%c is not a quote of expressions", runes[at]), `write ' or "`}, true
	}
	if m, ok := operatorNear(runes, at); ok {
		return m, true
	}
	if m, ok := s.wordNear(before, token, at); ok {
		return m, true
	}
	if token != "" && plainWords.MatchString(bare) && strings.Contains(bare, " ") {
		return miss{at, fmt.Sprintf("unexpected %q", token), "a text needs quotes: '" + strings.ReplaceAll(bare, "'", `\'`) + "'"}, true
	}
	return miss{}, false
}

// operatorNear looks for the operator at the error, or a single | before it,
// which the parser takes for something else.
func operatorNear(runes []rune, at int) (miss, bool) {
	sign := func(i int) bool { return i >= 0 && i < len(runes) && strings.ContainsRune(operatorSign, runes[i]) }
	start := at
	if !sign(at) {
		for i := 1; i+1 < at; i++ {
			if runes[i] == '|' && runes[i-1] != '|' && runes[i+1] != '|' &&
				strings.Count(string(runes[:i]), "'")%2+strings.Count(string(runes[:i]), `"`)%2 == 0 {
				return miss{i, `there is no operator "|"`, "did you mean ||?"}, true
			}
		}
		return miss{}, false
	}
	for sign(start - 1) {
		start--
	}
	end := start
	for sign(end) {
		end++
	}
	written := string(runes[start:end])
	meant, ok := meantOperators[written]
	return miss{start, fmt.Sprintf("there is no operator %q", written), "did you mean " + meant + "?"}, ok
}

// wordNear looks at the word at the error, and at the one before it.
func (s Scope) wordNear(before, token string, at int) (miss, bool) {
	said := func(word string, at int) (miss, bool) {
		meant, ok := meantWords[strings.ToLower(word)]
		return miss{at, fmt.Sprintf("unexpected %q", word), "did you mean " + meant + "?"}, ok && meant != word
	}
	if m, ok := said(token, at); ok {
		return m, true
	}
	last := wordBefore.FindStringSubmatch(before)
	if last == nil || token == "" {
		return miss{}, false
	}
	start := len([]rune(before)) - len([]rune(last[0]))
	if m, ok := said(last[1], start); ok {
		return m, true
	}
	if _, is := s.lib.functions[last[1]]; is && unicode.IsLetter([]rune(token)[0]) {
		return miss{start, last[1] + " is a function", "call it: " + last[1] + "(...)"}, true
	}
	return miss{}, false
}

// unknown returns a hint about what an unknown name was meant to be.
func (s Scope) unknown(name, following string) string {
	if meant, ok := meantWords[strings.ToLower(name)]; ok && meant != name && plainWords.MatchString(meant) {
		return "did you mean " + meant + "?"
	}
	if name == NameMacros {
		return notHere
	}
	called := strings.HasPrefix(following, "(")
	if nearest := s.nearest(name); nearest != "" && (called || strings.HasPrefix(following, ".") || strings.HasPrefix(following, "[")) {
		return nearest
	}
	switch {
	case called:
		return ""
	case s.names["ad"] && name == "password":
		return "the initial password is known only to the orchestration that password.deliver of an automation names"
	case s.names["user"]:
		return fmt.Sprintf("a field of the record is user.%s, and a text needs quotes: '%s'", name, name)
	case s.names["ad"]:
		return fmt.Sprintf("an attribute of the object is ad.%s, and a text needs quotes: '%s'", name, name)
	}
	if nearest := s.nearest(name); nearest != "" {
		return nearest
	}
	return "a text needs quotes: '" + name + "'"
}
