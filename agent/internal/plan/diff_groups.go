package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// group is what a plan knows about a group that accounts are to join.
type group struct {
	dn      ident.DN
	trouble string // why nobody is added to it; "" when members are
	next    string // what to do about the trouble
	sid     string
}

// usableGroups returns the groups that accounts may be added to, and reports
// each of the others for this account. Because of the report the next run
// plans the account again and adds it once the group is in order.
func (f *differ) usableGroups(c *change, dns []ident.DN) ([]ident.DN, error) {
	var out []ident.DN
	for _, dn := range dns {
		g, err := f.group(dn)
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

func (f *differ) group(dn ident.DN) (*group, error) {
	if g, known := f.groups[dn]; known {
		return g, nil
	}
	entry, there, err := f.dir.entryAt(dn)
	if err != nil {
		return nil, err
	}
	g := &group{dn: dn, sid: entry.Attributes.First("objectsid")}
	switch {
	case !f.dir.inScope(dn.Parent()):
		g.trouble = "it is outside the scope of [directory]"
		g.next = "add its OU to scope, or take it out of groups of the automation " + f.set.Automation
	case !there:
		g.trouble = "it does not exist"
		g.next = "create it, or correct groups of the automation " + f.set.Automation
	case !isGroup(entry):
		g.trouble = "it is no group"
		g.next = "correct groups of the automation " + f.set.Automation
	default:
		if g.trouble, err = f.dir.untouchable(entry); err != nil {
			return nil, err
		}
		g.next = "take it out of groups of the automation " + f.set.Automation + ", or name it in allow_protected of [directory]"
	}
	f.groups[dn] = g
	return g, nil
}

// groupsOfNew returns the usable groups that a new account is to be added to:
// all but Domain Users, its primary group.
func (f *differ) groupsOfNew(c *change, dns []ident.DN) ([]ident.DN, error) {
	usable, err := f.usableGroups(c, dns)
	return slices.DeleteFunc(usable, func(dn ident.DN) bool { return ident.IsDomainUsers(f.groups[dn].sid) }), err
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
		if primary != "" && primary == f.groups[dn].sid {
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

func (c *change) addGroups(groups []ident.DN) {
	if len(groups) == 0 {
		return
	}
	names := make([]string, len(groups))
	for i, g := range groups {
		names[i] = g.Name()
	}
	op := operation{}
	op.Class, op.Groups = ident.ClassGroups, groups
	op.Reason = "groups: not yet a member of " + strings.Join(names, ", ")
	c.add(op)
}

// isGroup reports whether an object is a group. An object of unknown kind
// counts as one.
func isGroup(e ident.Entry) bool {
	classes := e.Attributes.Values("objectclass")
	return len(classes) == 0 || slices.ContainsFunc(classes, func(c string) bool { return text.Same(c, "group") })
}
