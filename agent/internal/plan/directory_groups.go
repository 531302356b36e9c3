package plan

import (
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// group is what a plan knows about a group that accounts are to join.
type group struct {
	dn      ident.DN
	guid    ident.GUID
	trouble string // why nobody is added to it; "" when members are
	next    string // what to do about the trouble
	sid     string
}

// group returns what is known about a group, asking the View once for each.
func (dir *directory) group(dn ident.DN) (*group, error) {
	if g, known := dir.groups[dn]; known {
		return g, nil
	}
	entry, there, err := dir.entryAt(dn)
	if err != nil {
		return nil, err
	}
	g := &group{dn: dn, guid: entry.GUID, sid: entry.Attributes.First("objectsid")}
	switch {
	case !dir.inScope(dn.Parent()):
		g.trouble = "it is outside the scope of [directory]"
		g.next = "add its OU to scope, or take it out of groups of the automation " + dir.set.Automation
	case !there:
		g.trouble = "it does not exist"
		g.next = "create it, or correct groups of the automation " + dir.set.Automation
	case !isGroup(entry):
		g.trouble = "it is no group"
		g.next = "correct groups of the automation " + dir.set.Automation
	default:
		if g.trouble, err = dir.untouchable(entry); err != nil {
			return nil, err
		}
		g.next = "take it out of groups of the automation " + dir.set.Automation + ", or name it in allow_protected of [directory]"
	}
	dir.groups[dn] = g
	return g, nil
}

// isGroup reports whether an object is a group. An object of unknown kind
// counts as one.
func isGroup(e ident.Entry) bool {
	classes := e.Attributes.Values("objectclass")
	return len(classes) == 0 || slices.ContainsFunc(classes, func(c string) bool { return text.Same(c, "group") })
}
