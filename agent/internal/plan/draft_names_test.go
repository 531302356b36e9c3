package plan

import (
	"errors"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
)

func TestHolder(t *testing.T) {
	w := newWorld()
	w.account("g1", staff.Child("Ada Novak"), "mail", "Ada@x", "sAMAccountName", "ada", "userPrincipalName", "login@x", "title", "CTO")
	w.put("g2", support.Child("Sales"), "objectClass", "group", "sAMAccountName", "sales", "proxyAddresses", "smtp:Team@x")
	w.put("g3", support.Child("Ext"), "objectClass", "contact", "targetAddress", "SMTP:ext@y")
	w.put("g4", support.Child("Bare"), "objectClass", "contact", "targetAddress", "bare@y")
	for _, c := range []struct {
		name, attribute, value string
		unique                 mapping.Unique
		parent                 ident.DN
		self                   ident.GUID
		holder                 string
	}{
		{"free", "mail", "bo@x", "forest", "", "", ""},
		{"mail, whatever its case", "mail", "ADA@X", "forest", "", "", "CN=Ada Novak,OU=Staff,DC=x"},
		{"its own mail", "mail", "ada@x", "forest", "", "g1", ""},
		{"mail that is a proxy address", "mail", "team@x", "forest", "", "", "CN=Sales,OU=Support,OU=Staff,DC=x"},
		{"mail that is a login name", "mail", "login@x", "forest", "", "", "CN=Ada Novak,OU=Staff,DC=x"},
		{"a login name that is a proxy address", "userPrincipalName", "team@x", "forest", "", "", "CN=Sales,OU=Support,OU=Staff,DC=x"},
		{"a login name that is its own mail", "userPrincipalName", "ada@x", "forest", "", "g1", ""},
		{"a login name unique in the domain only", "userPrincipalName", "ada@x", "domain", "", "", ""},
		{"a proxy address that is a mail", "proxyAddresses", "SMTP:ada@x", "forest", "", "", "CN=Ada Novak,OU=Staff,DC=x"},
		{"a proxy address of another kind", "proxyAddresses", "sip:ada@x", "forest", "", "", ""},
		{"mail to which somebody's mail goes", "mail", "Ext@y", "forest", "", "", "CN=Ext,OU=Support,OU=Staff,DC=x"},
		{"mail to which somebody's mail goes, without its prefix", "mail", "bare@y", "forest", "", "", "CN=Bare,OU=Support,OU=Staff,DC=x"},
		{"a proxy address to which somebody's mail goes", "proxyAddresses", "smtp:bare@y", "forest", "", "", "CN=Bare,OU=Support,OU=Staff,DC=x"},
		{"a target that is a proxy address", "targetAddress", "SMTP:Team@x", "forest", "", "", "CN=Sales,OU=Support,OU=Staff,DC=x"},
		{"a target without its prefix that is a mail", "targetAddress", "ada@x", "forest", "", "", "CN=Ada Novak,OU=Staff,DC=x"},
		{"its own target", "targetAddress", "SMTP:ext@y", "forest", "", "g3", ""},
		{"a target of another kind", "targetAddress", "sip:ada@x", "forest", "", "", ""},
		{"a target unique in the domain only", "targetAddress", "SMTP:team@x", "domain", "", "", ""},
		{"mail unique in the domain only", "mail", "team@x", "domain", "", "", ""},
		{"sAMAccountName of a group", "sAMAccountName", "SALES", "domain", "", "", "CN=Sales,OU=Support,OU=Staff,DC=x"},
		{"cn in the container", "cn", "ada novak", "container", staff, "", "CN=Ada Novak,OU=Staff,DC=x"},
		{"cn that differs in an accent", "cn", "Áda Nóvak", "container", staff, "", "CN=Ada Novak,OU=Staff,DC=x"},
		{"cn with two blanks", "cn", "Ada  Novak", "container", staff, "", "CN=Ada Novak,OU=Staff,DC=x"},
		{"sAMAccountName that differs in an accent", "sAMAccountName", "sålęs", "domain", "", "", "CN=Sales,OU=Support,OU=Staff,DC=x"},
		{"sAMAccountName in full width", "sAMAccountName", "ｓａｌｅｓ", "domain", "", "", "CN=Sales,OU=Support,OU=Staff,DC=x"},
		{"mail that differs in an accent", "mail", "adá@x", "forest", "", "", "CN=Ada Novak,OU=Staff,DC=x"},
		{"an address that differs in an accent", "proxyAddresses", "SMTP:teäm@x", "forest", "", "", "CN=Sales,OU=Support,OU=Staff,DC=x"},
		{"mail with what nobody sees", "mail", "ad\u200ba@x ", "forest", "", "", "CN=Ada Novak,OU=Staff,DC=x"},
		{"another letter", "sAMAccountName", "salęz", "domain", "", "", ""},
		{"cn in another container", "cn", "ada novak", "container", support, "", ""},
		{"its own cn", "cn", "ADA NOVAK", "container", staff, "g1", ""},
		{"another attribute in the container", "title", "cto", "container", staff, "", "CN=Ada Novak,OU=Staff,DC=x"},
		{"another attribute in another container", "title", "cto", "container", support, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := newNames(w)
			holder, taken, err := n.Holder(c.attribute, c.value, c.unique, c.parent, c.self, "11")
			if holder != c.holder || taken != (c.holder != "") || err != nil {
				t.Errorf("Holder = %q, %t, %v; want %q", holder, taken, err, c.holder)
			}
		})
	}
}

func TestReservations(t *testing.T) {
	for _, c := range []struct {
		name                         string
		unique                       mapping.Unique
		reserved, value, asked, says string
		from, to                     ident.DN
	}{
		{"the same value", "domain", "sAMAccountName", "ada", "samaccountname", "ADA", "", ""},
		{"the same name in one container", "container", "cn", "Ada Novák", "cn", "ada novak", staff, "ou=staff, dc=x"},
		{"a mail for a proxy address", "forest", "mail", "Ada@x", "proxyAddresses", "smtp:ada@X", "", ""},
		{"a login name for a mail", "forest", "userPrincipalName", "ada@x", "mail", "ada@x", "", ""},
		{"a target for a mail", "forest", "targetAddress", "SMTP:ada@x", "mail", "ada@x", "", ""},
		{"a bare target for a proxy address", "forest", "targetAddress", "ada@x", "proxyAddresses", "smtp:ada@x", "", ""},
		{"a proxy address for a mail", "forest", "proxyAddresses", "SMTP:ada@x", "mail", "ada@x", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := newNames(newWorld())
			n.Reserve(c.reserved, c.value, c.unique, c.from, "11")
			n.Reserve(c.reserved, c.value, c.unique, c.from, "99") // the first one keeps it
			if holder, taken, _ := n.Holder(c.asked, c.says, c.unique, c.to, "", "12"); !taken || holder != "the key 11 of this run" {
				t.Errorf("for another record: %q, %t", holder, taken)
			}
			if _, taken, _ := n.Holder(c.asked, c.says, c.unique, c.to, "", "11"); taken {
				t.Error("its own reservation is in its way")
			}
		})
	}
	n := newNames(newWorld())
	n.Reserve("cn", "Ada", "container", staff, "11")
	if _, taken, _ := n.Holder("cn", "Ada", "container", support, "", "12"); taken {
		t.Error("a name reserved in one container is taken in another")
	}
}

// A failure of the View ends the plan; it must never look like a bad record,
// whatever the mapping makes of it.
func TestViewErrorsEndThePlan(t *testing.T) {
	for _, method := range []string{
		"EntryByGUID", "EntriesByValue employeeNumber", "EntriesByValue mail",
		"EntriesByName sAMAccountName", "ChildrenByName", "ContainerExists", "MemberOf", "Protected", "LinkByKey", "LinkByGUID", "EachLink",
		"EachAnchor",
	} {
		t.Run(method, func(t *testing.T) {
			s := newScene()
			s.mapper.rules["sAMAccountName"] = attributeRule{unique: "domain"}
			s.hist.AnchorsTrusted = true
			s.record("10", map[string]any{"sAMAccountName": "a10"})
			s.known("11", map[string]any{"groups": []ident.DN{crm}})
			s.record("13", nil)
			s.account("g1", staff.Child("Old Ada"), "mail", "ada13@x")
			s.linked("12")
			if _, err := s.try(); err != nil {
				t.Fatalf("intact: %v", err)
			}
			s.broken = method
			if p, err := s.try(); !errors.Is(err, errBroken) {
				t.Errorf("error %v, plan %v", err, trace(p))
			}
		})
	}
	s := newScene()
	s.record("11", nil)
	s.linked("12")
	s.delivery.Present = func(ident.Key) (bool, error) { return false, errBroken }
	if _, err := s.try(); !errors.Is(err, errBroken) {
		t.Errorf("Present failed: error %v", err)
	}
}

// Whoever gets no account stands in nobody's way.
func TestARecordInQuarantineHoldsNoName(t *testing.T) {
	s := newScene()
	s.mapper.rules["sAMAccountName"] = attributeRule{unique: mapping.UniqueDomain}
	s.record("1", map[string]any{"sAMAccountName": "ada", "ou": ident.DN("OU=Nowhere,OU=Staff,DC=x")})
	s.record("2", map[string]any{"sAMAccountName": "ada"})
	p := s.plan(t)
	if len(p.Changes) != 1 || p.Changes[0].Key != "2" || len(p.Quarantined) != 1 || p.Quarantined[0].Key != "1" {
		t.Errorf("%v", trace(p))
	}
}
