package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	ops "github.com/rollcall-agent/rollcall/agent/internal/operation"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// diffReferences adds what an account is to name of other accounts. A reference to
// an account that is not linked yet is put off until all records have come: this
// plan may make or adopt that account.
func (f *differ) diffReferences(c *change, want ident.Desired, link ident.Link) error {
	var late []ident.DesiredAttribute
	for _, a := range want.Attributes {
		if !a.Reference {
			continue
		}
		named, open, err := f.accounts(a, false)
		if err != nil {
			return err
		}
		if len(open) > 0 {
			late = append(late, a)
			continue
		}
		if err := f.diffReference(c, a, named, link); err != nil {
			return err
		}
	}
	f.draft.references.putOff(c, late)
	return nil
}

// lateReferences decides about the references that were put off.
func (f *differ) lateReferences() error {
	r := &f.draft.references
	for _, key := range r.keys() {
		if _, aside := f.draft.quarantined[key]; aside {
			continue
		}
		p := r.late[key]
		c, planned := f.draft.changes[key]
		if !planned {
			e, there, err := f.view.EntryByGUID(p.guid)
			if err != nil {
				return err
			}
			if !there {
				continue
			}
			c = &change{key: key, entry: e, name: p.name}
		}
		link, _, err := f.view.LinkByKey(key)
		if err != nil {
			return err
		}
		for _, a := range p.attributes {
			if err := f.lateReference(c, a, link); err != nil {
				return fmt.Errorf("plan key %s: %w", key, err)
			}
		}
		if !planned && len(c.ops) > 0 {
			f.draft.counts.Unchanged--
			f.draft.changes[key] = c
		}
	}
	return nil
}

// lateReference decides about one attribute. Keys without an account count as
// absent: a list that replaces is not known then, and what is there stays.
func (f *differ) lateReference(c *change, a ident.DesiredAttribute, link ident.Link) error {
	named, open, err := f.accounts(a, true)
	if err != nil {
		return err
	}
	for _, o := range open {
		f.draft.references.open(a.Name, o, c.key)
		f.draft.unsettled[c.key] = struct{}{}
	}
	if a.AbsentIsNull {
		f.draft.references.allowPart(c.key, a)
	}
	switch {
	case len(open) == 0, a.Add && len(named) > 0, a.AbsentIsNull && len(named) > 0:
	case a.AbsentIsNull && a.Empties:
		a.Clear = true
	default:
		return nil
	}
	return f.diffReference(c, a, named, link)
}

// diffReference compares one attribute with the accounts that it is to name. They
// are compared where both are now: the directory itself changes the value when an
// account is renamed or moved.
func (f *differ) diffReference(c *change, a ident.DesiredAttribute, named []account, link ident.Link) error {
	ch, verdict, err := f.compareReference(c.entry, a, named, link)
	if err != nil {
		return err
	}
	switch {
	case verdict == agreed:
		f.agree(c, link, map[string]string{text.Lower(a.Name): ops.AppliedDigest(ch)})
	case verdict == leftAlone:
		f.leaveAlone(c, ch)
	case verdict == different && !f.draft.refusedAttribute(c.key, c.name, ch):
		why := reasons{application: f.set.Application}
		if known, atSource := writtenAs(link, ch); uncertain(ch) && known && !atSource {
			why.others = append(why.others, ch.Name+" names somebody whom rollcall does not know by that name")
		} else {
			why.add(ch, a.Source, link)
		}
		op := c.first(ident.ClassReferences)
		if op == nil {
			c.add(operation{Operation: ident.Operation{Class: ident.ClassReferences, Reason: why.String()}})
			c.first(ident.ClassReferences).Attributes = []ident.AttributeChange{ch}
			return nil
		}
		op.Attributes = append(op.Attributes, ch)
		// The digest must not depend on which of them were late.
		slices.SortFunc(op.Attributes, func(x, y ident.AttributeChange) int { return strings.Compare(text.Lower(x.Name), text.Lower(y.Name)) })
		op.Reason += "; " + why.String()
	}
	return nil
}

// compareReference is attributeDiff for references. What was written is remembered
// by objects, not by DNs. An attribute without a value is no sign of a
// change by hand: the directory empties it when the account that it names is
// deleted.
func (f *differ) compareReference(
	e ident.Entry, a ident.DesiredAttribute, want []account, link ident.Link,
) (ident.AttributeChange, comparison, error) {
	have := e.Attributes.Values(a.Name)
	ch := ident.AttributeChange{Name: a.Name, Old: have, Add: a.Add, Reference: true}
	here := func(dn ident.DN) bool {
		return slices.ContainsFunc(have, func(v string) bool { return sameDN(ident.DN(v), dn) })
	}
	lacking := 0
	for _, t := range want {
		if !here(t.dn) {
			lacking++
		} else if a.Add {
			continue
		}
		ch.New, ch.Named = append(ch.New, string(t.dn)), append(ch.Named, t.Named)
	}
	known, atSource := writtenAs(link, ch)
	switch {
	case a.Apply == ident.ApplyIfEmpty && len(have) > 0, len(want) == 0 && (!a.Clear || a.Add), a.Add && lacking == 0:
		return ch, asWanted, nil
	case !a.Add && lacking == 0 && len(want) == len(have):
		if atSource {
			return ch, agreed, nil
		}
		return ch, asWanted, nil
	}
	var err error
	if ch.Were, err = f.objects(have); err != nil {
		return ch, asWanted, err
	}
	byHand := known && link.Applied[text.Lower(a.Name)] != ops.DigestOfObjects(have, ch.Were)
	if a.Directory && (byHand && (len(have) > 0 || !atSource) || !known && len(have) > 0) {
		ch.Conflict = byHand && atSource && !a.Add
		return ch, leftAlone, nil
	}
	if uncertain(ch) {
		return ch, different, nil
	}
	ch.Conflict = byHand && atSource && !a.Add && len(have) > 0
	ch.Drift = known && !atSource && !a.Add
	return ch, different, nil
}

// uncertain reports whether those whom a reference names may be whom rollcall wrote,
// under names that the mirror has not learned of.
func uncertain(ch ident.AttributeChange) bool {
	return !ident.Follows(ch.Name) && slices.Contains(ch.Were, "")
}

// writtenAs reports whether rollcall has written a reference before, and whether it
// named others then.
func writtenAs(link ident.Link, ch ident.AttributeChange) (known, others bool) {
	applied, known := link.Applied[text.Lower(ch.Name)]
	return known, known && applied != ops.AppliedDigest(ch)
}

// objects returns the objects that values name, as far as they are known.
func (f *differ) objects(values []string) ([]ident.GUID, error) {
	out := make([]ident.GUID, len(values))
	for i, v := range values {
		e, there, err := f.dir.entryAt(ident.DN(v))
		if err != nil {
			return nil, err
		}
		if there {
			out[i] = e.GUID
		}
	}
	return out, nil
}

// accounts returns the accounts of the keys that a reference gives, and the keys
// without one. With late, accounts that this plan makes or adopts count.
func (f *differ) accounts(a ident.DesiredAttribute, late bool) (named []account, open []unnamed, err error) {
	seen := map[ident.Key]bool{}
	for _, v := range a.Values {
		key := ident.Key(v)
		if seen[key] {
			continue
		}
		seen[key] = true
		t, why, err := f.accountOf(key, late)
		if err != nil {
			return nil, nil, err
		}
		if why != "" {
			open = append(open, unnamed{key, why})
			continue
		}
		named = append(named, t)
	}
	return named, open, nil
}

// accountOf returns the account of a key; why says why there is none.
func (f *differ) accountOf(key ident.Key, late bool) (t account, why string, err error) {
	r := &f.draft.references
	if t, known := r.known[key]; known {
		return t, "", nil
	}
	link, linked, err := f.view.LinkByKey(key)
	switch {
	case err != nil:
		return t, "", err
	case !linked && late:
		t, why = f.draft.willBe(key)
		return t, why, nil
	case !linked:
		return t, noAccount, nil
	}
	e, there, err := f.view.EntryByGUID(link.GUID)
	if err != nil || !there {
		return t, goneAccount, err
	}
	t = account{ident.Named{Key: key, GUID: e.GUID}, e.DN}
	if len(r.known) >= mostKnown {
		r.known = nil
	}
	if r.known == nil {
		r.known = map[ident.Key]account{}
	}
	r.known[key] = t
	return t, "", nil
}
