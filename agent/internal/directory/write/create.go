package write

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-ldap/ldap/v3"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// Create makes a user account in one Add: attributes, anchor, password and state. It
// returns the account as the server shows it. If the server
// refuses some attributes, the account is made without them, and the error
// says so (see Error.Refused). Only the new values of the changes are used;
// they must include the anchor. The plan must have checked that no account
// carries the anchor yet: AD keeps no index of it.
func (w *Writer) Create(ctx context.Context, dn ident.DN, changes []ident.AttributeChange, initial Initial) (ident.Entry, error) {
	name, parent, err := w.target(ident.ClassCreate, dn)
	if err != nil {
		return ident.Entry{}, err
	}
	at := parent.Child(name)
	left := w.add(ctx, at, changes, initial) // what the account lacks
	if aboutValues(left) {
		left = w.withoutRefused(ctx, at, changes, initial, left)
	}
	var partly *Error
	if left != nil && (!errors.As(left, &partly) || partly.Done != ident.ClassCreate) {
		return ident.Entry{}, left
	}
	e, err := w.dir.Get(ctx, conn.ByDN(at), append(attributeNames(changes), "cn", "userAccountControl"))
	if err != nil {
		return ident.Entry{}, &Error{
			Kind: Unknown, Op: ident.ClassCreate, DN: at, Err: err, Cause: "the account was made but cannot be read back: " + err.Error(),
			Next: "it is found by its anchor before anything else is done",
		}
	}
	w.log.Debug("account created", "dn", at, "guid", e.GUID)
	return e, left
}

// add makes an account with everything given.
func (w *Writer) add(ctx context.Context, at ident.DN, changes []ident.AttributeChange, initial Initial) error {
	attributes, err := w.newAccount(at, changes, initial)
	if err != nil {
		return err
	}
	if err := w.dir.Add(ctx, at, attributes); err != nil {
		return w.createFailed(ctx, at, changes, err)
	}
	return nil
}

func (w *Writer) newAccount(dn ident.DN, changes []ident.AttributeChange, initial Initial) (map[string][]string, error) {
	attributes := map[string][]string{}
	given := map[string]bool{}
	for _, c := range changes {
		key := text.Lower(c.Name)
		cause := checkAttribute(c.Name, c.New, c.Binary)
		if cause == "" && given[key] {
			cause = c.Name + " is given twice"
		}
		if cause != "" {
			return nil, &Error{Kind: Invalid, Op: ident.ClassCreate, DN: dn, Attribute: c.Name, Cause: cause, Next: "correct it in the mapping"}
		}
		if len(c.New) > 0 {
			attributes[c.Name], given[key] = c.New, true
		}
	}
	for _, needed := range []string{"sAMAccountName", w.rules.Anchor} {
		if !given[text.Lower(needed)] {
			return nil, &Error{Kind: Invalid, Op: ident.ClassCreate, DN: dn, Attribute: needed, Cause: needed + " has no value", Next: "map it"}
		}
	}
	if len(initial.Password) == 0 {
		return nil, invalid(ident.ClassCreate, dn, "no account is made without a password", "set password in the automation")
	}
	attributes["objectClass"] = []string{"user"}
	flags := normalAccount
	if initial.Disabled {
		flags |= ident.AccountDisable
	}
	attributes["userAccountControl"] = []string{fmt.Sprint(flags)}
	attributes["unicodePwd"] = []string{unicodePwd(initial.Password)}
	if initial.MustChange {
		attributes["pwdLastSet"] = []string{"0"}
	}
	return attributes, nil
}

func taken(class ident.Class, dn ident.DN, attribute, value string, holder ident.DN, next string) *Error {
	return &Error{
		Kind: ValueTaken, Op: class, DN: dn, Attribute: attribute,
		Cause: fmt.Sprintf("%s %q is taken by %s", attribute, value, holder), Next: next,
	}
}

// createFailed explains a refused Add.
func (w *Writer) createFailed(ctx context.Context, at ident.DN, changes []ident.AttributeChange, err error) error {
	var answer *conn.Error
	if errors.As(err, &answer) && !answer.Unknown {
		switch answer.Code {
		case ldap.LDAPResultNoSuchObject:
			return noParent(ident.ClassCreate, at, err)
		case ldap.LDAPResultEntryAlreadyExists:
			// The account there may be this person's, made by a write whose
			// answer was lost.
			anchor := anchorOf(ident.Operation{Attributes: changes}, w.rules.Anchor)
			if holders, _ := w.FindAnchor(ctx, anchor); len(holders) > 0 {
				e := taken(ident.ClassCreate, at, w.rules.Anchor, anchor, holders[0].DN,
					"that account belongs to this record already: the next run links it")
				e.Code, e.Err = answer.Code, err
				return e
			}
			if holder, _ := w.dir.Get(ctx, conn.ByDN(at), []string{"cn"}); holder.GUID != "" {
				return w.fail(ident.ClassCreate, at, err)
			}
		}
	}
	return w.refused(ctx, ident.ClassCreate, at, changes, err)
}

func noParent(class ident.Class, to ident.DN, err error) *Error {
	return &Error{
		Kind: NoParent, Op: class, DN: to, Err: err, Code: ldap.LDAPResultNoSuchObject,
		Cause: fmt.Sprintf("%s does not exist or is not visible to the agent's account", to.Parent()),
		Next:  "create that organizational unit, or correct ou",
	}
}

// uniqueAttributes are kept unique by the server itself. Its answers do not
// reliably say which attribute is concerned, so the holder of the value is
// looked up.
var uniqueAttributes = []string{"sAMAccountName", "userPrincipalName"}

// refused explains a refused Add or Modify. If a unique value is the cause, it
// names the holder.
func (w *Writer) refused(ctx context.Context, class ident.Class, dn ident.DN, changes []ident.AttributeChange, err error) error {
	var answer *conn.Error
	if errors.As(err, &answer) && (answer.Code == ldap.LDAPResultEntryAlreadyExists || answer.Code == ldap.LDAPResultConstraintViolation) {
		for _, c := range changes {
			for _, unique := range uniqueAttributes {
				if !text.Same(c.Name, unique) || len(c.New) != 1 {
					continue
				}
				if holder := w.holder(ctx, unique, c.New[0], dn); holder != "" {
					e := taken(class, dn, unique, c.New[0], holder, "give "+unique+" a further format in the mapping")
					e.Code, e.Err = answer.Code, err
					return e
				}
			}
		}
	}
	return w.fail(class, dn, err)
}

// holder finds another object of any kind that has the value; "" if there is
// none.
func (w *Writer) holder(ctx context.Context, attribute, value string, self ident.DN) ident.DN {
	var found ident.DN
	err := w.dir.Search(ctx, conn.Query{
		Base: w.dir.Server().NamingContext, Attributes: []string{attribute},
		Filter: "(" + attribute + "=" + conn.EscapeFilter(value) + ")",
	}, func(e ident.Entry) error {
		if !e.DN.EqualFold(self) {
			found = e.DN
		}
		return nil
	})
	if err != nil {
		return "" // the server's own answer is reported instead
	}
	return found
}
