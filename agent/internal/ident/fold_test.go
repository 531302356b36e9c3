package ident

import "testing"

func TestFold(t *testing.T) {
	same := [][]DN{
		{"CN=Ada Novak,OU=Staff,DC=ad,DC=test", "cn=ada novak, ou=STAFF, dc=AD,dc=test"},
		{"CN=Čapek,DC=ad,DC=test", "cn=čapek,dc=ad,dc=test", `CN=\c4\8capek,DC=ad,DC=test`},
		{`CN=Novak\, Ada,DC=ad,DC=test`, `CN=Novak\2c Ada,DC=ad,DC=test`},
		{`CN=\#lead,DC=ad,DC=test`, `cn=\23LEAD,dc=ad,dc=test`},
	}
	for _, group := range same {
		for _, dn := range group[1:] {
			if !dn.EqualFold(group[0]) {
				t.Errorf("%s and %s fold to %s and %s", dn, group[0], dn.Fold(), group[0].Fold())
			}
		}
	}
	for _, pair := range [][2]DN{
		{"CN=Ada,DC=ad,DC=test", "CN=Ada,OU=Staff,DC=ad,DC=test"},
		{"CN=Čapek,DC=ad,DC=test", "CN=Capek,DC=ad,DC=test"},
		{`CN=a\,b,DC=test`, `CN=a,CN=b,DC=test`},
	} {
		if pair[0].EqualFold(pair[1]) {
			t.Errorf("%s and %s are taken for one", pair[0], pair[1])
		}
	}
}

func TestUnder(t *testing.T) {
	const staff DN = "OU=Přátelé,DC=ad,DC=test"
	for dn, want := range map[DN]bool{
		"OU=Přátelé,DC=ad,DC=test":                 true,
		"CN=Ada,OU=přátelé,dc=AD,dc=test":          true,
		"CN=Ada,OU=PŘÁTELÉ,DC=ad,DC=test":          true,
		"CN=Ada,OU=Deep,OU=Přátelé,DC=ad,DC=test":  true,
		"CN=Ada,DC=ad,DC=test":                     false,
		`CN=Ada\,OU=Přátelé,DC=ad,DC=test`:         false,
		"CN=Ada,OU=Přátelé,DC=other,DC=ad,DC=test": false,
		"":         false,
		"not a DN": false,
	} {
		if got := dn.Under(staff); got != want {
			t.Errorf("%s under %s: %v", dn, staff, got)
		}
	}
}
