package ident

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// The lengths of names that Windows enforces and Samba does not, in UTF-16 code
// units (see text.Units).
const (
	MaxAccountName = 20 // sAMAccountName of users (learn.microsoft.com, SAM-Account-Name attribute; the schema allows 256)
	MaxCommonName  = 64 // cn (rangeUpper of the schema)
)

// accountForbidden lists the characters that Windows refuses in the
// sAMAccountName of a user, besides control characters (learn.microsoft.com,
// "Naming conventions in Active Directory", and net user).
const accountForbidden = `"/\[]:;|=,+*?<>@`

// AccountName turns a text into a user's sAMAccountName. It removes forbidden
// and invisible characters, replaces each stretch of white space by one blank,
// removes dots and blanks at the ends, and cuts to MaxAccountName. It returns ""
// when nothing is left.
func AccountName(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unfit(r):
			return -1
		}
		return r
	}, s)
	s = strings.Trim(strings.Join(strings.Fields(s), " "), ". ")
	return strings.TrimRight(text.Cut(s, MaxAccountName), ". ")
}

func unfit(r rune) bool {
	return unicode.IsControl(r) || text.Invisible(r) || r == unicode.ReplacementChar || strings.ContainsRune(accountForbidden, r)
}

// AccountNameFault says why a text cannot be a user's sAMAccountName; "" when it
// can.
func AccountNameFault(s string) string {
	if n := text.Units(s); n > MaxAccountName {
		return fmt.Sprintf("%q is longer than %d characters", s, MaxAccountName)
	}
	for _, r := range s {
		if unicode.IsSpace(r) && r != ' ' || unfit(r) {
			return fmt.Sprintf("%q contains %q, which sAMAccountName may not have", s, r)
		}
	}
	switch {
	case strings.Trim(s, ". ") == "":
		return fmt.Sprintf("%q has nothing but dots and blanks, which is no sAMAccountName", s)
	case strings.HasSuffix(s, "."):
		return fmt.Sprintf("%q ends in a dot, which sAMAccountName may not", s)
	case strings.Trim(s, " ") != s:
		return fmt.Sprintf("%q begins or ends with a space", s)
	}
	return ""
}
