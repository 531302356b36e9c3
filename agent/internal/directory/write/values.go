package write

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

var attributeName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*$`)

// checkAttribute says what is wrong with an attribute that is to be written;
// "" if nothing is.
func checkAttribute(name string, values []string, binary bool) string {
	if !attributeName.MatchString(name) {
		return fmt.Sprintf("%q is not the name of an attribute", name)
	}
	if text.Same(name, "cn") {
		return "cn is not written as a value: it is part of the name, and mapping cn renames"
	}
	if why, never := ident.Unmapped(name); never {
		return name + " is not written as a value: " + why
	}
	for _, v := range values {
		switch {
		case v == "":
			return name + ": an empty text is not a value in AD"
		case !binary && utf8.ValidString(v) && strings.ContainsRune(v, 0):
			return fmt.Sprintf("%s: %q contains a NUL character", name, v)
		}
	}
	if text.Same(name, "sAMAccountName") {
		return badAccountName(values)
	}
	return ""
}

func badAccountName(values []string) string {
	if len(values) != 1 {
		return "sAMAccountName has exactly one value"
	}
	if fault := ident.AccountNameFault(values[0]); fault != "" {
		return "sAMAccountName " + fault
	}
	return ""
}

// badName says why a text cannot be a common name; "" if it can.
func badName(name string) string {
	switch {
	case text.Blank(name):
		return "cn is empty"
	case text.Units(name) > ident.MaxCommonName:
		return fmt.Sprintf("cn %q is longer than %d characters", name, ident.MaxCommonName)
	case strings.ContainsFunc(name, unicode.IsControl), !utf8.ValidString(name):
		return fmt.Sprintf("cn %q contains a character that a name cannot have", name)
	case text.Trim(name) != name:
		return fmt.Sprintf("cn %q begins or ends with white space or an invisible character", name)
	}
	return ""
}

// sameValues compares values as sets, byte by byte.
func sameValues(a, b []string) bool {
	return len(a) == len(b) && holdsAll(a, b, func(x, y string) bool { return x == y })
}

func holdsAll(have, want []string, equal func(x, y string) bool) bool {
	return len(absent(have, want, equal)) == 0
}

// absent returns the values of want that are not in have.
func absent(have, want []string, equal func(x, y string) bool) []string {
	var out []string
	for _, v := range want {
		if !slices.ContainsFunc(have, func(h string) bool { return equal(h, v) }) {
			out = append(out, v)
		}
	}
	return out
}

func attributeNames(changes []ident.AttributeChange) []string {
	names := make([]string, len(changes))
	for i, c := range changes {
		names[i] = c.Name
	}
	return names
}
