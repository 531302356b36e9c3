// Package jsonstream takes records and single values out of JSON text of any
// size without building the whole of it: only the fields that are wanted
// become Go values. It is strict: duplicate names and invalid UTF-8 are
// errors, numbers keep their text.
package jsonstream

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
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
	// ErrDelivery wraps what deliver returned.
	ErrDelivery = errors.New("delivery")
)

// syntax puts the place of a decoder's error first. The text began at base and
// ended at end.
func syntax(dec *jsontext.Decoder, err error, base, end int64) error {
	at, cause := base+dec.InputOffset(), err.Error()
	var detail *jsontext.SyntacticError
	if errors.As(err, &detail) {
		at, cause = base+detail.ByteOffset, detail.Err.Error()
	}
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		cause = fmt.Sprintf("the name of %s occurs twice in its object", detail.JSONPointer)
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		if end == 0 {
			return fmt.Errorf("%w: the body is empty", ErrSyntax)
		}
		at, cause = end, "the text ends in the middle, it is truncated"
	}
	return fmt.Errorf("%w at byte %d: %s", ErrSyntax, at, cause)
}

// kindName says what starts with a kind, for messages.
func kindName(k jsontext.Kind) string {
	switch k {
	case 'n':
		return "null"
	case 't', 'f':
		return "a boolean"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case '{':
		return "an object"
	case '[':
		return "an array"
	}
	return "not JSON"
}
