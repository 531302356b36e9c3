package ident

import (
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// DN is a distinguished name in its string form (RFC 4514). Two DNs that name
// the same object may be spelled differently: compare with EqualFold or Fold.
//
// Two DNs count as the same only when every domain controller takes them for the
// same: they may differ in the case of letters (see text.Lower), in escapes, and
// in blanks around separators. Samba and Windows each ignore more differences,
// such as a second inner blank or an accent. Following one of them would extend
// a scope to a neighbouring container on the other.
type DN string

// ParseDN checks that s is a distinguished name, as a domain controller reads
// it. The empty text is a DN without parts.
func ParseDN(s string) (DN, error) {
	if _, err := parseDN(s); err != nil {
		return "", err
	}
	return DN(s), nil
}

// Fold returns one spelling for all DNs that are the same. A text that is not a
// DN folds to itself and equals nothing else.
func (d DN) Fold() string {
	parts, err := parseDN(string(d))
	if err != nil {
		return string(d)
	}
	return foldParts(parts)
}

func foldParts(parts []part) string {
	var b strings.Builder
	for i, p := range parts {
		if i > 0 {
			b.WriteByte(',')
		}
		p.fold(&b)
	}
	return b.String()
}

// EqualFold reports whether d and other name the same object.
func (d DN) EqualFold(other DN) bool { return d == other || d.Fold() == other.Fold() }

// Under reports whether d is base itself or lies anywhere below it. Nothing is
// under the empty DN or under a text that is not a DN.
func (d DN) Under(base DN) bool {
	parts, err := parseDN(string(d))
	if err != nil {
		return false
	}
	above, err := parseDN(string(base))
	if err != nil || len(above) == 0 || len(above) > len(parts) {
		return false
	}
	return foldParts(parts[len(parts)-len(above):]) == foldParts(above)
}

// Parent returns the DN of the container of d; "" for a DN with one part.
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
	parts, err := parseDN(string(d))
	if err != nil || len(parts) == 0 {
		return string(d)
	}
	return parts[0].value
}

// NamingAttribute returns the attribute of the first part of d in lower case:
// "cn". It is "" for a text that is not a DN.
func (d DN) NamingAttribute() string {
	kind, _, ok := strings.Cut(d.RDN(), "=")
	if !ok {
		return ""
	}
	return text.Lower(strings.TrimSpace(kind))
}

// Child returns the DN of the object with that common name directly below d.
func (d DN) Child(cn string) DN {
	return DN("CN=" + EscapeValue(cn) + "," + string(d))
}

// split cuts at the first separator that is not escaped (RFC 4514 section 2.4).
func (d DN) split() (rdn string, parent DN) {
	if i := separator(string(d), ','); i < len(d) {
		return string(d[:i]), DN(strings.TrimLeft(string(d[i+1:]), " "))
	}
	return string(d), ""
}

// Domain returns the DNS name of the domain that d lies in. AD's DNs spell it in
// their last components: "ad.test" for "OU=Staff,DC=ad,DC=test".
func (d DN) Domain() string {
	var labels []string
	for ; d != ""; d = d.Parent() {
		if kind, label, ok := strings.Cut(d.RDN(), "="); ok && text.Same(strings.TrimSpace(kind), "DC") {
			labels = append(labels, strings.TrimSpace(label))
		}
	}
	return strings.Join(labels, ".")
}
