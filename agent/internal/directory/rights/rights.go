// Package rights asks a domain controller what the bound account may do with
// an object, using attributes that the domain controller computes for the
// account that asks (MS-ADTS section 3.1.1.4.5). It only reads. If the domain
// controller does not answer, a right is unknown, not lacking: only the write
// itself is proof.
package rights

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// Directory is the part of a connection that this package uses.
type Directory interface {
	Get(ctx context.Context, t conn.Target, attributes []string) (ident.Entry, error)
	Search(ctx context.Context, q conn.Query, each func(ident.Entry) error) error
}

var _ Directory = (*conn.Client)(nil)

// Effective says what the account may do with one object.
type Effective struct {
	DN    ident.DN
	entry ident.Entry
}

// These attributes are computed: what the schema allows at all, and what of it
// this account may do. The first shows whether an empty second one means
// anything.
const (
	attributesAllowed   = "allowedAttributes"
	attributesEffective = "allowedAttributesEffective"
	classesAllowed      = "allowedChildClasses"
	classesEffective    = "allowedChildClassesEffective"
)

// Of reads what the account may do with an object. If the object does not
// exist, or the account may not see it, the error matches conn.ErrNotFound.
func Of(ctx context.Context, d Directory, dn ident.DN) (Effective, error) {
	e, err := d.Get(ctx, conn.ByDN(dn), []string{attributesAllowed, attributesEffective, classesAllowed, classesEffective})
	if err != nil {
		return Effective{}, fmt.Errorf("read the rights on %s: %w", dn, err)
	}
	return Effective{DN: dn, entry: e}, nil
}

// errEnough ends a search early.
var errEnough = errors.New("enough")

// Sample reads what the account may do with any one account below a container;
// false if there is none. Protected accounts are skipped, because AD gives
// them rights of their own.
func Sample(ctx context.Context, d Directory, under ident.DN) (Effective, bool, error) {
	var found ident.DN
	err := d.Search(ctx, conn.Query{
		Base: under, Filter: "(&(objectCategory=person)(objectClass=user)(!(adminCount=1)))", Attributes: []string{"cn"}, PageSize: 1,
	}, func(e ident.Entry) error {
		found = e.DN
		return errEnough
	})
	if err != nil && !errors.Is(err, errEnough) {
		return Effective{}, false, fmt.Errorf("look for an account below %s: %w", under, err)
	}
	if found == "" {
		return Effective{}, false, nil
	}
	e, err := Of(ctx, d, found)
	return e, err == nil, err
}

// MayCreate reports whether the account may create objects of a class directly
// below. known is false if the domain controller does not tell.
func (e Effective) MayCreate(class string) (may, known bool) {
	return e.has(classesEffective, class), len(e.entry.Attributes.Values(classesAllowed)) > 0
}

// Unwritable lists the attributes that the account may not write, and those
// that objects of this kind do not have at all. known is false if the domain
// controller does not tell.
func (e Effective) Unwritable(attributes []string) (lacking, unheardOf []string, known bool) {
	if len(e.entry.Attributes.Values(attributesAllowed)) == 0 {
		return nil, nil, false
	}
	for _, a := range attributes {
		switch {
		case e.has(attributesEffective, a):
		case e.has(attributesAllowed, a):
			lacking = append(lacking, a)
		default:
			unheardOf = append(unheardOf, a)
		}
	}
	return lacking, unheardOf, true
}

func (e Effective) has(list, name string) bool {
	return slices.ContainsFunc(e.entry.Attributes.Values(list), func(v string) bool { return text.Same(v, name) })
}
