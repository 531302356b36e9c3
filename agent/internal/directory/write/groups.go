package write

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/go-ldap/ldap/v3"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// AddToGroups makes an account a member of groups. It checks all groups before
// it joins the first. It is no error if the account is already a member.
func (w *Writer) AddToGroups(ctx context.Context, guid ident.GUID, groups []ident.DN) error {
	return w.memberships(ctx, guid, groups, conn.AddValues)
}

// RemoveFromGroups ends the membership of an account in groups. It checks all
// groups before it leaves the first. It is no error if the account is no member.
// No account can leave its primary group: the directory refuses that.
func (w *Writer) RemoveFromGroups(ctx context.Context, guid ident.GUID, groups []ident.DN) error {
	return w.memberships(ctx, guid, groups, conn.DeleteValues)
}

func (w *Writer) memberships(ctx context.Context, guid ident.GUID, groups []ident.DN, kind conn.ModKind) error {
	e, err := w.account(ctx, ident.ClassGroups, guid)
	if err != nil {
		return err
	}
	for _, g := range groups {
		if err := w.mayChange(ctx, g); err != nil {
			return err
		}
	}
	var changed []ident.DN
	for _, g := range groups {
		err := w.dir.Modify(ctx, conn.ByDN(g), []conn.Mod{{Kind: kind, Attribute: "member", Values: []string{string(e.DN)}}}, false)
		if err != nil {
			if err, left := w.membershipFailed(ctx, e, g, kind, err); left {
				return partOf(err, changed)
			}
		}
		changed = append(changed, g)
	}
	return nil
}

// membershipFailed explains why a membership was not changed. It reports false if
// the group has or lacks the member already.
func (w *Writer) membershipFailed(ctx context.Context, e ident.Entry, group ident.DN, kind conn.ModKind, err error) (error, bool) {
	var answer *conn.Error
	if !errors.As(err, &answer) {
		return w.fail(ident.ClassGroups, group, err), true
	}
	switch {
	case kind == conn.AddValues && (answer.Code == ldap.LDAPResultEntryAlreadyExists || answer.Code == ldap.LDAPResultAttributeOrValueExists):
		return nil, false
	case kind != conn.DeleteValues || answer.Code != ldap.LDAPResultUnwillingToPerform && answer.Code != ldap.LDAPResultNoSuchAttribute:
		return w.fail(ident.ClassGroups, group, err), true
	}
	// AD answers a removal alike whether the account is no member or it is the primary group.
	g, getErr := w.dir.Get(ctx, conn.ByDN(group), []string{"objectSid"})
	account, readErr := w.dir.Get(ctx, conn.ByGUID(e.GUID), []string{"memberOf", "primaryGroupID", "objectSid"})
	if getErr != nil || readErr != nil {
		return w.fail(ident.ClassGroups, group, errors.Join(err, getErr, readErr)), true
	}
	if sid := g.Attributes.First("objectSid"); sid != "" && sid == ident.PrimaryGroup(account) {
		return &Error{
			Kind: Invalid, Op: ident.ClassGroups, DN: group, Code: answer.Code, Err: err,
			Cause: fmt.Sprintf("%s is the primary group of the account, which cannot leave it", group),
			Next:  "give the account another primary group by hand, or leave the group out",
		}, true
	}
	member := slices.ContainsFunc(account.Attributes.Values("memberOf"), func(dn string) bool { return g.DN.EqualFold(ident.DN(dn)) })
	return w.fail(ident.ClassGroups, group, err), member
}

// partOf notes in an error which of the groups were changed before it.
func partOf(err error, changed []ident.DN) error {
	var failed *Error
	if errors.As(err, &failed) && len(changed) > 0 {
		failed.Done, failed.Changed = ident.ClassGroups, changed
	}
	return err
}

// mayChange reads a group afresh and checks it: it must be a group, lie in
// scope, and give no power over the domain, neither itself nor through a group
// that it is in.
func (w *Writer) mayChange(ctx context.Context, dn ident.DN) error {
	g, err := w.dir.Get(ctx, conn.ByDN(dn), protectionAttributes)
	if err != nil {
		return w.fail(ident.ClassGroups, dn, err)
	}
	if !w.rules.Scope.Holds(g.DN) {
		return outOfScope(ident.ClassGroups, g.DN)
	}
	if !slices.ContainsFunc(g.Attributes.Values("objectClass"), func(c string) bool { return text.Same(c, "group") }) {
		return invalid(ident.ClassGroups, dn, fmt.Sprintf("%s is not a group", dn), "correct the name of the group")
	}
	if w.protection.allowed(g.DN) {
		return nil
	}
	why := w.protection.byItself(g)
	if why == "" {
		if why, err = w.protection.upwards(ctx, g); err != nil {
			return w.fail(ident.ClassGroups, dn, err)
		}
	}
	if why != "" {
		return &Error{
			Kind: Protected, Op: ident.ClassGroups, DN: dn, Cause: "the group is protected: " + why,
			Next: "take it out of groups, or name it in allow_protected of [directory]",
		}
	}
	return nil
}
