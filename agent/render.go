package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"
)

const timeFormat = "2006-01-02 15:04:05"

// show prints a result: as JSON, or by text.
func (c *cli) show(value any, text func(io.Writer)) error {
	if c.output == "json" {
		enc := json.NewEncoder(c.stdout)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(value)
	}
	text(c.stdout)
	return nil
}

// printable keeps foreign text from driving the terminal or breaking the
// table: control characters are shown as escapes.
func printable(s string) string { return escaped(s, "") }

// printableLines is printable for a message of several lines.
func printableLines(s string) string { return escaped(s, "\n\t") }

// escaped shows what cannot be printed as escapes, except for what is kept.
func escaped(s, keep string) string {
	bad := func(r rune) bool { return !unicode.IsPrint(r) && !strings.ContainsRune(keep, r) }
	if !strings.ContainsFunc(s, bad) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if bad(r) {
			fmt.Fprintf(&b, "\\u%04x", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// table writes rows in columns; every cell is made printable.
func table(w io.Writer, header string, rows func(row func(cells ...any))) {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, header)
	rows(func(cells ...any) {
		text := make([]string, len(cells))
		for i, c := range cells {
			text[i] = printable(fmt.Sprint(c))
		}
		_, _ = fmt.Fprintln(t, strings.Join(text, "\t"))
	})
	_ = t.Flush()
}
