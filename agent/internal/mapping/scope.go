package mapping

import (
	"fmt"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Scope is what the scope filter says about one record.
type Scope struct {
	In bool
	// Err says why it cannot be decided; then In is false and means nothing.
	Err error
	// Conditions are the parts of the filter that must all be true, in order; none
	// without a filter.
	Conditions []Condition
	// Decisive is the first condition that is not true; -1: all are.
	Decisive int
}

// Truth is what becomes of a condition.
type Truth string

// The truths.
const (
	True      Truth = "true"
	False     Truth = "false"
	Undecided Truth = "undecided" // it cannot be evaluated, or a field that it needs has no value
)

// Condition is one part of the scope filter, evaluated for a record.
type Condition struct {
	Text  string
	Pos   expr.Pos
	Truth Truth
	Cause string // why it is undecided, and Next what to do about it
	Next  string
	Reads []Read
}

// Read is a field that a condition reads. Value is nil when there is none: State
// says which of the ways to have none it is.
type Read struct {
	Field string // "user.active_flag"
	State expr.State
	Value any
}

// condition is a compiled part of the filter.
type condition struct {
	text       string
	expression *expr.Expression
}

// conditionsOf splits a filter.
func conditionsOf(where *expr.Expression) []condition {
	if where == nil {
		return nil
	}
	var out []condition
	for _, e := range where.Conditions() {
		out = append(out, condition{oneLine(e), e})
	}
	return out
}

func oneLine(e *expr.Expression) string { return strings.Join(strings.Fields(e.Source().Text), " ") }

// Conditions returns the parts of the scope filter that must all be true, in order,
// each on one line.
func (m *Mapper) Conditions() []string {
	out := make([]string, len(m.conditions))
	for i, c := range m.conditions {
		out[i] = c.text
	}
	return out
}

// Excluded returns which of Conditions is the first that is not true for a record;
// -1 when all are.
func (m *Mapper) Excluded(rec ident.Record) int {
	e := m.evaluation(rec)
	defer e.release()
	for i, c := range m.conditions {
		if in, err := e.holds(c.expression); err != nil || !in {
			return i
		}
	}
	return -1
}

// Scope says why a record is in scope or not: which conditions are true, and what
// they read. It decides as InScope does. Like InScope, it takes a record with its
// derived fields.
func (m *Mapper) Scope(rec ident.Record) Scope {
	out := Scope{Decisive: m.Excluded(rec)}
	out.In, out.Err = m.InScope(rec)
	e := m.evaluation(rec)
	defer e.release()
	for _, c := range m.conditions {
		one := Condition{Text: c.text, Pos: c.expression.Source().Pos, Truth: False, Reads: e.reads(c.expression)}
		switch in, fault := e.holds(c.expression); {
		case fault != nil:
			one.Truth, one.Cause, one.Next = Undecided, fault.Cause, fault.Next
		case in:
			one.Truth = True
		}
		out.Conditions = append(out.Conditions, one)
	}
	return out
}

// reads returns the fields of the record that an expression reads, each once.
func (e *evaluation) reads(x *expr.Expression) []Read {
	var out []Read
	seen := map[string]bool{}
	for _, root := range []string{"user", "endpoints", "settings"} {
		for _, path := range x.Paths(root) {
			name := strings.Join(append([]string{root}, path...), ".")
			if len(path) == 0 || seen[name] {
				continue
			}
			seen[name] = true
			out = append(out, e.read(name, root, path))
		}
	}
	return out
}

func (e *evaluation) read(name, root string, path []string) Read {
	value := e.env[root]
	for _, member := range path {
		object, _ := value.(map[string]any)
		v, there := object[member]
		if !there {
			return Read{Field: name, State: expr.Absent}
		}
		value = v
	}
	switch value {
	case nil:
		return Read{Field: name, State: expr.Null}
	case "":
		return Read{Field: name, State: expr.Empty, Value: value}
	}
	return Read{Field: name, State: expr.Present, Value: value}
}

// holds evaluates a condition for the record. The error is never nil together with
// false when the record does not have what the condition needs: no user leaves the
// scope because an answer was incomplete.
func (e *evaluation) holds(condition *expr.Expression) (bool, *Error) {
	return e.asks(condition, "where", "the filter")
}

// asks is holds for a condition that the configuration has under a key, and that people
// call by a name.
func (e *evaluation) asks(condition *expr.Expression, key, name string) (bool, *Error) {
	v, err := condition.Eval(e.env)
	fault := &Error{
		Attribute: key, Pos: condition.Source().Pos,
		Next: "supply the field at the source, or let " + name + " say what null means, by default(...)",
	}
	if err != nil {
		fault.Next = "correct " + name + ", or the value at the source"
		fault.take(err)
		return false, fault
	}
	in, isBool := v.V.(bool)
	switch {
	case v.Missing != "":
		fault.Cause = v.Missing + " is absent"
		if of, is := strings.CutPrefix(v.Missing, "endpoints."); is && !strings.Contains(of, ".") {
			fault.Cause = "endpoint " + of + " has no record with this key"
			fault.Next = "supply it at the source, or let " + name + " say what its absence means: default(" + v.Missing + ".FIELD, ...)"
			break
		}
		if near := e.near(v.Missing); near != "" {
			fault.Next = fmt.Sprintf("did you mean %s? If not, let %s say what its absence means: default(%s, ...)", near, name, v.Missing)
			break
		}
		fault.Next = "supply the field at the source, or let " + name + " say what its absence means: default(" + v.Missing + ", ...)"
	case v.V == nil:
		fault.Cause = v.Cause
	case !isBool:
		fault.Cause, fault.Next = fmt.Sprintf("%s gives %q, not true or false", name, v.Text()), "compare the value: user.x == \"...\""
	default:
		return in, nil
	}
	return false, fault
}
