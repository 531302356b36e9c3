package mapping

import (
	"errors"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Shown is the mapping of one record with the way to each value.
type Shown struct {
	Attributes []ShownAttribute // in the order of evaluation
	Parent     ident.DN
	Groups     []ident.DN
	// Faults say why the record would be quarantined: that of each attribute, the
	// OU, the groups, and what an account cannot be created without.
	Faults []*Error
}

// ShownAttribute is what becomes of one attribute.
type ShownAttribute struct {
	Name   string
	Values []string // what the account should have; none when nothing is written
	Clear  bool     // it should be empty
	Binary bool
	// Reference says that the values are primary keys, whose accounts only a plan
	// can tell.
	Reference bool
	Add       bool // the values are added to those that are there
	Apply     ident.Apply
	Unique    Unique // where the values must be unique, which only the directory can tell
	// Keeps says why nothing is written although nothing is wrong.
	Keeps string
	Fault *Error // why nothing can be written
	Forms []Form // the templates, in order of preference
}

// Form is one template of an attribute with its value, and the values of its
// parts.
type Form struct {
	Source expr.Source
	Value  expr.Value
	Err    error
	Steps  []expr.Step
	// Default says that it is the one for a missing value.
	Default bool
	// Volatile says that each evaluation gives another value.
	Volatile bool
}

// Show maps a record as Map does, goes on after what is wrong, and keeps the way
// to each value. Only an error of names is returned.
func (m *Mapper) Show(rec ident.Record, current *ident.Entry, link *ident.Link, names Names) (Shown, error) {
	e := m.evaluation(rec)
	defer e.release()
	e.begin(current, link, names)
	out := Shown{}
	faulty := func(err error) error {
		var fault *Error
		if err == nil || !errors.As(err, &fault) {
			return err
		}
		out.Faults = append(out.Faults, fault)
		return nil
	}
	for i, a := range m.attributes {
		if i == m.ouAfter {
			if err := faulty(e.place()); err != nil {
				return Shown{}, err
			}
		}
		one, err := e.show(a)
		if err = faulty(err); err != nil {
			return Shown{}, err
		}
		out.Attributes = append(out.Attributes, one)
	}
	if m.ouAfter >= len(m.attributes) {
		if err := faulty(e.place()); err != nil {
			return Shown{}, err
		}
	}
	groups, err := e.groups()
	if err = faulty(err); err != nil {
		return Shown{}, err
	}
	out.Parent, out.Groups = e.parent, groups
	if len(out.Faults) == 0 { // otherwise it may lack only what has a fault
		err = faulty(e.complete())
	}
	return out, err
}

// show maps one attribute and says how. The error is that for which the record
// would be quarantined.
func (e *evaluation) show(a *attribute) (ShownAttribute, error) {
	out := ShownAttribute{
		Name: a.Name, Apply: a.Apply, Unique: a.Unique, Add: a.Add, Binary: a.Encoding != "", Reference: a.Reference, Forms: e.forms(a),
	}
	before, lost := len(e.desired), len(e.lost)
	fault, err := e.attributeOrAside(a)
	if err != nil && !errors.As(err, &out.Fault) {
		return out, err
	}
	if fault != nil {
		out.Fault = fault
	}
	switch {
	case err != nil:
		e.settle(a, expr.Absent)
		return out, err
	case out.Fault != nil:
	case len(e.desired) > before:
		d := e.desired[len(e.desired)-1]
		out.Values, out.Clear, out.Add = d.Values, d.Clear, d.Add
	case e.current != nil && a.Apply == ident.ApplyCreate:
		out.Keeps = "it is written with the account's creation only"
	case e.current != nil && a.Apply == ident.ApplyIfEmpty && !ident.None(a.Name, e.own(a.Name)):
		out.Keeps = "it is written only while it is empty, and it has a value"
	case len(e.lost) > lost:
		out.Keeps = e.noForm(a, e.lost[len(e.lost)-1].want).Cause
	case a.Attach:
		out.Keeps = "only a run of the automation fetches what is behind the address, once it has linked the account"
	case e.m.schema[a.folded].Unusable != "":
		out.Keeps = "the attribute " + e.m.schema[a.folded].Unusable
	default:
		out.Keeps = "the values that it has are none of those that the templates give"
	}
	return out, nil
}

// forms evaluates the templates of an attribute with their parts.
func (e *evaluation) forms(a *attribute) []Form {
	var out []Form
	for _, t := range a.templates() {
		f := Form{Source: t.Source(), Steps: t.Trace(e.env), Default: t == a.fallback, Volatile: t.Volatile()}
		f.Value, f.Err = t.Eval(e.env)
		out = append(out, f)
	}
	return out
}
