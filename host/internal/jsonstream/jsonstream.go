// Package jsonstream extracts records and single values from JSON text of any
// size in a fixed amount of memory: only the wanted fields become Go values. It
// is strict about structure: the end of each value must be clear, up to the end
// of the text. A flaw within one value (invalid UTF-8, unpaired surrogates,
// duplicate names) is a problem of the record that keeps the value, and is
// ignored in values that are not kept. Numbers keep their spelling.
//
// It does not decode into Go types of the caller, and it changes nothing.
package jsonstream

import (
	"errors"
	"fmt"
	"strings"
)

// Pointer is a JSON pointer (RFC 6901), split and unescaped.
type Pointer []string

// ParsePointer splits a JSON pointer.
func ParsePointer(text string) (Pointer, error) {
	if text == "" {
		return nil, nil
	}
	if text[0] != '/' {
		return nil, fmt.Errorf("JSON pointer %q does not start with a slash", text)
	}
	tokens := strings.Split(text[1:], "/")
	for i, t := range tokens {
		rest := strings.ReplaceAll(strings.ReplaceAll(t, "~0", ""), "~1", "")
		if strings.Contains(rest, "~") {
			return nil, fmt.Errorf("JSON pointer %q: ~ must be written ~0", text)
		}
		tokens[i] = strings.ReplaceAll(strings.ReplaceAll(t, "~1", "/"), "~0", "~")
	}
	return tokens, nil
}

// String joins and escapes the parts of the pointer.
func (p Pointer) String() string {
	var b strings.Builder
	for _, t := range p {
		b.WriteByte('/')
		b.WriteString(strings.ReplaceAll(strings.ReplaceAll(t, "~", "~0"), "/", "~1"))
	}
	return b.String()
}

// The kinds of failure, for errors.Is.
var (
	ErrSyntax   = errors.New("not valid JSON")
	ErrNoValue  = errors.New("no such value")
	ErrNotArray = errors.New("not an array")
	ErrTooLarge = errors.New("the value is too large")
	ErrRead     = errors.New("read the body")
	// ErrDelivery wraps the error that deliver returned.
	ErrDelivery = errors.New("delivery")
)

// kindName names the kind of value that starts with a byte, for messages.
func kindName(k byte) string {
	switch k {
	case 'n':
		return "null"
	case 't', 'f':
		return "a boolean"
	case '"':
		return "a string"
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return "a number"
	case '{':
		return "an object"
	case '[':
		return "an array"
	}
	return "not JSON"
}
