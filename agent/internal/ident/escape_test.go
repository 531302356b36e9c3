package ident

import (
	"testing"

	"github.com/go-ldap/ldap/v3"
	"pgregory.net/rapid"
)

func TestEscapedValuesComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.StringN(1, -1, 64), rapid.StringOfN(rapid.RuneFrom([]rune("a =#,+\"\\<>;\x00\n\x7f é/'*")), 1, 12, -1)).Draw(t, "s")
		dn := DN("OU=" + EscapeValue(s) + ",DC=x")
		if dn.Name() != s || dn.Parent() != "DC=x" || !dn.Under("DC=x") {
			t.Errorf("%q became %s: %q in %s", s, dn, dn.Name(), dn.Parent())
		}
		if p, err := ldap.ParseDN(string(dn)); err != nil || len(p.RDNs) != 2 || len(p.RDNs[0].Attributes) != 1 || p.RDNs[0].Attributes[0].Value != s {
			t.Errorf("%q became %s, which go-ldap does not read: %v", s, dn, err)
		}
		// A value is escaped alike wherever it stands.
		if within := DN("OU=Team" + EscapeValue(s) + "!,DC=x"); within.Name() != "Team"+s+"!" {
			t.Errorf("%q became %s: %q", s, within, within.Name())
		}
	})
}
