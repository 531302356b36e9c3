package ident

import "testing"

func TestScopeHoldsWhatLiesBelowItsContainers(t *testing.T) {
	scope := Scope{"OU=Staff,DC=ad,DC=test", "OU=Leavers,DC=ad,DC=test"}
	for _, c := range []struct {
		dn           DN
		holds, takes bool
	}{
		{"CN=Ada,OU=Staff,DC=ad,DC=test", true, true},
		{"CN=Ada,OU=Sales,OU=Staff,DC=ad,DC=test", true, true},
		{"cn=Ada, ou=STAFF, dc=ad, dc=test", true, true},
		{"OU=Leavers,DC=ad,DC=test", false, true}, // accounts may be put in, it stays as it is
		{"CN=Ada,OU=Staff 2,DC=ad,DC=test", false, false},
		{`CN=Ada\,OU=Staff,DC=ad,DC=test`, false, false},
		{"DC=ad,DC=test", false, false},
		{"", false, false},
		{"no DN", false, false},
	} {
		if got := scope.Holds(c.dn); got != c.holds {
			t.Errorf("Holds(%q) = %v", c.dn, got)
		}
		if got := scope.Takes(c.dn); got != c.takes {
			t.Errorf("Takes(%q) = %v", c.dn, got)
		}
	}
}

func TestScopeOfNothingHoldsNothing(t *testing.T) {
	for _, scope := range []Scope{nil, {}, {""}, {"no DN"}} {
		for _, dn := range []DN{"", "no DN", "CN=Ada,no DN", "CN=Ada", "CN=Ada,OU=Staff,DC=ad,DC=test"} {
			if scope.Holds(dn) || scope.Takes(dn) {
				t.Errorf("%q holds or takes %q", scope, dn)
			}
		}
	}
}
