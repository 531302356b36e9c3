package expr

import (
	"strings"
	"unicode"

	"github.com/expr-lang/expr/ast"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	plaintext "github.com/rollcall-agent/rollcall/agent/internal/text"
)

// textFunctions returns the functions that change a text as a whole.
func textFunctions() []*function {
	t := new(textToText)
	return []*function{
		ofText("upper(s)", "In upper case.", `upper("Ada") -> "ADA"`, creating(strings.ToUpper), t),
		ofText("lower(s)", "In lower case.", `lower("Ada") -> "ada"`, creating(strings.ToLower), t),
		ofText("title(s)", "The first letter of each word in upper case, the others in lower case.",
			`title("jean-luc o'NEIL") -> "Jean-Luc O'Neil"`, creating(title), t),
		trimFunction(),
		ofText("strip_spaces(s)", "Without any white space or invisible character.",
			`strip_spaces("06 12 34") -> "061234"`, creating(stripSpaces), t),
		ofText("only_digits(s)", "The digits 0 to 9 in s, nothing else.", `only_digits("+31 (20) 12") -> "312012"`, creating(onlyDigits), t),
		define("replace(s, old, new)", "Every old in s replaced by new.", `replace("a-b-c", "-", ".") -> "a.b.c"`,
			replace, new(func(string, string, string) string)),
		regexReplace(),
		ofText("ascii(s)",
			"Letters folded to ASCII, diacritics removed. What has no ASCII form, such as Chinese or Cyrillic letters, is dropped: see translit.",
			`ascii("Łukasz Groß-Ångström") -> "Lukasz Gross-Angstrom"`, creating(foldASCII), t),
		translitFunction(),
		ofText("sam_safe(s)",
			"Fit for sAMAccountName: without the characters that it may not have and without invisible ones, without dots and spaces at the ends, "+
				"cut to what Windows allows: 20 characters, of which those beyond U+FFFF count as two.",
			`sam_safe("o,neil/ada.") -> "oneilada"`, creating(ident.AccountName), t),
	}
}

func title(s string) string {
	var b strings.Builder
	inWord := false
	for _, r := range s {
		if inWord {
			b.WriteRune(unicode.ToLower(r))
		} else {
			b.WriteRune(unicode.ToTitle(r))
		}
		inWord = unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
	}
	return b.String()
}

func trimFunction() *function {
	f := ofText("trim(s)", "Without white space and invisible characters at both ends; with a second argument, without those characters.",
		`trim("  Ada ") -> "Ada"`, func(_ *run, s string) string { return plaintext.Trim(s) },
		new(textToText), new(func(string, string) string))
	f.body = func(_ *run, args []any) any {
		s := textArg(args, 0)
		if len(args) == 2 {
			return strings.Trim(s, textArg(args, 1))
		}
		return plaintext.Trim(s)
	}
	return f
}

func stripSpaces(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || plaintext.Invisible(r) {
			return -1
		}
		return r
	}, s)
}

func onlyDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

func replace(r *run, args []any) any {
	s, from, to := textArg(args, 0), textArg(args, 1), textArg(args, 2)
	if from == "" {
		fail("replace: there is nothing to look for")
	}
	r.spend(len(s) + strings.Count(s, from)*max(0, len(to)-len(from)))
	return strings.ReplaceAll(s, from, to)
}

func regexReplace() *function {
	f := define("regex_replace(s, pattern, new)",
		"Every match of the regular expression (RE2) replaced; ${1} in new stands for the first group.",
		`regex_replace("Novak, Ada", "(\\w+), (\\w+)", "${2} ${1}") -> "Ada Novak"`,
		func(r *run, args []any) any {
			return patternOf(r, textArg(args, 1)).replace(r, textArg(args, 0), textArg(args, 2))
		},
		new(func(string, string, string) string))
	f.literal = func(_ *library, i int, s string) (string, string) {
		if i == 1 {
			if _, err := compilePattern(s); err != nil {
				return err.Error(), ""
			}
		}
		return "", ""
	}
	f.prepare = func(args []ast.Node) body {
		fixed, ok := args[1].(*ast.StringNode)
		if !ok {
			return f.body
		}
		p, err := compilePattern(fixed.Value)
		if err != nil {
			return f.body
		}
		return func(r *run, args []any) any { return p.replace(r, textArg(args, 0), textArg(args, 2)) }
	}
	return f
}
