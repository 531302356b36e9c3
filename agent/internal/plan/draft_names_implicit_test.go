package plan

import (
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
)

func TestImplicitPrincipalNames(t *testing.T) {
	w := newWorld()
	w.account("g-1", staff.Child("Ada"), "sAMAccountName", "ada")
	w.account("g-2", staff.Child("Bob"), "sAMAccountName", "bobby", "userPrincipalName", "bob@ad.test")
	n := &names{view: w, domain: "ad.test", reserved: map[string]ident.Key{}, folded: map[ident.DN]string{}}
	n.Reserve("sAMAccountName", "eve", mapping.UniqueDomain, staff, "7")
	for _, c := range []struct {
		attribute, value string
		unique           mapping.Unique
		self             ident.GUID
		key              ident.Key
		taken            bool
	}{
		{"userPrincipalName", "ada@ad.test", mapping.UniqueDomain, "", "1", true},
		{"userPrincipalName", "ADA@AD.TEST", mapping.UniqueForest, "", "1", true},
		{"userPrincipalName", "ada@ad.test", mapping.UniqueDomain, "g-1", "1", false}, // it is this account's own
		{"userPrincipalName", "ada@example.com", mapping.UniqueDomain, "", "1", false},
		{"userPrincipalName", "ada", mapping.UniqueDomain, "", "1", false},
		{"userPrincipalName", "eve@ad.test", mapping.UniqueDomain, "", "1", true}, // of another record of this run
		{"userPrincipalName", "eve@ad.test", mapping.UniqueDomain, "", "7", false},
		{"sAMAccountName", "bob", mapping.UniqueDomain, "", "1", true},
		{"sAMAccountName", "Bob", mapping.UniqueDomain, "g-2", "1", false},
		{"sAMAccountName", "carl", mapping.UniqueDomain, "", "1", false},
		{"mail", "ada@ad.test", mapping.UniqueForest, "", "1", false},
	} {
		_, taken, err := n.Holder(c.attribute, c.value, c.unique, staff, c.self, c.key)
		if taken != c.taken || err != nil {
			t.Errorf("%s %s for %q, key %s: taken %t, %v", c.attribute, c.value, c.self, c.key, taken, err)
		}
	}
}
