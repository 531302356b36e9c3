// Package tomlbounds checks the text of a TOML file before a parser reads it.
// The parser that rollcall uses needs time quadratic in the number of parts of
// a dotted key, in the depth of inline tables and in the length of table names,
// and it recurses into nested arrays. Within the bounds its time is
// proportional to the size.
//
// It is not a parser and does not say whether a file is valid. It takes one
// step for each byte and never recurses.
package tomlbounds

import (
	"bytes"
	"fmt"
)

// Limits bounds a text. Each limit is on something that was measured to slow
// the parser down out of proportion; see RATIONALE.md.
type Limits struct {
	Bytes int // of the whole text
	Items int // keys, headers of tables, and values within arrays
	Depth int // names and brackets from the top of the file to a value
	Name  int // bytes of one name
	Path  int // bytes of all names from the top of the file to a value
}

// Manifest is for manifests, which anybody may have written. Those of the
// connectors that come with rollcall have 30 KB, 1,100 items and a depth of 6.
var Manifest = Limits{Bytes: 1 << 20, Items: 20_000, Depth: 16, Name: 256, Path: 1024}

// Configuration is for files that an administrator wrote, or that an editor
// produced by accident.
var Configuration = Limits{Bytes: 8 << 20, Items: 200_000, Depth: 32, Name: 1024, Path: 4096}

// LimitError is the error for a text that exceeds a limit.
type LimitError struct {
	Offset int // in bytes
	Line   int
	What   string // the thing of which there is too much
	Limit  int
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("line %d: %s, more than %d", e.Line, e.What, e.Limit)
}

// SyntaxError is the error for a text that cannot be TOML. A parser explains it
// better, where calling one is safe.
type SyntaxError struct{ Line int }

func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: not valid TOML", e.Line) }

// Check returns a *LimitError for a text that exceeds a limit, and a
// *SyntaxError for a text in which the ends of names and values are uncertain.
// In a text without error the parser finds nothing that Check has not counted.
func Check(text []byte, l Limits) error {
	if len(text) > l.Bytes {
		return &LimitError{Line: 1, What: fmt.Sprintf("%d bytes", len(text)), Limit: l.Bytes}
	}
	s := scanner{text: text, limits: l}
	for _, mark := range []string{"\xef\xbb\xbf", "\xff\xfe", "\xfe\xff"} { // the marks that the parser skips
		if bytes.HasPrefix(text, []byte(mark)) {
			s.at = len(mark)
			break
		}
	}
	return s.document()
}

// scanner walks through a text once.
type scanner struct {
	text   []byte
	at     int
	limits Limits
	items  int
	table  place   // opened by the last header
	open   []frame // arrays and inline tables around the current place
}

// place is the distance from the top of the file.
type place struct{ depth, path int }

// frame is an array or an inline table.
type frame struct {
	inline bool
	place  place // of its content
}

func (s *scanner) document() error {
	for {
		s.blanks(true)
		switch c, ok := s.peek(); {
		case !ok:
			return nil
		case c == '[':
			if err := s.header(); err != nil {
				return err
			}
		default:
			if err := s.assignment(s.table); err != nil {
				return err
			}
		}
		if err := s.endOfLine(); err != nil {
			return err
		}
	}
}

// header reads [a.b] and [[a.b]].
func (s *scanner) header() error {
	s.at++
	brackets := 1
	if c, _ := s.peek(); c == '[' {
		s.at++
		brackets++
	}
	to, err := s.key(place{depth: brackets - 1}) // an element of an array is one level deeper
	if err != nil {
		return err
	}
	for range brackets {
		if c, _ := s.peek(); c != ']' {
			return s.syntax()
		}
		s.at++
	}
	s.table = to
	return s.item()
}

// assignment reads KEY = VALUE, including everything nested in the value.
func (s *scanner) assignment(in place) error {
	if err := s.begin(in); err != nil {
		return err
	}
	for len(s.open) > 0 {
		top := s.open[len(s.open)-1]
		s.blanks(true)
		c, ok := s.peek()
		switch {
		case !ok:
			return s.syntax()
		case c == ',':
			s.at++
		case !top.inline && c == ']', top.inline && c == '}':
			s.at++
			s.open = s.open[:len(s.open)-1]
		case top.inline:
			if err := s.begin(top.place); err != nil {
				return err
			}
		default:
			if err := s.item(); err != nil {
				return err
			}
			if err := s.value(top.place); err != nil {
				return err
			}
		}
	}
	return nil
}

// begin reads a key, the equals sign, and a value or its opening bracket.
func (s *scanner) begin(in place) error {
	at, err := s.key(in)
	if err != nil {
		return err
	}
	if c, _ := s.peek(); c != '=' {
		return s.syntax()
	}
	s.at++
	s.blanks(false)
	if err := s.item(); err != nil {
		return err
	}
	return s.value(at)
}

// key reads names joined by dots, with blanks around them, and returns the
// place that they lead to.
func (s *scanner) key(at place) (place, error) {
	for {
		s.blanks(false)
		start := s.at
		if err := s.name(); err != nil {
			return at, err
		}
		size := s.at - start
		at.depth++
		at.path += size + 1
		switch {
		case size > s.limits.Name:
			return at, s.over("a name of %d bytes", size, s.limits.Name)
		case at.depth > s.limits.Depth:
			return at, s.over("a value %d names and brackets deep", at.depth, s.limits.Depth)
		case at.path > s.limits.Path:
			return at, s.over("names of together %d bytes around a value", at.path, s.limits.Path)
		}
		s.blanks(false)
		if c, _ := s.peek(); c != '.' {
			return at, nil
		}
		s.at++
	}
}

// name reads one part of a key.
func (s *scanner) name() error {
	switch c, _ := s.peek(); c {
	case '"', '\'':
		return s.quoted(c)
	}
	start := s.at
	for s.at < len(s.text) && bare(s.text[s.at]) {
		s.at++
	}
	if s.at == start {
		return s.syntax()
	}
	return nil
}

func bare(c byte) bool {
	return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}

// value reads a text, a number or the like to its end, but only the opening
// bracket of an array or inline table.
func (s *scanner) value(at place) error {
	c, ok := s.peek()
	switch {
	case !ok:
		return s.syntax()
	case c == '[' || c == '{':
		s.at++
		at.depth++
		if at.depth > s.limits.Depth {
			return s.over("a value %d names and brackets deep", at.depth, s.limits.Depth)
		}
		s.open = append(s.open, frame{inline: c == '{', place: at})
		return nil
	case c == '"' || c == '\'':
		if s.has(c, 3) {
			return s.multiline(c)
		}
		return s.quoted(c)
	}
	start := s.at
	for s.at < len(s.text) && plain(s.text[s.at]) {
		s.at++
	}
	if s.at == start {
		return s.syntax()
	}
	return nil
}

// plain reports whether c may occur in numbers, dates and booleans, including
// the blank within a date.
func plain(c byte) bool { return bare(c) || c == '+' || c == '.' || c == ':' || c == ' ' }

// quoted reads a text on one line.
func (s *scanner) quoted(quote byte) error {
	for s.at++; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == quote:
			s.at++
			return nil
		case c == '\n':
			return s.syntax()
		case c == '\\' && quote == '"':
			s.at++
		}
	}
	return s.syntax()
}

// multiline reads a text between three quotes. Up to two more quotes at its end
// belong to it.
func (s *scanner) multiline(quote byte) error {
	for s.at += 3; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == '\\' && quote == '"':
			s.at++
		case c == quote && s.has(quote, 6):
			return s.syntax()
		case c == quote && s.has(quote, 3):
			for s.has(quote, 1) {
				s.at++
			}
			return nil
		}
	}
	return s.syntax()
}

// has reports whether a byte occurs n times in a row here.
func (s *scanner) has(c byte, n int) bool {
	if s.at+n > len(s.text) {
		return false
	}
	for _, there := range s.text[s.at : s.at+n] {
		if there != c {
			return false
		}
	}
	return true
}

// blanks skips what may stand between names and values. With lines, it also
// skips comments and line ends.
func (s *scanner) blanks(lines bool) {
	for ; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == ' ' || c == '\t':
		case lines && c == '#':
			s.comment()
			s.at--
		case lines && (c == '\n' || c == '\r'):
		default:
			return
		}
	}
}

// comment skips to the end of the line.
func (s *scanner) comment() {
	for s.at < len(s.text) && s.text[s.at] != '\n' {
		s.at++
	}
}

// endOfLine checks that nothing more follows on this line.
func (s *scanner) endOfLine() error {
	s.blanks(false)
	c, ok := s.peek()
	if ok && c != '#' && c != '\n' && c != '\r' {
		return s.syntax()
	}
	s.comment()
	return nil
}

func (s *scanner) item() error {
	if s.items++; s.items > s.limits.Items {
		return s.over("%d keys, tables and values", s.items, s.limits.Items)
	}
	return nil
}

func (s *scanner) peek() (byte, bool) {
	if s.at >= len(s.text) {
		return 0, false
	}
	return s.text[s.at], true
}

func (s *scanner) line() int {
	line := 1
	for _, c := range s.text[:min(s.at, len(s.text))] {
		if c == '\n' {
			line++
		}
	}
	return line
}

func (s *scanner) over(what string, is, limit int) error {
	return &LimitError{Offset: min(s.at, len(s.text)), Line: s.line(), What: fmt.Sprintf(what, is), Limit: limit}
}

func (s *scanner) syntax() error { return &SyntaxError{Line: s.line()} }
