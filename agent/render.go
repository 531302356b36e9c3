package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
)

const timeFormat = "2006-01-02 15:04:05"

// show prints a result: as JSON, or as text.
func (c *cli) show(value any, text func(io.Writer)) error {
	if c.output == "json" {
		return printJSON(c.stdout, value)
	}
	text(openPage(c.stdout))
	return nil
}

// printJSON writes unprintable characters as escapes of JSON. A program reads
// the same text, and nothing can control a terminal.
func printJSON(w io.Writer, value any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	_, err := io.WriteString(w, escaped(b.String(), "\n"))
	return err
}

// printable keeps foreign text from controlling the terminal or breaking the
// table: control characters are shown as escapes.
func printable(s string) string { return escaped(s, "") }

// escaped returns a text with unprintable characters as escapes, except those
// in keep.
func escaped(s, keep string) string {
	bad := func(r rune) bool { return !unicode.IsPrint(r) && !strings.ContainsRune(keep, r) }
	if !strings.ContainsFunc(s, bad) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch high, low := utf16.EncodeRune(r); {
		case !bad(r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, "\\u%04x\\u%04x", high, low)
		default:
			fmt.Fprintf(&b, "\\u%04x", r)
		}
	}
	return b.String()
}
