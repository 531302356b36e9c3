package service

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
)

// Mapped is a record with what its account should look like, and why.
type Mapped struct {
	Key    ident.Key                  `json:"key"`
	Fields map[string]json.RawMessage `json:"fields"` // of the record, those that the mapping reads and derived ones
	// Joined are the fields of the further endpoints' records, by endpoint.
	Joined     map[string]map[string]json.RawMessage `json:"joined,omitempty"`
	Scope      MappedScope                           `json:"scope"`
	Conditions []MappedCondition                     `json:"conditions"`
	// State are the conditions on the state of the account: disable_when and enable_when.
	State      []MappedState     `json:"state"`
	Account    *MappedAccount    `json:"account,omitempty"` // that it is compared with
	Attributes []MappedAttribute `json:"attributes"`
	OU         ident.DN          `json:"ou,omitempty"`
	Groups     []ident.DN        `json:"groups"`
	LeftOut    string            `json:"left_out,omitempty"` // why a join leaves it out
	Quarantine []MappedFault     `json:"quarantine"`         // why the record would be set aside
}

// MappedScope says whether a record is in scope.
type MappedScope string

// The scopes.
const (
	ScopeIn        MappedScope = "in"
	ScopeOut       MappedScope = "out"
	ScopeUndecided MappedScope = "undecided"
)

// MappedCondition is a part of the scope filter. The first that is not true decides.
type MappedCondition struct {
	Text     string       `json:"text"`
	Truth    string       `json:"truth"` // true, false or undecided
	Decisive bool         `json:"decisive,omitempty"`
	Cause    string       `json:"cause,omitempty"`
	Next     string       `json:"next,omitempty"`
	Reads    []MappedPart `json:"reads"`
}

// MappedState is a condition on the state of the account. The one that decides says why
// it is disabled, or would be made so.
type MappedState struct {
	Key string `json:"key"` // enable_when or disable_when
	MappedCondition
}

// MappedAccount is the account that a record has or would get by a match.
type MappedAccount struct {
	DN   ident.DN   `json:"dn"`
	GUID ident.GUID `json:"guid"`
	By   string     `json:"by"` // link, or the anchor or match rule that found it
}

// MappedAttribute is what becomes of one attribute.
type MappedAttribute struct {
	Name   string       `json:"name"`
	Values []string     `json:"values"`           // none: nothing is written
	Clear  bool         `json:"clear,omitempty"`  // it is to be empty
	Add    bool         `json:"add,omitempty"`    // others keep their values
	Binary bool         `json:"binary,omitempty"` // the values are bytes, and only their number is told
	Apply  ident.Apply  `json:"apply"`
	Unique string       `json:"unique,omitempty"` // where the value must be unique
	Names  []MappedName `json:"names,omitempty"`  // the accounts that the keys of a reference stand for
	// Unchecked says that only the directory can tell whether the values are free, or
	// which accounts they stand for, and that it was not asked.
	Unchecked bool         `json:"unchecked,omitempty"`
	Keeps     string       `json:"keeps,omitempty"` // why nothing is written
	Fault     *MappedFault `json:"fault,omitempty"`
	Forms     []MappedForm `json:"forms"` // the templates, in order of preference
}

// MappedName is the account that a primary key stands for.
type MappedName struct {
	Key   ident.Key `json:"key"`
	DN    ident.DN  `json:"dn,omitempty"`
	Cause string    `json:"cause,omitempty"` // why there is none
}

// MappedForm is one template of an attribute with the values of its parts.
type MappedForm struct {
	Source  string          `json:"source"`
	Place   string          `json:"place,omitempty"` // FILE:LINE:COLUMN
	State   string          `json:"state"`           // absent, null, empty, present or error
	Value   json.RawMessage `json:"value,omitempty"`
	Cause   string          `json:"cause,omitempty"`
	Default bool            `json:"default,omitempty"` // it is for a missing value
	Changes bool            `json:"changes,omitempty"` // each evaluation gives another value
	Parts   []MappedPart    `json:"parts"`
}

// MappedPart is a field or a part of an expression with its value.
type MappedPart struct {
	Text  string          `json:"text"`
	State string          `json:"state"` // absent, null, empty or present
	Value json.RawMessage `json:"value,omitempty"`
}

// MappedFault says what is wrong and what to do about it.
type MappedFault struct {
	About string `json:"about"` // an attribute, where, ou, groups, or record
	Cause string `json:"cause"`
	Next  string `json:"next,omitempty"`
}

// mapped describes a record that an engine tried. Directory says whether names were
// looked up.
func mapped(r engine.TriedRecord, directory bool) Mapped {
	out := Mapped{
		Key: r.Key(), Fields: valuesOf(r.Record.Fields), Scope: ScopeUndecided, Conditions: []MappedCondition{},
		State: []MappedState{}, Attributes: []MappedAttribute{}, Groups: []ident.DN{}, Quarantine: []MappedFault{},
	}
	for endpoint, fields := range r.Record.Joined {
		if out.Joined == nil {
			out.Joined = map[string]map[string]json.RawMessage{}
		}
		out.Joined[endpoint] = valuesOf(fields)
	}
	for i, c := range r.Scope.Conditions {
		out.Conditions = append(out.Conditions, conditionOf(c, r.Scope.Decisive == i))
	}
	switch {
	case r.LeftOut:
		out.LeftOut = r.Aside
		return out
	case r.Aside != "":
		out.Quarantine = append(out.Quarantine, MappedFault{"record", r.Aside, "correct the record at the source"})
		return out
	case r.Err != nil:
		out.Quarantine = append(out.Quarantine, faultOf(r.Err))
		return out
	case !r.Scope.In:
		out.Scope = ScopeOut
		return out
	}
	out.Scope, out.OU, out.Groups = ScopeIn, r.Shown.Parent, append(out.Groups, r.Shown.Groups...)
	if r.Account != nil {
		out.Account = &MappedAccount{DN: r.Account.DN, GUID: r.Account.GUID, By: r.By}
		if r.Link != nil {
			out.Account.By = "link"
		}
	}
	for _, c := range r.State {
		out.State = append(out.State, MappedState{string(c.Off), conditionOf(c.Condition, c.Decides)})
	}
	for _, a := range r.Shown.Attributes {
		one := attributeOf(a, directory)
		for _, n := range r.Names[a.Name] {
			one.Names = append(one.Names, MappedName{Key: n.Key, DN: n.DN, Cause: n.Why})
		}
		out.Attributes = append(out.Attributes, one)
	}
	for _, f := range r.Shown.Faults {
		out.Quarantine = append(out.Quarantine, faultOf(f))
	}
	return out
}

// setAside adds what a plan sets aside about a record and the mapping does not say.
func (m *Mapped) setAside(items []ident.QuarantineItem) {
	for _, q := range items {
		same := func(f MappedFault) bool { return f.Cause == q.Cause || strings.Contains(q.Cause, f.Cause) }
		if q.Key == m.Key && !slices.ContainsFunc(m.Quarantine, same) {
			m.Quarantine = append(m.Quarantine, MappedFault{q.Part, q.Cause, q.Next})
		}
	}
}

func conditionOf(c mapping.Condition, decisive bool) MappedCondition {
	out := MappedCondition{Text: c.Text, Truth: string(c.Truth), Decisive: decisive, Cause: c.Cause, Next: c.Next, Reads: []MappedPart{}}
	for _, read := range c.Reads {
		out.Reads = append(out.Reads, MappedPart{read.Field, read.State.String(), valueOf(read.State, read.Value)})
	}
	return out
}

func attributeOf(a mapping.ShownAttribute, directory bool) MappedAttribute {
	out := MappedAttribute{
		Name: a.Name, Values: []string{}, Clear: a.Clear, Add: a.Add, Binary: a.Binary, Apply: a.Apply, Unique: string(a.Unique), Keeps: a.Keeps,
		Forms: []MappedForm{},
	}
	for _, v := range a.Values {
		if a.Binary {
			v = fmt.Sprintf("%d bytes", len(v))
		}
		out.Values = append(out.Values, v)
	}
	out.Unchecked = !directory && len(a.Values) > 0 && (a.Unique != "" || a.Reference)
	if a.Fault != nil {
		f := faultOf(a.Fault)
		out.Fault = &f
	}
	for _, f := range a.Forms {
		out.Forms = append(out.Forms, formOf(f))
	}
	return out
}

func formOf(f mapping.Form) MappedForm {
	out := MappedForm{
		Source: f.Source.Text, Place: f.Source.Pos.String(), State: f.Value.State.String(), Value: valueOf(f.Value.State, f.Value.V),
		Cause: f.Value.Cause, Default: f.Default, Changes: f.Volatile, Parts: []MappedPart{},
	}
	if f.Err != nil {
		out.State, out.Value, out.Cause = "error", nil, f.Err.Error()
	}
	for _, s := range f.Steps {
		out.Parts = append(out.Parts, MappedPart{s.Text, s.Value.State.String(), valueOf(s.Value.State, s.Value.V)})
	}
	return out
}

func faultOf(err error) MappedFault {
	var fault *mapping.Error
	if errors.As(err, &fault) {
		return MappedFault{fault.Attribute, fault.Error(), fault.Next}
	}
	return MappedFault{About: "record", Cause: err.Error()}
}

// mostOfValue bounds a value that is shown, in bytes of JSON: a photo is longer.
const mostOfValue = 4 << 10

// valueOf writes a value as JSON; nil when there is none.
func valueOf(state expr.State, v any) json.RawMessage {
	if state == expr.Absent {
		return nil
	}
	if d, is := v.(time.Duration); is {
		v = d.String()
	}
	text, err := json.Marshal(v)
	if err != nil { // no number, such as what 1/0 gives
		text, _ = json.Marshal(fmt.Sprint(v))
	}
	if len(text) > mostOfValue {
		text, _ = json.Marshal(fmt.Sprintf("(%d bytes)", len(text)))
	}
	return text
}

func valuesOf(fields map[string]any) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	for name, v := range fields {
		out[name] = valueOf(expr.Present, v)
	}
	return out
}
