package ident

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

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
		{"OU=Staff,DC=x", "OU=\u017ftaff,DC=x"},
		{"OU=Kiosk,DC=x", "OU=\u212aiosk,DC=x"},
		{"OU=Inn,DC=x", "OU=\u0130nn,DC=x"},
		{"OU=Staff,DC=x", `OU=\c5\bftaff,DC=x`},
		{"OU=Șef,DC=x", "OU=șef,DC=x"},
		{"OU=Ann Lee,DC=x", "OU=Ann  Lee,DC=x"},
		{"OU=Staff,DC=x", `OU=Staff\20,DC=x`},
		{"OU=Staff,DC=x", `OU=Staff\00,DC=x`},
		{"not a DN", "NOT A DN"},
		{"OU=a+CN=b,DC=x", "CN=b+OU=a,DC=x"},
		{`CN=\fe,DC=x`, `CN=\ff,DC=x`},
	} {
		if pair[0].EqualFold(pair[1]) {
			t.Errorf("%s and %s are taken for one", pair[0], pair[1])
		}
	}
}

func TestUnder(t *testing.T) {
	const staff DN = "OU=Přátelé,DC=ad,DC=test"
	for dn, want := range map[DN]bool{
		"OU=Přátelé,DC=ad,DC=test":                                true,
		"CN=Ada,OU=přátelé,dc=AD,dc=test":                         true,
		"CN=Ada,OU=PŘÁTELÉ,DC=ad,DC=test":                         true,
		"CN=Ada,OU=Deep,OU=Přátelé,DC=ad,DC=test":                 true,
		"CN=Ada,DC=ad,DC=test":                                    false,
		`CN=Ada\,OU=Přátelé,DC=ad,DC=test`:                        false,
		"CN=Ada,OU=Přátelé,DC=other,DC=ad,DC=test":                false,
		"OU=A;OU=Přátelé,DC=ad,DC=test":                           false,
		"OU=A+OU=Přátelé,DC=ad,DC=test":                           false,
		"CN=Ada,OU=Pr\u030c\u030ca\u0301tele\u0301,DC=ad,DC=test": false,
		"":         false,
		"not a DN": false,
	} {
		if got := dn.Under(staff); got != want {
			t.Errorf("%s under %s: %v", dn, staff, got)
		}
	}
}

func TestUnderNothing(t *testing.T) {
	for _, base := range []DN{"", " ", "not a DN", "OU=x;DC=ad"} {
		if DN("CN=Ada,DC=ad,DC=test").Under(base) || base.Under(base) {
			t.Errorf("something is under %q", base)
		}
	}
}

// A spelling that a domain controller and a parser of RFC 4514 read differently
// is not a DN.
func TestParseDN(t *testing.T) {
	for s, want := range map[string]string{
		"": "", "DC=x": "", " ": "", `CN=\#1 \"a\" \+ b\\ \;\<\>\=\,,DC=x`: "", "2.5.4.11=x": "", "OU=a=b": "", `CN=a\0ADEL:1,DC=x`: "",
		"CN": "TYPE=VALUE", "CN=": "TYPE=VALUE", "=x": "TYPE=VALUE", "CN=a,": "TYPE=VALUE", "CN=a,,DC=x": "TYPE=VALUE", "C N=x": "TYPE=VALUE",
		"<GUID=1>": "TYPE=VALUE", "\u017fn=x": "TYPE=VALUE",
		"OU=a;DC=x": "without a backslash", "OU=a+CN=b": "without a backslash", `OU="a"`: "without a backslash", "OU=a\x00": "without a backslash",
		`OU=a\`: "hexadecimal", `OU=a\x`: "hexadecimal", `OU=a\4`: "hexadecimal", `OU=a\/b`: "hexadecimal", "OU=#0401": "bytes", "OU=\xff": "UTF-8", `OU=\ff`: "UTF-8",
	} {
		_, err := ParseDN(s)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", s, err, want)
		}
	}
	for s, want := range map[DN]string{`CN= a\ \20 ,DC=x`: "a  ", `CN=\20a\\ ,DC=x`: ` a\`, "cn = Ada ,DC=x": "Ada", `CN=\c4\8Capek,DC=x`: "Čapek"} {
		if got := s.Name(); got != want {
			t.Errorf("the name of %q is %q, want %q", s, got, want)
		}
	}
}

func TestDNsAreAnEquivalence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringN(1, 10, 40).Filter(func(s string) bool { return utf8.ValidString(s) }).Draw(t, "name")
		base := DN("OU=x,DC=y").Child(name)
		d := base.Child(rapid.StringN(1, 10, 40).Filter(utf8.ValidString).Draw(t, "child"))
		if d.Parent().Name() != name || !d.Under(base) || base.Under(d) || !DN(d.Fold()).EqualFold(d) || DN(d.Fold()).Fold() != d.Fold() {
			t.Fatalf("%q in %q", d, base)
		}
	})
}
