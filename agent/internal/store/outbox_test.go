package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// outbox takes the lease of the outbox.
func outbox(t tb, s *Store) Lease {
	t.Helper()
	return must1[Lease](t)(s.AcquireLease(contextOf(t), "outbox", "test", time.Hour))
}

func leaver(guid ident.GUID) NewInstance {
	return NewInstance{
		Orchestration: "leaver", Definition: json.RawMessage(`{"name":"leaver"}`), Automation: "staff", Trigger: "after disabled", By: "schedule",
		GUID: guid, DN: ident.DN("CN=" + guid + ",DC=c"), Name: "Name " + string(guid), Step: "deactivate", State: json.RawMessage(`{"turn":1}`),
	}
}

// queue starts an instance whose first step is a delivery, and returns both
// numbers.
func queue(t tb, s *Store, lease Lease, application string, guid ident.GUID) (instance, delivery int64) {
	t.Helper()
	ctx := contextOf(t)
	n := leaver(guid)
	n.Orchestration = fmt.Sprintf("leaver-%d", must1[int64](t)(lastInstance(s)))
	instance = must1[[]int64](t)(s.StartInstances(ctx, lease, []NewInstance{n}))[0]
	deliver(t, s, lease, instance, application)
	must(t, s.Deliveries(ctx, DeliveryFilter{Instance: instance}, func(d Delivery) error { delivery = d.ID; return nil }))
	return instance, delivery
}

// lastInstance makes names that differ, so that instances do not wait for each
// other.
func lastInstance(s *Store) (n int64, err error) {
	err = s.reader.QueryRow(`SELECT coalesce(max(id), 0) FROM instances`).Scan(&n)
	return n, err
}

func deliver(t tb, s *Store, lease Lease, instance int64, application string) {
	t.Helper()
	i := must1[Instance](t)(s.Instance(contextOf(t), instance))
	stale := must1[[]int64](t)(s.AdvanceInstances(contextOf(t), lease, []Advance{{
		Instance: instance, Version: i.Version, Status: InstanceDelivering, Step: "deactivate",
		Deliver: &NewDelivery{Step: "deactivate", Webhook: "off", Application: application},
	}}))
	if len(stale) > 0 {
		t.Fatalf("instance %d is stale", instance)
	}
}

func take(t tb, s *Store, lease Lease, applications ...string) []int64 {
	t.Helper()
	most := map[string]int{}
	for _, a := range applications {
		most[a] = 100
	}
	var ids []int64
	for _, d := range must1[[]Delivery](t)(s.TakeDeliveries(contextOf(t), lease, s.now(), most)) {
		if d.State != DeliverySending {
			t.Errorf("delivery %d was taken and is %s", d.ID, d.State)
		}
		ids = append(ids, d.ID)
	}
	return ids
}

func settle(t tb, s *Store, lease Lease, list ...Settled) Settlement {
	t.Helper()
	return must1[Settlement](t)(s.SettleDeliveries(contextOf(t), lease, list))
}

// after is the advance of a delivery's instance to a status.
func after(t tb, s *Store, instance int64, status InstanceStatus) *Advance {
	t.Helper()
	i := must1[Instance](t)(s.Instance(contextOf(t), instance))
	return &Advance{Instance: instance, Version: i.Version, Status: status, Step: i.Step}
}

func same[T any](t tb, what string, want, got T) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got)\n%s", what, d)
	}
}

func states(t tb, s *Store) map[int64]DeliveryState {
	t.Helper()
	m := map[int64]DeliveryState{}
	must(t, s.Deliveries(contextOf(t), DeliveryFilter{}, func(d Delivery) error { m[d.ID] = d.State; return nil }))
	return m
}

func statusOf(t tb, s *Store, instance int64) InstanceStatus {
	t.Helper()
	return must1[Instance](t)(s.Instance(contextOf(t), instance)).Status
}

func TestDeliveriesOfOneObjectAreTakenInOrder(t *testing.T) {
	clock := newClock()
	s := openTest(t, WithClock(clock.Now))
	lease := outbox(t, s)
	i1, d1 := queue(t, s, lease, "crm", "g1")
	_, d2 := queue(t, s, lease, "crm", "g1")
	_, d3 := queue(t, s, lease, "crm", "g2")
	_, d4 := queue(t, s, lease, "sms", "g1")
	_, d5 := queue(t, s, lease, "off", "g1")
	same(t, "first", []int64{d1, d3, d4}, take(t, s, lease, "crm", "sms"))
	same(t, "nothing else while those are sent", nil, take(t, s, lease, "crm", "sms"))

	settle(t, s, lease, Settled{Delivery: d1, State: DeliveryRetrying, NextAt: clock.Now().Add(time.Minute), Cause: "503"})
	same(t, "a retry holds up the next", nil, take(t, s, lease, "crm", "sms"))
	clock.Add(time.Minute)
	same(t, "it is due", []int64{d1}, take(t, s, lease, "crm", "sms"))
	settle(t, s, lease, Settled{Delivery: d1, State: DeliveryDead, Cause: "503", Advance: after(t, s, i1, InstanceBlocked)})
	same(t, "a dead letter holds up the next", nil, take(t, s, lease, "crm", "sms"))
	blocked := must1[Delivery](t)(s.Delivery(t.Context(), d2))
	if blocked.WaitsFor != d1 || blocked.WaitsForState != DeliveryDead {
		t.Errorf("delivery %d waits for %d, which is %s", d2, blocked.WaitsFor, blocked.WaitsForState)
	}
	var found []int64
	must(t, s.Deliveries(t.Context(), DeliveryFilter{Blocked: true}, func(d Delivery) error { found = append(found, d.ID); return nil }))
	same(t, "blocked", []int64{d2}, found)

	must(t, s.DropDelivery(t.Context(), d1, "ada"))
	same(t, "the next", []int64{d2}, take(t, s, lease, "crm", "sms"))
	same(t, "instance of the dropped", InstanceFailed, statusOf(t, s, i1))
	same(t, "an application that is off keeps its queue", DeliveryQueued, states(t, s)[d5])
	same(t, "and sends it later", []int64{d5}, take(t, s, lease, "off"))
	must(t, s.VerifyJournal(t.Context()))
}

func TestWhatWasBeingSentIsTakenAgainAfterACrash(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, dir)
	lease := outbox(t, s)
	_, d1 := queue(t, s, lease, "crm", "g1")
	same(t, "taken", []int64{d1}, take(t, s, lease, "crm"))
	must(t, s.SaveCalls(t.Context(), lease, []Call{{Delivery: d1, Call: []byte("PUT /users/1"), Request: "PUT /users/1"}}))
	must(t, s.Close())

	s = openAt(t, dir)
	must(t, s.BreakLeases(t.Context()))
	lease = outbox(t, s)
	same(t, "recovered", 1, must1[int](t)(s.RecoverDeliveries(t.Context(), lease)))
	got := must1[[]Delivery](t)(s.TakeDeliveries(t.Context(), lease, s.now(), map[string]int{"crm": 1}))
	if len(got) != 1 || !got[0].Again || got[0].Attempts != 2 || string(got[0].Call) != "PUT /users/1" {
		t.Errorf("%+v", got)
	}
}

// TestWhatWasNeverRenderedHasNotArrived: a call is on disk before it is sent, so
// a delivery that was taken and has none cannot be at the application.
func TestWhatWasNeverRenderedHasNotArrived(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, dir)
	lease := outbox(t, s)
	_, d1 := queue(t, s, lease, "crm", "g1")
	same(t, "taken", []int64{d1}, take(t, s, lease, "crm"))
	must(t, s.Close())

	s = openAt(t, dir)
	must(t, s.BreakLeases(t.Context()))
	lease = outbox(t, s)
	same(t, "recovered", 1, must1[int](t)(s.RecoverDeliveries(t.Context(), lease)))
	got := must1[[]Delivery](t)(s.TakeDeliveries(t.Context(), lease, s.now(), map[string]int{"crm": 1}))
	if len(got) != 1 || got[0].Again || len(got[0].Call) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestWhatWasNotSentIsNoAttempt(t *testing.T) {
	s := openTest(t)
	lease := outbox(t, s)
	i, d := queue(t, s, lease, "crm", "g1")
	take(t, s, lease, "crm")
	settle(t, s, lease, Settled{Delivery: d, State: DeliveryQueued})
	got := must1[[]Delivery](t)(s.TakeDeliveries(t.Context(), lease, s.now(), map[string]int{"crm": 1}))
	if len(got) != 1 || got[0].Attempts != 1 || got[0].Again {
		t.Errorf("%+v", got)
	}
	same(t, "story", 0, len(must1[[]StoryLine](t)(s.Story(t.Context(), i))))
}

func TestWithoutTheLeaseNothingIsTakenOrSettled(t *testing.T) {
	clock := newClock()
	s := openTest(t, WithClock(clock.Now))
	lease := outbox(t, s)
	_, d := queue(t, s, lease, "crm", "g1")
	clock.Add(2 * time.Hour) // the lease has run out, and nobody has taken it over
	var fenced *FencedError
	if _, err := s.TakeDeliveries(t.Context(), lease, clock.Now(), map[string]int{"crm": 1}); !errors.As(err, &fenced) {
		t.Errorf("taken: %v", err)
	}
	lease = must1[Lease](t)(s.RenewLease(t.Context(), lease, time.Hour))
	take(t, s, lease, "crm")
	clock.Add(2 * time.Hour)
	if err := s.SaveCalls(t.Context(), lease, []Call{{Delivery: d}}); !errors.As(err, &fenced) {
		t.Errorf("saved: %v", err)
	}
	settle(t, s, lease, Settled{Delivery: d, State: DeliveryRetrying}) // what was sent in time is recorded
	outbox(t, s)
	if _, err := s.SettleDeliveries(t.Context(), lease, []Settled{{Delivery: d, State: DeliveryDone}}); !errors.As(err, &fenced) {
		t.Errorf("settled: %v", err)
	}
	if _, err := s.AdvanceInstances(t.Context(), lease, []Advance{{Instance: 1, Version: 2, Status: InstanceDone}}); !errors.As(err, &fenced) {
		t.Errorf("advanced: %v", err)
	}
	if _, err := s.StartInstances(t.Context(), lease, []NewInstance{leaver("g1")}); !errors.As(err, &fenced) {
		t.Errorf("started: %v", err)
	}
	if _, err := s.RecoverDeliveries(t.Context(), lease); !errors.As(err, &fenced) {
		t.Errorf("recovered: %v", err)
	}
}

func TestALinkThatIsThereStaysAsItIs(t *testing.T) {
	s := openTest(t)
	lease := outbox(t, s)
	made := link("7", "g1")
	must(t, s.PutLink(t.Context(), made, "test"))
	_, d := queue(t, s, lease, "crm", "g1")
	take(t, s, lease, "crm")
	settle(t, s, lease, Settled{Delivery: d, State: DeliveryDone, Link: &ident.Link{Key: "7"}})
	got, _, err := s.LinkByKey(t.Context(), ident.Users("crm"), "7")
	must(t, err)
	same(t, "link", made, got)
}

func TestALinkThatCannotBeMadeFollowsIfTaken(t *testing.T) {
	s := openTest(t)
	lease := outbox(t, s)
	must(t, s.PutLink(t.Context(), link("7", "g9"), "test"))
	i, d := queue(t, s, lease, "crm", "g1")
	take(t, s, lease, "crm")
	settle(t, s, lease, Settled{
		Delivery: d, State: DeliveryDone, Link: &ident.Link{Key: "7"}, Advance: after(t, s, i, InstanceDone),
		IfTaken: &Settled{State: DeliveryDone, Failed: true, Advance: after(t, s, i, InstanceReady)},
	})
	row := must1[Delivery](t)(s.Delivery(t.Context(), d))
	if row.State != DeliveryDone || !row.Failed || !strings.Contains(row.Cause, "crm:7 is linked to g9 already") || statusOf(t, s, i) != InstanceReady {
		t.Errorf("%+v", row)
	}
	if got, _, _ := s.LinkByKey(t.Context(), ident.Users("crm"), "7"); got.GUID != "g9" {
		t.Errorf("the link was redirected: %+v", got)
	}
}

func TestSettleMakesTheLink(t *testing.T) {
	s := openTest(t)
	lease := outbox(t, s)
	i1, d1 := queue(t, s, lease, "crm", "g1")
	i2, d2 := queue(t, s, lease, "crm", "g2")
	take(t, s, lease, "crm")
	done := settle(t, s, lease,
		Settled{Delivery: d1, State: DeliveryDone, Link: &ident.Link{Key: "7"}, Advance: after(t, s, i1, InstanceDone)},
		Settled{Delivery: d2, State: DeliveryDone, Link: &ident.Link{Key: "7"}, Advance: after(t, s, i2, InstanceDone)})
	link, found, err := s.LinkByKey(t.Context(), ident.Users("crm"), "7")
	if err != nil || !found || link.GUID != "g1" || link.Origin != ident.OriginOutbound || link.Automation != "" || link.Orchestration != "leaver-0" {
		t.Errorf("link: %+v, %v, %v", link, found, err)
	}
	if len(done.Taken) != 1 || done.Taken[0].Delivery != d2 {
		t.Errorf("taken: %+v", done.Taken)
	}
	same(t, "states", map[int64]DeliveryState{d1: DeliveryDone, d2: DeliveryDead}, states(t, s))
	i := must1[Instance](t)(s.Instance(t.Context(), i2))
	if i.Status != InstanceBlocked || i.Cause == "" {
		t.Errorf("%+v", i)
	}
	var state *DeliveryStateError
	if _, err := s.SettleDeliveries(t.Context(), lease, []Settled{{Delivery: d1, State: DeliveryDone}}); !errors.As(err, &state) {
		t.Errorf("settled twice: %v", err)
	}
	must(t, s.VerifyJournal(t.Context()))
}

func TestStartWithAnOutcome(t *testing.T) {
	s := openTest(t)
	staff, run := begin(t, s)
	c := commit(outcome(run, "1", ident.ClassDisable, ident.ResultApplied))
	c.Start = []NewInstance{leaver("guid-1")}
	must(t, s.Commit(t.Context(), staff, c))
	due := must1[[]Instance](t)(s.DueInstances(t.Context(), s.now(), 10))
	if len(due) != 1 || due[0].GUID != "guid-1" || string(due[0].State) != `{"turn":1}` || due[0].Status != InstanceReady {
		t.Fatalf("%+v", due)
	}
	same(t, "definition", `{"name":"leaver"}`, string(must1[json.RawMessage](t)(s.Definition(t.Context(), due[0].Digest))))

	c.Start[0].GUID = "" // refused: then the outcome is not recorded either
	if err := s.Commit(t.Context(), staff, c); err == nil {
		t.Error("an instance without an object began")
	}
	same(t, "outcomes", 1, len(must1[[]ident.Outcome](t)(s.Outcomes(t.Context(), run))))
}
