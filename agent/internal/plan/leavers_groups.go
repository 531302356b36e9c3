package plan

import (
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// GroupLister is a View that can list the groups that accounts are in by themselves, but
// for their primary group. Each call costs exchanges with the server, so it is asked once
// for all accounts.
type GroupLister interface {
	GroupsOf(accounts []ident.GUID) (map[ident.GUID][]ident.DN, error)
}

// strips reports whether the account of a missing key is to be taken out of its groups:
// rollcall has disabled it in an earlier run, for whatever reason. Nobody who can log in
// loses a group, even when the write that disables fails or waits for approval.
func (l *leaverPlanner) strips(link ident.Link) bool {
	return l.set.Missing.StripGroups && link.MissingSince != nil
}

// readGroups reads the groups of the accounts that are to be taken out of them.
func (l *leaverPlanner) readGroups(missing []ident.Link) error {
	lister, lists := l.view.(GroupLister)
	var accounts []ident.GUID
	for _, link := range missing {
		if l.strips(link) {
			accounts = append(accounts, link.GUID)
		}
	}
	if !lists || len(accounts) == 0 {
		return nil
	}
	var err error
	l.groups, err = lister.GroupsOf(accounts)
	return err
}

// leaveGroups plans to take the account of a missing key out of its groups, but for those
// that rollcall must not change.
func (l *leaverPlanner) leaveGroups(c *change, reason string, link ident.Link) error {
	disabled, known := c.entry.Disabled()
	if !l.strips(link) || !known || !disabled {
		return nil
	}
	op := operation{missing: true}
	op.Class = ident.ClassGroups
	for _, dn := range l.groups[link.GUID] {
		g, err := l.dir.group(dn)
		if err != nil {
			return err
		}
		if g.trouble != "" {
			l.draft.tally.inGroups++
			continue
		}
		op.Left = append(op.Left, dn)
		op.remember(len(op.Left)-1, g.guid)
	}
	if len(op.Left) == 0 {
		return nil
	}
	op.Reason = reason + "; out of " + namesOf(op.Left)
	c.add(op)
	return nil
}
