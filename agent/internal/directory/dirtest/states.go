package dirtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dctest"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// state is a case about what can be read after writes.
type state struct {
	name  string
	check func(*scene)
}

// want fails unless attributes of an object are as given: name, then its
// values in order.
func (s *scene) want(target conn.Target, attribute string, values ...string) {
	s.t.Helper()
	e, err := s.Get(s.ctx, target, []string{attribute})
	if err != nil {
		s.t.Fatal(err)
	}
	have := slices.Sorted(slices.Values(e.Attributes.Values(attribute)))
	slices.Sort(values)
	if !slices.Equal(have, values) {
		s.t.Errorf("%s of %s is %q, want %q", attribute, e.DN, have, values)
	}
}

func (s *scene) done(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) found(filter string, deleted bool) []string {
	s.t.Helper()
	var names []string
	q := conn.Query{Base: s.domain.BaseDN, Filter: filter, Attributes: []string{"name"}, Deleted: deleted}
	err := s.Search(s.ctx, q, func(e ident.Entry) error {
		names = append(names, e.Attributes.First("name"))
		return nil
	})
	s.done(err)
	slices.Sort(names)
	return names
}

// syncs returns a function that says what DirSync tells of an attribute of an
// object since it was called last.
func (s *scene) syncs(attribute string) func(ident.DN) string {
	s.t.Helper()
	q := conn.SyncQuery{Base: s.domain.BaseDN, Filter: "(objectClass=group)", Attributes: []string{attribute}}
	next := func(dn ident.DN) string {
		s.t.Helper()
		said := "nothing"
		for more := true; more; {
			page, err := s.DirSync(s.ctx, q)
			s.done(err)
			for _, e := range page.Entries {
				if values, ok := e.Changed[attribute]; ok && e.DN.EqualFold(dn) {
					said = fmt.Sprintf("%q", values)
				}
			}
			q.Cookie, more = page.Cookie, page.More
		}
		return said
	}
	next("")
	return next
}

func (s *scene) guid(dn ident.DN) ident.GUID {
	s.t.Helper()
	e, err := s.Get(s.ctx, conn.ByDN(dn), []string{"cn"})
	s.done(err)
	return e.GUID
}

var states = []state{
	{"a new user", func(s *scene) {
		for name, value := range map[string]string{
			"userAccountControl": "546", "sAMAccountType": "805306368", "primaryGroupID": "513", "pwdLastSet": "0",
			"accountExpires": "9223372036854775807", "instanceType": "4", "cn": "user", "name": "user", "countryCode": "0",
			"objectCategory": "CN=Person,CN=Schema,CN=Configuration,DC=ad,DC=test", "canonicalName": "ad.test/" + s.ou.Name() + "/user",
		} {
			s.want(conn.ByDN(s.user), name, value)
		}
		s.want(conn.ByDN(s.user), "objectClass", "top", "person", "organizationalPerson", "user")
	}},
	{"a new group, contact and computer", func(s *scene) {
		s.want(conn.ByDN(s.group), "groupType", "-2147483646")
		s.want(conn.ByDN(s.group), "sAMAccountType", "268435456")
		s.done(s.add(s.ou.Child("list"), "group", "groupType", "8"))
		s.want(conn.ByDN(s.ou.Child("list")), "sAMAccountType", "268435457")
		s.done(s.add(s.ou.Child("c"), "contact"))
		s.want(conn.ByDN(s.ou.Child("c")), "objectCategory", "CN=Person,CN=Schema,CN=Configuration,DC=ad,DC=test")
		s.done(s.add(s.ou.Child("pc"), "computer", "sAMAccountName", s.tag+"pc$"))
		s.want(conn.ByDN(s.ou.Child("pc")), "userAccountControl", "4130")
		s.want(conn.ByDN(s.ou.Child("pc")), "primaryGroupID", "515")
	}},
	{"a canonical name has escapes", func(s *scene) {
		dn := s.ou.Child(`q, r\t`)
		s.done(s.add(dn, "contact"))
		s.want(conn.ByDN(dn), "canonicalName", "ad.test/"+s.ou.Name()+`/q\, r\\t`)
	}},
	{"references follow their objects", func(s *scene) {
		s.done(s.modify(s.user, instead("manager", string(s.other)), instead("secretary", string(s.other))))
		s.done(s.modify(s.group, plus("member", string(s.other))))
		s.done(s.ModifyDN(s.ctx, s.other, "CN=moved", ""))
		moved := string(s.ou.Child("moved"))
		for _, name := range []string{"manager", "secretary"} {
			s.want(conn.ByDN(s.user), name, moved)
		}
		s.want(conn.ByDN(s.group), "member", moved)
		s.want(conn.ByDN(ident.DN(moved)), "memberOf", string(s.group))
		s.want(conn.ByDN(ident.DN(moved)), "directReports", string(s.user))
	}},
	{"links end with their objects", func(s *scene) {
		guid := s.guid(s.other)
		s.done(s.modify(s.user, instead("manager", string(s.other)), instead("secretary", string(s.other))))
		s.done(s.modify(s.group, plus("member", string(s.other))))
		s.done(s.Delete(s.ctx, s.other))
		s.want(conn.ByDN(s.user), "manager")
		s.want(conn.ByDN(s.group), "member")
		e, err := s.Get(s.ctx, conn.ByDN(s.user), []string{"secretary"})
		s.done(err)
		if got := e.Attributes.First("secretary"); !strings.Contains(got, "DEL:"+string(guid)) {
			s.t.Errorf("a reference without a back link is %q after the deletion", got)
		}
	}},
	{"DirSync tells of links that were written, not of those that ended with their objects", func(s *scene) {
		told := s.syncs("member")
		member := func(mod conn.Mod) { s.t.Helper(); s.done(s.modify(s.group, mod)) }
		expect := func(what, want string) {
			s.t.Helper()
			if got := told(s.group); got != want {
				s.t.Errorf("after %s DirSync tells %s, want %s", what, got, want)
			}
		}
		user := fmt.Sprintf("%q", []string{string(s.user)})
		member(plus("member", string(s.user)))
		expect("an addition", user)
		member(instead("member", string(s.user)))
		expect("a replacement by the same", user)
		member(plus("member", string(s.other)))
		s.done(s.Delete(s.ctx, s.other))
		expect("an addition whose object is gone", "nothing")
		member(minus("member", string(s.user)))
		s.done(s.Delete(s.ctx, s.user))
		expect("a removal and the deletion of whoever was removed", "[]")
		member(instead("member"))
		expect("a replacement of nothing by nothing", "nothing")
	}},
	{"a tombstone", func(s *scene) {
		guid := s.guid(s.user)
		s.done(s.modify(s.user, instead("title", "x")))
		s.done(s.Delete(s.ctx, s.user))
		if _, err := s.Get(s.ctx, conn.ByGUID(guid), nil); code(err) != 32 {
			s.t.Errorf("without asking for deleted ones: %v", err)
		}
		gone := conn.Target{GUID: guid, Deleted: true}
		for name, values := range map[string][]string{
			"isDeleted": {"TRUE"}, "isRecycled": {"TRUE"}, "lastKnownParent": {string(s.ou)}, "title": nil, "userPrincipalName": nil,
			"sAMAccountName": {s.tag + "u"}, "name": {"user\nDEL:" + string(guid)}, "userAccountControl": {"546"}, "primaryGroupID": nil,
		} {
			s.want(gone, name, values...)
		}
		if got := s.found("(sAMAccountName="+s.tag+"u)", false); len(got) != 0 {
			s.t.Errorf("an ordinary search finds %q", got)
		}
		if got := s.found("(sAMAccountName="+s.tag+"u)", true); len(got) != 1 {
			s.t.Errorf("a search for deleted ones finds %q", got)
		}
	}},
	{"the primary group", func(s *scene) {
		s.done(s.modify(s.group, plus("member", string(s.user))))
		s.done(s.makePrimary(s.user, s.group))
		s.want(conn.ByDN(s.group), "member")
		s.want(conn.ByDN(s.user), "memberOf", "CN=Domain Users,CN=Users,DC=ad,DC=test")
		if err := s.modify(s.group, plus("member", string(s.user))); code(err) != 68 {
			s.t.Errorf("to add who is in it by the primary group: %v", err)
		}
	}},
	{"groups of a token", func(s *scene) {
		outer, list := s.ou.Child("outer"), s.ou.Child("list")
		s.done(s.modify(s.group, plus("member", string(s.user))))
		s.done(s.add(outer, "group", "member", string(s.group)))
		s.done(s.add(list, "group", "sAMAccountName", s.tag+"l", "groupType", "8", "member", string(s.user)))
		sid := func(dn ident.DN) string {
			e, err := s.Get(s.ctx, conn.ByDN(dn), []string{"objectSid"})
			s.done(err)
			return e.Attributes.First("objectSid")
		}
		s.want(conn.ByDN(s.user), "tokenGroups", sid(s.group), sid(outer), s.Server().DomainSID+"-513", "S-1-5-32-545")
		s.want(conn.ByDN(s.group), "tokenGroups")
		if got, err := s.Get(s.ctx, conn.ByDN("<SID="+ident.DN(sid(s.group))+">"), []string{"cn"}); err != nil || got.DN != s.group {
			s.t.Errorf("by its SID: %v, %v", got.DN, err)
		}
	}},
	{"userAccountControl keeps no computed bits", func(s *scene) {
		for written, read := range map[string]string{"8389120": "512", "528": "512", "2": "514", "0": "512", "66050": "66050"} {
			s.done(s.modify(s.user, instead("userAccountControl", written)))
			s.want(conn.ByDN(s.user), "userAccountControl", read)
		}
	}},
	{"all or nothing", func(s *scene) {
		if err := s.modify(s.user, instead("company", "x"), instead("initials", "abcdefg")); code(err) != 21 {
			s.t.Errorf("answered %v", err)
		}
		s.want(conn.ByDN(s.user), "company")
	}},
	{"what changes nothing has no USN", func(s *scene) {
		usn := func() string {
			e, err := s.Get(s.ctx, conn.ByDN(s.user), []string{"uSNChanged"})
			s.done(err)
			return e.Attributes.First("uSNChanged")
		}
		s.done(s.modify(s.user, instead("title", "x")))
		before := usn()
		s.done(s.modify(s.user, instead("title", "x")))
		if usn() != before {
			s.t.Error("the same value again has another USN")
		}
		s.done(s.modify(s.user, instead("title", "X")))
		if usn() == before {
			s.t.Error("another spelling has no USN of its own")
		}
	}},
	{"filters", checkFilters},
	{"passwords", func(s *scene) {
		s.done(s.modify(s.user, instead("unicodePwd", dctest.Password("Never-In-A-Log-7")), instead("userAccountControl", "512")))
		if err := s.domain.CanBind(s.t, s.tag+"@ad.test", "Never-In-A-Log-7"); err != nil {
			s.t.Errorf("bind: %v", err)
		}
		for password, mod := range map[string]conn.Mod{
			"data 52e": instead("title", "x"), "data 773": instead("pwdLastSet", "0"), "data 533": instead("userAccountControl", "514"),
		} {
			s.done(s.modify(s.user, mod))
			plain := "Never-In-A-Log-7"
			if password == "data 52e" {
				plain = "wrong"
			}
			if err := s.domain.CanBind(s.t, s.tag+"@ad.test", plain); err == nil || !strings.Contains(err.Error(), password) {
				s.t.Errorf("bind after %s: %v, want %s", mod.Attribute, err, password)
			}
			s.done(s.modify(s.user, instead("pwdLastSet", "-1"), instead("userAccountControl", "512")))
		}
	}},
	{"a cancelled request", func(s *scene) {
		if err := s.Add(cancelled(), s.ou.Child("x"), map[string][]string{"objectClass": {"contact"}}); err == nil {
			s.t.Error("it was carried out")
		}
	}},
}

// checkFilters uses every kind of filter that the agent uses on the objects of
// the scene (MS-ADTS section 3.1.1.3.1.3).
func checkFilters(s *scene) {
	guid, err := s.guid(s.user).Bytes()
	s.done(err)
	s.done(s.modify(s.user, instead("employeeNumber", "crm:AbC"), instead("title", "Žofie (x)*"), instead("userAccountControl", "66048")))
	s.done(s.modify(s.group, plus("member", string(s.user))))
	mine := func(f string) string { return fmt.Sprintf("(&(|(sAMAccountName=%s*)(cn=group))%s)", s.tag, f) }
	e, err := s.Get(s.ctx, conn.ByDN(s.user), []string{"objectSid"})
	s.done(err)
	for filter, want := range map[string][]string{
		"(objectGUID=" + conn.EscapeFilter(string(guid)) + ")":                   {"user"},
		"(objectSid=" + e.Attributes.First("objectSid") + ")":                    {"user"},
		"(memberOf=" + conn.EscapeFilter(string(s.group)) + ")":                  {"user"},
		"(memberOf=" + conn.EscapeFilter(strings.ToUpper(string(s.group))) + ")": {"user"},
		"(member=" + conn.EscapeFilter(string(s.user)) + ")":                     {"group"},
		"(memberOf=CN=no," + string(s.ou) + ")":                                  nil,
		mine("(employeeNumber=CRM:abc)"):                                         {"user"},
		mine("(employeeNumber=crm:AbC )"):                                        {"user"},
		mine("(employeeNumber=crm:)"):                                            nil,
		mine("(title=" + conn.EscapeFilter("žofie (X)*") + ")"):                  {"user"},
		mine("(title=*)"):                                                           {"user"},
		mine("(objectClass=user)(!(title=*))"):                                      {"other"},
		mine("(sAMAccountType=805306368)(title=*)(!(shoeSize=1))"):                  {"user"},
		mine("(|(shoeSize=1)(title=*))"):                                            {"user"},
		mine("(objectCategory=person)"):                                             {"other", "user"},
		mine("(sAMAccountType=805306368)"):                                          {"other", "user"},
		mine("(objectClass=top)(userAccountControl:1.2.840.113556.1.4.803:=65536)"): {"user"},
		mine("(userAccountControl:1.2.840.113556.1.4.803:=2)"):                      {"other"},
		mine("(sAMAccountName=" + s.tag + "*)(sAMAccountName=*v)"):                  {"other"},
		mine("(primaryGroupID>=513)(title=*)"):                                      {"user"},
		mine("(primaryGroupID<=512)"):                                               nil,
		mine("(adminCount=1)"):                                                      nil,
	} {
		if got := s.found(filter, false); !slices.Equal(got, want) {
			s.t.Errorf("%s finds %q, want %q", filter, got, want)
		}
	}
}

// checkSchema compares what the directory says about attributes with what
// package memory knows.
func checkSchema(t *testing.T, c Directory) {
	t.Helper()
	here := InMemory(t).Connect(t, AsAdministrator)
	known, told := schemaOf(t, here), schemaOf(t, c)
	for name, rule := range known {
		if told[name] != rule {
			t.Errorf("%s is %q here and %q there", name, rule, told[name])
		}
	}
	for _, dn := range []ident.DN{"CN=Hana Made,OU=Staff," + baseDN, "CN=CRM,OU=Groups," + baseDN, "OU=Staff," + baseDN} {
		if have, want := allowed(t, here, dn), allowed(t, c, dn); !slices.Equal(have, want) {
			t.Errorf("%s may have %q here and %q there", dn, have, want)
		}
	}
}

func schemaOf(t *testing.T, c Directory) map[string]string {
	t.Helper()
	rules := map[string]string{}
	properties := []string{"attributeSyntax", "oMSyntax", "isSingleValued", "rangeLower", "rangeUpper", "systemOnly", "systemFlags"}
	err := c.Search(t.Context(), conn.Query{
		Base: "CN=Schema,CN=Configuration," + baseDN, Filter: "(objectClass=attributeSchema)", Attributes: append(properties, "lDAPDisplayName"),
	}, func(e ident.Entry) error {
		var rule []string
		for _, p := range properties {
			value := e.Attributes.First(p)
			if value == "" && p != "rangeLower" && p != "rangeUpper" { // absent is what it stands for
				value = map[string]string{"systemFlags": "0", "systemOnly": "FALSE"}[p]
			}
			if strings.HasPrefix(value, "-") && p == "rangeUpper" { // above 2^31: no bound
				value = ""
			}
			rule = append(rule, p+"="+value)
		}
		rules[e.Attributes.First("lDAPDisplayName")] = strings.Join(rule, " ")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

func allowed(t *testing.T, c Directory, dn ident.DN) []string {
	t.Helper()
	e, err := c.Get(t.Context(), conn.ByDN(dn), []string{"allowedAttributes"})
	if err != nil {
		t.Fatal(err)
	}
	return slices.Sorted(slices.Values(e.Attributes.Values("allowedAttributes")))
}
