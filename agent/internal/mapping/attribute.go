package mapping

import (
	"errors"
	"fmt"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// wanted is the result of an attribute's expressions, before the rules for
// missing values and uniqueness.
type wanted struct {
	state  expr.State
	pos    expr.Pos
	values []candidate // in order of preference when the attribute takes one value
	absent bool        // a field is absent that some expression needs
	// lacking lists the expressions that gave no value.
	lacking []without
}

// roomyWanted is a wanted with room for the values that most attributes have.
type roomyWanted struct {
	wanted
	room [2]candidate
}

// newWanted returns a wanted without values. It is good until the next
// attribute: see kept.
func (e *evaluation) newWanted(pos expr.Pos) *wanted {
	e.scratch = roomyWanted{wanted: wanted{state: expr.Empty, pos: pos}}
	e.scratch.values = e.scratch.room[:0]
	return &e.scratch.wanted
}

// kept returns a copy of a wanted without values, for lost.
func (w *wanted) kept() *wanted {
	c := *w
	c.values = nil
	return &c
}

// candidate is a value with the template that gave it.
type candidate struct {
	value    string
	template *expr.Template
}

func (c candidate) source() string { return c.template.Source().Text }

// attributeOrAside evaluates a. When its error affects no other attribute, a
// keeps its value in AD, and the error is returned as fault.
func (e *evaluation) attributeOrAside(a *attribute) (fault *Error, err error) {
	if err = e.attribute(a); err == nil {
		return nil, nil
	}
	return e.setAside(a, err)
}

// setAside decides about an attribute with an error: see attributeOrAside.
func (e *evaluation) setAside(a *attribute, err error) (fault *Error, _ error) {
	if !errors.As(err, &fault) || !fault.alone || e.current == nil && Required(a.Name) {
		return nil, err
	}
	next := fault.Next
	if e.current == nil && a.Apply == ident.ApplyCreate {
		next += "; it is written with the account's creation only: set it by hand afterwards"
	}
	e.aside = append(e.aside, faultOf(fault, next))
	e.lost = append(e.lost, lost{a: a, fault: fault})
	e.settle(a, expr.Absent)
	return fault, nil
}

func faultOf(e *Error, next string) ident.AttributeFault {
	return ident.AttributeFault{Attribute: e.Attribute, Cause: e.Error(), Shared: e.Shared(), Next: next}
}

// attribute evaluates a and sets its value in `attributes`. When the value is to
// be written, attribute adds it to the result.
func (e *evaluation) attribute(a *attribute) error {
	if e.current != nil && (a.Apply == ident.ApplyCreate || a.Apply == ident.ApplyIfEmpty && !ident.None(a.Name, e.own(a.Name))) {
		e.settle(a, expr.Null)
		return nil
	}
	w, err := e.wanted(a)
	if err != nil {
		return err
	}
	if w.state != expr.Present {
		if w, err = e.missing(a, w); err != nil || w == nil {
			return err
		}
	}
	if w.absent && len(a.Formats) > 0 && e.unrecognised(a, w) {
		e.settle(a, expr.Absent)
		return nil
	}
	return e.choose(a, w)
}

// unrecognised reports whether the account has a value that is none of the
// wanted ones.
func (e *evaluation) unrecognised(a *attribute, w *wanted) bool {
	own := e.own(a.Name)
	return len(own) > 0 && !slices.ContainsFunc(own, func(v string) bool {
		_, ok := match(a, v, w.values)
		return ok
	})
}

// missing applies on_missing. It returns the value of the default, or nil when
// nothing is left to do. With merge = "add" the values that are there may be
// somebody else's, so nothing is cleared.
func (e *evaluation) missing(a *attribute, w *wanted) (*wanted, error) {
	switch a.OnMissing {
	case OnMissingFail:
		return nil, e.missed(a, w)
	case OnMissingDefault:
		return e.byDefault(a)
	case OnMissingClear:
		if w.state != expr.Absent && !a.Add {
			e.lost = append(e.lost, lost{a: a, want: w.kept()})
			e.final[a.Name] = nil
			if e.current != nil {
				e.want(a, ident.DesiredAttribute{
					Name: a.Name, Clear: true, Apply: a.Apply, Binary: a.Encoding != "", Reference: a.Reference,
					Directory: a.Directory, Source: sourceOf(a),
				})
			}
			return nil, nil
		}
	}
	e.lost = append(e.lost, lost{a: a, want: w.kept()})
	e.settle(a, w.state)
	return nil, nil
}

// missed returns the error of on_missing = "fail".
func (e *evaluation) missed(a *attribute, w *wanted) *Error {
	failure := e.noForm(a, w)
	failure.Next += "; or let on_missing of " + a.Name + " keep, clear or default"
	return failure
}

// noDefault returns the error for a default that gives no value.
func (a *attribute) noDefault(cause string) *Error {
	return &Error{
		Attribute: a.Name, Pos: a.fallback.Source().Pos, Cause: cause,
		Next: "supply a value at the source, or another default for " + a.Name,
	}
}

func (e *evaluation) byDefault(a *attribute) (*wanted, error) {
	v, values, err := e.evaluate(a, a.fallback)
	if err != nil {
		failure := a.noDefault("")
		failure.take(err)
		return nil, failure
	}
	if values = a.clean(values); len(values) == 0 {
		return nil, a.noDefault("the default has no value either: " + e.whyNone(a.fallback, v).common)
	}
	return &wanted{state: expr.Present, pos: a.fallback.Source().Pos, values: candidates(values, a.fallback)}, nil
}

// settle leaves the attribute as it is: `attributes` gets AD's value. When AD
// has none either, the attribute is absent or null, as state says.
func (e *evaluation) settle(a *attribute, state expr.State) {
	switch own := e.own(a.Name); {
	case len(own) > 0:
		e.final[a.Name] = asValue(a.encoded(own))
	case state != expr.Absent:
		e.final[a.Name] = nil
	}
}

// own returns the values that AD has; none when they contain nothing visible.
func (e *evaluation) own(name string) []string {
	if e.current == nil {
		return nil
	}
	if v := e.current.Attributes.Values(name); !text.AllBlank(v) {
		return v
	}
	if text.Same(name, "cn") {
		return []string{e.current.DN.Name()}
	}
	return nil
}

func asValue(values []string) any {
	if len(values) == 1 {
		return values[0]
	}
	list := make([]any, len(values))
	for i, v := range values {
		list[i] = v
	}
	return list
}

// choose selects the values, sets them in `attributes`, and adds them to the
// result.
func (e *evaluation) choose(a *attribute, w *wanted) error {
	d := ident.DesiredAttribute{Name: a.Name, Apply: a.Apply, Add: a.Add, Reference: a.Reference, Directory: a.Directory}
	if a.Attach {
		return e.chooseAttached(a, w, d)
	}
	if a.Encoding != "" {
		return e.chooseBinary(a, w, d)
	}
	if a.picks {
		c, err := e.pick(a, w)
		if err != nil {
			return err
		}
		d.Values, d.Source = []string{c.value}, c.source()
	} else {
		d.Source, d.Values = w.values[0].source(), make([]string, 0, len(w.values))
		for _, c := range w.values {
			d.Values = append(d.Values, c.value)
		}
		var err error
		if d.Values, err = e.freeValues(a, a.distinct(d.Values), w.pos); err != nil {
			return err
		}
		if len(d.Values) == 0 {
			e.settle(a, expr.Null)
			return nil
		}
	}
	if a.folded == "proxyaddresses" {
		d.Values, d.Add = mergeAddresses(e.own(a.Name), d.Values, a.Add), false
	}
	if !a.picks || a.Suffix != "" || a.Reference { // otherwise pick has looked at it
		if err := e.fits(a, d, w.pos); err != nil {
			return err
		}
	}
	if a.Reference {
		d.AbsentIsNull = a.Absent == AbsentClear && a.OnMissing != OnMissingFail
		d.Empties = a.OnMissing == OnMissingClear
		e.want(a, d)
		return nil
	}
	if a.referenced {
		e.final[a.Name] = asValue(d.Values)
	}
	e.want(a, d)
	return nil
}

// fits checks that the directory accepts all values together, including the
// present ones that stay.
func (e *evaluation) fits(a *attribute, d ident.DesiredAttribute, pos expr.Pos) error {
	if a.Reference {
		return e.namesAccounts(a, d, pos)
	}
	all := d.Values
	if d.Add {
		all = distinct(slices.Concat(e.own(a.Name), all))
	}
	if cause, next := e.m.schema[a.folded].Refuses(all, d.Binary); cause != "" {
		return &Error{Attribute: a.Name, Pos: pos, Cause: cause, Common: withoutValue(cause), Next: next, alone: true}
	}
	return nil
}

// namesAccounts checks that the directory takes DNs in the attribute of a reference,
// and several if there are several.
func (e *evaluation) namesAccounts(a *attribute, d ident.DesiredAttribute, pos expr.Pos) error {
	rule := e.m.schema.Rule(a.Name)
	cause, next := namesNobody(rule)
	if cause == "" && rule.Single && len(d.Values) > 1 {
		cause, next = fmt.Sprintf("it names one account, and there are %d keys", len(d.Values)), "choose one of them: item(..., 1)"
	}
	if cause == "" {
		return nil
	}
	return &Error{Attribute: a.Name, Pos: pos, Cause: cause, Next: next, alone: true}
}

// namesNobody says why an attribute cannot be a reference; "" if it can.
func namesNobody(rule ident.AttributeRule) (cause, next string) {
	if rule.Syntax == ident.SyntaxAny || rule.Syntax == ident.SyntaxDN {
		return "", ""
	}
	return fmt.Sprintf("it takes values of the form %s, and names no account", rule.Syntax), "map it by value, not by reference"
}

// want adds an attribute to the result. It leaves out an attribute that no
// account can have: that is reported once, not for each record.
func (e *evaluation) want(a *attribute, d ident.DesiredAttribute) {
	if e.m.schema[a.folded].Unusable == "" {
		e.desired = append(e.desired, d)
	}
}

func sourceOf(a *attribute) string {
	all := a.templates()
	return all[0].Source().Text
}

// wanted evaluates the expressions of an attribute.
func (e *evaluation) wanted(a *attribute) (*wanted, error) {
	templates := a.candidates
	if len(a.values) > 0 {
		templates = a.values
	}
	w := e.newWanted(templates[0].Source().Pos)
	incomplete := false
	for _, t := range templates {
		v, values, err := e.evaluate(a, t)
		if err != nil {
			failure := &Error{Attribute: a.Name, Pos: t.Source().Pos, Next: "correct the expression, or the value at the source"}
			failure.take(err)
			return nil, failure
		}
		if values = a.clean(values); len(values) == 0 {
			w.lacks(a, t, v)
			incomplete = true
			continue
		}
		for _, v := range values {
			w.values = append(w.values, candidate{v, t})
		}
	}
	if len(w.values) == 0 || incomplete && len(a.values) > 0 && !a.toleratesGaps(w.state) {
		w.values = nil
		return w, nil
	}
	w.state = expr.Present
	return w, nil
}

// evaluate returns the values that a template gives. They are good until the
// next call.
func (e *evaluation) evaluate(a *attribute, t *expr.Template) (expr.Value, []string, error) {
	s, v, err := e.over.Text(t)
	if err != nil {
		return v, nil, err
	}
	if s == "" {
		values, err := a.form.valuesOf(v.V)
		return v, values, err
	}
	if s, err = a.form.text(s); err != nil || s == "" {
		return v, nil, err
	}
	e.one[0] = s
	return v, e.one[:], nil
}

// lacks records an expression without a value. The state of the whole is the
// least of its parts: absent, then null, then empty.
func (w *wanted) lacks(a *attribute, t *expr.Template, v expr.Value) {
	w.lacking = append(w.lacking, without{t, v})
	state := v.State
	switch {
	case state == expr.Present:
		state = expr.Empty // cleaning left nothing of it
	case state == expr.Absent && a.Absent == AbsentClear:
		state = expr.Null
	}
	w.absent = w.absent || state == expr.Absent
	w.state = min(w.state, state)
}

// toleratesGaps reports whether the other values may be written when one of
// several is missing in this way.
func (a *attribute) toleratesGaps(state expr.State) bool {
	if a.OnMissing == OnMissingFail {
		return false
	}
	return a.Add || state != expr.Absent
}

func candidates(values []string, t *expr.Template) []candidate {
	out := make([]candidate, len(values))
	for i, v := range values {
		out[i] = candidate{v, t}
	}
	return out
}
