package dctest_test

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"
	"unicode"

	"github.com/go-ldap/ldap/v3"
	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/dctest"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/host/soak"
)

// server is what ident.DN is measured against: which spellings of a DN lead to
// one object.
type server struct {
	*ldap.Conn
	root ident.DN
}

func measure(t *testing.T) server {
	t.Helper()
	dc := dctest.Start(t)
	c, err := ldap.DialURL(dc.URL, ldap.DialWithTLSConfig(&tls.Config{InsecureSkipVerify: true}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.Bind(string(dc.AdminDN), dc.AdminPassword); err != nil {
		t.Fatal(err)
	}
	s := server{c, ident.DN(fmt.Sprintf("OU=%s,%s", t.Name(), dc.BaseDN))}
	if err := s.make(s.root); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s server) make(dn ident.DN) error {
	r := ldap.NewAddRequest(string(dn), nil)
	r.Attribute("objectClass", []string{"organizationalUnit"})
	return s.Add(r)
}

// at returns the DN of the object that a spelling leads to, "" for none.
func (s server) at(dn ident.DN) ident.DN {
	r := ldap.NewSearchRequest(string(dn), ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false, "(objectClass=*)", []string{"1.1"}, nil)
	found, err := s.Search(r)
	if err != nil || len(found.Entries) != 1 {
		return ""
	}
	return ident.DN(found.Entries[0].DN)
}

// kin lists the letters that Unicode relates to r by their case.
func kin(r rune) []rune {
	seen := map[rune]bool{}
	var list []rune
	var add func(rune)
	add = func(r rune) {
		if seen[r] {
			return
		}
		seen[r] = true
		list = append(list, r)
		for _, other := range []rune{unicode.SimpleFold(r), unicode.ToLower(r), unicode.ToUpper(r), unicode.ToTitle(r)} {
			add(other)
		}
	}
	add(r)
	return list
}

// TestSameDN asks the server about every letter that has a case. What the
// server takes for two objects must never be one DN. What it takes for one is
// one DN too, but for a few that other servers keep apart.
func TestSameDN(t *testing.T) {
	s := measure(t)
	// Measured on Samba 4.17. Letters in the first column have a capital that
	// Samba takes for the same, and Unicode does not, or not only.
	apart := map[rune]bool{'ς': true}
	seen, same := map[rune]bool{}, 0
	for r := rune('!'); r <= 0xffff; r++ {
		letters := kin(r)
		if len(letters) < 2 || seen[r] {
			continue
		}
		for _, first := range letters {
			seen[first] = true
			here := ident.DN(fmt.Sprintf("OU=%04X-%04X%c,%s", r, first, first, s.root))
			if err := s.make(here); err != nil {
				t.Fatal(err)
			}
			for _, second := range letters {
				there := ident.DN(fmt.Sprintf("OU=%04X-%04X%c,%s", r, first, second, s.root))
				found := s.at(there) != ""
				switch {
				case here.EqualFold(there) && !found:
					t.Errorf("%c (%U) and %c (%U) are one DN, and two objects", first, first, second, second)
				case !here.EqualFold(there) && found && !apart[first] && !apart[second]:
					t.Errorf("%c (%U) and %c (%U) are two DNs, and one object", first, first, second, second)
				case found && first != second:
					same++
				}
			}
		}
	}
	if same < 1000 {
		t.Errorf("only %d pairs of letters are the same: the test asks in vain", same)
	}
}

// TestSpellingsOfDN gives an object any name, and asks for it under other
// spellings and neighbouring ones.
func TestSpellingsOfDN(t *testing.T) {
	s := measure(t)
	n := 0
	soak.Check(t, 25, 100, func(rt *rapid.T) {
		n++ // no two names are alike
		letter := rapid.OneOf(
			rapid.RuneFrom([]rune("abKSs kizß,+\"\\<>;=#/.-")),
			rapid.RuneFrom([]rune("ſK\u0130ıÅΩåωÄäŠšȘșŁłÞþ\u00a0\u200b\u00ad\u0301")),
			rapid.RuneFrom(nil, unicode.Letter, unicode.Mn, unicode.Digit),
		)
		name := strings.Join(strings.Fields(fmt.Sprintf("n%dx", n)+rapid.StringOfN(letter, 1, 12, 30).Draw(rt, "name")), " ")
		here := ou(name, s.root)
		if err := s.make(here); err != nil {
			if strings.Contains(err.Error(), "Failed to get casefold DN") {
				rt.Skip("a name that Samba 4.17 cannot fold, such as U+1DA1F before U+00A0 and a comma")
			}
			rt.Fatalf("%s: %v", here, err)
		}
		other := ident.DN(rapid.SampledFrom([]func(string) string{
			strings.ToUpper, strings.ToLower, strings.ToTitle, inHex, capitalised,
			func(s string) string { return strings.ReplaceAll(s, "s", "ſ") },
			func(s string) string { return strings.ReplaceAll(s, "OU=", "ou= ") },
			func(s string) string { return strings.Replace(s, " ", "  ", 1) },
			func(s string) string { return strings.Replace(s, ",OU", ";OU", 1) },
			func(s string) string { return strings.Replace(s, ",OU", "+OU", 1) },
			func(s string) string { return strings.Replace(s, ",OU", `\00,OU`, 1) },
		}).Draw(rt, "spelling")(string(here)))
		got := s.at(other)
		if other.EqualFold(here) && !got.EqualFold(here) {
			rt.Fatalf("%q and %q are one DN, and the server finds %q", here, other, got)
		}
		if other.Under(s.root) && got != "" && !got.Under(s.root) {
			rt.Fatalf("%q is under %q, and the server finds %q", other, s.root, got)
		}
	})
}

func ou(name string, parent ident.DN) ident.DN {
	return ident.DN("OU=" + strings.ReplaceAll(ldap.EscapeDN(name), "=", `\=`) + "," + string(parent))
}

// inHex spells what can be escaped by its bytes.
func inHex(dn string) string {
	rdn, rest, _ := strings.Cut(strings.TrimPrefix(dn, "OU="), ",OU=")
	name := ident.DN("OU=" + rdn).Name()
	var b strings.Builder
	for i := range len(name) {
		fmt.Fprintf(&b, `\%02X`, name[i])
	}
	return "ou=" + b.String() + ",OU=" + rest
}

func capitalised(dn string) string {
	return strings.Map(func(r rune) rune {
		if upper := unicode.ToUpper(r); unicode.ToLower(upper) == r {
			return upper
		}
		return r
	}, dn)
}
