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
	trace  *trace         // nil: none
	root   map[string]any // the value of rootOf in env
	rootOf string
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
	o, err := e.outcome(env)
	if err != nil {
		return Value{}, err
	}
	return o.value(), nil
}

// outcome is the result of an evaluation. A text is in text alone, because as a
// value of any type it would be allocated.
type outcome struct {
	text   string
	isText bool
	v      any
	notes  notes
	none   *Value // of a template that has no value
}

func (o *outcome) value() Value {
	if o.none != nil {
		return *o.none
	}
	if o.isText {
		o.v = o.text
	}
	return o.notes.result(o.v)
}

func (e *Expression) outcome(env Env) (outcome, error) {
	r := e.lib.runs.Get().(*run)
	defer e.lib.runs.Put(r)
	defer r.reset()
	r.env = env
	return e.in(r)
}

// in evaluates the expression in the environment of r.
func (e *Expression) in(r *run) (o outcome, err error) {
	r.begin(e)
	defer func() {
		switch p := recover().(type) {
		case nil:
		case *failure:
			o, err = outcome{}, e.source.errorAt(r.at, p.message, p.hint)
		default:
			panic(p)
		}
	}()
	e.evaluate(r, &o)
	o.notes = r.notes
	return o, nil
}

// begin prepares r for an expression. An expression that failed may have left
// something behind.
func (r *run) begin(e *Expression) {
	r.lib, r.notes = e.lib, notes{}
	r.at, r.memory, r.steps, r.work = 0, 0, 0, 0
	r.args, r.items = r.args[:0], r.items[:0]
	if n := e.variables; len(r.vars) < n {
		r.vars = make([]any, n)
	}
}

// Over evaluates many templates over one environment, with less work for each
// than Eval. It is for one goroutine.
type Over struct{ r run }

// Begin sets the environment.
func (o *Over) Begin(env Env) {
	o.r.reset()
	o.r.env = env
}

// Text evaluates t for a caller that wants a text: it returns the text alone when
// that has something visible in it, and the value otherwise.
func (o *Over) Text(t *Template) (string, Value, error) {
	out, err := t.outcome(func(e *Expression) (outcome, error) { return e.in(&o.r) })
	switch {
	case err != nil:
		return "", Value{}, err
	case out.isText && stateOf(out.text) == Present:
		return out.text, Value{State: Present, Missing: out.notes.absent}, nil
	}
	return "", out.value(), nil
}

func (e *Expression) evaluate(r *run, o *outcome) {
	var some bool
	o.text, o.v, some = e.root.in(r)
	o.isText = some && o.v == nil
	switch o.v.(type) {
	case []any, map[string]any:
		o.v = deepNormal(o.v)
	}
	r.at = 0
	if o.isText {
		checkText(o.text)
		return
	}
	checkResult(o.v)
}

func checkText(s string) {
	if len(s) > MaxValue { // texts that the evaluation creates are checked against MaxText earlier
		fail("the result is longer than %d bytes", MaxValue)
	}
	if !utf8.ValidString(s) {
		fail("the result is not valid UTF-8")
	}
}

// checkResult refuses values that cannot become an attribute or a part of a
// request.
func checkResult(v any) {
	switch v := v.(type) {
	case string:
		checkText(v)
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

func (n *notes) result(v any) Value {
	out := Value{V: v, Missing: n.absent}
	switch {
	case v != nil:
		out.State = stateOf(v)
	case n.absent != "":
		out.State, out.Cause = Absent, n.absent+" is absent"
	case n.null != "":
		out.State, out.Cause = Null, n.null+" is null"
	case n.empty:
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
