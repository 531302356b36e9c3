package expr

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/url"
	"strings"
	"unicode"

	"github.com/go-ldap/ldap/v3"
)

// Escape is the place that the values of a template are put into.
type Escape int

// The places. A template that is one {{ expression }} and nothing else keeps
// its type under EscapeNone and EscapeJSON, and is a whole DN of its own under
// EscapeDN; everywhere else it is escaped as part of a text is.
const (
	EscapeNone   Escape = iota // plain text
	EscapeDN                   // a value within a DN (RFC 4514)
	EscapePath                 // a segment of a URL's path; "/" is escaped, . and .. are refused
	EscapeQuery                // a name or value in a URL's query
	EscapeHeader               // an HTTP header; line breaks and control characters are refused
	EscapeJSON                 // within a JSON string, without the quotes
	EscapeForm                 // application/x-www-form-urlencoded
	EscapeXML                  // text or an attribute's value in XML
)

// keepsWhole reports whether a template of one expression is left as it is.
func (e Escape) keepsWhole() bool {
	return e == EscapeNone || e == EscapeJSON || e == EscapeDN
}

// text escapes s for the place.
func (e Escape) text(s string) (string, error) {
	switch e {
	case EscapeDN:
		return ldap.EscapeDN(s), nil
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
		var b strings.Builder
		if err := xml.EscapeText(&b, []byte(s)); err != nil {
			return "", fmt.Errorf("escape for XML: %w", err)
		}
		return b.String(), nil
	}
	return s, nil
}
