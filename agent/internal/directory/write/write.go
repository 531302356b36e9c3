// Package write carries out one operation of a plan in Active Directory.
//
// It trusts no plan: right before each write it reads the object again from
// the domain controller. The object must lie in scope, must not be protected,
// and must still have the values that the plan saw. The package does not
// decide who should have an account, keeps no state, and never repeats a write
// whose outcome is unknown.
package write

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// Rules limit what may be written.
type Rules struct {
	// Scope lists the containers below which objects may be written; the
	// containers themselves may not. Required.
	Scope ident.Scope
	// Anchor names the attribute that holds ident.Anchor. Required.
	Anchor string
	// Protect lists further groups to treat like those of
	// ident.PrivilegedGroups.
	Protect []ident.DN
	// Allow lists protected accounts and groups that may be touched
	// nevertheless. A privileged group among them no longer protects its
	// members.
	Allow []ident.DN
	// BindDN is the account that the agent binds as, in any form that
	// conn.Settings accepts.
	BindDN string
}

func (r Rules) check() error {
	if len(r.Scope) == 0 {
		return errors.New("no scope is set: nothing may be written anywhere")
	}
	for _, s := range r.Scope {
		if _, err := ident.ParseDN(string(s)); err != nil || strings.TrimSpace(string(s)) == "" {
			return fmt.Errorf("scope %q is not the DN of a container", s)
		}
	}
	if r.Anchor == "" {
		return errors.New("no anchor attribute is set")
	}
	return nil
}

// Writer writes to one domain controller. It is safe for use by several
// goroutines, for different objects.
type Writer struct {
	dir        Directory
	rules      Rules
	protection *protection
	log        *slog.Logger
}

// New checks the rules and finds out which account the agent binds as.
func New(ctx context.Context, dir Directory, rules Rules, log *slog.Logger) (*Writer, error) {
	p, err := newProtection(ctx, dir, rules)
	if err != nil {
		return nil, err
	}
	return &Writer{dir: dir, rules: rules, protection: p, log: log}, nil
}

// Initial is the password and the state of an account that is created.
type Initial struct {
	Password   []byte
	MustChange bool // at the next logon
	Disabled   bool
}

// Apply carries out one operation on the object guid, which is empty for a
// create. It returns the GUID of the object, even if an account was made
// without some of its attributes. Errors are *Error.
func (w *Writer) Apply(ctx context.Context, guid ident.GUID, op ident.Operation, initial Initial) (ident.GUID, error) {
	switch op.Class {
	case ident.ClassCreate:
		initial.Disabled = op.Off != ""
		e, err := w.Create(ctx, op.To, op.Attributes, initial)
		return e.GUID, err
	case ident.ClassLink:
		return guid, w.Rekey(ctx, guid, op.Attributes)
	case ident.ClassAdopt:
		return guid, w.Adopt(ctx, guid, anchorOf(op, w.rules.Anchor))
	case ident.ClassUpdate:
		return guid, w.Update(ctx, guid, op.Attributes)
	case ident.ClassReferences:
		return guid, w.update(ctx, op.Class, guid, op.Attributes)
	case ident.ClassRename:
		return guid, w.Rename(ctx, guid, op.From, op.To)
	case ident.ClassMove:
		return guid, w.Move(ctx, guid, op.From, op.To)
	case ident.ClassEnable:
		return guid, w.Enable(ctx, guid, op.From, op.To)
	case ident.ClassDisable:
		return guid, w.Disable(ctx, guid, op.From, op.To)
	case ident.ClassGroups:
		if len(op.Left) > 0 {
			return guid, w.RemoveFromGroups(ctx, guid, op.Left)
		}
		return guid, w.AddToGroups(ctx, guid, op.Groups)
	case ident.ClassDelete:
		return guid, w.Delete(ctx, guid)
	}
	return guid, invalid(op.Class, op.To, fmt.Sprintf("the operation %q is not carried out by this version", op.Class),
		"leave it out of the plan")
}

func anchorOf(op ident.Operation, anchor string) string {
	for _, a := range op.Attributes {
		if text.Same(a.Name, anchor) && len(a.New) == 1 {
			return a.New[0]
		}
	}
	return ""
}

// FindAnchor lists the user accounts of the whole domain, in scope or not,
// that carry exactly this value in the anchor attribute. AD has no index of
// the usual anchor attributes, so it scans all users: use it to find out what
// became of a write, not for every write.
func (w *Writer) FindAnchor(ctx context.Context, value string) ([]ident.Entry, error) {
	found, err := w.find(ctx, w.rules.Anchor, value)
	if err != nil {
		return nil, w.fail(ident.ClassLink, "", err)
	}
	// The directory ignores case and spaces; keys do not.
	return slices.DeleteFunc(found, func(e ident.Entry) bool {
		return !slices.Contains(e.Attributes.Values(w.rules.Anchor), value)
	}), nil
}

// find lists the user accounts with a value in an attribute.
func (w *Writer) find(ctx context.Context, attribute, value string) ([]ident.Entry, error) {
	var found []ident.Entry
	err := w.dir.Search(ctx, conn.Query{
		Base:       w.dir.Server().NamingContext,
		Filter:     "(&(sAMAccountType=" + ident.NormalUser + ")(" + attribute + "=" + conn.EscapeFilter(value) + "))",
		Attributes: []string{attribute, "cn", "sAMAccountName", "userPrincipalName", "userAccountControl"},
	}, func(e ident.Entry) error {
		found = append(found, e)
		return nil
	})
	return found, err
}

// ReadBack reads an object from the domain controller that the writes go to.
// Without attributes, it reads all but the constructed ones.
func (w *Writer) ReadBack(ctx context.Context, guid ident.GUID, attributes []string) (ident.Entry, error) {
	e, err := w.dir.Get(ctx, conn.ByGUID(guid), attributes)
	if err != nil {
		return e, w.fail("", ident.DN("<GUID="+string(guid)+">"), err)
	}
	return e, nil
}

// account reads a user account afresh and checks that it may be touched.
func (w *Writer) account(ctx context.Context, class ident.Class, guid ident.GUID, attributes ...string) (ident.Entry, error) {
	e, err := w.dir.Get(ctx, conn.ByGUID(guid), append(attributes, protectionAttributes...))
	if err != nil {
		return e, w.fail(class, ident.DN("<GUID="+string(guid)+">"), err)
	}
	if !w.rules.Scope.Holds(e.DN) {
		return e, outOfScope(class, e.DN)
	}
	why, err := w.protection.account(ctx, e)
	if err != nil {
		return e, w.fail(class, e.DN, err)
	}
	if why != "" {
		return e, &Error{
			Kind: Protected, Op: class, DN: e.DN, Cause: "the account is protected: " + why,
			Next: "leave this person out with where, or name the account, or the group that protects it, in allow_protected of [directory]",
		}
	}
	return e, nil
}

// target checks and splits the DN that an object is to have. It refuses a DN
// that could be read in two ways, because what is checked must be what is
// sent.
func (w *Writer) target(class ident.Class, to ident.DN) (name string, parent ident.DN, err error) {
	if _, perr := ident.ParseDN(string(to)); perr != nil || to.Parent() == "" || !to.Parent().Child(to.Name()).EqualFold(to) {
		return "", "", invalid(class, to, fmt.Sprintf("%q is not a plain CN=...,OU=... name", to), "correct cn or ou in the mapping")
	}
	name, parent = to.Name(), to.Parent()
	if !w.rules.Scope.Holds(to) {
		return "", "", outOfScope(class, to)
	}
	if cause := badName(name); cause != "" {
		return "", "", &Error{Kind: Invalid, Op: class, DN: to, Attribute: "cn", Cause: cause, Next: "give cn another format in the mapping"}
	}
	return name, parent, nil
}
