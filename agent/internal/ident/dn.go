package ident

import (
	"fmt"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// DN is a distinguished name in its string form (RFC 4514). Two DNs that name
// the same object may be spelled differently: compare with Fold or EqualFold.
type DN string

// ParseDN checks that s is a distinguished name (RFC 4514).
func ParseDN(s string) (DN, error) {
	if _, err := ldap.ParseDN(s); err != nil {
		return "", fmt.Errorf("parse DN %q: %w", s, err)
	}
	return DN(s), nil
}

// Fold returns the one spelling that equal DNs share: lower case, no spaces
// around separators, one way of escaping. A string that is not a DN folds to
// itself in lower case.
func (d DN) Fold() string {
	p, err := ldap.ParseDN(string(d))
	if err != nil {
		return strings.ToLower(string(d))
	}
	for _, rdn := range p.RDNs {
		for _, a := range rdn.Attributes {
			// Before String escapes it: letters beyond ASCII have a case too.
			a.Type, a.Value = strings.ToLower(a.Type), strings.ToLower(a.Value)
		}
	}
	return strings.ToLower(p.String())
}

// EqualFold reports whether d and other name the same object.
func (d DN) EqualFold(other DN) bool { return d.Fold() == other.Fold() }

// Under reports whether d is base itself or lies anywhere below it.
func (d DN) Under(base DN) bool {
	p, err := ldap.ParseDN(string(d))
	if err != nil {
		return false
	}
	b, err := ldap.ParseDN(string(base))
	if err != nil {
		return false
	}
	return b.EqualFold(p) || b.AncestorOfFold(p)
}

// Parent returns the DN of the container of d; "" for a DN of one part.
func (d DN) Parent() DN {
	_, parent := d.split()
	return parent
}

// RDN returns the first part of d, as spelled: "CN=Ada Novak".
func (d DN) RDN() string {
	rdn, _ := d.split()
	return rdn
}

// Name returns the value of the first part of d without escapes: "Ada Novak".
func (d DN) Name() string {
	p, err := ldap.ParseDN(string(d))
	if err != nil || len(p.RDNs) == 0 {
		return string(d)
	}
	return p.RDNs[0].Attributes[0].Value
}

// Child returns the DN of the object with that common name directly below d.
func (d DN) Child(cn string) DN {
	// An equals sign need not be escaped (RFC 4514 section 2.4), but Samba wants it.
	return DN("CN=" + strings.ReplaceAll(ldap.EscapeDN(cn), "=", `\=`) + "," + string(d))
}

// split cuts at the first separator that is not escaped (RFC 4514 section 2.4).
func (d DN) split() (rdn string, parent DN) {
	for i := 0; i < len(d); i++ {
		switch d[i] {
		case '\\':
			i++
		case ',':
			return string(d[:i]), DN(strings.TrimLeft(string(d[i+1:]), " "))
		}
	}
	return string(d), ""
}
