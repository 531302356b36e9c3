package plan

import (
	"fmt"
	"slices"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
)

// planCase is a run to plan and everything that the plan should say.
type planCase struct {
	name  string
	setup func(*scene)
	want  []string
}

func runCases(t *testing.T, cases []planCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := newScene()
			c.setup(s)
			wantTrace(t, s.plan(t), c.want...)
		})
	}
}

func action(a Action, setup func(*scene)) func(*scene) {
	return func(s *scene) {
		s.set.Action = a
		setup(s)
	}
}

const (
	createsNobody     = "nobody missing | the action create does nothing about missing keys"
	updatesNobody     = "nobody missing | the action update does nothing about missing keys"
	nobodyAtAll       = "nobody missing | pipedrive delivered no record at all"
	newAda            = "11 apply create CN=Ada 11,OU=Staff,DC=x mail:->ada11@x employeeNumber:->pipedrive:11 | pipedrive delivers the key 11 and no account belongs to it"
	stays             = ", but the account is left alone and stays enabled: "
	accept11          = "; if it is meant to be so: rollcall quarantine accept staff 11"
	accept12          = "; if it is meant to be so: rollcall quarantine accept staff 12"
	disabledAfterLoss = " | disabled, and after the loss of the state nobody knows by whom, left alone although pipedrive delivers the key: neither enabled nor moved nor added to groups" +
		" | if rollcall had disabled it as missing and the person is back, enable the account and put it where it belongs" + accept11
	byHand12      = " | disable the account by hand; or if only adminCount is left over from former rights, clear that; or name it in allow_protected of [directory]" + accept12
	accountGone12 = ", and its account g12 is not in the directory: deleted by hand, or not readable | if it was deleted: rollcall link remove pipedrive 12; if not, let the bind account read it"
	adoptAda      = "11 hold adopt CN=Old Ada,OU=Staff,DC=x employeeNumber:->pipedrive:11 | mail = ada11@x matches the account CN=Old Ada,OU=Staff,DC=x; held for review: rollcall did not create this account"
)

// The table of the contract: action by action, in scope without a link, in
// scope with one, missing.
func TestActions(t *testing.T) {
	joiner := func(s *scene) { s.record("11", nil) }
	existing := func(s *scene) {
		s.record("11", nil)
		s.account("g1", staff.Child("Old Ada"), "mail", "ADA11@X")
	}
	changed := func(s *scene) {
		s.known("11", map[string]any{"cn": "Ada New", "mail": "new@x", "ou": support, "groups": []ident.DN{crm}})
	}
	gone := func(s *scene) {
		s.known("11", nil)
		s.linked("12")
	}
	runCases(t, []planCase{
		{"create: in scope, no link: create", action(ActionCreate, joiner), []string{newAda, createsNobody}},
		{"create: in scope, no link: adopt, nothing else", action(ActionCreate, existing), []string{adoptAda, createsNobody}},
		{"create: in scope, linked: nothing", action(ActionCreate, changed), []string{createsNobody}},
		{"create: missing: nothing", action(ActionCreate, gone), []string{createsNobody}},

		{"update: in scope, no link: no create", action(ActionUpdate, joiner), []string{
			" note | 1 record has no account; the action update creates none", updatesNobody,
		}},
		{"update: in scope, no link: adopt", action(ActionUpdate, existing), []string{
			adoptAda, "11 hold update mail:ADA11@X->ada11@x | mail not as user.mail says; waits for the account to be adopted",
			" note | 1 account has another cn by the mapping; only the automation with the action lifecycle that owns an account renames it", updatesNobody,
		}},
		{"update: in scope, linked: update only", action(ActionUpdate, changed), []string{
			"11 apply update mail:ada11@x->new@x | user.mail changed mail",
			" note | 1 account has another cn by the mapping; only the automation with the action lifecycle that owns an account renames it", updatesNobody,
		}},
		{"update: missing: nothing", action(ActionUpdate, gone), []string{updatesNobody}},

		{"lifecycle: in scope, no link: create", joiner, []string{newAda}},
		{"lifecycle: in scope, no link: adopt, and all that follows", existing, []string{
			adoptAda, "11 hold update mail:ADA11@X->ada11@x | mail not as user.mail says; waits for the account to be adopted",
			"11 hold rename CN=Old Ada,OU=Staff,DC=x -> CN=Ada 11,OU=Staff,DC=x cn:Old Ada->Ada 11 | cn not as user.cn says; waits for the account to be adopted",
		}},
		{"lifecycle: in scope, linked: update, rename, move, groups", changed, []string{
			"11 apply update mail:ada11@x->new@x | user.mail changed mail",
			"11 apply rename CN=Ada 11,OU=Staff,DC=x -> CN=Ada New,OU=Staff,DC=x cn:Ada 11->Ada New | user.cn changed cn",
			"11 apply move CN=Ada New,OU=Staff,DC=x -> CN=Ada New,OU=Support,OU=Staff,DC=x | ou: it belongs into OU=Support,OU=Staff,DC=x",
			"11 apply groups CN=CRM,OU=Groups,DC=x | groups: not yet a member of CRM",
		}},
		{"lifecycle: in scope, linked, nothing differs", func(s *scene) { s.known("11", nil) }, nil},
		{"lifecycle: missing: disable and move", gone, []string{
			"12 apply disable CN=Ada 12,OU=Staff,DC=x -> CN=Ada 12,OU=Leavers,DC=x | missing: pipedrive no longer delivers the key 12",
		}},
		{"lifecycle: missing: disable without move_to", func(s *scene) {
			gone(s)
			s.set.Missing.MoveTo = ""
		}, []string{"12 apply disable | missing: pipedrive no longer delivers the key 12"}},
		{"lifecycle: missing: keep, the default", func(s *scene) {
			gone(s)
			s.set.Missing = Missing{}
		}, []string{" note | 1 account is missing; missing.action is keep"}},
		{"lifecycle: a link of another automation: attributes only", func(s *scene) {
			changed(s)
			s.links["11"].Automation = "contractors"
		}, []string{
			"11 apply update mail:ada11@x->new@x | user.mail changed mail",
			" note | 1 account has another cn by the mapping; only the automation with the action lifecycle that owns an account renames it",
			" note | 1 link belongs to another automation; only attributes are compared",
		}},
	})
}

func TestPresentIsPresent(t *testing.T) {
	runCases(t, []planCase{
		{"left the scope: missing", func(s *scene) { s.known("11", map[string]any{"active": false}) }, []string{
			"11 apply disable CN=Ada 11,OU=Staff,DC=x -> CN=Ada 11,OU=Leavers,DC=x | missing: the record of the key 11 is no longer what where asks for",
		}},
		{"out of scope and never linked: nothing", func(s *scene) { s.record("11", map[string]any{"active": false}) }, nil},
		{"where cannot be evaluated: quarantined and present", func(s *scene) { s.known("11", map[string]any{"active": nil}) }, []string{
			"11 quarantine | where: user.active is absent | correct the record at the source, or where and the mapping of the data source pipedrive_staff",
		}},
		{"a field cannot be derived: quarantined and present", func(s *scene) { s.known("11", map[string]any{"active": false, "underivable": true}) }, []string{
			"11 quarantine | mail: user.email is not an address | correct the record at the source, or where and the mapping of the data source pipedrive_staff",
		}},
		{"mapping failed: present", func(s *scene) { s.known("11", map[string]any{"mail": "unmappable"}) }, []string{
			"11 quarantine | mail: user.email is not an address | correct the record at the source, or where and the mapping of the data source pipedrive_staff",
		}},
		{"duplicate: quarantined and present", func(s *scene) {
			s.linked("11")
			s.before = func(b *Builder) { b.Duplicate("11", 2) }
		}, []string{
			"11 quarantine | pipedrive delivered the key 11 more than once | remove the duplicate at the source, or choose a primary_key that is unique",
		}},
		{"a fault in the record: quarantined and present", func(s *scene) {
			s.known("11", map[string]any{"name": "Ada"})
			s.records[0].Problem = "/mail has a fault: half of a surrogate pair at byte 7"
		}, []string{
			"11 quarantine | /mail has a fault: half of a surrogate pair at byte 7 | correct this record in pipedrive; until then it counts as present, and nothing is done about it",
		}},
		{"added twice: quarantined, nothing planned", func(s *scene) { s.record("11", nil); s.record("11", nil) }, []string{
			"11 quarantine | pipedrive delivered the key 11 more than once | remove the duplicate at the source, or choose a primary_key that is unique",
		}},
		{"delivered twice, once out of scope: present", func(s *scene) {
			s.known("11", map[string]any{"active": false})
			s.records = append(s.records, s.records[0])
		}, []string{
			"11 quarantine | pipedrive delivered the key 11 more than once | remove the duplicate at the source, or choose a primary_key that is unique",
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
		{"out of the directory's scope: never touched", leaver(func(_ *scene, e *ident.Entry, _ *ident.Link) { e.DN = outside.Child("Ada 12") }), []string{
			"12 account | " + gone + stays + "CN=Ada 12,OU=Servers,DC=x is outside the scope of [directory] | disable the account by hand, or move it back into scope" + accept12,
		}},
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
		}), []string{"12 note | " + gone + "; it is disabled already and left alone: CN=Ada 12,OU=Servers,DC=x is outside the scope of [directory]"}},
		{"unreadable state: never touched", leaver(func(_ *scene, e *ident.Entry, _ *ident.Link) { delete(e.Attributes, "useraccountcontrol") }), []string{
			"12 account | " + gone + ", but the account is left alone and may be enabled: userAccountControl cannot be read | give the bind account the right to read userAccountControl, or disable the account by hand",
		}},
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
		}), []string{"12 apply disable | " + gone, "12 account | " + gone + ", and the account cannot be moved to OU=Nowhere,OU=Staff,DC=x: it does not exist | create that OU, or choose another"}},
		{"a new key matches the account: never disabled", leaver(func(s *scene, _ *ident.Entry, _ *ident.Link) {
			s.record("99", map[string]any{"mail": "ada12@x"})
		}), []string{
			"12 account | " + gone + stays + "the key 99 matches the same account | if both are one person, who has another key now: rollcall link rekey staff 12 99",
			"99 quarantine | mail = ada12@x: CN=Ada 12,OU=Staff,DC=x is linked to the key 12 | correct the value at the source, or if both are one person, who has another key now: rollcall link rekey staff 12 99",
		}},
		{"a new key matches it among others: never disabled", leaver(func(s *scene, _ *ident.Entry, _ *ident.Link) {
			s.record("99", map[string]any{"mail": "ada12@x"})
			s.account("g9", staff.Child("Twin"), "mail", "ada12@x")
		}), []string{
			"12 account | " + gone + stays + "the key 99 matches the same account | if both are one person, who has another key now: rollcall link rekey staff 12 99",
			"99 quarantine | mail = ada12@x: 2 accounts match: CN=Ada 12,OU=Staff,DC=x; CN=Twin,OU=Staff,DC=x | make the value unique, or choose the account: rollcall link add staff 99 ACCOUNT",
		}},
		{"two leavers of one name do not collide", leaver(func(s *scene, e *ident.Entry, _ *ident.Link) {
			e13, _ := s.linked("13")
			e.DN, e13.DN = staff.Child("Ada"), support.Child("Ada")
		}), []string{
			"12 apply disable CN=Ada,OU=Staff,DC=x -> CN=Ada,OU=Leavers,DC=x | " + gone,
			"13 apply disable CN=Ada,OU=Support,OU=Staff,DC=x -> CN=Ada 2,OU=Leavers,DC=x cn:Ada->Ada 2 | missing: pipedrive no longer delivers the key 13; the key 12 of this run has the name Ada there, so it becomes Ada 2",
		}},
	})
}

// What the mapping says about the next step is what the reader gets.
func TestMappingErrors(t *testing.T) {
	s := newScene()
	b := NewBuilder(s.set, s.world, s.mapper, s.hist)
	rec := ident.Record{Key: "11", Fields: map[string]any{"name": " Ada Novak "}}
	b.draft.quarantineError(rec, fmt.Errorf("map: %w", &mapping.Error{Attribute: "mail", Cause: "user.email is null", Next: "give the user an address"}))
	b.draft.quarantineError(ident.Record{Key: "12", Fields: map[string]any{"name": "", "email": "bo@x"}}, &mapping.Error{Attribute: "mail", Cause: "user.email is null"})
	p, err := b.Finish(s.delivery)
	if err != nil {
		t.Fatal(err)
	}
	want := []ident.QuarantineItem{
		{Key: "11", Name: "Ada Novak", Cause: "map: mail: user.email is null", Next: "give the user an address"},
		{Key: "12", Name: "bo@x", Cause: "mail: user.email is null", Next: "correct the record at the source, or where and the mapping of the data source pipedrive_staff"},
	}
	if !slices.Equal(p.Quarantined, want) {
		t.Errorf("%+v, want %+v", p.Quarantined, want)
	}
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
