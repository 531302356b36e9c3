// Package jsonstream takes records and single values out of JSON text of any
// size in memory that does not grow with it: only the fields that are wanted
// become Go values. It is strict about what a text is: where each value ends
// must be plain, to the end of the text. What is wrong within one value (invalid
// UTF-8, halves of surrogate pairs, names that occur twice) is a problem of the
// record that it is kept for, and nobody's when it is not kept. Numbers keep
// their text. It is not a decoder into types and changes nothing.
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

// String joins and escapes the pointer.
func (p Pointer) String() string {
	var b strings.Builder
	for _, t := range p {
		b.WriteByte('/')
		b.WriteString(strings.ReplaceAll(strings.ReplaceAll(t, "~", "~0"), "/", "~1"))
	}
	return b.String()
}

// Kinds of failure, for errors.Is.
var (
	ErrSyntax   = errors.New("not valid JSON")
	ErrNoValue  = errors.New("no such value")
	ErrNotArray = errors.New("not an array")
	ErrTooLarge = errors.New("the value is too large")
	ErrRead     = errors.New("read the body")
	// ErrDelivery wraps what deliver returned.
	ErrDelivery = errors.New("delivery")
)

// kindName says what starts with a byte, for messages.
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
