package plan

import (
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

func TestCreate(t *testing.T) {
	const next = "correct the record at the source, or where and the mapping of the data source pipedrive_staff"
	runCases(t, []planCase{
		{"all attributes, the anchor, the groups", func(s *scene) {
			s.record("11", map[string]any{
				"ou": support, "title": "Engineer", "phone": nil, "once": "1",
				"proxyAddresses": []string{"SMTP:ada@x", "smtp:ada11@x"}, "groups": []ident.DN{crm},
			})
			s.mapper.rules["once"] = attributeRule{apply: ident.ApplyCreate}
		}, []string{
			"11 apply create CN=Ada 11,OU=Support,OU=Staff,DC=x mail:->ada11@x once:->1 proxyAddresses:->SMTP:ada@x,smtp:ada11@x " +
				"title:->Engineer employeeNumber:->pipedrive:11 | pipedrive delivers the key 11 and no account belongs to it",
			"11 apply groups CN=CRM,OU=Groups,DC=x | groups: not yet a member of CRM",
		}},
		{"a name that has to be escaped", func(s *scene) { s.record("11", map[string]any{"cn": `Ada, "Q" + #1`}) }, []string{
			`11 apply create CN=Ada\, \"Q\" \+ #1,OU=Staff,DC=x mail:->ada11@x employeeNumber:->pipedrive:11` +
				" | pipedrive delivers the key 11 and no account belongs to it",
		}},
		{"mapping failed: never created", func(s *scene) { s.record("11", map[string]any{"title": "unmappable"}) }, []string{
			"11 quarantine | mail: user.email is not an address | " + next,
		}},
		{"parent out of scope: quarantined", func(s *scene) { s.record("11", map[string]any{"ou": outside}) }, []string{
			"11 quarantine | the OU OU=Servers,DC=x is outside the scope of [directory] | correct ou, or widen scope",
		}},
		{
			"parent does not exist: quarantined", func(s *scene) { s.record("11", map[string]any{"ou": ident.DN("OU=Legal,OU=Staff,DC=x")}) },
			[]string{
				"11 quarantine | the OU OU=Legal,OU=Staff,DC=x does not exist | create it in the directory, or correct ou",
			},
		},
		{"no cn: quarantined", func(s *scene) { s.record("11", map[string]any{"cn": nil}) }, []string{
			"11 quarantine | cn has no value | complete the record at the source, or give cn another expression",
		}},
		{"every name taken: quarantined", func(s *scene) {
			s.record("11", nil)
			s.account("g1", staff.Child("ADA 11"))
			s.account("g2", staff.Child("Ada 11 (11)"))
		}, []string{`11 quarantine | cn: every format of "Ada 11" is taken | ` + next}},
		{"two joiners of one name get different names", func(s *scene) {
			s.record("11", map[string]any{"cn": "Ada Novak"})
			s.record("12", map[string]any{"cn": "ada novák"})
		}, []string{
			"11 apply create CN=Ada Novak,OU=Staff,DC=x mail:->ada11@x employeeNumber:->pipedrive:11 | pipedrive delivers the key 11 and no " +
				"account belongs to it",
			"12 apply create CN=ada novák (12),OU=Staff,DC=x mail:->ada12@x employeeNumber:->pipedrive:12 | pipedrive delivers the key 12 and no " +
				"account belongs to it",
		}},
		{"two of one name where cn is not made unique: the second is quarantined", func(s *scene) {
			s.mapper.rules["cn"] = attributeRule{asIs: true}
			s.record("11", nil)
			s.record("12", map[string]any{"cn": "ADA 11"})
		}, []string{newAda, "12 quarantine | the key 11 of this run already has the name ADA 11 in OU=Staff,DC=x | give cn a further format " +
			"that tells the two apart"}},
		{"a name that somebody has, where cn is not made unique: quarantined", func(s *scene) {
			s.mapper.rules["cn"] = attributeRule{asIs: true}
			s.record("11", nil)
			s.account("g1", staff.Child("ada 11"))
		}, []string{"11 quarantine | CN=ada 11,OU=Staff,DC=x already has the name Ada 11 in OU=Staff,DC=x | give cn a further format that " +
			"tells the two apart"}},
		{
			"a mapping of the anchor attribute does not count", func(s *scene) { s.record("11", map[string]any{"employeeNumber": "4711"}) },
			[]string{newAda},
		},
		{"groups that nobody may be added to: each account is told", func(s *scene) {
			admins, far := ident.DN("CN=Admins,OU=Groups,DC=x"), ident.DN("CN=Far,DC=y")
			s.put("g-admins", admins)
			s.protected["g-admins"] = "privileged group"
			s.account("g-person", groups.Child("Person"))
			all := []ident.DN{admins, far, "CN=None,OU=Groups,DC=x", groups.Child("Person"), crm, "cn=crm,ou=Groups,dc=x"}
			s.record("11", map[string]any{"groups": all})
			s.known("12", map[string]any{"groups": all})
			s.members[crm] = map[ident.GUID]bool{"g12": true}
		}, []string{
			newAda, "11 apply groups CN=CRM,OU=Groups,DC=x | groups: not yet a member of CRM",
			"11 groups | group CN=Admins,OU=Groups,DC=x: CN=Admins,OU=Groups,DC=x is protected: privileged group; the account is not added to it " +
				"| take it out of groups of the automation staff, or name it in allow_protected of [directory]",
			"11 groups | group CN=Far,DC=y: it is outside the scope of [directory]; the account is not added to it | add its OU to scope, or " +
				"take it out of groups of the automation staff",
			"11 groups | group CN=None,OU=Groups,DC=x: it does not exist; the account is not added to it | create it, or correct groups of the " +
				"automation staff",
			"11 groups | group CN=Person,OU=Groups,DC=x: it is no group; the account is not added to it | correct groups of the automation staff",
			"12 groups | group CN=Admins,OU=Groups,DC=x: CN=Admins,OU=Groups,DC=x is protected: privileged group; the account is not added to it " +
				"| take it out of groups of the automation staff, or name it in allow_protected of [directory]",
			"12 groups | group CN=Far,DC=y: it is outside the scope of [directory]; the account is not added to it | add its OU to scope, or " +
				"take it out of groups of the automation staff",
			"12 groups | group CN=None,OU=Groups,DC=x: it does not exist; the account is not added to it | create it, or correct groups of the " +
				"automation staff",
			"12 groups | group CN=Person,OU=Groups,DC=x: it is no group; the account is not added to it | correct groups of the automation staff",
		}},
	})
}
