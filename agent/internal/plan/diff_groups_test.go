package plan

import (
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// The primary group lists its members nowhere, and refuses to add them: who is
// in it by that is a member.
func TestPrimaryGroup(t *testing.T) {
	const domain = "S-1-5-21-1-2-3-"
	users := groups.Child("Domain Users")
	withGroups := func(s *scene) {
		s.entries["g-crm"].Attributes["objectsid"] = []string{domain + "1200"}
		s.put("g-users", users, "objectClass", "group", "objectSid", domain+"513")
	}
	known := func(sid, rid string) func(*scene) {
		return func(s *scene) {
			withGroups(s)
			e, _ := s.known("11", map[string]any{"groups": []ident.DN{crm, users}})
			e.Attributes["objectsid"], e.Attributes["primarygroupid"] = []string{sid}, []string{rid}
		}
	}
	const add = "11 apply groups "
	runCases(t, []planCase{
		{"of the domain's users", known(domain+"1104", "513"), []string{add + string(crm) + " | groups: not yet a member of CRM"}},
		{"another one", known(domain+"1104", "1200"), []string{add + string(users) + " | groups: not yet a member of Domain Users"}},
		{"one of another domain with the same number", known("S-1-5-21-9-9-9-1104", "1200"), []string{
			add + string(crm) + " " + string(users) + " | groups: not yet a member of CRM, Domain Users",
		}},
		{"not known", known("", ""), []string{add + string(crm) + " " + string(users) + " | groups: not yet a member of CRM, Domain Users"}},
		{"a new account is in Domain Users", func(s *scene) {
			withGroups(s)
			s.record("11", map[string]any{"groups": []ident.DN{users, crm}})
		}, []string{newAda, add + string(crm) + " | groups: not yet a member of CRM"}},
	})
}
