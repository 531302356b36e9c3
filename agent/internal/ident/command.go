package ident

import (
	"strings"
	"unicode"
)

// Command writes a rollcall command that a person can paste into a POSIX shell
// or PowerShell. Arguments are quoted where needed: a key may contain blanks,
// quotes and minus signs.
func Command(name string, args ...string) string {
	line := "rollcall " + name
	for _, a := range args {
		if strings.HasPrefix(a, "-") { // it would be taken for a flag
			line += " --"
			break
		}
	}
	for _, a := range args {
		line += " " + quoted(a)
	}
	return line
}

func quoted(arg string) string {
	plain := func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("._:+/=-@", r)
	}
	switch {
	case arg != "" && strings.IndexFunc(arg, func(r rune) bool { return !plain(r) }) < 0 && arg[0] != '@':
		return arg
	case !strings.ContainsAny(arg, "\"$`\\!%"):
		return `"` + arg + `"`
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}
