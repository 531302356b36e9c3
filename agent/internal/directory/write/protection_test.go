package write_test

import (
	"log/slog"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/dirtest"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/write"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// protected makes or names accounts in scope that must not be touched.
func (s scene) protected() map[string]ident.GUID {
	s.t.Helper()
	dc, t := s.dc, s.t
	guidOf := func(dn ident.DN) ident.GUID { return dc.Get(t, dn, "cn").GUID }
	out := map[string]ident.GUID{
		"adminCount":           guidOf(s.staff.Child("Petra Protected")),
		"Domain Admins member": guidOf(s.staff.Child("Alan Admin")),
	}
	tag := fresh()
	nested, nestedDN := s.user(s.staff, nil)
	inner := dc.AddGroup(t, s.dc.OU("Groups"), "inner "+tag, nestedDN)
	middle := dc.AddGroup(t, s.outside, "middle "+tag, inner)
	dc.AddMember(t, "CN=Backup Operators,CN=Builtin,DC=ad,DC=test", middle)
	out["member at the third level"] = nested

	primary, primaryDN := s.user(s.staff, nil)
	dc.AddMember(t, "CN=Group Policy Creator Owners,CN=Users,DC=ad,DC=test", primaryDN)
	dc.Replace(t, primaryDN, "primaryGroupID", "520")
	out["privileged primary group"] = primary

	byGroup, byGroupDN := s.user(s.staff, nil)
	dc.AddMember(t, inner, byGroupDN)
	rid := ridOf(t, s, inner)
	dc.Replace(t, byGroupDN, "primaryGroupID", rid)
	out["primary group nested in a privileged one"] = byGroup

	computer := dc.Add(t, s.staff.Child("PC "+tag), map[string][]string{"objectClass": {"computer"}, "sAMAccountName": {tag + "$"}, "userAccountControl": {"4096"}})
	out["computer"] = computer
	contact := dc.Add(t, s.staff.Child("contact "+tag), map[string][]string{"objectClass": {"contact"}})
	out["not an account"] = contact
	return out
}

func ridOf(t *testing.T, s scene, dn ident.DN) string {
	t.Helper()
	raw := s.dc.Get(t, dn, "objectSid").Attributes.First("objectSid")
	n := len(raw)
	return itoa(uint32(raw[n-4]) | uint32(raw[n-3])<<8 | uint32(raw[n-2])<<16 | uint32(raw[n-1])<<24)
}

func TestProtectedAccountsAreNotTouched(t *testing.T) {
	dirtest.InRules(t, testProtectedAccountsAreNotTouched)
}

func testProtectedAccountsAreNotTouched(t *testing.T, d *dirtest.Domain) {
	s := set(t, d, true, nil)
	for name, guid := range s.protected() {
		t.Run(name, func(t *testing.T) {
			before := s.get(guid, "uSNChanged")
			dn := before.DN
			to := s.leavers.Child(dn.Name())
			for operation, err := range map[string]error{
				"update":  s.Update(t.Context(), guid, []ident.AttributeChange{change("description", nil, "x")}),
				"rename":  s.Rename(t.Context(), guid, dn, s.staff.Child("x")),
				"move":    s.Move(t.Context(), guid, dn, to),
				"disable": s.Disable(t.Context(), guid, dn, to),
				"enable":  s.Enable(t.Context(), guid, "", ""),
				"groups":  s.AddToGroups(t.Context(), guid, []ident.DN{"CN=CRM," + s.dc.OU("Groups")}),
				"adopt":   s.Adopt(t.Context(), guid, "crm:"+fresh()),
			} {
				if err == nil {
					t.Errorf("%s was carried out", operation)
					continue
				}
				wantKind(t, err, write.Protected)
			}
			if after := s.get(guid, "uSNChanged"); after.Attributes.First("uSNChanged") != before.Attributes.First("uSNChanged") || after.DN != dn {
				t.Error("something was written")
			}
		})
	}
}

func TestGuardAgreesWithTheWriter(t *testing.T) { dirtest.OnBoth(t, testGuardAgreesWithTheWriter) }

func testGuardAgreesWithTheWriter(t *testing.T, d *dirtest.Domain) {
	s := set(t, d, true, nil)
	accounts := s.protected()
	delete(accounts, "not an account")
	guard, err := write.NewGuard(t.Context(), s.client, rules(s.dc))
	if err != nil {
		t.Fatal(err)
	}
	attributes := []string{"objectClass", "objectSid", "userAccountControl", "adminCount", "primaryGroupID", "isCriticalSystemObject"}
	for name, guid := range accounts {
		e, err := s.ReadBack(t.Context(), guid, attributes)
		if err != nil {
			t.Fatal(err)
		}
		if why, err := guard.Protected(t.Context(), e); why == "" || err != nil {
			t.Errorf("%s: %q, %v", name, why, err)
		}
	}
	for _, found := range s.dc.Find(t, "(|(sAMAccountName=krbtgt)(sAMAccountName=Administrator)(sAMAccountName=Guest)(sAMAccountName=Domain Admins)(sAMAccountName=Denied*))", "cn") {
		e, err := s.ReadBack(t.Context(), found.GUID, attributes)
		if err != nil {
			t.Fatal(err)
		}
		if why, err := guard.Protected(t.Context(), e); why == "" || err != nil {
			t.Errorf("%s: %q, %v", found.DN, why, err)
		}
	}
	harmless, _ := s.user(s.staff, nil)
	for _, guid := range []ident.GUID{harmless, s.dc.Get(t, "CN=CRM,"+s.dc.OU("Groups"), "cn").GUID} {
		e, err := s.ReadBack(t.Context(), guid, attributes)
		if err != nil {
			t.Fatal(err)
		}
		if why, err := guard.Protected(t.Context(), e); why != "" || err != nil {
			t.Errorf("%s: %q, %v", e.DN, why, err)
		}
	}
}

func TestBecomingPrivilegedBetweenPlanAndWrite(t *testing.T) {
	dirtest.InRules(t, testBecomingPrivilegedBetweenPlanAndWrite)
}

func testBecomingPrivilegedBetweenPlanAndWrite(t *testing.T, d *dirtest.Domain) {
	s := set(t, d, true, nil)
	guid, dn := s.user(s.staff, nil)
	update := func(title string) error {
		return s.Update(t.Context(), guid, []ident.AttributeChange{{Name: "title", Old: s.get(guid, "title").Attributes.Values("title"), New: []string{title}}})
	}
	if err := update("first"); err != nil {
		t.Fatal(err)
	}
	s.dc.AddMember(t, "CN=Account Operators,CN=Builtin,DC=ad,DC=test", dn)
	wantKind(t, update("second"), write.Protected)
}

func TestTheAgentsOwnAccount(t *testing.T) { dirtest.OnBoth(t, testTheAgentsOwnAccount) }

func testTheAgentsOwnAccount(t *testing.T, d *dirtest.Domain) {
	for _, bind := range []string{"rollcall@ad.test", `ADTEST\rollcall`, "CN=rollcall,CN=Users,DC=ad,DC=test"} {
		s := set(t, d, true, func(r *write.Rules) {
			r.BindDN = bind // the connection itself is the administrator's: the name alone must do
			r.Scope = append(r.Scope, "CN=Users,DC=ad,DC=test")
		})
		guid := s.dc.Get(t, "CN=rollcall,CN=Users,DC=ad,DC=test", "cn").GUID
		wantKind(t, s.Update(t.Context(), guid, []ident.AttributeChange{change("title", nil, "x")}), write.Protected)
	}
	// And by its token, when the name says nothing.
	s := set(t, d, false, func(r *write.Rules) {
		r.BindDN = "somebody@else"
		r.Scope = append(r.Scope, "CN=Users,DC=ad,DC=test")
	})
	guid := s.dc.Get(t, "CN=rollcall,CN=Users,DC=ad,DC=test", "cn").GUID
	wantKind(t, s.Disable(t.Context(), guid, "", ""), write.Protected)
	for _, name := range []string{"krbtgt", "Guest", "Administrator"} {
		guid := s.dc.Get(t, ident.DN("CN="+name+",CN=Users,DC=ad,DC=test"), "cn").GUID
		wantKind(t, s.Disable(t.Context(), guid, "", ""), write.Protected)
	}
}

func TestAllowLiftsProtectionButNotScope(t *testing.T) {
	dirtest.InRules(t, testAllowLiftsProtectionButNotScope)
}

func testAllowLiftsProtectionButNotScope(t *testing.T, d *dirtest.Domain) {
	s := set(t, d, true, func(r *write.Rules) {
		r.Allow = []ident.DN{"cn=petra protected, ou=Staff,DC=ad,DC=test", "CN=Olga Outside,OU=Elsewhere,DC=ad,DC=test"}
	})
	petra := s.dc.Get(t, s.staff.Child("Petra Protected"), "title")
	if err := s.Update(t.Context(), petra.GUID, []ident.AttributeChange{change("title", petra.Attributes.Values("title"), "Allowed")}); err != nil {
		t.Error(err)
	}
	olga := s.dc.Get(t, s.outside.Child("Olga Outside"), "cn").GUID
	wantKind(t, s.Update(t.Context(), olga, []ident.AttributeChange{change("title", nil, "x")}), write.OutOfScope)
	guard, err := write.NewGuard(t.Context(), s.client, write.Rules{Scope: rules(s.dc).Scope, Anchor: anchorAttribute, BindDN: s.dc.BindDN, Allow: []ident.DN{petra.DN}})
	if err != nil {
		t.Fatal(err)
	}
	petra.Attributes = ident.Attributes{"objectclass": {"user"}, "admincount": {"1"}}
	if why, err := guard.Protected(t.Context(), petra); why != "" || err != nil {
		t.Errorf("%q, %v", why, err)
	}
}

func TestScopeContainersThemselvesAreNotWritten(t *testing.T) {
	dirtest.InRules(t, testScopeContainersThemselvesAreNotWritten)
}

func testScopeContainersThemselvesAreNotWritten(t *testing.T, d *dirtest.Domain) {
	s := set(t, d, true, nil)
	guid := s.dc.Get(t, s.staff, "cn").GUID
	wantKind(t, s.Update(t.Context(), guid, []ident.AttributeChange{change("description", nil, "x")}), write.OutOfScope)
}

func TestGroups(t *testing.T) { dirtest.OnBoth(t, testGroups) }

func testGroups(t *testing.T, d *dirtest.Domain) {
	s := set(t, d, true, nil)
	groups := s.dc.OU("Groups")
	tag := fresh()
	one := s.dc.AddGroup(t, groups, "one "+tag)
	two := s.dc.AddGroup(t, groups, "two "+tag, one)
	powerful := s.dc.AddGroup(t, groups, "powerful "+tag)
	over := s.dc.AddGroup(t, s.outside, "over "+tag, powerful)
	s.dc.AddMember(t, "CN=Administrators,CN=Builtin,DC=ad,DC=test", over)
	marked := s.dc.AddGroup(t, groups, "marked "+tag)
	s.dc.Replace(t, marked, "adminCount", "1")
	outside := s.dc.AddGroup(t, s.outside, "outside "+tag)
	guid, dn := s.user(s.staff, nil)
	members := func(group ident.DN) int { return len(s.dc.Get(t, group, "member").Attributes.Values("member")) }

	for _, test := range []struct {
		name   string
		groups []ident.DN
		kind   write.Kind
	}{
		{"Domain Admins", []ident.DN{one, "CN=Domain Admins,CN=Users,DC=ad,DC=test"}, write.OutOfScope},
		{"nested in Administrators", []ident.DN{one, powerful}, write.Protected},
		{"adminCount", []ident.DN{one, marked}, write.Protected},
		{"out of scope", []ident.DN{one, outside}, write.OutOfScope},
		{"missing", []ident.DN{one, groups.Child("missing")}, write.NotFound},
		{"no group", []ident.DN{one, s.staff.Child("Hana Made")}, write.Invalid},
		{"not a DN", []ident.DN{one, "CRM"}, write.Invalid},
	} {
		wantKind(t, s.AddToGroups(t.Context(), guid, test.groups), test.kind)
		if members(one) != 0 {
			t.Fatalf("%s: a group was joined although another one is refused", test.name)
		}
	}
	for range 2 { // the second time it is a member already
		if err := s.AddToGroups(t.Context(), guid, []ident.DN{one, two}); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.dc.Get(t, one, "member").Attributes.First("member"); ident.DN(got) != dn || members(two) != 2 {
		t.Errorf("members: %s; %d in the other group", got, members(two))
	}
	byPrimary, byPrimaryDN := s.user(s.staff, nil)
	s.dc.AddMember(t, one, byPrimaryDN)
	s.dc.Replace(t, byPrimaryDN, "primaryGroupID", ridOf(t, s, one))
	if err := s.AddToGroups(t.Context(), byPrimary, []ident.DN{one, two}); err != nil || members(one) != 1 || members(two) != 3 {
		t.Errorf("who is in a group by the primary group: %v; %d and %d members", err, members(one), members(two))
	}
	admins := set(t, d, true, func(r *write.Rules) { r.Scope = append(r.Scope, "CN=Users,DC=ad,DC=test") })
	wantKind(t, admins.AddToGroups(t.Context(), guid, []ident.DN{"CN=Domain Admins,CN=Users,DC=ad,DC=test"}), write.Protected)
	allowed := set(t, d, true, func(r *write.Rules) { r.Allow = []ident.DN{powerful} })
	if err := allowed.AddToGroups(t.Context(), guid, []ident.DN{powerful}); err != nil {
		t.Errorf("a group that is allowed: %v", err)
	}
	agent := set(t, d, false, nil)
	other, _ := agent.user(agent.staff, nil)
	if err := agent.AddToGroups(t.Context(), other, []ident.DN{one}); err != nil {
		t.Errorf("as the agent's account: %v", err)
	}
}

func TestNewNeedsToKnowItsOwnAccount(t *testing.T) {
	dirtest.InRules(t, testNewNeedsToKnowItsOwnAccount)
}

func testNewNeedsToKnowItsOwnAccount(t *testing.T, d *dirtest.Domain) {
	s := set(t, d, false, nil)
	if len(s.client.Server().TokenSIDs) == 0 {
		t.Fatal("the directory does not tell the token: the case below rests on it")
	}
	r := rules(s.dc)
	r.BindDN = "CN=nobody,DC=ad,DC=test"
	if _, err := write.New(t.Context(), s.client, r, slog.Default()); err != nil {
		t.Errorf("the token is enough: %v", err)
	}
}

// By Unicode's rules of case U+017F is an s and U+212A a k. To the directory
// they are other letters, so that these are containers and accounts of their
// own, outside the scope and not among those that are allowed.
func TestLookalikesAreOutOfScope(t *testing.T) { dirtest.InRules(t, testLookalikesAreOutOfScope) }

func testLookalikesAreOutOfScope(t *testing.T, d *dirtest.Domain) {
	s := set(t, d, true, func(r *write.Rules) {
		r.Scope = append(r.Scope, "OU=Kiosk,DC=ad,DC=test")
		r.Allow = []ident.DN{r.Scope[0].Child("Service desk")}
	})
	for _, ou := range []string{"OU=\u017ftaff,DC=ad,DC=test", "OU=\u212aiosk,DC=ad,DC=test"} {
		parent := ident.DN(ou)
		s.dc.Add(t, parent, map[string][]string{"objectClass": {"organizationalUnit"}})
		sam := fresh()
		_, err := s.Create(t.Context(), parent.Child(sam), account(sam), initial)
		wantKind(t, err, write.OutOfScope)
		guid, dn := s.user(parent, nil)
		wantKind(t, s.Update(t.Context(), guid, []ident.AttributeChange{{Name: "title", New: []string{"x"}}}), write.OutOfScope)
		inside, at := s.user(s.staff, nil)
		wantKind(t, s.Move(t.Context(), inside, at, parent.Child(at.Name())), write.OutOfScope)
		wantKind(t, s.Disable(t.Context(), inside, at, parent.Child(at.Name())), write.OutOfScope)
		wantKind(t, s.Disable(t.Context(), guid, dn, ""), write.OutOfScope)
		wantKind(t, s.AddToGroups(t.Context(), inside, []ident.DN{s.dc.AddGroup(t, parent, fresh())}), write.OutOfScope)
	}
	desk := s.dc.AddUser(t, s.staff, "\u017fervice desk", fresh(), map[string][]string{"adminCount": {"1"}})
	wantKind(t, s.Update(t.Context(), desk, []ident.AttributeChange{{Name: "title", New: []string{"x"}}}), write.Protected)
}
