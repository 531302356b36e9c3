package expr

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/url"
	"strings"
	"unicode"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	plaintext "github.com/rollcall-agent/rollcall/agent/internal/text"
)

// Escape says in which place the values of a template stand, and so how to
// escape them.
type Escape int

// The places. A template that consists of one {{ expression }} keeps its type
// under EscapeNone and EscapeJSON, and is a complete DN under EscapeDN. In all
// other cases its value is escaped as a part of a text.
const (
	EscapeNone   Escape = iota // plain text
	EscapeDN                   // a value within a DN (RFC 4514); control characters are refused
	EscapePath                 // a segment of a URL's path; "/" is escaped, . and .. are refused
	EscapeQuery                // a name or value in a URL's query
	EscapeHeader               // an HTTP header; line breaks and control characters are refused
	EscapeJSON                 // within a JSON string, without the quotes
	EscapeForm                 // application/x-www-form-urlencoded
	EscapeXML                  // text or an attribute's value in XML; what XML cannot carry is refused
)

// keepsWhole reports whether the value of a template with exactly one expression
// stays as it is.
func (e Escape) keepsWhole() bool {
	return e == EscapeNone || e == EscapeJSON || e == EscapeDN
}

// text escapes s for the place.
func (e Escape) text(s string) (string, error) {
	switch e {
	case EscapeDN:
		s = plaintext.Trim(s)
		if strings.ContainsFunc(s, unicode.IsControl) {
			return "", fmt.Errorf("%q has a line break or control character, which no name in AD may have", s)
		}
		return ident.EscapeValue(s), nil
	case EscapePath:
		if s == "." || s == ".." || s == "" {
			return "", fmt.Errorf("%q cannot be a segment of a path", s)
		}
		return url.PathEscape(s), nil
	case EscapeQuery:
		return escapeQuery(s), nil
	case EscapeHeader:
		if strings.ContainsFunc(s, unicode.IsControl) {
			return "", fmt.Errorf("%q has a line break or control character, which a header cannot carry", s)
		}
		return s, nil
	case EscapeJSON:
		b, err := json.Marshal(s)
		if err != nil {
			return "", fmt.Errorf("escape for JSON: %w", err)
		}
		return string(b[1 : len(b)-1]), nil
	case EscapeForm:
		return url.QueryEscape(s), nil
	case EscapeXML:
		if i := strings.IndexFunc(s, notInXML); i >= 0 {
			return "", fmt.Errorf("%q has a control character, which XML cannot carry", s)
		}
		var b strings.Builder
		if err := xml.EscapeText(&b, []byte(s)); err != nil {
			return "", fmt.Errorf("escape for XML: %w", err)
		}
		return b.String(), nil
	}
	return s, nil
}

// notInXML reports whether a character is not allowed in XML text (XML 1.0
// section 2.2), even when escaped.
func notInXML(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
}

// lacksValue reports whether a part of a DN has no value, as in CN={{ user.team
// }} for an empty team. An equals sign within a value is escaped.
func lacksValue(dn string) bool {
	for i := 0; i < len(dn); i++ {
		switch dn[i] {
		case '\\':
			i++
		case '=':
			if rest := strings.TrimLeft(dn[i+1:], " "); rest == "" || rest[0] == ',' {
				return true
			}
		}
	}
	return false
}
