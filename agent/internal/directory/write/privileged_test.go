package write_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/dirtest"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/write"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// guarded is a guard and a writer under rules.
type guarded struct {
	scene
	guard *write.Guard
}

func (s scene) under(r write.Rules) guarded {
	s.t.Helper()
	guard, err := write.NewGuard(s.t.Context(), s.client, r)
	if err != nil {
		s.t.Fatal(err)
	}
	if s.Writer, err = write.New(s.t.Context(), s.client, r, slog.New(slog.DiscardHandler)); err != nil {
		s.t.Fatal(err)
	}
	return guarded{s, guard}
}

// judge is what the plan and the writer say about an account.
func (g guarded) judge(t *testing.T, guid ident.GUID) (planned string, written error) {
	t.Helper()
	e, err := g.ReadBack(t.Context(), guid, []string{"objectClass", "objectSid", "userAccountControl", "adminCount", "primaryGroupID", "isCriticalSystemObject"})
	if err != nil {
		t.Fatal(err)
	}
	if planned, err = g.guard.Protected(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	old := g.get(guid, "title").Attributes.Values("title")
	return planned, g.Update(t.Context(), guid, []ident.AttributeChange{change("title", old, fresh())})
}

// privilegedGroup finds a privileged group in the directory, or makes it as far
// as its name is what it is known by; "" when this directory lacks it.
func (s scene) privilegedGroup(t *testing.T, g ident.PrivilegedGroup) ident.DN {
	t.Helper()
	filter := "(&(objectClass=group)(sAMAccountName=" + g.Name + "))"
	if g.RID != "" {
		filter = "(objectSid=" + g.SID(s.client.Server().DomainSID) + ")"
	}
	if found := s.dc.Find(t, filter, "cn"); len(found) == 1 {
		return found[0].DN
	}
	if g.RID != "" {
		return ""
	}
	return s.dc.AddGroup(t, s.outside, g.Name)
}

func TestMembersOfEveryPrivilegedGroupAreProtected(t *testing.T) {
	dirtest.OnBoth(t, testMembersOfEveryPrivilegedGroupAreProtected)
}

func testMembersOfEveryPrivilegedGroupAreProtected(t *testing.T, d *dirtest.Domain) {
	s := set(t, d, true, nil)
	type member struct {
		group ident.PrivilegedGroup
		inner ident.DN // the group that the account is in, and which is in the privileged one
		guid  ident.GUID
	}
	var members []member
	lifted := rules(s.dc)
	for _, g := range ident.PrivilegedGroups {
		dn := s.privilegedGroup(t, g)
		if dn == "" {
			continue // younger than this directory's schema
		}
		guid, user := s.user(s.staff, nil)
		inner := s.dc.AddGroup(t, s.dc.OU("Groups"), "inner "+fresh(), user)
		members = append(members, member{g, inner, guid})
		lifted.Allow = append(lifted.Allow, dn)
	}
	if len(members) < 20 {
		t.Errorf("only %d privileged groups were tried", len(members))
	}
	before := s.under(rules(s.dc))
	for i, m := range members {
		if planned, err := before.judge(t, m.guid); planned != "" || err != nil {
			t.Errorf("%s, before: %q, %v", m.group.Name, planned, err)
		}
		s.dc.AddMember(t, lifted.Allow[i], m.inner)
	}
	after, allowed := s.under(rules(s.dc)), s.under(lifted)
	other, _ := s.user(s.staff, nil)
	for _, m := range members {
		t.Run(m.group.Name, func(t *testing.T) {
			planned, err := after.judge(t, m.guid)
			if !strings.Contains(planned, m.group.Name) {
				t.Errorf("planned: %q", planned)
			}
			wantKind(t, err, write.Protected)
			wantKind(t, after.AddToGroups(t.Context(), other, []ident.DN{m.inner}), write.Protected)
			if planned, err = allowed.judge(t, m.guid); planned != "" || err != nil {
				t.Errorf("with the group in allow_protected: %q, %v", planned, err)
			}
		})
	}
}

func TestGroupsKnownByNameUnderAnotherAccountName(t *testing.T) {
	dirtest.InRules(t, testGroupsKnownByNameUnderAnotherAccountName)
}

func testGroupsKnownByNameUnderAnotherAccountName(t *testing.T, d *dirtest.Domain) {
	s := set(t, d, true, nil)
	guid, user := s.user(s.staff, nil)
	s.dc.Add(t, s.staff.Child("exchange domain servers"), map[string][]string{
		"objectClass": {"group"}, "sAMAccountName": {"$I31000-" + fresh()}, "member": {string(user)},
	})
	planned, err := s.under(rules(s.dc)).judge(t, guid)
	if planned == "" {
		t.Error("the plan may touch it")
	}
	wantKind(t, err, write.Protected)
}

func TestProtectedGroupsOfTheConfiguration(t *testing.T) {
	dirtest.InRules(t, testProtectedGroupsOfTheConfiguration)
}

func testProtectedGroupsOfTheConfiguration(t *testing.T, d *dirtest.Domain) {
	s := set(t, d, true, nil)
	tag := fresh()
	nested, nestedDN := s.user(s.staff, nil)
	primary, primaryDN := s.user(s.staff, nil)
	inner := s.dc.AddGroup(t, s.dc.OU("Groups"), "board inner "+tag, nestedDN)
	board := s.dc.AddGroup(t, s.outside, "board "+tag, inner, primaryDN)
	s.dc.Replace(t, primaryDN, "primaryGroupID", ridOf(t, s, board))
	mailed, mailedDN := s.user(s.staff, nil)
	list := s.outside.Child("list " + tag)
	s.dc.Add(t, list, map[string][]string{
		"objectClass": {"group"}, "sAMAccountName": {"list " + tag}, "groupType": {"8"}, "member": {string(mailedDN)},
	})
	harmless, _ := s.user(s.staff, nil)
	r := rules(s.dc)
	r.Protect = []ident.DN{board, list}
	g := s.under(r)
	for name, guid := range map[string]ident.GUID{"nested": nested, "primary group": primary, "distribution list": mailed} {
		planned, err := g.judge(t, guid)
		if planned == "" {
			t.Errorf("%s: the plan may touch it", name)
		}
		wantKind(t, err, write.Protected)
	}
	if planned, err := g.judge(t, harmless); planned != "" || err != nil {
		t.Errorf("an account in none of them: %q, %v", planned, err)
	}
	wantKind(t, g.AddToGroups(t.Context(), harmless, []ident.DN{inner}), write.Protected)
	for name, dn := range map[string]ident.DN{"not there": s.outside.Child("nothing"), "no group": nestedDN} {
		r.Protect = []ident.DN{dn}
		if _, err := write.NewGuard(t.Context(), s.client, r); err == nil || !strings.Contains(err.Error(), "protected_groups") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLiftedGroupStandsForItselfOnly: who is in Domain Admins through a group
// that is allowed is a domain admin all the same.
func TestLiftedGroupStandsForItselfOnly(t *testing.T) {
	dirtest.InRules(t, testLiftedGroupStandsForItselfOnly)
}

func testLiftedGroupStandsForItselfOnly(t *testing.T, d *dirtest.Domain) {
	s := set(t, d, true, nil)
	guid, user := s.user(s.staff, nil)
	inner := s.dc.AddGroup(t, s.dc.OU("Groups"), "inner "+fresh(), user)
	s.dc.AddMember(t, "CN=Backup Operators,CN=Builtin,DC=ad,DC=test", inner)
	r := rules(s.dc)
	r.Allow = []ident.DN{inner}
	planned, err := s.under(r).judge(t, guid)
	if planned == "" {
		t.Error("the plan may touch it")
	}
	wantKind(t, err, write.Protected)
}
