package orchestration

import (
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// maxFormer limits the former values that are kept of one attribute, in bytes.
const maxFormer = 16 << 10

// Former returns what an operation has changed of an object, as it was before: the
// attributes that the orchestration uses of "old", and the DN. One without values
// has none here: it had none before, or they are bytes, or longer than maxFormer.
// Former returns nil for a new object, and when the orchestration does not use
// "old".
func (o *Orchestration) Former(out ident.Outcome) *ident.Entry {
	names, all := o.Attributes("old")
	if _, used := o.spelled["old"]; !used || out.Operation.Class == ident.ClassCreate {
		return nil
	}
	uses := func(name string) bool {
		return all || slices.ContainsFunc(names, func(used string) bool { return text.Same(used, name) })
	}
	e := ident.Entry{GUID: out.GUID, DN: out.DN, Attributes: ident.Attributes{}}
	for _, change := range out.Operation.Attributes {
		if uses(change.Name) {
			e.Attributes.Set(change.Name, former(change)...)
		}
	}
	if from, to := out.Operation.From, out.Operation.To; from != "" && to != "" {
		e.DN = from
		for _, name := range []string{"cn", "name"} {
			if from.Name() != to.Name() && uses(name) {
				e.Attributes.Set(name, from.Name())
			}
		}
	}
	return &e
}

func former(c ident.AttributeChange) []string {
	if c.Binary {
		return nil
	}
	return kept(c.Old)
}

// kept returns values, or none when they are bytes or longer than maxFormer.
func kept(values []string) []string {
	size := 0
	for _, v := range values {
		size += len(v)
		if size > maxFormer || !utf8.ValidString(v) {
			return nil
		}
	}
	return slices.Clone(values)
}

// FormerOf is Former for a change in the directory: what the object had of the
// attributes that the orchestration uses of "old", and its former DN. It returns nil
// for an object that was not there.
func (o *Orchestration) FormerOf(e ident.Event) *ident.Entry {
	names, all := o.Attributes("old")
	if _, used := o.spelled["old"]; !used || e.From == "" {
		return nil
	}
	old := ident.Entry{GUID: e.GUID, DN: e.From, Attributes: ident.Attributes{}}
	before := e.Before()
	if all {
		names = slices.AppendSeq(names, maps.Keys(before))
	}
	for _, name := range names {
		if lower := text.Lower(name); name != expr.Every && ident.Imaged(lower) == "" {
			old.Attributes.Set(lower, kept(before.Values(lower))...)
		}
	}
	return &old
}

// ImageOf returns the object as it was last seen, for an event that says that it was
// deleted: the attributes that the orchestration uses of "ad". It returns nil for
// other events.
func (o *Orchestration) ImageOf(e ident.Event) *ident.Entry {
	if !slices.Contains(e.Kinds(), ident.EventDeleted) {
		return nil
	}
	names, all := o.Attributes("ad")
	last := ident.Entry{GUID: e.GUID, DN: e.DN, Attributes: ident.Attributes{}}
	for name, values := range e.Image {
		used := all || slices.ContainsFunc(names, func(n string) bool { return text.Same(n, name) })
		if values = kept(values); used && len(values) > 0 {
			last.Attributes.Set(name, values...)
		}
	}
	return &last
}

// Before returns the object as it was before the change, from what it is now and
// what the change has replaced; nil when nothing was changed that exists. What
// others have changed since is as it is now.
func (i Input) Before(now *ident.Entry) *ident.Entry {
	if i.Old == nil {
		return nil
	}
	e := ident.Entry{GUID: i.Old.GUID, DN: i.Old.DN, Attributes: ident.Attributes{}}
	if now != nil {
		maps.Copy(e.Attributes, now.Attributes)
	}
	for name, values := range i.Old.Attributes {
		e.Attributes.Set(name, values...)
	}
	if i.Change != nil {
		switchBack(e.Attributes, i.Change.Kind)
	}
	return &e
}

// switchBack gives an account that was disabled or enabled its former state.
func switchBack(a ident.Attributes, kind string) {
	flags, err := strconv.ParseInt(a.First("userAccountControl"), 10, 64)
	if err != nil {
		return
	}
	switch kind {
	case "disabled":
		flags &^= ident.AccountDisable
	case "enabled":
		flags |= ident.AccountDisable
	default:
		return
	}
	a.Set("userAccountControl", strconv.FormatInt(flags, 10))
}
