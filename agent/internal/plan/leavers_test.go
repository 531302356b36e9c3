package plan

import (
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

func TestPresentIsPresent(t *testing.T) {
	runCases(t, []planCase{
		{"left the scope: missing", func(s *scene) { s.known("11", map[string]any{"active": false}) }, []string{
			"11 apply disable CN=Ada 11,OU=Staff,DC=x -> CN=Ada 11,OU=Leavers,DC=x | missing: the record of the key 11 is no longer what where " +
				"asks for",
		}},
		{"out of scope and never linked: nothing", func(s *scene) { s.record("11", map[string]any{"active": false}) }, nil},
		{"where cannot be evaluated: quarantined and present", func(s *scene) { s.known("11", map[string]any{"active": nil}) }, []string{
			"11 quarantine | where: user.active is absent | correct the record at the source, or where and the mapping of the data source " +
				"pipedrive_staff",
		}},
		{
			"a field cannot be derived: quarantined and present",
			func(s *scene) { s.known("11", map[string]any{"active": false, "underivable": true}) },
			[]string{
				"11 quarantine | mail: user.email is not an address | correct the record at the source, or where and the mapping of the data source " +
					"pipedrive_staff",
			},
		},
		{"mapping failed: present", func(s *scene) { s.known("11", map[string]any{"mail": "unmappable"}) }, []string{
			"11 quarantine | mail: user.email is not an address | correct the record at the source, or where and the mapping of the data source " +
				"pipedrive_staff",
		}},
		{"duplicate: quarantined and present", func(s *scene) {
			s.linked("11")
			s.before = func(b *Builder) { b.Duplicate("11", 2) }
		}, []string{
			"11 quarantine | pipedrive delivered the key 11 more than once | remove the duplicate at the source, or choose a primary_key that is " +
				"unique",
		}},
		{"a fault in the record: quarantined and present", func(s *scene) {
			s.known("11", map[string]any{"name": "Ada"})
			s.records[0].Problem = "/mail has a fault: half of a surrogate pair at byte 7"
		}, []string{
			"11 quarantine | /mail has a fault: half of a surrogate pair at byte 7 | correct this record in pipedrive; until then it counts as " +
				"present, and nothing is done about it",
		}},
		{"added twice: quarantined, nothing planned", func(s *scene) { s.record("11", nil); s.record("11", nil) }, []string{
			"11 quarantine | pipedrive delivered the key 11 more than once | remove the duplicate at the source, or choose a primary_key that is " +
				"unique",
		}},
		{"delivered twice, once out of scope: present", func(s *scene) {
			s.known("11", map[string]any{"active": false})
			s.records = append(s.records, s.records[0])
		}, []string{
			"11 quarantine | pipedrive delivered the key 11 more than once | remove the duplicate at the source, or choose a primary_key that is " +
				"unique",
		}},
		{"set aside while staging: present", func(s *scene) {
			s.linked("11")
			s.before = func(b *Builder) { b.Quarantine("11", "Ada", "join: no photo", "add one") }
		}, []string{"11 quarantine | join: no photo | add one"}},
		{"a record without a key: nobody is missing", func(s *scene) {
			s.known("11", nil)
			s.linked("12")
			s.before = func(b *Builder) {
				b.Quarantine("", "Bo", "no id", "give it one")
				b.Quarantine("", "Al", "id is a list", "give it one")
			}
		}, []string{
			" quarantine | id is a list | give it one", " quarantine | no id | give it one",
			"nobody missing | 2 records have no key and may be anybody's",
		}},
		{"seen but not staged: present", func(s *scene) {
			s.linked("11")
			s.linked("12")
			s.delivery.Skipped = 1
			s.delivery.Present = func(key ident.Key) (bool, error) { return key == "12", nil }
		}, []string{"11 apply disable CN=Ada 11,OU=Staff,DC=x -> CN=Ada 11,OU=Leavers,DC=x | missing: pipedrive no longer delivers the key 11"}},
	})
}

func TestNobodyIsMissing(t *testing.T) {
	gone := func(change func(*scene)) func(*scene) {
		return func(s *scene) {
			s.known("11", nil)
			s.linked("12")
			s.known("13", map[string]any{"active": false})
			change(s)
		}
	}
	runCases(t, []planCase{
		{"the fetch did not end properly", gone(func(s *scene) {
			s.delivery = Delivery{Reason: "page 3: truncated JSON"}
		}), []string{"nobody missing | the delivery is not complete: page 3: truncated JSON"}},
		{"the fetch did not end properly: what was delivered is decided", func(s *scene) {
			s.record("11", nil)
			s.delivery = Delivery{}
		}, []string{newAda, "nobody missing | the delivery is not complete"}},
		{"an endpoint in mode changes", gone(func(s *scene) { s.delivery.ChangesOnly = true }), []string{
			"nobody missing | an endpoint delivers changes only, not everybody",
		}},
		{"no record at all", func(s *scene) { s.linked("11") }, []string{nobodyAtAll}},
	})
}

func TestMissing(t *testing.T) {
	const gone = "missing: pipedrive no longer delivers the key 12"
	since := noon.AddDate(0, 0, -3)
	leaver := func(change func(*scene, *ident.Entry, *ident.Link)) func(*scene) {
		return func(s *scene) {
			s.known("11", nil)
			e, l := s.linked("12")
			change(s, e, l)
		}
	}
	ours := func(e *ident.Entry, l *ident.Link) {
		e.Attributes["useraccountcontrol"] = []string{"514"}
		l.MissingSince = &since
	}
	runCases(t, []planCase{
		{"disabled by somebody else: nothing", leaver(func(_ *scene, e *ident.Entry, _ *ident.Link) {
			e.Attributes["useraccountcontrol"] = []string{"514"}
		}), []string{"12 note | " + gone + "; the account was already disabled by somebody else"}},
		{"disabled by rollcall and moved: nothing", leaver(func(_ *scene, e *ident.Entry, l *ident.Link) {
			ours(e, l)
			e.DN, l.Placed = leavers.Child("Ada 12"), leavers
		}), nil},
		{"disabled by rollcall, not yet moved: moved", leaver(func(_ *scene, e *ident.Entry, l *ident.Link) { ours(e, l) }), []string{
			"12 apply move CN=Ada 12,OU=Staff,DC=x -> CN=Ada 12,OU=Leavers,DC=x | " + gone + "; disabled but not yet moved",
		}},
		{"disabled by rollcall, moved by somebody: left there", leaver(func(_ *scene, e *ident.Entry, l *ident.Link) {
			ours(e, l)
			e.DN, l.Placed = support.Child("Ada 12"), leavers
		}), nil},
		{"enabled by somebody after rollcall disabled it: disabled again", leaver(func(_ *scene, e *ident.Entry, l *ident.Link) {
			l.MissingSince = &since
			e.DN, l.Placed = leavers.Child("Ada 12"), leavers
		}), []string{"12 apply disable | " + gone + "; somebody enabled the account after rollcall had disabled it"}},
		{"protected: never touched", leaver(func(s *scene, _ *ident.Entry, _ *ident.Link) { s.protected["g12"] = "adminCount is 1" }), []string{
			"12 account | " + gone + stays + "CN=Ada 12,OU=Staff,DC=x is protected: adminCount is 1" + byHand12,
		}},
		{
			"out of the directory's scope: never touched", leaver(func(_ *scene, e *ident.Entry, _ *ident.Link) { e.DN = outside.Child("Ada 12") }),
			[]string{
				"12 account | " + gone + stays +
					"CN=Ada 12,OU=Servers,DC=x is outside the scope of [directory] | disable the account by hand, or move it back into scope" + accept12,
			},
		},
		{"deleted by hand, or not readable: told", leaver(func(s *scene, _ *ident.Entry, _ *ident.Link) { delete(s.entries, "g12") }), []string{
			"12 account | " + gone + accountGone12,
		}},
		{"deleted by hand after rollcall disabled it: nothing to do", leaver(func(s *scene, e *ident.Entry, l *ident.Link) {
			ours(e, l)
			delete(s.entries, "g12")
		}), []string{"12 note | " + gone + ", and its account is not in the directory: rollcall link remove pipedrive 12"}},
		{"protected and disabled: nothing to do", leaver(func(s *scene, e *ident.Entry, l *ident.Link) {
			ours(e, l)
			s.protected["g12"] = "adminCount is 1"
		}), []string{"12 note | " + gone + "; it is disabled already and left alone: CN=Ada 12,OU=Staff,DC=x is protected: adminCount is 1"}},
		{"out of scope and disabled by hand: nothing to do", leaver(func(_ *scene, e *ident.Entry, _ *ident.Link) {
			e.DN, e.Attributes["useraccountcontrol"] = outside.Child("Ada 12"), []string{"514"}
		}), []string{"12 note | " + gone +
			"; it is disabled already and left alone: CN=Ada 12,OU=Servers,DC=x is outside the scope of [directory]"}},
		{
			"unreadable state: never touched", leaver(func(_ *scene, e *ident.Entry, _ *ident.Link) { delete(e.Attributes, "useraccountcontrol") }),
			[]string{
				"12 account | " + gone + ", but the account is left alone and may be enabled: userAccountControl cannot be read | give the bind " +
					"account the right to read userAccountControl, or disable the account by hand",
			},
		},
		{"another automation's link: not missing", leaver(func(_ *scene, _ *ident.Entry, l *ident.Link) { l.Automation = "contractors" }), nil},
		{"the name in move_to is taken: moved under a free one", leaver(func(s *scene, e *ident.Entry, _ *ident.Link) {
			e.Attributes["samaccountname"] = []string{"aada"}
			s.account("g9", leavers.Child("Ada 12"))
		}), []string{
			"12 apply disable CN=Ada 12,OU=Staff,DC=x -> CN=Ada 12 (aada),OU=Leavers,DC=x cn:Ada 12->Ada 12 (aada) | " + gone +
				"; CN=Ada 12,OU=Leavers,DC=x has the name Ada 12 there, so it becomes Ada 12 (aada)",
		}},
		{"disabled but not yet moved, and the name is taken: moved under a free one", leaver(func(s *scene, e *ident.Entry, l *ident.Link) {
			ours(e, l)
			s.account("g9", leavers.Child("Ada 12"))
		}), []string{
			"12 apply move CN=Ada 12,OU=Staff,DC=x -> CN=Ada 12 2,OU=Leavers,DC=x cn:Ada 12->Ada 12 2 | " + gone +
				"; disabled but not yet moved; CN=Ada 12,OU=Leavers,DC=x has the name Ada 12 there, so it becomes Ada 12 2",
		}},
		{"move_to does not exist: disabled all the same", leaver(func(s *scene, _ *ident.Entry, _ *ident.Link) {
			s.set.Missing.MoveTo = "OU=Nowhere,OU=Staff,DC=x"
		}), []string{"12 apply disable | " + gone, "12 account | " + gone + ", and the account cannot be moved to OU=Nowhere,OU=Staff,DC=x: " +
			"it does not exist | create that OU, or choose another"}},
		{"a new key matches the account: never disabled", leaver(func(s *scene, _ *ident.Entry, _ *ident.Link) {
			s.record("99", map[string]any{"mail": "ada12@x"})
		}), []string{
			"12 account | " + gone + stays +
				"the key 99 matches the same account | if both are one person, who has another key now: rollcall link rekey staff 12 99",
			"99 quarantine | mail = ada12@x: CN=Ada 12,OU=Staff,DC=x is linked to the key 12 | correct the value at the source, or if both are " +
				"one person, who has another key now: rollcall link rekey staff 12 99",
		}},
		{"a new key matches it among others: never disabled", leaver(func(s *scene, _ *ident.Entry, _ *ident.Link) {
			s.record("99", map[string]any{"mail": "ada12@x"})
			s.account("g9", staff.Child("Twin"), "mail", "ada12@x")
		}), []string{
			"12 account | " + gone + stays +
				"the key 99 matches the same account | if both are one person, who has another key now: rollcall link rekey staff 12 99",
			"99 quarantine | mail = ada12@x: 2 accounts match: CN=Ada 12,OU=Staff,DC=x; CN=Twin,OU=Staff,DC=x | make the value unique, or choose " +
				"the account: rollcall link add staff 99 ACCOUNT",
		}},
		{"two leavers of one name do not collide", leaver(func(s *scene, e *ident.Entry, _ *ident.Link) {
			e13, _ := s.linked("13")
			e.DN, e13.DN = staff.Child("Ada"), support.Child("Ada")
		}), []string{
			"12 apply disable CN=Ada,OU=Staff,DC=x -> CN=Ada,OU=Leavers,DC=x | " + gone,
			"13 apply disable CN=Ada,OU=Support,OU=Staff,DC=x -> CN=Ada 2,OU=Leavers,DC=x cn:Ada->Ada 2 | missing: pipedrive no longer delivers " +
				"the key 13; the key 12 of this run has the name Ada there, so it becomes Ada 2",
		}},
	})
}

// A View that lists foreign links must not get their accounts disabled.
func TestLinksOfOthersEndThePlan(t *testing.T) {
	s := newScene()
	s.known("11", nil)
	_, l := s.linked("12")
	l.Automation = "contractors"
	b := NewBuilder(s.set, greedyView{s.world}, s.mapper, s.hist)
	if err := b.Add(s.records[0]); err != nil {
		t.Fatal(err)
	}
	if p, err := b.Finish(s.delivery); err == nil {
		t.Errorf("no error; plan %v", trace(p))
	}
}

// Nothing is remembered about a returner whose record is set aside after all.
func TestNoLinkUpdateInQuarantine(t *testing.T) {
	s := newScene()
	e, l := s.known("11", nil)
	since := noon
	l.MissingSince, l.Placed, e.DN = &since, leavers, leavers.Child("Ada 11")
	s.plan(t)
	if len(s.updates) != 1 {
		t.Fatalf("updates %v", s.updates)
	}
	s.records = append(s.records, s.records[0])
	if s.plan(t); len(s.updates) != 0 {
		t.Errorf("updates %v of a key in quarantine", s.updates)
	}
}
