package ident

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// Schema says which values a directory accepts, by the name of the attribute in
// lower case. A nil Schema knows nothing, and refuses only what no directory
// accepts.
type Schema map[string]AttributeRule

// Rule returns what is known about an attribute; its name may be in any case.
func (s Schema) Rule(name string) AttributeRule { return s[text.Lower(name)] }

// AttributeRule is what the schema says about one attribute (MS-ADTS section
// 3.1.1.2.3). The zero rule knows nothing.
type AttributeRule struct {
	// Unusable says why no account can have the attribute as it is mapped, and
	// Next what to do; "" when accounts can.
	Unusable, Next string
	Unread         bool // its values cannot be kept up to date, or it does not exist
	Syntax         Syntax
	Single         bool // isSingleValued
	Local          bool // global catalogs do not hold it
	// Lower and Upper are rangeLower and rangeUpper. They count the UTF-16 units
	// of a text and the bytes of a binary value; for a number they bound the
	// number itself.
	Lower, Upper *int64
}

// Syntax is how values are written (MS-ADTS section 3.1.1.2.2.2).
type Syntax string

// The syntaxes that are checked; values of all others are accepted as they are.
const (
	SyntaxAny       Syntax = ""
	SyntaxText      Syntax = "text"
	SyntaxIA5       Syntax = "ASCII text"
	SyntaxPrintable Syntax = "printable text"
	SyntaxNumeric   Syntax = "digits"
	SyntaxInteger   Syntax = "integer"       // 32 bits
	SyntaxLarge     Syntax = "large integer" // 64 bits
	SyntaxBoolean   Syntax = "boolean"
	SyntaxTime      Syntax = "time"
	SyntaxDN        Syntax = "DN"
	SyntaxBytes     Syntax = "bytes"
)

// SyntaxOf returns the syntax that attributeSyntax and oMSyntax of an
// attributeSchema stand for.
func SyntaxOf(attributeSyntax, omSyntax string) Syntax {
	switch attributeSyntax {
	case "2.5.5.12":
		return SyntaxText
	case "2.5.5.5":
		if omSyntax == "19" {
			return SyntaxPrintable
		}
		return SyntaxIA5
	case "2.5.5.6":
		return SyntaxNumeric
	case "2.5.5.9":
		return SyntaxInteger
	case "2.5.5.16":
		return SyntaxLarge
	case "2.5.5.8":
		return SyntaxBoolean
	case "2.5.5.11":
		if omSyntax == "24" { // GeneralizedTime; a UTCTime may be written in both ways
			return SyntaxTime
		}
	case "2.5.5.1":
		return SyntaxDN
	case "2.5.5.10":
		return SyntaxBytes
	}
	return SyntaxAny
}

// Refuses says why the directory would not accept the values, and what to do; ""
// when it would. It does not look up whether a DN names an object. binary says
// that the values are bytes, not text.
func (r AttributeRule) Refuses(values []string, binary bool) (cause, next string) {
	if r.Single && len(values) > 1 {
		return fmt.Sprintf("it takes one value, and there are %d", len(values)), "choose one of them: item(..., 1)"
	}
	for _, v := range values {
		if cause, next := r.refuses(v, binary); cause != "" {
			return cause, next
		}
	}
	return "", ""
}

func (r AttributeRule) refuses(v string, binary bool) (cause, next string) {
	const atSource = "correct the value at the source, or the expression"
	switch {
	case binary && r.Syntax != SyntaxBytes && r.Syntax != SyntaxAny:
		return "it holds no bytes", "remove encoding"
	case binary:
		return r.outOfRange(int64(len(v)), "bytes", fmt.Sprintf("a value of %d bytes", len(v)))
	case !utf8.ValidString(v):
		return shown(v) + " is not valid UTF-8", atSource
	case strings.ContainsRune(v, 0):
		return shown(v) + " contains a NUL character", atSource
	}
	if form := r.form(v); form != "" {
		return shown(v) + " " + form, atSource
	}
	switch r.Syntax {
	case SyntaxInteger, SyntaxLarge:
		n, _ := strconv.ParseInt(v, 10, 64) // cannot fail: form has checked it
		return r.outOfBounds(n)
	case SyntaxIA5, SyntaxPrintable, SyntaxNumeric, SyntaxBytes:
		return r.outOfRange(int64(len(v)), "characters", shown(v))
	case SyntaxText:
		return r.outOfRange(int64(text.Units(v)), "characters", shown(v))
	case SyntaxAny, SyntaxBoolean, SyntaxTime, SyntaxDN:
	}
	return "", ""
}

// form says what is wrong with the text; "" when it has the form of the syntax.
func (r AttributeRule) form(v string) string {
	only := func(allowed func(rune) bool, what string) string {
		if i := strings.IndexFunc(v, func(c rune) bool { return !allowed(c) }); i >= 0 {
			return fmt.Sprintf("contains %q; the attribute takes %s only", []rune(v[i:])[0], what)
		}
		return ""
	}
	switch r.Syntax {
	case SyntaxIA5:
		return only(func(c rune) bool { return c < 0x80 }, "ASCII characters")
	case SyntaxPrintable:
		return only(printable, "letters from A to Z, digits, spaces and '()+,-./:=?")
	case SyntaxNumeric:
		return only(func(c rune) bool { return c == ' ' || '0' <= c && c <= '9' }, "digits and spaces")
	case SyntaxInteger:
		return wholeNumber(v, 32)
	case SyntaxLarge:
		return wholeNumber(v, 64)
	case SyntaxBoolean:
		if v != "TRUE" && v != "FALSE" {
			return "is neither TRUE nor FALSE"
		}
	case SyntaxTime:
		if _, err := time.Parse("20060102150405Z", v); err != nil {
			return "is not a time in the form 20060102150405.0Z"
		}
	case SyntaxDN:
		if dn, err := ParseDN(v); err != nil || dn == "" {
			return "is not a distinguished name"
		}
	case SyntaxAny, SyntaxText, SyntaxBytes:
	}
	return ""
}

// printable reports whether c is in the alphabet of PrintableString (RFC 4517
// section 3.2).
func printable(c rune) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune(" '()+,-./:=?", c)
}

// wholeNumber requires the one spelling in which a directory returns the number:
// any other would differ at each comparison. Samba takes 012 for 10.
func wholeNumber(v string, bits int) string {
	n, err := strconv.ParseInt(v, 10, bits)
	if err != nil || strconv.FormatInt(n, 10) != v {
		return fmt.Sprintf("is not a whole number of %d bits in plain digits", bits)
	}
	return ""
}

func (r AttributeRule) outOfRange(n int64, unit, what string) (cause, next string) {
	switch {
	case r.Upper != nil && n > *r.Upper && unit == "bytes":
		return fmt.Sprintf("%s is longer than %d %s", what, *r.Upper, unit), "supply a smaller one at the source"
	case r.Upper != nil && n > *r.Upper: // left counts characters as a reader sees them, which may be longer
		return fmt.Sprintf("%s is longer than %d %s", what, *r.Upper, unit), fmt.Sprintf("shorten the whole value: cut(..., %d)", *r.Upper)
	case r.Lower != nil && n < *r.Lower:
		return fmt.Sprintf("%s is shorter than %d %s", what, *r.Lower, unit), "correct the value at the source"
	}
	return "", ""
}

func (r AttributeRule) outOfBounds(n int64) (cause, next string) {
	if r.Upper != nil && n > *r.Upper || r.Lower != nil && n < *r.Lower {
		low, high := "", ""
		if r.Lower != nil {
			low = fmt.Sprintf(" from %d", *r.Lower)
		}
		if r.Upper != nil {
			high = fmt.Sprintf(" up to %d", *r.Upper)
		}
		return fmt.Sprintf("%d is not%s%s", n, low, high), "correct the value at the source, or the expression"
	}
	return "", ""
}

// shown quotes a value, shortened when it is long.
func shown(v string) string {
	const longest = 60
	if runes := []rune(v); len(runes) > longest {
		return fmt.Sprintf("%q...", string(runes[:longest]))
	}
	return fmt.Sprintf("%q", v)
}

// Neutral returns the value that stands for no value in an attribute that an
// account cannot be without: the directory refuses to delete such an attribute
// (MS-SAMR section 3.1.1.8.1; Samba answers 53). ok is false for all other
// attributes, which can be deleted.
func Neutral(attribute string) (value string, ok bool) {
	value, ok = neutral[text.Lower(attribute)]
	return value, ok
}

var neutral = map[string]string{
	"accountexpires": never, "codepage": "0", "countrycode": "0", "lockouttime": "0",
}

// never is the value with which a domain controller says that an account does
// not expire; 0 means the same (MS-ADA1, attribute accountExpires).
const never = "9223372036854775807"

// None reports whether the values of an attribute amount to nothing: there are
// none, they are blank, or they are the neutral value.
func None(attribute string, values []string) bool {
	neutral, ok := Neutral(attribute)
	return text.AllBlank(values) || ok && slices.Equal(normal(attribute, neutral, values), []string{neutral})
}

// SameValues reports whether two lists of values mean the same for an attribute.
// They are compared as sets of bytes, except that all ways to say "no value" are
// equal.
func SameValues(attribute string, a, b []string) bool {
	if neutral, ok := Neutral(attribute); ok {
		a, b = normal(attribute, neutral, a), normal(attribute, neutral, b)
	}
	if len(a) == 1 && len(b) == 1 {
		return a[0] == b[0]
	}
	return slices.Equal(distinctSorted(a), distinctSorted(b))
}

// normal replaces every way to say "no value" by the neutral value.
func normal(attribute, neutral string, values []string) []string {
	none := len(values) == 0 || len(values) == 1 && values[0] == "0" && text.Same(attribute, "accountExpires")
	if none {
		return []string{neutral}
	}
	return values
}

func distinctSorted(values []string) []string {
	out := slices.Clone(values)
	slices.Sort(out)
	return slices.Compact(out)
}
