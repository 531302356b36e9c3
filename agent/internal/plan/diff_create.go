package plan

import (
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// create plans the account of a record that matches nobody. The anchor is
// among the attributes; the common name is not, because it is part of the DN.
func (f *differ) create(rec ident.Record) error {
	want, ok, err := f.mapRecord(rec, nil, nil)
	if !ok || err != nil || f.makesNone(want) {
		return err
	}
	cn, _ := want.Attribute("cn")
	c := &change{key: rec.Key, name: desiredName(want)}
	cause, next, err := f.cannotPlace(rec.Key, want.Parent, cn)
	if err != nil {
		return err
	}
	if cause != "" {
		f.draft.setAside(rec.Key, c.name, cause, next)
		f.draft.block(rec, cause)
		return nil
	}
	groups, err := f.groupsOfNew(c, want.Groups)
	if err != nil {
		return err
	}
	op := operation{parent: want.Parent, cn: cn.Values[0]}
	op.Class = ident.ClassCreate
	op.Reason = fmt.Sprintf("%s delivers the key %s and no account belongs to it", f.set.Application, rec.Key)
	if op.Off = want.Off; op.Off != "" {
		op.Reason += "; it is made disabled until " + f.condition(op.Off) + " holds"
	}
	for _, a := range want.Attributes {
		if len(a.Values) == 0 || a.Reference || text.Same(a.Name, "cn") || f.set.isAnchorAttribute(a.Name) {
			continue
		}
		ch := ident.AttributeChange{Name: a.Name, New: distinct(a.Values, a.Binary), Binary: a.Binary}
		if f.draft.refusedAttribute(rec.Key, c.name, ch) {
			continue
		}
		// No later run would write an attribute with apply = "create", so it
		// is never put off.
		if !f.affords(ch) && a.Apply != ident.ApplyCreate {
			f.wait(rec.Key)
			continue
		}
		op.Attributes = append(op.Attributes, ch)
	}
	if f.set.Anchor != "" {
		op.Attributes = append(op.Attributes, ident.AttributeChange{Name: f.set.Anchor, New: []string{f.set.anchorOf(rec.Key)}})
	}
	c.add(op)
	if err := f.diffReferences(c, want, ident.Link{}); err != nil {
		return err
	}
	c.addGroups(groups, nil)
	f.draft.names.Reserve("cn", op.cn, mapping.UniqueContainer, op.parent, rec.Key)
	f.draft.keep(c)
	return nil
}

// cannotPlace says why no account can be made in a container; "" if one can.
func (f *differ) cannotPlace(key ident.Key, parent ident.DN, cn ident.DesiredAttribute) (cause, next string, err error) {
	if len(cn.Values) != 1 || cn.Values[0] == "" {
		return "cn has no value", "complete the record at the source, or give cn another expression", nil
	}
	if !f.dir.inScope(parent) {
		return fmt.Sprintf("the OU %s is outside the scope of [directory]", parent), "correct ou, or widen scope", nil
	}
	there, err := f.dir.containerExists(parent)
	if err != nil {
		return "", "", err
	}
	if !there {
		return fmt.Sprintf("the OU %s does not exist", parent), "create it in the directory, or correct ou", nil
	}
	holder, taken, err := f.draft.names.Holder("cn", cn.Values[0], mapping.UniqueContainer, parent, "", key)
	if taken {
		cause = fmt.Sprintf("%s already has the name %s in %s", holder, cn.Values[0], parent)
	}
	return cause, "give cn a further format that tells the two apart", err
}

// desiredName returns the name that people call the person by.
func desiredName(want ident.Desired) string {
	for _, name := range []string{"displayName", "cn"} {
		if a, ok := want.Attribute(name); ok && len(a.Values) > 0 {
			return a.Values[0]
		}
	}
	return ""
}
