// Package find finds the user or group of the directory that a person names at a
// command line, and lists those that a person may choose from.
//
// It reads from a domain controller, so what it finds exists now. It decides
// nothing about what may be done to an object, and knows no scope but the one that
// it is given.
package find

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// Directory is the domain controller that is asked.
type Directory interface {
	// Get returns an error that matches conn.ErrNotFound when there is no such object.
	Get(context.Context, conn.Target, []string) (ident.Entry, error)
	// Search calls the function for each object. An error of it ends the search and
	// is returned unchanged.
	Search(context.Context, conn.Query, func(ident.Entry) error) error
}

var _ Directory = (*conn.Client)(nil)

// Kind is what an object is.
type Kind string

// The kinds of objects that people name. Computers and contacts are neither.
const (
	User  Kind = "user"
	Group Kind = "group"
)

// identifying are the attributes by which people name an object, in the order in
// which an error tells of them.
var identifying = []string{"sAMAccountName", "userPrincipalName", "mail", "proxyAddresses"}

// described are the attributes by which people tell objects apart.
var described = []string{"sAMAccountName", "userPrincipalName", "mail", "displayName", "cn", "objectClass"}

// One returns the one object below base that has a name: its objectGUID, DN,
// sAMAccountName, userPrincipalName, mail or one of its proxyAddresses. It has the
// given attributes beside those of Label; "*" stands for all that are stored.
//
// The error is a *NameError when the name stands for no object, for several, or for
// one of another kind.
func One(ctx context.Context, dir Directory, base ident.DN, kind Kind, name string, attributes ...string) (ident.Entry, error) {
	name = strings.TrimSpace(name)
	if name == "" {
		return ident.Entry{}, &NameError{Kind: kind}
	}
	found, err := named(ctx, dir, base, name)
	if err != nil {
		return ident.Entry{}, fmt.Errorf("look up the %s %q: %w", kind, name, err)
	}
	var right, others []ident.Entry
	for _, e := range found {
		if kindOf(e) == kind {
			right = append(right, e)
		} else {
			others = append(others, e)
		}
	}
	if len(right) != 1 {
		return ident.Entry{}, wrong(ctx, dir, base, NameError{Kind: kind, Name: name, Candidates: right, Others: others})
	}
	e, err := dir.Get(ctx, conn.ByGUID(right[0].GUID), append(attributes, described...))
	if err != nil {
		return ident.Entry{}, fmt.Errorf("read the %s %q: %w", kind, name, err)
	}
	return e, nil
}

// wrong completes the error of a name that is not that of one object.
func wrong(ctx context.Context, dir Directory, base ident.DN, e NameError) error {
	if len(e.Candidates) > 0 || len(e.Others) > 0 {
		return &e
	}
	near, err := nearest(ctx, dir, base, e.Kind, e.Name)
	if err != nil {
		return errors.Join(&e, fmt.Errorf("look for names that are near: %w", err))
	}
	e.Near = near
	return &e
}

// named returns the objects that a name may stand for.
func named(ctx context.Context, dir Directory, base ident.DN, name string) ([]ident.Entry, error) {
	for _, target := range targets(name) {
		e, err := dir.Get(ctx, target, described)
		switch {
		case err == nil:
			return []ident.Entry{e}, nil
		case !errors.Is(err, conn.ErrNotFound):
			return nil, err
		}
	}
	var list []ident.Entry
	err := dir.Search(ctx, conn.Query{Base: base, Filter: filterFor(name), Attributes: described}, func(e ident.Entry) error {
		list = append(list, e)
		return nil
	})
	return list, err
}

// targets returns the ways in which a name is an address of an object.
func targets(name string) []conn.Target {
	guid := ident.GUID(text.Lower(strings.Trim(name, "{}")))
	if _, err := guid.Bytes(); err == nil {
		return []conn.Target{conn.ByGUID(guid)}
	}
	if _, err := ident.ParseDN(name); err == nil && strings.Contains(name, "=") {
		return []conn.Target{conn.ByDN(ident.DN(name))}
	}
	return nil
}

// filterFor returns a filter for what has a name in one of the identifying
// attributes. Proxy addresses are matched in either role: the directory compares
// smtp: and SMTP: as the same.
func filterFor(name string) string {
	var b strings.Builder
	for _, attribute := range identifying {
		value := conn.EscapeFilter(name)
		if attribute == "proxyAddresses" {
			if !strings.Contains(name, "@") {
				continue
			}
			value = "smtp:" + value
		}
		b.WriteString("(" + attribute + "=" + value + ")")
	}
	return "(&(|" + classes[User] + classes[Group] + ")(|" + b.String() + "))"
}

// classes are the filters for kinds.
var classes = map[Kind]string{
	User:  "(&(objectCategory=person)(objectClass=user))",
	Group: "(objectClass=group)",
}

// kindOf returns the kind of an object; "" when it is neither a user nor a group.
func kindOf(e ident.Entry) Kind {
	is := func(class string) bool {
		return slices.ContainsFunc(e.Attributes.Values("objectClass"), func(c string) bool { return text.Same(c, class) })
	}
	switch {
	case is("group"):
		return Group
	case is("user") && !is("computer"):
		return User
	}
	return ""
}
