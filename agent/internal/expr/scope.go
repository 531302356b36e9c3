package expr

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/expr-lang/expr/ast"
)

// Scope says what an expression may refer to: names and lookup tables. It is
// immutable and safe for concurrent use, and so is everything that it compiles.
type Scope struct {
	names   map[string]bool
	members map[string][]string // for names with a fixed set of members
	lib     *library
}

// library holds what the expressions of a scope share.
type library struct {
	functions map[string]*function
	lookups   map[string]lookupTable
	macros    map[string]*Expression
	absent    map[string]string // macros that do not exist in the scope, and why
	runs      *sync.Pool        // of *run
}

// NewScope returns a scope with these names. A name stands for an object whose
// members are not checked. The exceptions are now (a time), last_success (a time
// or null) and password (a text).
func NewScope(names ...string) Scope {
	s := Scope{names: map[string]bool{}, lib: &library{
		functions: functionsByName(),
		runs:      &sync.Pool{New: func() any { return &run{} }},
	}}
	for _, n := range names {
		s.names[n] = true
	}
	return s
}

// WithLookups returns a scope that also has these tables for lookup().
func (s Scope) WithLookups(tables map[string]map[string]string) Scope {
	lib := *s.lib
	lib.lookups = map[string]lookupTable{}
	for name, entries := range tables {
		lib.lookups[name] = newLookupTable(entries)
	}
	s.lib = &lib
	return s
}

// WithMembers returns a scope in which name has these members and no others.
func (s Scope) WithMembers(name string, members ...string) Scope {
	s.names, s.members = maps.Clone(s.names), maps.Clone(s.members)
	if s.members == nil {
		s.members = map[string][]string{}
	}
	s.names[name] = true
	s.members[name] = slices.Clone(members)
	return s
}

// Expression is a compiled expression.
type Expression struct {
	source    Source
	scope     Scope
	tree      ast.Node
	root      operand
	lib       *library
	refs      []reference
	variables int
	volatile  bool
}

// reference is a use of a name, with the members that are selected from it.
// There are none when the name is used as a whole.
type reference struct {
	name  string
	path  []string
	pos   Pos
	macro bool // a macro uses it
}

// Every is among the Fields when an object is used as a whole, so that any of
// its members may matter.
const Every = "*"

// Compile checks and compiles one bare expression. An error is an *Error.
func (s Scope) Compile(src Source) (*Expression, error) {
	e, err := s.compile(src)
	if err != nil {
		return nil, err
	}
	return e, nil
}

// Template checks and compiles a text with {{ expression }} in it. The results
// of the expressions are escaped for the place where the text is used. An error
// is an *Error.
func (s Scope) Template(src Source, escape Escape) (*Template, error) {
	t, err := s.template(src, escape)
	if err != nil {
		return nil, err
	}
	return t, nil
}

// Value compiles the value of an attribute: a template when it contains "{{",
// otherwise one bare expression. An error is an *Error.
func (s Scope) Value(src Source) (*Template, error) {
	if strings.Contains(src.Text, "{{") {
		return s.Template(src, EscapeNone)
	}
	e, err := s.Compile(src)
	if err != nil {
		return nil, err
	}
	return &Template{source: src, parts: []part{{expression: e}}, refs: e.refs}, nil
}

// Fields returns the members of name that the expression uses, sorted:
// "email" for user.email.work. It contains Every when the object is used as a
// whole.
func (e *Expression) Fields(name string) []string { return fieldsOf(e.refs, name) }

// Paths returns the paths of members of name that the expression uses:
// ["users", "email"] for endpoints.users.email[0].
func (e *Expression) Paths(name string) [][]string { return pathsOf(e.refs, name) }

// Places returns the place where the expression first uses each member of name.
// With depth 0 these are the members of name itself, with depth 1 the members of
// those, as MEMBER.MEMBER.
func (e *Expression) Places(name string, depth int) map[string]Pos {
	return placesOf(e.refs, name, depth)
}

// Uses reports whether the expression refers to name.
func (e *Expression) Uses(name string) bool { return usesName(e.refs, name) }

// UsesAttributes returns the attributes that the expression refers to as
// attributes.X, sorted.
func (e *Expression) UsesAttributes() []string { return e.Fields("attributes") }

// Volatile reports whether two evaluations over the same values may differ: the
// expression uses now, guid or random_digits.
func (e *Expression) Volatile() bool { return e.volatile || e.Uses("now") }

// Source returns the text and place that the expression was compiled from.
func (e *Expression) Source() Source { return e.source }

func placesOf(refs []reference, name string, depth int) map[string]Pos {
	places := map[string]Pos{}
	for _, r := range refs {
		if r.name != name || len(r.path) <= depth {
			continue
		}
		member := strings.Join(r.path[:depth+1], ".")
		if _, known := places[member]; !known {
			places[member] = r.pos
		}
	}
	return places
}

func fieldsOf(refs []reference, name string) []string {
	var out []string
	for _, r := range refs {
		if r.name != name {
			continue
		}
		if len(r.path) == 0 {
			out = append(out, Every)
		} else {
			out = append(out, r.path[0])
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func pathsOf(refs []reference, name string) [][]string {
	var out [][]string
	for _, r := range refs {
		if r.name == name {
			out = append(out, slices.Clone(r.path))
		}
	}
	return out
}

func usesName(refs []reference, name string) bool {
	return slices.ContainsFunc(refs, func(r reference) bool { return r.name == name })
}
