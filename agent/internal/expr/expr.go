// Package expr is the one language of templates and expressions. It compiles
// them when the configuration is loaded, checks names, argument counts and
// types, and evaluates them over a record. Syntax and type rules are those of
// github.com/expr-lang/expr. Its syntax tree is compiled into closures, so that
// missing values propagate, and time and memory have a budget.
//
// It is not a programming language: there are no methods, no reduce and no
// recursion. It does no I/O and knows nothing of directories. Package mapping
// decides what a missing value means for an attribute.
//
// # Missing values
//
// A field that was not delivered is absent; one that was delivered as null is
// null. Both are nil within an expression, and nil propagates: an operator or a
// function with a nil operand gives nil, unless its description says otherwise
// (default, coalesce, is_null, is_empty, lookup with a default; == and != and
// "in" compare with nil as with any other value; the condition of any, all,
// filter and find counts nil as false). The Value of an evaluation says whether
// it is absent, null, empty or present, and why.
package expr

import (
	"cmp"
	"strconv"
)

// These limits keep one expression from using up time or memory. They are far
// above what names and addresses need.
const (
	MaxExpression = 8 << 10   // bytes of one expression
	MaxTemplate   = 256 << 10 // bytes of one template
	MaxText       = 256 << 10 // bytes of one text that an evaluation creates
	MaxValue      = 2 << 20   // bytes of one text that it passes on unchanged: a photo
	maxMemory     = 4 << 20   // bytes that one evaluation may create in total
	maxSteps      = 100_000   // list elements that one evaluation may visit
	maxWork       = 32 << 20  // bytes of text that one evaluation may look at, weighed by what that costs
	maxNodes      = 2000      // nodes of one syntax tree
)

// Pos is a place in a configuration file. The zero Pos is unknown.
type Pos struct {
	File         string
	Line, Column int // from 1; columns count characters
}

// String returns "FILE:LINE:COLUMN"; "" when p is unknown.
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	s := strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column)
	if p.File != "" {
		s = p.File + ":" + s
	}
	return s
}

// After returns the place after text, which starts at p. An escape sequence in a
// quoted TOML string counts as the one character that it stands for.
func (p Pos) After(text string) Pos {
	if p.Line == 0 {
		return p
	}
	for _, r := range text {
		if r == '\n' {
			p.Line++
			p.Column = 1
		} else {
			p.Column++
		}
	}
	return p
}

// Before reports whether p comes before q, in the order of files, lines and
// columns.
func (p Pos) Before(q Pos) bool {
	return cmp.Or(cmp.Compare(p.File, q.File), cmp.Compare(p.Line, q.Line), cmp.Compare(p.Column, q.Column)) < 0
}

// Source is the text of an expression or template, and its place.
type Source struct {
	Text string
	Pos  Pos // of the first character of Text in its file; the zero Pos is unknown
}

// Error is a mistake in an expression, found when it is compiled or evaluated.
type Error struct {
	Pos     Pos
	Message string
	Hint    string // what to do about it: `did you mean "lower"?`
}

// Error returns "FILE:LINE:COLUMN: message (hint)".
func (e *Error) Error() string {
	s := e.Message
	if p := e.Pos.String(); p != "" {
		s = p + ": " + s
	}
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}
