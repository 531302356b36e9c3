package plan

import (
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

func TestAnchor(t *testing.T) {
	anchored := func(change func(*scene, *ident.Entry)) func(*scene) {
		return func(s *scene) {
			s.record("11", map[string]any{"cn": "Old Ada"})
			change(s, s.account("g1", staff.Child("Old Ada"), "mail", "ada11@x", "employeeNumber", "pipedrive:11"))
		}
	}
	trusted := func(change func(*scene, *ident.Entry)) func(*scene) {
		return anchored(func(s *scene, e *ident.Entry) {
			s.hist.AnchorsTrusted = true
			change(s, e)
		})
	}
	none := func(*scene, *ident.Entry) {}
	const found = "employeeNumber of CN=Old Ada,OU=Staff,DC=x is pipedrive:11"
	const held = "11 hold adopt " + oldAda + " employeeNumber:pipedrive:11->pipedrive:11 | " + found +
		" although there is no link; held for review: somebody may have edited employeeNumber"
	runCases(t, []planCase{
		{"state lost: the link is restored", trusted(none), []string{
			"11 apply link " + oldAda + " | " + found + ": the link is restored after a loss of the state",
		}},
		{
			"state lost: a disabled account too", trusted(func(_ *scene, e *ident.Entry) { e.Attributes["useraccountcontrol"] = []string{"514"} }),
			[]string{
				"11 apply link " + oldAda + " | " + found + ": the link is restored after a loss of the state",
				"11 account" + disabledAfterLoss,
			},
		},
		{
			"state lost: restored although approval is always", trusted(func(s *scene, _ *ident.Entry) { s.set.Approval = ApprovalAlways }),
			[]string{
				"11 apply link " + oldAda + " | " + found + ": the link is restored after a loss of the state",
			},
		},
		{"otherwise: adopt, held for review", anchored(none), []string{held}},
		{"otherwise: held though adopt is auto", anchored(func(s *scene, _ *ident.Entry) { s.set.Adopt = AdoptAuto }), []string{held}},
		{"otherwise: held though adopt is never", anchored(func(s *scene, _ *ident.Entry) { s.set.Adopt = AdoptNever }), []string{held}},
		{
			"otherwise: never a disabled account", anchored(func(_ *scene, e *ident.Entry) { e.Attributes["useraccountcontrol"] = []string{"514"} }),
			[]string{
				"11 quarantine | " + found + ", but " + oldAda + " is disabled | enable it first if it belongs to this person",
			},
		},
		{"several objects: quarantined", trusted(func(s *scene, _ *ident.Entry) {
			s.account("g2", support.Child("Twin"), "employeeNumber", "pipedrive:11")
		}), []string{"11 quarantine | 2 objects carry the anchor pipedrive:11: " + oldAda +
			"; CN=Twin,OU=Support,OU=Staff,DC=x | clear employeeNumber on those that do not belong to this person"}},
		{"linked to another key: quarantined", trusted(func(s *scene, _ *ident.Entry) {
			s.linked("12")
			s.entries["g1"].Attributes["employeenumber"] = nil
			s.entries["g12"].Attributes["employeenumber"] = []string{"pipedrive:11"}
			s.record("12", nil)
		}), []string{
			"11 quarantine | employeeNumber of CN=Ada 12,OU=Staff,DC=x is pipedrive:11, but CN=Ada 12,OU=Staff,DC=x is linked to the key 12 | " +
				"correct the value at the source, or if both are one person, who has another key now: rollcall link rekey staff 12 11",
			"12 employeeNumber | the account has pipedrive:11 instead of the anchor pipedrive:12, which is left alone; after a loss of the state " +
				"its link could not be restored | if it is this person's account, clear employeeNumber there: the next run writes the anchor; if " +
				"not: rollcall link remove pipedrive 12",
		}},
		{"out of scope: quarantined", trusted(func(_ *scene, e *ident.Entry) { e.DN = outside.Child("Old Ada") }), []string{
			"11 quarantine | employeeNumber of CN=Old Ada,OU=Servers,DC=x is pipedrive:11, but CN=Old Ada,OU=Servers,DC=x is outside the scope " +
				"of [directory] | leave this person out with where, or allow the account in [directory]",
		}},
		{"protected: quarantined", trusted(func(s *scene, _ *ident.Entry) { s.protected["g1"] = "krbtgt" }), []string{
			"11 quarantine | " + found + ", but " + oldAda +
				" is protected: krbtgt | leave this person out with where, or allow the account in [directory]",
		}},
		{"no user account: quarantined", trusted(func(_ *scene, e *ident.Entry) { e.Attributes["objectclass"] = []string{"contact"} }), []string{
			"11 quarantine | " + found + ", but " + oldAda + " is no user account | clear the value there",
		}},
		{"a key that differs in case is another key", anchored(func(s *scene, e *ident.Entry) {
			s.records[0].Key, s.records[0].Fields["cn"] = "aB", "Ada 11"
			delete(e.Attributes, "mail")
			e.Attributes["employeenumber"] = []string{"pipedrive:Ab"}
		}), []string{"aB apply create CN=Ada 11,OU=Staff,DC=x mail:->ada11@x employeeNumber:->pipedrive:aB | pipedrive delivers the key aB " +
			"and no account belongs to it"}},
		{"anchors turned off", func(s *scene) {
			s.set.Anchor = ""
			s.record("11", nil)
			s.account("g1", staff.Child("Old Ada"), "employeeNumber", "pipedrive:11")
		}, []string{"11 apply create CN=Ada 11,OU=Staff,DC=x mail:->ada11@x | pipedrive delivers the key 11 and no account belongs to it"}},
	})
}

// An anchor in a former spelling of a number is the anchor of that number, and
// of no text.
func TestAnchorsInAFormerSpelling(t *testing.T) {
	number := func(s *scene, key ident.Key, sent string) {
		s.record(key, nil)
		s.records[len(s.records)-1].Number = sent
	}
	const moved = "11 apply link CN=Ada 11,OU=Staff,DC=x | employeeNumber of CN=Ada 11,OU=Staff,DC=x is pipedrive:11: the link is restored " +
		"after a loss of the state"
	anew := func(former string) string {
		return "11 apply update employeeNumber:" + former + "->pipedrive:11 | the anchor in employeeNumber spells the number 11 in another way"
	}
	runCases(t, []planCase{
		{"after a loss of the state, as it is sent", func(s *scene) {
			s.hist.AnchorsTrusted = true
			number(s, "11", "1.1e1")
			s.account("g1", staff.Child("Ada 11"), "mail", "ada11@x", "employeeNumber", "pipedrive:1.1e1")
		}, []string{moved, anew("pipedrive:1.1e1")}},
		{"after a loss of the state, sent otherwise now", func(s *scene) {
			s.hist.AnchorsTrusted = true
			number(s, "11", "11")
			s.account("g1", staff.Child("Ada 11"), "mail", "ada11@x", "employeeNumber", "pipedrive:11.0")
		}, []string{moved, anew("pipedrive:11.0")}},
		{"of a linked account it is written anew", func(s *scene) {
			e, _ := s.known("11", nil)
			s.records[len(s.records)-1].Number = "11"
			e.Attributes["employeenumber"] = []string{"pipedrive:11.0"}
		}, []string{"11 apply update employeeNumber:pipedrive:11.0->pipedrive:11 | the anchor in employeeNumber spells the number 11 in " +
			"another way"}},
		{"of a text it is somebody else's", func(s *scene) {
			e, _ := s.known("11", nil)
			e.Attributes["employeenumber"] = []string{"pipedrive:11.0"}
		}, []string{"11 employeeNumber | the account has pipedrive:11.0 instead of the anchor pipedrive:11, which is left alone; after a loss " +
			"of the state its link could not be restored" +
			" | if it is this person's account, clear employeeNumber there: the next run writes the anchor; if not: rollcall link remove " +
			"pipedrive 11"}},
	})
}
