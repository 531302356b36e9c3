package plan

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// Mapped names the attributes that the mapping writes. One that no account of
// this directory can have is reported once, not for each record.
func (b *Builder) Mapped(attributes []string) {
	for _, name := range attributes {
		if rule := b.set.Schema.Rule(name); rule.Unusable != "" {
			b.attend("", "", name, fmt.Sprintf("%s %s: it is written for nobody", name, rule.Unusable), rule.Next)
		}
	}
}

// fit leaves out of what a record wants the attributes that the directory
// would refuse, and reports each of them.
func (b *Builder) fit(rec ident.Record, current *ident.Entry, want *ident.Desired) error {
	name := desiredName(*want)
	if current != nil {
		name = entryName(*current)
	}
	for _, f := range want.Aside {
		b.attendShared(rec.Key, name, f.Attribute, f.Cause, cmp.Or(f.Shared, f.Cause), f.Next)
		if by := b.names.named(f.Cause); len(by) > 0 {
			b.holders[b.attention[len(b.attention)-1]] = by
		}
	}
	var failure error
	for i := range want.Attributes {
		b.respell(&want.Attributes[i], current)
	}
	want.Attributes = slices.DeleteFunc(want.Attributes, func(a ident.DesiredAttribute) bool {
		if failure != nil || b.set.Schema.Rule(a.Name).Syntax != ident.SyntaxDN {
			return false
		}
		lost, err := b.danglingDN(a, current)
		if failure = err; lost == "" {
			return false
		}
		b.attend(rec.Key, name, a.Name, fmt.Sprintf("%s: %s does not exist in the directory", a.Name, lost),
			"correct the value; if this automation makes that object, the next run writes it")
		return true
	})
	return failure
}

// respell writes DNs and times as the directory gives them back: it keeps no
// other spelling, and each run would write it again.
func (b *Builder) respell(a *ident.DesiredAttribute, current *ident.Entry) {
	syntax := b.set.Schema.Rule(a.Name).Syntax
	if syntax != ident.SyntaxDN && syntax != ident.SyntaxTime {
		return
	}
	a.Values = slices.Clone(a.Values)
	for i, v := range a.Values {
		if t, err := time.Parse("20060102150405Z", v); err == nil && syntax == ident.SyntaxTime {
			a.Values[i] = t.Format("20060102150405.0Z")
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

// danglingDN returns a value that names no object; "" when each names one.
func (b *Builder) danglingDN(a ident.DesiredAttribute, current *ident.Entry) (ident.DN, error) {
	var have []string
	if current != nil {
		have = current.Attributes.Values(a.Name)
	}
	for _, v := range a.Values {
		if slices.Contains(have, v) {
			continue // the directory itself keeps such a value in step
		}
		there, err := b.objectExists(ident.DN(v))
		if err != nil {
			return "", err
		}
		if !there {
			return ident.DN(v), nil
		}
	}
	return "", nil
}

// badAnchor says why the anchor attribute cannot hold the key; "" when it can.
// Without its anchor an account would not be found again after a loss of the
// state.
func (b *Builder) badAnchor(key ident.Key) (cause, next string) {
	if b.set.Anchor == "" {
		return "", ""
	}
	cause, _ = b.set.Schema.Rule(b.set.Anchor).Refuses([]string{b.anchorOf(key)}, false)
	if cause == "" {
		return "", ""
	}
	next = "choose another attribute for anchor in [directory]"
	if !text.Same(b.set.Anchor, "employeeNumber") {
		next += ": employeeNumber holds 512 characters"
	}
	return fmt.Sprintf("the anchor does not fit into %s: %s", b.set.Anchor, cause), next
}
