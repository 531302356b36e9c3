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
	e, err := w.account(ctx, ident.ClassGroups, guid)
	if err != nil {
		return err
	}
	for _, g := range groups {
		if err := w.mayJoin(ctx, g); err != nil {
			return err
		}
	}
	joined := false
	for _, g := range groups {
		err := w.dir.Modify(ctx, conn.ByDN(g), []conn.Mod{{Kind: conn.AddValues, Attribute: "member", Values: []string{string(e.DN)}}}, false)
		if err != nil && !alreadyMember(err) {
			return w.joinFailed(g, joined, err)
		}
		joined = true
	}
	return nil
}

func alreadyMember(err error) bool {
	var answer *conn.Error
	return errors.As(err, &answer) &&
		(answer.Code == ldap.LDAPResultEntryAlreadyExists || answer.Code == ldap.LDAPResultAttributeOrValueExists)
}

func (w *Writer) joinFailed(group ident.DN, joined bool, err error) error {
	err = w.fail(ident.ClassGroups, group, err)
	var failed *Error
	if errors.As(err, &failed) && joined {
		failed.Done = ident.ClassGroups
	}
	return err
}

// mayJoin reads a group afresh and checks it: it must be a group, lie in
// scope, and give no power over the domain, neither itself nor through a group
// that it is in.
func (w *Writer) mayJoin(ctx context.Context, dn ident.DN) error {
	g, err := w.dir.Get(ctx, conn.ByDN(dn), protectionAttributes)
	if err != nil {
		return w.fail(ident.ClassGroups, dn, err)
	}
	if !w.rules.Scope.Holds(g.DN) {
		return outOfScope(ident.ClassGroups, g.DN)
	}
	if !slices.ContainsFunc(g.Attributes.Values("objectClass"), func(c string) bool { return text.Same(c, "group") }) {
		return invalid(ident.ClassGroups, dn, fmt.Sprintf("%s is not a group", dn), "correct groups of the automation")
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
