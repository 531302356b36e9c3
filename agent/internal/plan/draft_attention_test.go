package plan

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// After a loss of the state each account that nobody accounts for is told by
// name, until somebody has settled it.
func TestStrayAnchors(t *testing.T) {
	const (
		carries = "account | CN=Old Bo,OU=Staff,DC=x carries the anchor pipedrive:77 and has no link since the loss of the state; "
		absent  = "pipedrive does not deliver the key"
		enabled = ", but the account is enabled | if this person has left, disable the account; if it is not an account of pipedrive, clear " +
			"employeeNumber" +
			"; if it is meant to be so: rollcall quarantine accept staff 77"
	)
	lost := func(change func(*scene, *ident.Entry)) func(*scene) {
		return func(s *scene) {
			s.hist.AnchorsTrusted = true
			s.known("11", nil)
			change(s, s.account("g1", staff.Child("Old Bo"), "employeeNumber", "pipedrive:77"))
		}
	}
	later := func(change func(*scene, *ident.Entry)) func(*scene) {
		return lost(func(s *scene, e *ident.Entry) {
			s.hist.AnchorsTrusted, s.hist.StraysOpen = false, true
			change(s, e)
		})
	}
	none := func(*scene, *ident.Entry) {}
	disabled := func(_ *scene, e *ident.Entry) { e.Attributes["useraccountcontrol"] = []string{"514"} }
	runCases(t, []planCase{
		{"enabled, key not delivered", lost(none), []string{"77 " + carries + absent + enabled}},
		{"again by each run", later(none), []string{"77 " + carries + absent + enabled}},
		{"no loss: nothing", lost(func(s *scene, _ *ident.Entry) { s.hist.AnchorsTrusted = false }), nil},
		{"disabled: told once", lost(disabled), []string{"77 note" + carries[len("account"):] + absent + "; the account is disabled"}},
		{"disabled since: settled", later(disabled), nil},
		{"a state that cannot be read may be enabled", lost(func(_ *scene, e *ident.Entry) {
			delete(e.Attributes, "useraccountcontrol")
		}), []string{"77 " + carries + absent + enabled}},
		{"delivered, but not what where asks for", lost(func(s *scene, _ *ident.Entry) {
			s.record("77", map[string]any{"active": false})
		}), []string{"77 " + carries + "the record of the key is not what where asks for" + enabled}},
		{"linked since: settled", later(func(s *scene, e *ident.Entry) {
			s.links["77"] = &ident.Link{Application: "pipedrive", Key: "77", GUID: e.GUID, Automation: "contractors"}
		}), nil},
		{"the anchor of another application, a contact", lost(func(s *scene, e *ident.Entry) {
			e.Attributes["employeenumber"] = []string{"infobip:77"}
			s.put("g2", staff.Child("Contact"), "objectClass", "contact", "employeeNumber", "pipedrive:78")
		}), nil},
		{"outside of scope too", lost(func(_ *scene, e *ident.Entry) { e.DN = outside.Child("Old Bo") }), []string{
			"77 account | CN=Old Bo,OU=Servers,DC=x carries the anchor pipedrive:77 and has no link since the loss of the state; " + absent +
				enabled,
		}},
		{"a fetch that did not end properly says nothing", lost(func(s *scene, _ *ident.Entry) { s.delivery = Delivery{} }), []string{
			"nobody missing | the delivery is not complete",
		}},
		{"accepted", later(func(s *scene, _ *ident.Entry) {
			s.hist.Accepted = func(q ident.QuarantineItem) (string, bool) { return "ada", q.Key == "77" }
		}), []string{"77 note" + carries[len("account"):] + absent + ", but the account is enabled (accepted by ada)"}},
	})
}

// Thousands of them are listed without delay, and counted for the next run.
func TestManyStrays(t *testing.T) {
	s := newScene()
	s.hist.AnchorsTrusted = true
	s.known("11", nil)
	for i := range 3000 {
		s.account(ident.GUID(fmt.Sprintf("s%d", i)), staff.Child(fmt.Sprintf("Bo %d", i)), "employeeNumber", fmt.Sprintf("pipedrive:bo%d", i))
	}
	b := NewBuilder(s.set, s.world, s.mapper, s.hist)
	if err := b.Add(s.records[0]); err != nil {
		t.Fatal(err)
	}
	p, err := b.Finish(s.delivery)
	if err != nil || len(p.Quarantined) != 3000 || b.Strays() != 3000 {
		t.Errorf("%d items, %d strays, %v", len(p.Quarantined), b.Strays(), err)
	}
}

// What a person accepted is a note as long as it stays what it was.
func TestAccepted(t *testing.T) {
	s := newScene()
	e, _ := s.known("11", nil)
	e.Attributes["useraccountcontrol"] = []string{"514"}
	accepted := s.plan(t).Quarantined
	if len(accepted) != 1 {
		t.Fatalf("items %v", accepted)
	}
	s.hist.Accepted = func(q ident.QuarantineItem) (string, bool) { return "ada", q == accepted[0] }
	const cause = "disabled by somebody else, left alone although pipedrive delivers the key: neither enabled nor moved nor added to groups"
	wantTrace(t, s.plan(t), "11 note | "+cause+" (accepted by ada)")

	b := NewBuilder(s.set, s.world, s.mapper, s.hist)
	if err := b.Add(s.records[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Finish(s.delivery); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(b.Accepted(), accepted) || !slices.Equal(b.Unsettled(), []ident.Key{"11"}) {
		t.Errorf("accepted %v, unsettled %v", b.Accepted(), b.Unsettled())
	}

	e.DN = outside.Child("Ada 11") // another cause is another matter
	if p := s.plan(t); len(p.Quarantined) != 1 {
		t.Errorf("plan %v", trace(p))
	}
}

func TestEmptyDelivery(t *testing.T) {
	empty := func(change func(*scene)) func(*scene) {
		return func(s *scene) {
			s.linked("11")
			s.hist.CurrentLinks = 1
			change(s)
		}
	}
	runCases(t, []planCase{
		{"nobody where there was somebody", empty(func(*scene) {}), []string{
			" account | pipedrive delivered no record at all; nothing is done about the 1 link of this automation | look whether the people are " +
				"there, and what the credentials may see: rollcall validate --online",
			nobodyAtAll,
		}},
		{"no changes are a quiet day", empty(func(s *scene) { s.delivery.ChangesOnly = true }), []string{
			"nobody missing | an endpoint delivers changes only, not everybody",
		}},
		{"nobody yet", func(*scene) {}, []string{nobodyAtAll}},
	})
}

// The place of an account whose link was restored is known from the day on
// which it is where it belongs: later it is moved like any other.
func TestRestoredLinkLearnsItsPlace(t *testing.T) {
	s := newScene()
	_, l := s.known("11", nil)
	l.Origin, l.Placed = ident.OriginRestored, ""
	p := s.plan(t)
	if want := []LinkUpdate{{Key: "11", GUID: "g11", Placed: staff}}; !reflect.DeepEqual(s.updates, want) {
		t.Fatalf("updates %v, want %v", s.updates, want)
	}
	s.apply(t, p, s.updates)
	s.records[0].Fields["ou"] = support
	wantTrace(t, s.plan(t), "11 apply move CN=Ada 11,OU=Staff,DC=x -> CN=Ada 11,OU=Support,OU=Staff,DC=x | ou: it belongs into "+
		"OU=Support,OU=Staff,DC=x")
}
