// Package tomlbounds looks at the text of a TOML file before a parser does. The
// parser that rollcall uses takes time with the square of how many parts a
// dotted key has, of how deep inline tables are nested and of how long the
// names of tables are, and recurses into nested arrays; what is within bounds
// it reads in time proportional to the size.
//
// It is not a parser and does not say whether a file is valid. It takes one
// step for each byte and never recurses.
package tomlbounds

import (
	"bytes"
	"fmt"
)

// Limits of a text. Each bounds something that was measured to cost the parser
// more than its share; see RATIONALE.md.
type Limits struct {
	Bytes int // of the whole text
	Items int // keys, headers of tables, and values within arrays
	Depth int // names and brackets from the top of the file to a value
	Name  int // bytes of one name
	Path  int // bytes of all names from the top of the file to a value
}

// Manifest bounds what anybody may have written. Those of the connectors that
// come with rollcall have 30 KB, 1,100 items and a depth of 6.
var Manifest = Limits{Bytes: 1 << 20, Items: 20_000, Depth: 16, Name: 256, Path: 1024}

// Configuration bounds what an administrator has written, or an editor by
// accident.
var Configuration = Limits{Bytes: 8 << 20, Items: 200_000, Depth: 32, Name: 1024, Path: 4096}

// LimitError is a text that is over a limit.
type LimitError struct {
	Offset int // in bytes
	Line   int
	What   string // what there is too much of
	Limit  int
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("line %d: %s, more than %d", e.Line, e.What, e.Limit)
}

// SyntaxError is a text that cannot be TOML. A parser says it better, where it
// may be asked.
type SyntaxError struct{ Line int }

func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: not valid TOML", e.Line) }

// Check returns a *LimitError for a text that is over a limit, and a
// *SyntaxError for one in which it is not certain where names and values end.
// Of a text without error the parser finds nothing that was not counted.
func Check(text []byte, l Limits) error {
	if len(text) > l.Bytes {
		return &LimitError{Line: 1, What: fmt.Sprintf("%d bytes", len(text)), Limit: l.Bytes}
	}
	s := scanner{text: text, limits: l}
	for _, mark := range []string{"\xef\xbb\xbf", "\xff\xfe", "\xfe\xff"} { // those that the parser skips
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
	table  place   // the table that a header has opened
	open   []frame // the arrays and inline tables around what is read
}

// place is how far from the top of the file something is.
type place struct{ depth, path int }

// frame is an array or an inline table.
type frame struct {
	inline bool
	place  place // of what is in it
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
	to, err := s.key(place{depth: brackets - 1}) // an element of an array is one step deeper
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

// assignment reads KEY = VALUE, with whatever is nested in the value.
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

// key reads names with dots between them, blanks around them, and finds where
// they lead to.
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

// value reads a text, a number and the like to its end, and of an array or an
// inline table the bracket.
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

// plain are the letters of numbers, dates and booleans, and the blank within a
// date.
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

// multiline reads a text between three quotes. Up to two more at its end
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

// has tells whether a byte stands n times in a row here.
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

// blanks skips what stands between names and values: comments and ends of
// lines too, where they may be there.
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

// comment goes to the end of the line.
func (s *scanner) comment() {
	for s.at < len(s.text) && s.text[s.at] != '\n' {
		s.at++
	}
}

// endOfLine wants nothing more on this line.
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
