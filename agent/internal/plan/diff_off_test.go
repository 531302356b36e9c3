package plan

import (
	"reflect"
	"strconv"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// People who have not begun yet, and people who have left although their record is there.
func TestWhoIsKeptDisabled(t *testing.T) {
	person := func(off ident.Off, uac string, change func(*scene, *ident.Entry, *ident.Link)) func(*scene) {
		return func(s *scene) {
			e, l := s.known("11", map[string]any{"off": off})
			e.Attributes["useraccountcontrol"] = []string{uac}
			change(s, e, l)
		}
	}
	since := noon.AddDate(0, 0, -3)
	by := func(off ident.Off) func(*scene, *ident.Entry, *ident.Link) {
		return func(_ *scene, _ *ident.Entry, l *ident.Link) { l.MissingSince, l.Off = &since, off }
	}
	byNobody := func(*scene, *ident.Entry, *ident.Link) {}
	const (
		began = " | enable_when holds now"
		ended = " | disable_when holds"
	)
	runCases(t, []planCase{
		{"new, and begins later: made disabled", func(s *scene) { s.record("11", map[string]any{"off": ident.OffNotYet}) }, []string{
			"11 apply create CN=Ada 11,OU=Staff,DC=x mail:->ada11@x employeeNumber:->pipedrive:11 | pipedrive delivers the key 11 and " +
				"no account belongs to it; it is made disabled until enable_when holds",
		}},
		{"new, and has left: nothing", func(s *scene) { s.record("11", map[string]any{"off": ident.OffEnded}) }, []string{
			" note | 1 record has no account and gets none: disable_when holds already",
		}},
		{"waits still", person(ident.OffNotYet, "514", by(ident.OffNotYet)), nil},
		{"waits still, and is to be elsewhere", person(ident.OffNotYet, "514", func(s *scene, e *ident.Entry, l *ident.Link) {
			by(ident.OffNotYet)(s, e, l)
			s.records[0].Fields["ou"] = support
			l.Placed = staff
		}), []string{"11 apply move CN=Ada 11,OU=Staff,DC=x -> CN=Ada 11,OU=Support,OU=Staff,DC=x | ou: it belongs into OU=Support,OU=Staff,DC=x"}},
		{"begins", person("", "514", by(ident.OffNotYet)), []string{"11 apply enable" + began}},
		{"begins later, and somebody enabled it by hand: stays", person(ident.OffNotYet, "512", by(ident.OffNotYet)), nil},
		{"begins later, and was never disabled: stays", person(ident.OffNotYet, "512", byNobody), nil},
		{"leaves", person(ident.OffEnded, "512", byNobody), []string{"11 apply disable" + ended}},
		{"leaves, and joins no group", person(ident.OffEnded, "512", func(s *scene, _ *ident.Entry, _ *ident.Link) {
			s.records[0].Fields["groups"] = []ident.DN{crm}
		}), []string{"11 apply disable" + ended}},
		{"has left", person(ident.OffEnded, "514", by(ident.OffEnded)), nil},
		{"has left, disabled by somebody else: nobody is told", person(ident.OffEnded, "514", byNobody), nil},
		{"has left, and somebody enabled it by hand", person(ident.OffEnded, "512", by(ident.OffEnded)), []string{
			"11 apply disable" + ended + "; somebody enabled the account after rollcall had disabled it",
		}},
		{"stays after all", person("", "514", by(ident.OffEnded)), []string{
			"11 apply enable | disable_when does not hold any more; rollcall had disabled the account",
		}},
		{"back, but begins later: neither enabled nor moved", person(ident.OffNotYet, "514", func(_ *scene, e *ident.Entry, l *ident.Link) {
			l.MissingSince, l.Placed, e.DN = &since, leavers, leavers.Child("Ada 11")
		}), nil},
		{"expired and has left: nobody is told", person(ident.OffEnded, "514", func(s *scene, e *ident.Entry, l *ident.Link) {
			by(ident.OffEnded)(s, e, l)
			e.Attributes["accountexpires"] = []string{"134167968000000000"}
		}), nil},
		{"of another automation: left alone", person(ident.OffEnded, "512", func(_ *scene, _ *ident.Entry, l *ident.Link) {
			l.Automation = "other"
		}), []string{" note | 1 link belongs to another automation; only attributes are compared"}},
		{"a state that cannot be read is left alone", person(ident.OffEnded, "", func(_ *scene, e *ident.Entry, _ *ident.Link) {
			delete(e.Attributes, "useraccountcontrol")
		}), []string{"11 account | userAccountControl cannot be read: whether the account is enabled is left alone | give the bind account the " +
			"right to read userAccountControl"}},
		{"missing since: moved away", person("", "514", func(s *scene, e *ident.Entry, l *ident.Link) {
			by(ident.OffEnded)(s, e, l)
			s.records = nil
			s.record("12", map[string]any{"active": false})
		}), []string{"11 apply move CN=Ada 11,OU=Staff,DC=x -> CN=Ada 11,OU=Leavers,DC=x | missing: pipedrive no longer delivers the key 11; " +
			"disabled but not yet moved"}},
	})
}

// Whoever enabled the account of somebody who is to begin later has decided that.
func TestEnabledByHandBeforeTheDay(t *testing.T) {
	since := noon.AddDate(0, 0, -3)
	for off, want := range map[ident.Off][]LinkUpdate{
		ident.OffNotYet: {{Key: "11", GUID: "g11", ClearMissing: true}}, ident.OffEnded: nil,
	} {
		s := newScene()
		_, l := s.known("11", map[string]any{"off": off})
		l.MissingSince, l.Off = &since, off
		s.plan(t)
		if !reflect.DeepEqual(s.updates, want) {
			t.Errorf("%s: %+v", off, s.updates)
		}
	}
}

// An application that gives everybody a last day in the past disables no more people than
// one that drops them.
func TestWhoLeavesCountsTowardsTheLimit(t *testing.T) {
	s := newScene()
	for i := range 10 {
		s.known(ident.Key(strconv.Itoa(i+11)), map[string]any{"off": ident.OffEnded})
	}
	verdicts := map[ident.Verdict]int{}
	for _, c := range s.plan(t).Changes {
		verdicts[c.Operations[0].Verdict]++
	}
	if verdicts[ident.VerdictApply] > 5 || verdicts[ident.VerdictHold] < 5 {
		t.Errorf("%v", verdicts)
	}
}
