package plan

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// fit leaves out attributes that the directory would refuse, and reports each.
func (f *differ) fit(rec ident.Record, current *ident.Entry, want *ident.Desired) error {
	name := desiredName(*want)
	if current != nil {
		name = entryName(*current)
	}
	if want.Waits {
		f.draft.unsettled[rec.Key] = struct{}{}
	}
	for _, fault := range want.Aside {
		f.draft.attendShared(rec.Key, name, fault.Attribute, fault.Cause, cmp.Or(fault.Shared, fault.Cause), fault.Next)
		if by := f.draft.names.named(fault.Cause); len(by) > 0 {
			f.draft.holders[f.draft.attention[len(f.draft.attention)-1]] = by
		}
	}
	var failure error
	for i := range want.Attributes {
		f.respell(&want.Attributes[i], current)
	}
	want.Attributes = slices.DeleteFunc(want.Attributes, func(a ident.DesiredAttribute) bool {
		if failure != nil || a.Reference || f.set.Schema.Rule(a.Name).Syntax != ident.SyntaxDN {
			return false
		}
		lost, err := f.danglingDN(a, current)
		if failure = err; lost == "" {
			return false
		}
		f.draft.attend(rec.Key, name, a.Name, fmt.Sprintf("%s: %s does not exist in the directory", a.Name, lost),
			"correct the value; if this automation makes that object, the next run writes it")
		return true
	})
	return failure
}

// respell writes DNs and times in the spelling that the directory returns. The
// directory keeps no other, so otherwise each run would find a difference and
// write it again.
func (f *differ) respell(a *ident.DesiredAttribute, current *ident.Entry) {
	syntax := f.set.Schema.Rule(a.Name).Syntax
	if a.Reference || syntax != ident.SyntaxDN && syntax != ident.SyntaxTime {
		return
	}
	a.Values = slices.Clone(a.Values)
	for i, v := range a.Values {
		if t, err := time.Parse("20060102150405Z", v); err == nil && syntax == ident.SyntaxTime {
			a.Values[i] = t.Truncate(time.Second).Format("20060102150405.0Z")
		}
		dn, err := ident.ParseDN(v)
		if syntax != ident.SyntaxDN || err != nil || current == nil {
			continue
		}
		for _, have := range current.Attributes.Values(a.Name) {
			if dn.EqualFold(ident.DN(have)) {
				a.Values[i] = have
			}
		}
	}
}

// danglingDN returns a value that names no object, or "" if each names one.
func (f *differ) danglingDN(a ident.DesiredAttribute, current *ident.Entry) (ident.DN, error) {
	var have []string
	if current != nil {
		have = current.Attributes.Values(a.Name)
	}
	for _, v := range a.Values {
		if slices.Contains(have, v) {
			continue // the directory itself updates such a value
		}
		there, err := f.dir.objectExists(ident.DN(v))
		if err != nil {
			return "", err
		}
		if !there {
			return ident.DN(v), nil
		}
	}
	return "", nil
}
