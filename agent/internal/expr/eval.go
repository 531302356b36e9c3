package expr

import (
	"fmt"
	"math"
	"time"
	"unicode/utf8"
)

// Env holds the values of the names in scope. Objects are map[string]any, lists
// []any or []string, numbers int, float64 or json.Number. An Env is only read.
// When it has no "now", the time of the evaluation is used, in UTC.
type Env map[string]any

// node evaluates one part of an expression. A failure is a panic with a
// *failure. Eval turns it into an *Error, so it never leaves the package.
type node func(*run) any

// run is the state of one evaluation.
type run struct {
	env    Env
	lib    *library
	vars   []any // variables defined by let
	args   []any // arguments of the calls under way
	items  []any // elements that the present predicates are evaluated for
	notes  notes
	at     int // offset of the part that is being evaluated, in characters
	memory int
	steps  int
	work   int
}

// notes records the first field without a value, and whether a text was empty
// where a time was needed.
type notes struct {
	absent, null string
	empty        bool
}

// failure ends an evaluation early.
type failure struct{ message, hint string }

func fail(format string, args ...any) { failWith("", format, args...) }

// failWith is fail with a hint about what to do.
func failWith(hint, format string, args ...any) {
	panic(&failure{fmt.Sprintf(format, args...), hint})
}

// spend counts n bytes that the evaluation creates.
func (r *run) spend(n int) {
	if n > MaxText {
		fail("the result would be longer than %d bytes", MaxText)
	}
	if r.memory += n; r.memory > maxMemory {
		fail("the expression makes more than %d bytes", maxMemory)
	}
}

// step counts an element that the evaluation visits.
func (r *run) step() {
	if r.steps++; r.steps > maxSteps {
		fail("the expression looks at more than %d list elements", maxSteps)
	}
}

func (r *run) noteAbsent(path string) {
	if r.notes.absent == "" {
		r.notes.absent = path
	}
}

func (r *run) noteNull(path string) {
	if r.notes.null == "" {
		r.notes.null = path
	}
}

func (r *run) noteEmpty() { r.notes.empty = true }

func (r *run) reset() {
	clear(r.vars)
	clear(r.args[:cap(r.args)])
	clear(r.items[:cap(r.items)])
	*r = run{vars: r.vars, args: r.args[:0], items: r.items[:0]}
}

// Eval evaluates the expression. An error is an *Error with its place. A missing
// value is not an error: it has the state Absent or Null.
func (e *Expression) Eval(env Env) (Value, error) {
	r := e.lib.runs.Get().(*run)
	defer func() {
		r.reset()
		e.lib.runs.Put(r)
	}()
	r.env, r.lib = env, e.lib
	if n := e.variables; len(r.vars) < n {
		r.vars = make([]any, n)
	}
	v, err := e.guarded(r)
	if err != nil {
		return Value{}, err
	}
	return r.result(v), nil
}

// guarded runs the expression and turns a failure into an error.
func (e *Expression) guarded(r *run) (v any, err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case *failure:
			err = e.source.errorAt(r.at, p.message, p.hint)
		default:
			panic(p)
		}
	}()
	v = e.root(r)
	switch v.(type) {
	case []any, map[string]any:
		v = deepNormal(v)
	}
	r.at = 0
	checkResult(v)
	return v, nil
}

// checkResult refuses values that cannot become an attribute or a part of a
// request.
func checkResult(v any) {
	switch v := v.(type) {
	case string:
		if len(v) > MaxValue { // texts that the evaluation creates are checked against MaxText earlier
			fail("the result is longer than %d bytes", MaxValue)
		}
		if !utf8.ValidString(v) {
			fail("the result is not valid UTF-8")
		}
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			fail("the result is not a finite number")
		}
	case []any:
		for _, e := range v {
			checkResult(e)
		}
	}
}

func (r *run) result(v any) Value {
	out := Value{V: v, Missing: r.notes.absent}
	switch {
	case v != nil:
		out.State = stateOf(v)
	case r.notes.absent != "":
		out.State, out.Cause = Absent, r.notes.absent+" is absent"
	case r.notes.null != "":
		out.State, out.Cause = Null, r.notes.null+" is null"
	case r.notes.empty:
		out.State, out.Cause = Null, "the text is empty where a date is needed"
	default:
		out.State, out.Cause = Null, "the expression gives null"
	}
	return out
}

// now returns the time of the environment, or the current one.
func (r *run) now() any {
	if t, ok := r.env["now"]; ok {
		return t
	}
	return time.Now().UTC()
}
