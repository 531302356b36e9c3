package ident

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// part is one type and value of a DN, the value without escapes.
type part struct{ kind, value string }

var (
	errNotText   = errors.New("it is not valid UTF-8")
	errNoValue   = errors.New("a part of it is not of the form TYPE=VALUE")
	errUnescaped = errors.New(`one of + ; < > " and NUL stands in it without a backslash`)
	errEscape    = errors.New(`a backslash in it is followed neither by one of ,+"\<>;=# and blank nor by two hexadecimal digits`)
	errBinary    = errors.New("a value begins with #, which means bytes: write \\# if it is part of the name")
)

// parseDN reads a DN strictly. It refuses a spelling that servers read in
// different ways, or that go-ldap reads in another way than a server: what was
// checked must be what is sent. It also refuses multi-valued parts (CN=a+OU=b),
// which AD does not have (MS-ADTS section 3.1.1.3.1.2.1), quotes, semicolons as
// separators, and bytes in the form #0403... . The spelling \/ is ADSI's for its
// paths: it is no escape in RFC 4514 (section 3), and go-ldap refuses it, while
// Samba takes it for a slash.
func parseDN(s string) ([]part, error) {
	if strings.Trim(s, " ") == "" {
		return nil, nil
	}
	if !utf8.ValidString(s) {
		return nil, fmt.Errorf("parse DN %q: %w", s, errNotText)
	}
	parts := make([]part, 0, 8)
	for rest, more := s, true; more; {
		end := separator(rest, ',')
		p, err := parsePart(rest[:end])
		if err != nil {
			return nil, fmt.Errorf("parse DN %q: %w", s, err)
		}
		parts = append(parts, p)
		if more = end < len(rest); more {
			rest = rest[end+1:]
		}
	}
	return parts, nil
}

// separator returns the index of the first c without a backslash before it;
// len(s) when there is none.
func separator(s string, c byte) int {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case c:
			return i
		}
	}
	return len(s)
}

func parsePart(s string) (part, error) {
	kind, raw, ok := strings.Cut(s, "=")
	kind = strings.Trim(kind, " ")
	if !ok || !isKind(kind) {
		return part{}, errNoValue
	}
	raw = trimValue(raw)
	switch {
	case raw == "":
		return part{}, errNoValue
	case raw[0] == '#':
		return part{}, errBinary
	}
	value, err := unescape(raw)
	return part{kind, value}, err
}

// isKind reports whether s is the name of an attribute, or its number (RFC 4512
// section 1.4).
func isKind(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 && (c < '0' || c > '9') || c != '-' && c != '.' && (c < '0' || c > '9')) {
			return false
		}
	}
	return s != ""
}

// trimValue removes the blanks around a value. An escaped blank belongs to the
// value.
func trimValue(s string) string {
	s = strings.TrimLeft(s, " ")
	trimmed := strings.TrimRight(s, " ")
	if len(trimmed) == len(s) {
		return s
	}
	backslashes := len(trimmed) - len(strings.TrimRight(trimmed, `\`))
	if backslashes%2 == 1 {
		trimmed += " "
	}
	return trimmed
}

func unescape(s string) (string, error) {
	if !strings.ContainsAny(s, "\\+;<>\"\x00") {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '+', ';', '<', '>', '"', 0:
			return "", errUnescaped
		case '\\':
			c, n := escaped(s[i+1:])
			if n == 0 {
				return "", errEscape
			}
			b.WriteByte(c)
			i += n
		default:
			b.WriteByte(s[i])
		}
	}
	if !utf8.ValidString(b.String()) {
		return "", errNotText
	}
	return b.String(), nil
}

// escaped decodes what follows a backslash. n is the number of bytes it takes; 0
// when it is not an escape.
func escaped(s string) (c byte, n int) {
	if s == "" {
		return 0, 0
	}
	if strings.IndexByte(` "#+,;<=>\`, s[0]) >= 0 {
		return s[0], 1
	}
	if len(s) < 2 {
		return 0, 0
	}
	decoded, err := hex.DecodeString(s[:2])
	if err != nil {
		return 0, 0
	}
	return decoded[0], 2
}

// fold writes the part in the spelling that all equal parts share: lower case,
// with everything escaped that can be.
func (p part) fold(b *strings.Builder) {
	b.WriteString(text.Lower(p.kind))
	b.WriteByte('=')
	value := text.Lower(p.value)
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case strings.IndexByte(`"+,;<>\`, c) >= 0,
			i == 0 && (c == ' ' || c == '#'),
			i == len(value)-1 && c == ' ':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c > '~':
			const digits = "0123456789abcdef"
			b.WriteByte('\\')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		default:
			b.WriteByte(c)
		}
	}
}
