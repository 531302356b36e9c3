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
	createsNobody = "nobody missing | the action create does nothing about missing keys"
	updatesNobody = "nobody missing | the action update does nothing about missing keys"
	nobodyAtAll   = "nobody missing | pipedrive delivered no record at all"
	newAda        = "11 apply create CN=Ada 11,OU=Staff,DC=x mail:->ada11@x employeeNumber:->pipedrive:11 | pipedrive delivers the key " +
		"11 and no account belongs to it"
	stays             = ", but the account is left alone and stays enabled: "
	accept11          = "; if it is meant to be so: rollcall quarantine accept staff 11"
	accept12          = "; if it is meant to be so: rollcall quarantine accept staff 12"
	disabledAfterLoss = " | disabled, and after the loss of the state nobody knows by whom, left alone although pipedrive delivers the " +
		"key: neither enabled nor moved nor added to groups" +
		" | if rollcall had disabled it as missing and the person is back, enable the account and put it where it belongs" + accept11
	byHand12 = " | disable the account by hand; or if only adminCount is left over from former rights, clear that; or name it in " +
		"allow_protected of [directory]" + accept12
	accountGone12 = ", and its account g12 is not in the directory: deleted by hand, or not readable | if it was deleted: rollcall link " +
		"remove pipedrive 12; if not, let the bind account read it"
	adoptAda = "11 hold adopt CN=Old Ada,OU=Staff,DC=x employeeNumber:->pipedrive:11 | mail = ada11@x matches the account CN=Old " +
		"Ada,OU=Staff,DC=x; held for review: rollcall did not create this account"
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
			" note | 1 account has another cn by the mapping; only the automation with the action lifecycle that owns an account renames it",
			updatesNobody,
		}},
		{"update: in scope, linked: update only", action(ActionUpdate, changed), []string{
			"11 apply update mail:ada11@x->new@x | user.mail changed mail",
			" note | 1 account has another cn by the mapping; only the automation with the action lifecycle that owns an account renames it",
			updatesNobody,
		}},
		{"update: missing: nothing", action(ActionUpdate, gone), []string{updatesNobody}},

		{"lifecycle: in scope, no link: create", joiner, []string{newAda}},
		{"lifecycle: in scope, no link: adopt, and all that follows", existing, []string{
			adoptAda, "11 hold update mail:ADA11@X->ada11@x | mail not as user.mail says; waits for the account to be adopted",
			"11 hold rename CN=Old Ada,OU=Staff,DC=x -> CN=Ada 11,OU=Staff,DC=x cn:Old Ada->Ada 11 | cn not as user.cn says; waits for the " +
				"account to be adopted",
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

// What the mapping says about the next step is what the reader gets.
func TestMappingErrors(t *testing.T) {
	s := newScene()
	b := NewBuilder(s.set, s.world, s.mapper, s.hist)
	rec := ident.Record{Key: "11", Fields: map[string]any{"name": " Ada Novak "}}
	b.draft.quarantineError(rec,
		fmt.Errorf("map: %w", &mapping.Error{Attribute: "mail", Cause: "user.email is null", Next: "give the user an address"}))
	b.draft.quarantineError(ident.Record{Key: "12", Fields: map[string]any{"name": "", "email": "bo@x"}},
		&mapping.Error{Attribute: "mail", Cause: "user.email is null"})
	p, err := b.Finish(s.delivery)
	if err != nil {
		t.Fatal(err)
	}
	want := []ident.QuarantineItem{
		{Key: "11", Name: "Ada Novak", Cause: "map: mail: user.email is null", Next: "give the user an address"},
		{
			Key: "12", Name: "bo@x", Cause: "mail: user.email is null",
			Next: "correct the record at the source, or where and the mapping of the data source pipedrive_staff",
		},
	}
	if !slices.Equal(p.Quarantined, want) {
		t.Errorf("%+v, want %+v", p.Quarantined, want)
	}
}
