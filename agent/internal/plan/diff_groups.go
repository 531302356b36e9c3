package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// usableGroups returns the groups that accounts may be added to, and reports
// each of the others for this account. Because of the report the next run
// plans the account again and adds it once the group is in order.
func (f *differ) usableGroups(c *change, dns []ident.DN) ([]ident.DN, error) {
	var out []ident.DN
	for _, dn := range dns {
		g, err := f.dir.group(dn)
		if err != nil {
			return nil, err
		}
		switch {
		case g.trouble != "":
			f.draft.attend(c.key, c.name, ident.PartGroups, fmt.Sprintf("group %s: %s; the account is not added to it", g.dn, g.trouble), g.next)
		case !slices.ContainsFunc(out, func(o ident.DN) bool { return sameDN(o, dn) }):
			out = append(out, dn)
		}
	}
	return out, nil
}

// groupsOfNew returns the usable groups that a new account is to be added to:
// all but Domain Users, its primary group.
func (f *differ) groupsOfNew(c *change, dns []ident.DN) ([]ident.DN, error) {
	usable, err := f.usableGroups(c, dns)
	return slices.DeleteFunc(usable, func(dn ident.DN) bool { return ident.IsDomainUsers(f.dir.groups[dn].sid) }), err
}

// groupsToJoin returns the usable groups that the account is not in yet. It
// counts the primary group as joined: AD does not list the account there, and
// refuses to add it.
func (f *differ) groupsToJoin(c *change, dns []ident.DN) ([]ident.DN, error) {
	usable, err := f.usableGroups(c, dns)
	if err != nil {
		return nil, err
	}
	primary := ident.PrimaryGroup(c.entry)
	var out []ident.DN
	for _, dn := range usable {
		if primary != "" && primary == f.dir.groups[dn].sid {
			continue
		}
		member, err := f.view.MemberOf(dn, c.entry.GUID)
		if err != nil {
			return nil, err
		}
		if !member {
			out = append(out, dn)
		}
	}
	return out, nil
}

// groupsToRejoin returns the groups that a returner was in before rollcall took the
// account out of them, and forgets those that are gone or that somebody has given back.
func (f *differ) groupsToRejoin(c *change, want ident.Desired, link ident.Link) ([]*group, error) {
	if want.Off != "" {
		return nil, nil
	}
	var back []*group
	up := LinkUpdate{Key: c.key, GUID: link.GUID}
	for _, id := range link.Stripped {
		e, there, err := f.view.EntryByGUID(id)
		if err != nil {
			return nil, err
		}
		if !there {
			f.draft.note(c.key, c.name, "was in a group when the key was missing that does not exist any more: %s", id)
			up.Rejoined = append(up.Rejoined, id)
			continue
		}
		g, err := f.dir.group(e.DN)
		if err != nil {
			return nil, err
		}
		member, err := f.view.MemberOf(e.DN, c.entry.GUID)
		switch {
		case err != nil:
			return nil, err
		case member:
			up.Rejoined = append(up.Rejoined, id)
		case g.trouble != "":
			f.draft.attend(c.key, c.name, ident.PartGroups,
				fmt.Sprintf("group %s: %s; the account, which was in it before the key was missing, is not added to it", g.dn, g.trouble),
				"add the account by hand, or leave it so"+f.set.orAccept(c.key))
		default:
			back = append(back, g)
		}
	}
	if len(up.Rejoined) > 0 {
		f.draft.links = append(f.draft.links, up)
	}
	return back, nil
}

// addGroups adds the operation by which an account joins groups, and is back in others.
func (c *change) addGroups(groups []ident.DN, back []*group) {
	op := operation{}
	op.Class, op.Groups = ident.ClassGroups, groups
	var why []string
	if len(groups) > 0 {
		why = append(why, "not yet a member of "+namesOf(groups))
	}
	var again []ident.DN
	for _, g := range back {
		again = append(again, g.dn)
		if i := slices.IndexFunc(groups, func(dn ident.DN) bool { return sameDN(dn, g.dn) }); i >= 0 {
			op.remember(i, g.guid)
			continue
		}
		op.Groups = append(slices.Clip(op.Groups), g.dn)
		op.remember(len(op.Groups)-1, g.guid)
	}
	if len(op.Groups) == 0 {
		return
	}
	if len(again) > 0 {
		why = append(why, "back in "+namesOf(again)+", where the account was before the key was missing")
	}
	op.Reason = "groups: " + strings.Join(why, "; ")
	c.add(op)
}

// remember notes which group is the one at i of Groups or Left.
func (op *operation) remember(i int, id ident.GUID) {
	for len(op.GroupIDs) <= i {
		op.GroupIDs = append(op.GroupIDs, "")
	}
	op.GroupIDs[i] = id
}

func namesOf(groups []ident.DN) string {
	names := make([]string, len(groups))
	for i, g := range groups {
		names[i] = g.Name()
	}
	return strings.Join(names, ", ")
}
