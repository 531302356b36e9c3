package engine

import (
	"context"
	"errors"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// holds reports whether an object is as the operation leaves it.
func holds(entry ident.Entry, op ident.Operation) bool {
	disabled, _ := entry.Disabled()
	placed := op.To == "" || entry.DN.EqualFold(op.To)
	switch op.Class {
	case ident.ClassDisable:
		return disabled && placed
	case ident.ClassEnable:
		return !disabled && placed
	case ident.ClassRename, ident.ClassMove:
		return placed
	case ident.ClassGroups:
		return memberOfAll(entry, op.Groups)
	case ident.ClassUpdate, ident.ClassAdopt, ident.ClassLink:
		return valuesHold(entry, op.Attributes)
	case ident.ClassCreate, ident.ClassDelete:
	}
	return false
}

// addPrimaryGroup puts the primary group among the groups of an account, which
// AD leaves out there.
func addPrimaryGroup(ctx context.Context, r *run, account ident.Entry) error {
	sid := ident.PrimaryGroup(account)
	if sid == "" {
		return nil
	}
	group, err := r.client.Get(ctx, conn.ByDN(ident.DN("<SID="+sid+">")), []string{"cn"})
	if errors.Is(err, conn.ErrNotFound) {
		return nil
	}
	if err == nil {
		account.Attributes["memberof"] = append(account.Attributes["memberof"], string(group.DN))
	}
	return err
}

func memberOfAll(entry ident.Entry, groups []ident.DN) bool {
	for _, g := range groups {
		if !slices.ContainsFunc(entry.Attributes.Values("memberOf"), func(dn string) bool { return g.EqualFold(ident.DN(dn)) }) {
			return false
		}
	}
	return true
}

func valuesHold(entry ident.Entry, changes []ident.AttributeChange) bool {
	for _, c := range changes {
		have := entry.Attributes.Values(c.Name)
		for _, want := range c.New {
			if !slices.Contains(have, want) {
				return false
			}
		}
		if !c.Add && len(have) != len(c.New) {
			return false
		}
	}
	return true
}
