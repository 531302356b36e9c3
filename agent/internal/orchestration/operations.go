package orchestration

import (
	"fmt"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/operation"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// Reads lists the attributes that Operations must know of the object.
func (w *Write) Reads() []string {
	names := []string{"cn", "displayName", "userAccountControl", "memberOf", "primaryGroupID", "objectSid"}
	for _, a := range w.Attributes {
		names = append(names, a.Name)
	}
	return names
}

// Operations returns what is left to be written to the object as it is now: only
// what differs, each as one write to the directory. The groups in now must include
// the primary group. An error says which value the directory does not accept.
func (w *Write) Operations(now ident.Entry, schema ident.Schema) ([]ident.Operation, error) {
	var ops []ident.Operation
	var err error
	switch w.Action {
	case ActionUpdate:
		ops, err = w.updates(now, schema)
	case ActionMove:
		if to := (operation.Target{Container: w.OU}).Reach(ident.ClassMove, now.DN); !now.DN.Parent().EqualFold(w.OU) {
			ops = append(ops, ident.Operation{Class: ident.ClassMove, From: now.DN, To: to})
		}
	case ActionEnable, ActionDisable:
		class := ident.ClassEnable
		if w.Action == ActionDisable {
			class = ident.ClassDisable
		}
		if off, known := now.Disabled(); !known || off != (class == ident.ClassDisable) {
			ops = append(ops, ident.Operation{Class: class})
		}
	case ActionAddGroups, ActionRemoveGroups:
		ops = w.memberships(now)
	case ActionDelete:
		ops = append(ops, ident.Operation{Class: ident.ClassDelete})
	}
	for i := range ops {
		ops[i].Verdict = ident.VerdictApply
		ops[i].Digest = operation.Identify(ops[i], operation.Account{GUID: now.GUID, DN: now.DN}, w.target(ops[i]))
	}
	return ops, err
}

func (w *Write) target(op ident.Operation) operation.Target {
	switch op.Class {
	case ident.ClassMove:
		return operation.Target{Container: w.OU}
	case ident.ClassRename:
		return operation.Target{Name: op.To.Name()}
	}
	return operation.Target{}
}

// memberships returns one operation for each group, so that each write has an
// outcome of its own.
func (w *Write) memberships(now ident.Entry) []ident.Operation {
	var ops []ident.Operation
	var done []ident.DN
	for _, g := range w.Groups {
		in := slices.ContainsFunc(now.Attributes.Values("memberOf"), func(dn string) bool { return g.EqualFold(ident.DN(dn)) })
		if in != (w.Action == ActionRemoveGroups) || slices.ContainsFunc(done, g.EqualFold) {
			continue
		}
		done = append(done, g)
		op := ident.Operation{Class: ident.ClassGroups}
		if in {
			op.Left = []ident.DN{g}
		} else {
			op.Groups = []ident.DN{g}
		}
		ops = append(ops, op)
	}
	return ops
}

// updates returns the update of the attributes that differ, and the rename that
// another common name means.
func (w *Write) updates(now ident.Entry, schema ident.Schema) ([]ident.Operation, error) {
	var ops []ident.Operation
	update := ident.Operation{Class: ident.ClassUpdate}
	for _, a := range w.Attributes {
		if text.Same(a.Name, "cn") {
			op, differs, err := rename(now, a.Values)
			if err != nil {
				return nil, err
			}
			if differs {
				ops = append(ops, op)
			}
			continue
		}
		ch, differs, err := difference(a, now.Attributes.Values(a.Name), schema.Rule(a.Name))
		if err != nil {
			return nil, err
		}
		if differs {
			update.Attributes = append(update.Attributes, ch)
		}
	}
	if len(update.Attributes) > 0 {
		ops = slices.Insert(ops, 0, update)
	}
	return ops, nil
}

func rename(now ident.Entry, values []string) (op ident.Operation, differs bool, err error) {
	if len(values) != 1 {
		return op, false, &ValueError{"cn", fmt.Sprintf("an account has one name, and the step gives %d", len(values)), "give cn one value"}
	}
	if now.DN.Name() == values[0] {
		return op, false, nil
	}
	return ident.Operation{
		Class: ident.ClassRename, From: now.DN, To: now.DN.Parent().Child(values[0]),
		Attributes: []ident.AttributeChange{{Name: "cn", Old: []string{now.DN.Name()}, New: values}},
	}, true, nil
}

// difference compares the values that an attribute gets with those that it has.
func difference(a AttributeValues, have []string, rule ident.AttributeRule) (ident.AttributeChange, bool, error) {
	ch := ident.AttributeChange{Name: a.Name, Old: have}
	if rule.Unusable != "" {
		return ch, false, &ValueError{a.Name, "the attribute " + rule.Unusable, rule.Next}
	}
	for _, v := range a.Values {
		v = spelled(v, have, rule.Syntax)
		if !slices.ContainsFunc(ch.New, func(other string) bool { return text.Same(other, v) }) { // AD refuses it as a duplicate
			ch.New = append(ch.New, v)
		}
	}
	if cause, next := rule.Refuses(ch.New, false); cause != "" {
		return ch, false, &ValueError{a.Name, cause, next}
	}
	if neutral, ok := ident.Neutral(a.Name); ok && len(ch.New) == 0 {
		ch.New = []string{neutral}
	}
	return ch, !ident.SameValues(a.Name, ch.New, have), nil
}

// spelled writes a DN or a time as the directory returns it.
func spelled(v string, have []string, syntax ident.Syntax) string {
	switch syntax {
	case ident.SyntaxTime:
		if t, err := time.Parse("20060102150405Z", v); err == nil {
			return t.Format("20060102150405.0Z")
		}
	case ident.SyntaxDN:
		dn, err := ident.ParseDN(v)
		for _, other := range have {
			if err == nil && dn.EqualFold(ident.DN(other)) {
				return other
			}
		}
	}
	return v
}

// ValueError says that the directory does not accept what a step gives to an
// attribute.
type ValueError struct{ Attribute, Cause, Next string }

// Error names the attribute, the reason, and what to do.
func (e *ValueError) Error() string {
	s := e.Attribute + ": " + e.Cause
	if e.Next != "" {
		s += "; next: " + e.Next
	}
	return s
}
