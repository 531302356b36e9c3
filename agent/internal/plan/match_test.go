package plan

import (
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	ops "github.com/rollcall-agent/rollcall/agent/internal/operation"
)

const oldAda = "CN=Old Ada,OU=Staff,DC=x"

func TestMatch(t *testing.T) {
	existing := func(change func(*scene, *ident.Entry)) func(*scene) {
		return func(s *scene) {
			s.record("11", map[string]any{"cn": "Old Ada"})
			change(s, s.account("g1", staff.Child("Old Ada"), "mail", "ada11@x"))
		}
	}
	const aside = "11 quarantine | mail = ada11@x: "
	runCases(t, []planCase{
		{"one candidate: held for review by default", existing(func(*scene, *ident.Entry) {}), []string{adoptAda}},
		{"adopt = auto: applied", existing(func(s *scene, _ *ident.Entry) { s.set.Adopt = AdoptAuto }), []string{
			"11 apply adopt " + oldAda + " employeeNumber:->pipedrive:11 | mail = ada11@x matches the account " + oldAda,
		}},
		{"adopt = never: quarantined", existing(func(s *scene, _ *ident.Entry) { s.set.Adopt = AdoptNever }), []string{
			aside + oldAda + ` matches, and adopt is never | link it: rollcall link add staff 11 ACCOUNT, or set adopt = "review"`,
		}},
		{"the account's value has outer blanks: no second account", existing(func(_ *scene, e *ident.Entry) {
			e.Attributes["mail"] = []string{" ada11@x\u00a0\u200b"}
		}), []string{adoptAda, "11 hold update mail: ada11@x\u00a0\u200b->ada11@x | mail not as user.mail says; waits for the account to be " +
			"adopted"}},
		{"the account's value has an invisible character within", existing(func(_ *scene, e *ident.Entry) {
			e.Attributes["mail"] = []string{"ada\u00ad11@x"}
		}), []string{adoptAda, "11 hold update mail:ada\u00ad11@x->ada11@x | mail not as user.mail says; waits for the account to be adopted"}},
		{"a value that is the same name only: neither adopted nor a second account", existing(func(s *scene, e *ident.Entry) {
			s.set.Adopt = AdoptAuto
			e.Attributes["mail"] = []string{"Ådå11@x"}
		}), []string{"11 quarantine | mail = ada11@x: " + oldAda +
			" has a value that differs in accents or the like only; the directory may take the two for one, and nobody knows whether they are " +
			"one person | if they are: rollcall link add staff 11 ACCOUNT; if not, correct one of the two values"}},
		{"an exact match of a later rule comes before that", existing(func(s *scene, _ *ident.Entry) {
			s.set.Match = []string{"employeeID", "mail"}
			s.records[0].Fields["employeeID"] = "É7"
			s.account("g2", staff.Child("By Number"), "employeeID", "E7")
		}), []string{adoptAda, "11 hold update employeeID:->É7 | employeeID not as user.employeeID says; waits for the account to be adopted"}},
		{"a linked account with the same name is somebody else's", func(s *scene) {
			s.known("12", map[string]any{"mail": "ådå@x"})
			s.entries["g12"].Attributes["mail"] = []string{"ådå@x"}
			s.links["12"].Applied["mail"] = ops.Digest([]string{"ådå@x"})
			s.record("11", map[string]any{"mail": "ada@x"})
		}, []string{"11 apply create CN=Ada 11,OU=Staff,DC=x mail:->ada@x employeeNumber:->pipedrive:11 | pipedrive delivers the key 11 and " +
			"no account belongs to it"}},
		{"two joiners whose values differ in what nobody sees", func(s *scene) {
			s.record("11", map[string]any{"mail": "ada@x"})
			s.record("12", map[string]any{"mail": "ada\u200b@X"})
		}, []string{
			"11 quarantine | the keys 11 and 12 both have mail = ada\u200b@X: one person would get two accounts | remove or correct one of them " +
				"at the source",
			"12 quarantine | the keys 11 and 12 both have mail = ada\u200b@X: one person would get two accounts | remove or correct one of them " +
				"at the source",
		}},
		{
			"ambiguous: quarantined", existing(func(s *scene, _ *ident.Entry) { s.account("g2", support.Child("Twin"), "mail", "ada11@x") }),
			[]string{
				aside + "2 accounts match: " + oldAda +
					"; CN=Twin,OU=Support,OU=Staff,DC=x | make the value unique, or choose the account: rollcall link add staff 11 ACCOUNT",
			},
		},
		{"disabled: quarantined", existing(func(_ *scene, e *ident.Entry) { e.Attributes["useraccountcontrol"] = []string{"514"} }), []string{
			aside + oldAda + " is disabled | enable it first if it belongs to this person",
		}},
		{"state unknown: quarantined", existing(func(_ *scene, e *ident.Entry) { delete(e.Attributes, "useraccountcontrol") }), []string{
			aside + "userAccountControl of " + oldAda + " cannot be read | give the bind account the right to read it",
		}},
		{"protected: quarantined", existing(func(s *scene, _ *ident.Entry) { s.protected["g1"] = "member of Domain Admins" }), []string{
			aside + oldAda + " is protected: member of Domain Admins | leave this person out with where, or allow the account in [directory]",
		}},
		{"out of scope: quarantined", existing(func(_ *scene, e *ident.Entry) { e.DN = outside.Child("Old Ada") }), []string{
			aside + "CN=Old Ada,OU=Servers,DC=x is outside the scope of [directory] | leave this person out with where, or allow the account in " +
				"[directory]",
		}},
		{"already linked: quarantined", func(s *scene) {
			s.known("12", nil)
			s.record("11", map[string]any{"mail": "ada12@x"})
		}, []string{"11 quarantine | mail = ada12@x: CN=Ada 12,OU=Staff,DC=x is linked to the key 12 | correct the value at the source, or if " +
			"both are one person, who has another key now: rollcall link rekey staff 12 11"}},
		{"foreign anchor: quarantined", existing(func(_ *scene, e *ident.Entry) { e.Attributes["employeenumber"] = []string{"4711"} }), []string{
			aside + "employeeNumber of " + oldAda + " is already 4711 | clear employeeNumber there if the account belongs to this person",
		}},
		{
			"only a contact has the value: quarantined",
			existing(func(_ *scene, e *ident.Entry) { e.Attributes["objectclass"] = []string{"contact"} }),
			[]string{
				aside + oldAda + " has this value and is no user account | remove the value there, or correct it at the source",
			},
		},
		{"a contact beside the account: adopted", existing(func(s *scene, _ *ident.Entry) {
			s.put("g2", staff.Child("Card"), "mail", "ada11@x", "objectClass", "contact")
		}), []string{adoptAda}},
		{
			"a computer is no user", existing(func(_ *scene, e *ident.Entry) { e.Attributes["objectclass"] = []string{"user", "computer"} }),
			[]string{
				aside + oldAda + " has this value and is no user account | remove the value there, or correct it at the source",
			},
		},
		{"the first rule that finds anything decides", existing(func(s *scene, _ *ident.Entry) {
			s.set.Match = []string{"employeeID", "mail"}
			s.records[0].Fields["employeeID"] = "E7"
			s.account("g2", staff.Child("By Number"), "employeeID", "e7")
		}), []string{
			"11 hold adopt CN=By Number,OU=Staff,DC=x employeeNumber:->pipedrive:11 | employeeID = E7 matches the account CN=By " +
				"Number,OU=Staff,DC=x; held for review: rollcall did not create this account",
			"11 hold update employeeID:e7->E7 mail:->ada11@x | employeeID not as user.employeeID says; mail not as user.mail says; waits for the " +
				"account to be adopted",
			"11 hold rename CN=By Number,OU=Staff,DC=x -> CN=Old Ada (11),OU=Staff,DC=x cn:By Number->Old Ada (11) | cn not as user.cn says; " +
				"waits for the account to be adopted",
		}},
		{
			"a rule without a value leaves it to the next",
			existing(func(s *scene, _ *ident.Entry) { s.set.Match = []string{"employeeID", "mail"} }),
			[]string{adoptAda},
		},
		{"no value in any rule: an existing account could not be recognised", func(s *scene) {
			s.set.Match = []string{"mail", "employeeID"}
			s.record("11", map[string]any{"mail": nil})
			s.record("12", map[string]any{"mail": ""})
		}, []string{
			"11 quarantine | mail: no value | complete the record; or link its account: rollcall link add staff 11 ACCOUNT",
			"12 quarantine | mail: no value | complete the record; or link its account: rollcall link add staff 12 ACCOUNT",
		}},
		{"no value, but an anchor", func(s *scene) {
			s.hist.AnchorsTrusted = true
			s.record("11", map[string]any{"mail": nil, "cn": "Old Ada"})
			s.account("g1", staff.Child("Old Ada"), "employeeNumber", "pipedrive:11")
		}, []string{"11 apply link " + oldAda + " | employeeNumber of " + oldAda +
			" is pipedrive:11: the link is restored after a loss of the state"}},
		{"match values cannot be computed: quarantined", func(s *scene) { s.record("11", map[string]any{"mail": "unmatchable"}) }, []string{
			"11 quarantine | mail: user.email is not an address | correct the record at the source, or where and the mapping of the data source " +
				"pipedrive_staff",
		}},
		{"no match configured: created", func(s *scene) {
			s.set.Match = nil
			s.record("11", nil)
			s.account("g1", staff.Child("Old Ada"), "mail", "ada11@x")
		}, []string{newAda}},
	})
}

func TestTwoRecordsForOneAccount(t *testing.T) {
	const both = "the keys 11 and 12 both match the account " + oldAda +
		" | correct one of them at the source, or choose: rollcall link add staff "
	const twice = "the keys 11 and 12 both have mail = ADA11@x: one person would get two accounts | remove or correct one of them at the " +
		"source"
	runCases(t, []planCase{
		{"both match: both quarantined", func(s *scene) {
			s.set.Adopt = AdoptAuto
			s.account("g1", staff.Child("Old Ada"), "mail", "ada11@x")
			s.record("11", nil)
			s.record("12", map[string]any{"mail": "ADA11@x"})
		}, []string{"11 quarantine | " + both + "11 ACCOUNT", "12 quarantine | " + both + "12 ACCOUNT"}},
		{"both would be created: both quarantined", func(s *scene) {
			s.record("11", nil)
			s.record("12", map[string]any{"mail": "ADA11@x"})
		}, []string{"11 quarantine | " + twice, "12 quarantine | " + twice}},
		{"the third of them too", func(s *scene) {
			s.record("11", nil)
			s.record("12", map[string]any{"mail": "ADA11@x"})
			s.record("13", map[string]any{"mail": "ada11@x"})
		}, []string{
			"11 quarantine | " + twice, "12 quarantine | " + twice,
			"13 quarantine | the keys 11 and 13 both have mail = ada11@x: one person would get two accounts | remove or correct one of them at " +
				"the source",
		}},
		{"an anchor settles it: the other is quarantined", func(s *scene) {
			s.hist.AnchorsTrusted = true
			s.account("g1", staff.Child("Old Ada"), "mail", "ada11@x", "employeeNumber", "pipedrive:12")
			s.record("11", nil)
			s.record("12", map[string]any{"cn": "Old Ada", "mail": "ada11@x"})
		}, []string{
			"12 apply link " + oldAda + " | employeeNumber of " + oldAda + " is pipedrive:12: the link is restored after a loss of the state",
			"11 quarantine | mail = ada11@x: employeeNumber of " + oldAda +
				" is already pipedrive:12 | clear employeeNumber there if the account belongs to this person",
		}},
	})
}
