package ident

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// UnknownNameError reports a name that a person gave and nothing has.
type UnknownNameError struct {
	What  string // "automation"
	Name  string
	Known []string // the existing names
	List  string   // the command that lists the existing names; "" when there is none
	Meant string   // the name that was meant, when that is known; "": the nearest one is suggested
}

// mostNames is how many names an UnknownNameError lists.
const mostNames = 12

// Error lists the existing names, and suggests the one that was probably meant.
func (e *UnknownNameError) Error() string {
	s := fmt.Sprintf("there is no %s %q", e.What, e.Name)
	if len(e.Known) == 0 {
		return s + ": there is none at all"
	}
	near := e.Meant
	if near == "" {
		near = text.Nearest(e.Name, e.Known)
	}
	if near != "" {
		s += fmt.Sprintf(" (did you mean %q?)", near)
	}
	known := slices.Sorted(slices.Values(e.Known))
	more := len(known) - mostNames
	s += "; there are: " + strings.Join(known[:min(len(known), mostNames)], ", ")
	if more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	if more > 0 && e.List != "" {
		s += ": `" + e.List + "`"
	}
	return s
}
