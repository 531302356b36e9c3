package config

import (
	"cmp"
	"slices"
	"strings"
)

// Error is one mistake in the configuration, with its place.
type Error struct {
	Pos     Pos
	Key     string // dotted: "automations.staff.schedule"; "" when the file itself is wrong
	Message string
	Hint    string // the next step or the likely spelling; may be empty

	// bearable is set for what spoils one attribute and nothing else: Load makes it
	// a warning, so that no other automation stops for it.
	bearable bool
}

func (e Error) warning() Warning {
	return Warning{Pos: e.Pos, Key: e.Key, Message: e.Message, Hint: e.Hint}
}

// Error returns "FILE:LINE:COLUMN: message (hint)".
func (e Error) Error() string { return line(e.Pos, e.Message, e.Hint) }

// Warning reports something that works but is probably not intended.
type Warning struct {
	Pos     Pos
	Key     string
	Message string
	Hint    string
}

// String returns "FILE:LINE:COLUMN: warning: message (hint)".
func (w Warning) String() string { return line(w.Pos, "warning: "+w.Message, w.Hint) }

// Errors holds everything that is wrong with a configuration, in the order of
// the files.
type Errors []Error

// Error returns one line for each error.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i := range e {
		lines[i] = e[i].Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find the single errors.
func (e Errors) Unwrap() []error {
	all := make([]error, len(e))
	for i := range e {
		all[i] = e[i]
	}
	return all
}

func line(p Pos, message, hint string) string {
	if hint != "" {
		message += " (" + hint + ")"
	}
	if place := p.String(); place != "" {
		message = place + ": " + message
	}
	return message
}

func comparePos(a, b Pos) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
}

// sorted orders errors by position and drops repetitions: an error in an
// expression that two automations share is reported once.
func (e Errors) sorted() Errors {
	slices.SortStableFunc(e, func(a, b Error) int {
		return cmp.Or(comparePos(a.Pos, b.Pos), cmp.Compare(a.Message, b.Message))
	})
	return slices.CompactFunc(e, func(a, b Error) bool { return a.Pos == b.Pos && a.Message == b.Message })
}
