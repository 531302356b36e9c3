package mapping

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// linkMembers lists the members of `link` in expressions.
var linkMembers = []string{"application", "key", "guid", "automation", "origin"}

// evaluation is the mapping of one record.
type evaluation struct {
	m   *Mapper
	key ident.Key
	env expr.Env
	// endpoints is "endpoints" of env, and final its "attributes": those that
	// other expressions use. An absent attribute has no entry.
	endpoints, final map[string]any
	current          *ident.Entry
	link             *ident.Link
	names            Names // nil: the first candidate is taken, in use or not
	parent           ident.DN
	desired          []ident.DesiredAttribute
	aside            []ident.AttributeFault
	lost             []lost // attributes without a value
	attached         map[string]ident.Attachment
	waits            bool // for an attachment
	one              [1]string
	over             expr.Over // env
	scratch          roomyWanted
}

// noSettings is only read.
var noSettings = map[string]any{}

// evaluations keeps the maps of evaluations that have ended.
var evaluations = sync.Pool{New: func() any {
	return &evaluation{final: map[string]any{}, env: expr.Env{}, endpoints: map[string]any{}}
}}

// evaluation returns an evaluation without an account. release ends it.
func (m *Mapper) evaluation(rec ident.Record) *evaluation {
	e := evaluations.Get().(*evaluation)
	e.m, e.key, e.attached = m, rec.Key, rec.Attached
	e.desired = make([]ident.DesiredAttribute, 0, len(m.attributes))
	for name, fields := range rec.Joined {
		e.endpoints[name] = fields
	}
	e.endpoints[rec.Endpoint] = rec.Fields
	e.env["user"] = rec.Fields
	e.env["endpoints"] = e.endpoints
	e.env["attributes"] = e.final
	e.env["settings"] = m.settings
	if m.settings == nil {
		e.env["settings"] = noSettings
	}
	e.env["link"] = nil
	if !m.now.IsZero() {
		e.env["now"] = m.now
	}
	e.over.Begin(e.env)
	return e
}

// release ends an evaluation. Nothing of it may be used afterwards, except what
// it has returned.
func (e *evaluation) release() {
	clear(e.final)
	clear(e.env)
	clear(e.endpoints)
	e.over.Begin(nil)
	*e = evaluation{final: e.final, env: e.env, endpoints: e.endpoints, over: e.over}
	evaluations.Put(e)
}

// InScope evaluates the scope filter. Without a filter every record is in scope.
// When the filter cannot be evaluated, or needs a field that the record does not
// have, InScope returns an *Error, never false: no user leaves the scope because
// an answer was incomplete. A filter may test a field for null itself (user.x !=
// null, default(user.x, false)); then it does not need it.
func (m *Mapper) InScope(rec ident.Record) (bool, error) {
	if m.where == nil {
		return true, nil
	}
	e := m.evaluation(rec)
	defer e.release()
	in, fault := e.holds(m.where)
	if fault != nil {
		return false, fault
	}
	return in, nil
}

// take copies cause, place and hint of an error of package expr.
func (e *Error) take(err error) {
	var form *formError
	if errors.As(err, &form) {
		e.Cause, e.Common, e.Next, e.alone = form.cause, form.common, form.next, true
		return
	}
	var x *expr.Error
	if !errors.As(err, &x) {
		e.Cause = err.Error()
		return
	}
	e.Cause = x.Message
	if x.Pos.Line != 0 {
		e.Pos = x.Pos
	}
	if x.Hint != "" {
		e.Next = x.Hint
	}
}

// Map computes what the account of rec should look like. current is the account,
// nil when there is none. link is its link, nil when it is not linked. Names
// that Map chooses are reserved with names; when names is nil, every name counts
// as free. An error about the record is an *Error. Any other error comes from
// names.
//
// Nothing but Off is computed where no account is to be made because the person has left.
//
// An attribute with a value that the directory would refuse is set aside, and
// `attributes` has AD's value of it. Without cn or sAMAccountName no account can
// be created, so for a new account that is an error.
//
// For an existing account the result leaves out attributes with apply "create",
// and those with apply "if_empty" that have a value in AD. `attributes` has AD's
// value of them.
func (m *Mapper) Map(rec ident.Record, current *ident.Entry, link *ident.Link, names Names) (ident.Desired, error) {
	e := m.evaluation(rec)
	defer e.release()
	e.begin(current, link, names)
	off, err := e.state()
	if err != nil || off == ident.OffEnded && current == nil {
		return ident.Desired{Key: rec.Key, Off: off}, err
	}
	for i, a := range m.attributes {
		if i == m.ouAfter {
			if err := e.place(); err != nil {
				return ident.Desired{}, err
			}
		}
		if _, err := e.attributeOrAside(a); err != nil {
			return ident.Desired{}, err
		}
	}
	if m.ouAfter >= len(m.attributes) {
		if err := e.place(); err != nil {
			return ident.Desired{}, err
		}
	}
	groups, err := e.groups()
	if err != nil {
		return ident.Desired{}, err
	}
	if err := e.complete(); err != nil {
		return ident.Desired{}, err
	}
	slices.SortFunc(e.desired, func(a, b ident.DesiredAttribute) int {
		return text.Compare(a.Name, b.Name)
	})
	return ident.Desired{
		Key: rec.Key, Off: off, Parent: e.parent, Groups: groups, Attributes: e.desired, Aside: e.aside, Absent: e.absent(),
		Waits: e.waits,
	}, nil
}

// begin says whose account it is; see Map.
func (e *evaluation) begin(current *ident.Entry, link *ident.Link, names Names) {
	e.current, e.link, e.names = current, link, names
	if link != nil {
		e.env["link"] = map[string]any{
			"application": link.Application, "key": string(link.Key),
			"guid": string(link.GUID), "automation": link.Automation, "origin": string(link.Origin),
		}
	}
}

// absent lists the attributes that keep their values because a field is absent.
func (e *evaluation) absent() []string {
	var out []string
	for _, l := range e.lost {
		if l.fault == nil && l.want.state == expr.Absent {
			out = append(out, l.a.Name)
		}
	}
	return out
}

// WhyAbsent says why an attribute of rec has no value; nil when it has one.
func (m *Mapper) WhyAbsent(rec ident.Record, name string) *Error {
	e := m.evaluation(rec)
	defer e.release()
	for _, a := range m.attributes {
		if _, err := e.attributeOrAside(a); err != nil {
			return nil
		}
	}
	for _, l := range e.lost {
		if l.fault == nil && text.Same(l.a.Name, name) {
			return e.noForm(l.a, l.want)
		}
	}
	return nil
}

// complete refuses to create an account without the required attributes.
func (e *evaluation) complete() error {
	if e.current != nil {
		return nil
	}
	for _, name := range []string{"cn", "sAMAccountName"} {
		has := slices.ContainsFunc(e.desired, func(a ident.DesiredAttribute) bool {
			return text.Same(a.Name, name) && len(a.Values) > 0
		})
		if !has {
			return e.cannotCreate(name)
		}
	}
	return nil
}

// cannotCreate says why a required attribute has no value.
func (e *evaluation) cannotCreate(name string) *Error {
	for _, l := range e.lost {
		if text.Same(l.a.Name, name) && l.fault == nil {
			return e.noForm(l.a, l.want)
		}
	}
	next := "map it"
	if text.Same(name, "cn") {
		next = "map it, or displayName, which it is made of by default"
	}
	return &Error{Attribute: name, Cause: "it is not mapped, and an account cannot be created without it", Next: next}
}

// MatchValues evaluates the attributes by which to look for an existing account,
// and returns their values under the given names. It takes the first candidate,
// in use or not. It leaves out an attribute without a value, or with a value
// that no account can have. When it leaves out all of them, the error says why.
func (m *Mapper) MatchValues(rec ident.Record, names []string) (map[string][]string, error) {
	e := m.evaluation(rec)
	defer e.release()
	needed, err := m.closure(names)
	if err != nil {
		return nil, err
	}
	var first *Error
	for _, a := range m.attributes {
		if !needed[a.folded] {
			continue
		}
		fault, err := e.attributeOrAside(a)
		if err != nil {
			return nil, err
		}
		if first == nil {
			first = fault
		}
	}
	out := map[string][]string{}
	for _, n := range names {
		d, ok := ident.Desired{Attributes: e.desired}.Attribute(n)
		if ok && len(d.Values) > 0 {
			out[n] = d.Values
		}
	}
	if len(out) == 0 && first != nil {
		return nil, first
	}
	if len(out) == 0 && len(names) > 0 {
		return nil, e.unrecognisable(names)
	}
	return out, nil
}

// unrecognisable returns the error for a record that has no value for any
// attribute by which accounts are matched.
func (e *evaluation) unrecognisable(names []string) *Error {
	out := &Error{Attribute: names[0]}
	var causes, commons []string
	for _, name := range names {
		for _, l := range e.lost {
			if !text.Same(l.a.Name, name) || l.fault != nil {
				continue
			}
			failure := e.noForm(l.a, l.want)
			if len(causes) > 0 { // its place and name differ from those of the error
				failure.Cause, failure.Common = failure.Error(), failure.Shared()
			} else {
				out.Attribute, out.Pos, out.Next = failure.Attribute, failure.Pos, failure.Next
			}
			causes, commons = append(causes, failure.Cause), append(commons, cmp.Or(failure.Common, failure.Cause))
		}
	}
	const effect = "; without a value for "
	by := enumerate(names) + " an existing account could not be recognised"
	out.Cause, out.Common = strings.Join(causes, "; ")+effect+by, strings.Join(commons, "; ")+effect+by
	return out
}

// closure returns the attributes, in lower case, from which names are computed.
func (m *Mapper) closure(names []string) (map[string]bool, error) {
	needed := map[string]bool{}
	for _, n := range names {
		if !slices.ContainsFunc(m.attributes, func(a *attribute) bool { return text.Same(a.Name, n) }) {
			return nil, &Error{
				Attribute: n, Cause: "accounts are matched by it, but it is not mapped", Next: "map it, or match by another attribute",
			}
		}
		needed[text.Lower(n)] = true
	}
	for _, a := range slices.Backward(m.attributes) { // dependents come last
		if !needed[a.folded] {
			continue
		}
		for _, t := range a.templates() {
			for _, n := range t.UsesAttributes() {
				needed[text.Lower(n)] = true
			}
		}
	}
	return needed, nil
}

// place evaluates the OU. An existing account stays where it is when there is no
// OU, or when the OU has no value.
func (e *evaluation) place() error {
	if e.current != nil {
		e.parent = e.current.DN.Parent()
	}
	if e.m.ou == nil {
		return nil
	}
	if e.m.fixedOU != "" {
		e.parent = e.m.fixedOU
		return nil
	}
	failure := &Error{Attribute: "ou", Pos: e.m.ou.Source().Pos, Next: "correct the template, or the value at the source"}
	v, err := e.m.ou.Eval(e.env)
	if err != nil {
		failure.take(err)
		return failure
	}
	if v.State != expr.Present {
		if e.current != nil {
			return nil
		}
		y := e.whyNone(e.m.ou, v)
		failure.Cause, failure.Common, failure.Next = y.cause, y.common, y.next
		return failure
	}
	dn, err := ident.ParseDN(text.Trim(v.Text()))
	if err != nil || dn == "" {
		failure.Cause = fmt.Sprintf("%q is not a DN", v.Text())
		return failure
	}
	e.parent = dn
	return nil
}

// groups evaluates the groups. It leaves out a group without a value.
func (e *evaluation) groups() ([]ident.DN, error) {
	var out []ident.DN
	for _, t := range e.m.groups {
		failure := &Error{Attribute: "groups", Pos: t.Source().Pos, Next: "correct the template, or the value at the source"}
		v, err := t.Eval(e.env)
		if err != nil {
			failure.take(err)
			return nil, failure
		}
		for _, s := range v.Strings() {
			dn, err := ident.ParseDN(text.Trim(s))
			if err != nil {
				failure.Cause = fmt.Sprintf("%q is not a DN", s)
				return nil, failure
			}
			if !slices.ContainsFunc(out, dn.EqualFold) {
				out = append(out, dn)
			}
		}
	}
	return out, nil
}
