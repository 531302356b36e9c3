package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// hand is a decision of a person about an instance and its delivery.
type hand func(ctx context.Context, s *Store, instance, delivery int64) error

var hands = map[string]hand{
	"retry":   func(ctx context.Context, s *Store, _, d int64) error { return s.RetryDelivery(ctx, d, "ada", false) },
	"discard": func(ctx context.Context, s *Store, _, d int64) error { return s.DropDelivery(ctx, d, "ada") },
	"cancel":  func(ctx context.Context, s *Store, i, _ int64) error { return s.CancelInstance(ctx, i, "ada") },
	"resume": func(ctx context.Context, s *Store, i, _ int64) error {
		now, err := s.Instance(ctx, i)
		if err != nil {
			return err
		}
		return s.ResumeInstance(ctx, i, Resume{Version: now.Version, Step: now.Step, State: now.State, By: "ada"})
	},
	"replay": func(ctx context.Context, s *Store, i, _ int64) error {
		n := leaver("g1")
		n.By = "ada"
		_, err := s.ReplayInstance(ctx, i, n)
		return err
	},
}

// stands brings a delivery and its instance to where they stand.
var stands = map[string]func(t tb, s *Store, lease Lease, instance, delivery int64){
	"queued":  func(tb, *Store, Lease, int64, int64) {},
	"sending": func(t tb, s *Store, lease Lease, _, _ int64) { take(t, s, lease, "crm") },
	"retrying": func(t tb, s *Store, lease Lease, _, d int64) {
		take(t, s, lease, "crm")
		settle(t, s, lease, Settled{Delivery: d, State: DeliveryRetrying, NextAt: s.now().Add(time.Hour)})
	},
	"dead": func(t tb, s *Store, lease Lease, i, d int64) {
		take(t, s, lease, "crm")
		settle(t, s, lease, Settled{Delivery: d, State: DeliveryDead, Advance: after(t, s, i, InstanceBlocked)})
	},
	"done": func(t tb, s *Store, lease Lease, i, d int64) {
		take(t, s, lease, "crm")
		settle(t, s, lease, Settled{Delivery: d, State: DeliveryDone, Advance: after(t, s, i, InstanceDone)})
	},
	"dropped": func(t tb, s *Store, _ Lease, _, d int64) { must(t, s.DropDelivery(contextOf(t), d, "bo")) },
	"mailed": func(t tb, s *Store, lease Lease, i, d int64) { // a mail step failed after the delivery
		take(t, s, lease, "crm")
		settle(t, s, lease, Settled{Delivery: d, State: DeliveryDone, Advance: after(t, s, i, InstanceBlocked)})
	},
}

// TestDecisionsByHand is the whole table: what may be decided where, and what
// stands then. An empty cell is refused, and changes nothing.
func TestDecisionsByHand(t *testing.T) {
	allowed := map[string]string{
		"queued discard": "dropped failed", "queued cancel": "dropped cancelled",
		"retrying retry": "retrying delivering", "retrying discard": "dropped failed", "retrying cancel": "dropped cancelled",
		"dead retry": "retrying delivering", "dead discard": "dropped failed", "dead cancel": "dropped cancelled",
		"dead resume":    "retrying delivering",
		"done replay":    "done done",
		"dropped resume": "dropped ready", "dropped replay": "dropped failed",
		"mailed cancel": "done cancelled", "mailed resume": "done ready",
	}
	for stand, bring := range stands {
		for decision, decide := range hands {
			t.Run(stand+" "+decision, func(t *testing.T) {
				s := openTest(t)
				lease := outbox(t, s)
				i, d := queue(t, s, lease, "crm", "g1")
				_, later := queue(t, s, lease, "crm", "g1")
				bring(t, s, lease, i, d)
				before := standing(t, s, i, d)
				lines := len(journalOf(t, s))
				err := decide(t.Context(), s, i, d)
				want, ok := allowed[stand+" "+decision]
				got := standing(t, s, i, d)
				switch {
				case !ok:
					var delivery *DeliveryStateError
					var instance *InstanceStateError
					if !errors.As(err, &delivery) && !errors.As(err, &instance) {
						t.Errorf("%v", err)
					}
					same(t, "a refused decision changes nothing", before, got)
					same(t, "journal", lines, len(journalOf(t, s)))
					return
				case err != nil || got != want:
					t.Errorf("%s, want %s: %v", got, want, err)
				}
				if line := journalOf(t, s)[lines]; line.By != "ada" || line.Orchestrated == nil || line.Orchestrated.Instance == 0 {
					t.Errorf("%+v", line)
				}
				ended := states(t, s)[d].Ended() && stand != "done" && stand != "mailed" && stand != "dropped"
				if taken := take(t, s, lease, "crm"); ended && !slices.Contains(taken, later) {
					t.Errorf("what waited is not taken: %v", taken)
				}
				must(t, s.VerifyJournal(t.Context()))
			})
		}
	}
}

func standing(t tb, s *Store, instance, delivery int64) string {
	t.Helper()
	return fmt.Sprint(states(t, s)[delivery], " ", statusOf(t, s, instance))
}

func journalOf(t *testing.T, s *Store) (lines []JournalLine) {
	t.Helper()
	must(t, s.EachJournal(t.Context(), func(l JournalLine) error { lines = append(lines, l); return nil }))
	return lines
}

func TestARetriedDeliverySendsTheSameUnlessNothingWasSent(t *testing.T) {
	for again, want := range map[bool]string{true: "call", false: ""} {
		s := openTest(t)
		lease := outbox(t, s)
		i, d := queue(t, s, lease, "crm", "g1")
		take(t, s, lease, "crm")
		must(t, s.SaveCalls(t.Context(), lease, []Call{{Delivery: d, Call: []byte("call"), Request: "PUT"}}))
		settle(t, s, lease, Settled{Delivery: d, State: DeliveryDead, Again: again, Advance: after(t, s, i, InstanceBlocked)})
		must(t, s.RetryDelivery(t.Context(), d, "ada", true))
		got := must1[[]Delivery](t)(s.TakeDeliveries(t.Context(), lease, s.now(), map[string]int{"crm": 1}))
		story := must1[[]StoryLine](t)(s.DeliveryStory(t.Context(), d))
		if len(story) != 2 || story[0].Result != "dead" || story[0].Request != "PUT" || story[1].By != "ada" {
			t.Errorf("%+v", story)
		}
		if len(got) != 1 || string(got[0].Call) != want || got[0].Attempts != 1 || got[0].Again != again {
			t.Errorf("again %v: %+v", again, got)
		}
	}
}

func TestHeldInstances(t *testing.T) {
	s := openTest(t)
	lease := outbox(t, s)
	held := func(run int64, guid ident.GUID) NewInstance {
		n := leaver(guid)
		n.Held, n.Cause, n.Run = true, "more than 20 in 24 hours", run
		return n
	}
	ids := must1[[]int64](t)(s.StartInstances(t.Context(), lease, []NewInstance{held(1, "g1"), held(1, "g1"), held(2, "g2"), leaver("g3")}))
	due := func() (due []int64) {
		for _, i := range must1[[]Instance](t)(s.DueInstances(t.Context(), s.now(), 10)) {
			due = append(due, i.ID)
		}
		return due
	}
	same(t, "held ones are not due", ids[3:], due())
	count := func() int { return must1[int](t)(s.CountStarts(t.Context(), "staff", "", time.Time{})) }
	same(t, "held ones do not count", 1, count())
	same(t, "approved", 2, must1[int](t)(s.ApproveInstances(t.Context(), Holding{Run: 1}, "ada")))
	same(t, "one after the other", []int64{ids[3], ids[0]}, due())
	same(t, "rejected", 1, must1[int](t)(s.RejectInstances(t.Context(), Holding{Automation: "staff"}, "ada")))
	same(t, "rejected one", InstanceCancelled, statusOf(t, s, ids[2]))
	same(t, "what a person allowed does not count either", 1, count())
	same(t, "nothing is left", 0, must1[int](t)(s.ApproveInstances(t.Context(), Holding{Automation: "staff"}, "ada")))
	if _, err := s.ApproveInstances(t.Context(), Holding{}, "ada"); err == nil {
		t.Error("everything was approved")
	}
	must(t, s.CancelInstance(t.Context(), ids[0], "ada"))
	same(t, "the next of the object", []int64{ids[3], ids[1]}, due())
}

// TestParallelWritersStayUnderTheLimit: exactly as many begin as may, however many
// write at once and however many of them a transaction holds.
func TestParallelWritersStayUnderTheLimit(t *testing.T) {
	clock := newClock()
	s := openTest(t, WithClock(clock.Now))
	lease := outbox(t, s)
	begin := func(writer string, n, most int, change func(*NewInstance)) {
		list := make([]NewInstance, n)
		for i := range list {
			list[i] = leaver(ident.GUID(fmt.Sprint(writer, i)))
			list[i].Limit, list[i].Run = &StartLimit{most}, 7
			change(&list[i])
		}
		if _, err := s.StartInstances(t.Context(), lease, list); err != nil {
			t.Error(err)
		}
	}
	asItIs := func(*NewInstance) {}
	count := func() (held, begun int) {
		must(t, s.Instances(t.Context(), InstanceFilter{}, func(i Instance) error {
			switch {
			case i.Status != InstanceHeld:
				begun++
			case i.Cause != "limits.start: 20 orchestrations began in 24 hours, and 20 may" || i.Next != "`rollcall approve 7` or `rollcall reject 7`":
				t.Errorf("%q, next %q", i.Cause, i.Next)
				fallthrough
			default:
				held++
			}
			return nil
		}))
		return held, begun
	}
	var group sync.WaitGroup
	for w := range 8 {
		group.Go(func() {
			for part := range 4 {
				begin(fmt.Sprint(w, part), 1+part, 20, asItIs)
			}
		})
	}
	group.Wait()
	if held, begun := count(); held != 60 || begun != 20 {
		t.Errorf("%d began and %d are held, want 20 and 60", begun, held)
	}
	begin("another automation", 1, 20, func(n *NewInstance) { n.Automation = "others" })
	begin("approved", 1, 20, func(n *NewInstance) { n.Approved = "ada" })
	begin("unlimited", 1, -1, asItIs)
	begin("by a person", 1, 1, func(n *NewInstance) { n.Automation = "" })
	begin("by a person, another", 1, 1, func(n *NewInstance) { n.Automation, n.Orchestration = "", "other" })
	if _, begun := count(); begun != 25 {
		t.Errorf("%d began, want 25", begun)
	}
	clock.Add(25 * time.Hour)
	begin("a day later", 1, 20, asItIs)
	if _, begun := count(); begun != 26 {
		t.Errorf("%d began, want 26", begun)
	}
}

func TestInstancesOfOneObjectGoOneAfterAnother(t *testing.T) {
	clock := newClock()
	s := openTest(t, WithClock(clock.Now))
	lease := outbox(t, s)
	ids := must1[[]int64](t)(s.StartInstances(t.Context(), lease, []NewInstance{leaver("g1"), leaver("g1"), leaver("g1"), leaver("g2")}))
	due := func(what string, want ...int64) {
		t.Helper()
		var got []int64
		for _, i := range must1[[]Instance](t)(s.DueInstances(t.Context(), clock.Now(), 10)) {
			got = append(got, i.ID)
		}
		slices.Sort(got)
		same(t, what, want, got)
	}
	advance := func(id int64, a Advance) {
		t.Helper()
		a.Instance, a.Version = id, must1[Instance](t)(s.Instance(t.Context(), id)).Version
		same(t, "stale", nil, must1[[]int64](t)(s.AdvanceInstances(t.Context(), lease, []Advance{a})))
	}
	due("the first of each object", ids[0], ids[3])
	advance(ids[0], Advance{Status: InstanceWaiting, NextAt: clock.Now().Add(time.Hour)})
	due("a retry holds the next up", ids[3])
	advance(ids[0], Advance{Status: InstanceWaiting, NextAt: clock.Now().Add(time.Hour), Idle: true})
	due("a delay does not", ids[1], ids[3])
	clock.Add(time.Hour)
	due("after the delay", ids[0], ids[1], ids[3])
	advance(ids[1], Advance{Status: InstanceBlocked, Cause: "no mail"})
	due("a blocked one holds the third up", ids[0], ids[3])
	advance(ids[0], Advance{Status: InstanceDone})
	must(t, s.CancelInstance(t.Context(), ids[1], "ada"))
	due("the third", ids[2], ids[3])
}

// TestWhoWaitsForAnEarlierInstance goes on once that has gone on, also when it did so
// while the other one was being written, and once the link is made by somebody else.
func TestWhoWaitsForAnEarlierInstance(t *testing.T) {
	clock := newClock()
	s := openTest(t, WithClock(clock.Now))
	lease := outbox(t, s)
	first, other := leaver("g1"), leaver("g1")
	other.Orchestration = "push"
	ids := must1[[]int64](t)(s.StartInstances(t.Context(), lease, []NewInstance{first, other, leaver("g2")}))
	advance := func(id int64, a Advance) {
		t.Helper()
		a.Instance, a.Version = id, must1[Instance](t)(s.Instance(t.Context(), id)).Version
		same(t, "stale", nil, must1[[]int64](t)(s.AdvanceInstances(t.Context(), lease, []Advance{a})))
	}
	waits := func(what string, want bool) {
		t.Helper()
		if at := must1[Instance](t)(s.Instance(t.Context(), ids[1])).NextAt; at.After(clock.Now()) != want {
			t.Errorf("%s: it goes on at %s, and it is %s", what, at, clock.Now())
		}
	}
	later := func(earlier []Instance) Advance {
		return Advance{Status: InstanceReady, Step: "push", NextAt: clock.Now().Add(time.Hour), Linking: true, Earlier: SeenOf(earlier)}
	}
	before := must1[[]Instance](t)(s.EarlierInstances(t.Context(), "g1", ids[1]))
	same(t, "earlier ones", 1, len(before))
	advance(ids[1], later(before))
	waits("nothing has happened", true)
	advance(ids[2], Advance{Status: InstanceBlocked, Step: "off"})
	waits("that of somebody else is blocked", true)
	advance(ids[0], Advance{Status: InstanceReady, Step: "second"})
	waits("the earlier one has gone on", false)
	advance(ids[1], later(before))
	waits("it was written by what it saw earlier", false)
	advance(ids[1], later(must1[[]Instance](t)(s.EarlierInstances(t.Context(), "g1", ids[1]))))
	waits("it has looked again", true)
	must(t, s.PutLink(t.Context(), ident.Link{Application: "crm", Key: "7", GUID: "g1", Automation: "staff"}, "ada"))
	waits("somebody has made the link", false)
}

func TestAnInstanceThatSomebodyChangedKeepsWhatHappened(t *testing.T) {
	s := openTest(t)
	lease := outbox(t, s)
	id := must1[[]int64](t)(s.StartInstances(t.Context(), lease, []NewInstance{leaver("g1")}))[0]
	must(t, s.CancelInstance(t.Context(), id, "ada"))
	stale := must1[[]int64](t)(s.AdvanceInstances(t.Context(), lease, []Advance{{
		Instance: id, Version: 1, Status: InstanceDelivering, Deliver: &NewDelivery{Step: "off", Webhook: "off", Application: "crm"},
		Story: []StoryLine{{Step: "mail", Result: "done", Request: "to ada@x"}},
	}}))
	same(t, "stale", []int64{id}, stale)
	same(t, "status", InstanceCancelled, statusOf(t, s, id))
	same(t, "deliveries", 0, len(states(t, s)))
	story := must1[[]StoryLine](t)(s.Story(t.Context(), id))
	if len(story) != 2 || story[0].By != "ada" || story[1].Request != "to ada@x" {
		t.Errorf("%+v", story)
	}
}

func TestInitialPasswordsAreErased(t *testing.T) {
	for name, end := range map[string]func(*Store, Lease, *Advance) error{
		"handed over": func(s *Store, lease Lease, a *Advance) error {
			a.Status, a.ErasePassword = InstanceReady, true
			_, err := s.AdvanceInstances(t.Context(), lease, []Advance{*a})
			return err
		},
		"ended": func(s *Store, lease Lease, a *Advance) error {
			a.Status = InstanceFailed
			_, err := s.AdvanceInstances(t.Context(), lease, []Advance{*a})
			return err
		},
		"cancelled": func(s *Store, _ Lease, a *Advance) error { return s.CancelInstance(t.Context(), a.Instance, "ada") },
		"rejected": func(s *Store, _ Lease, _ *Advance) error {
			_, err := s.RejectInstances(t.Context(), Holding{Automation: "staff"}, "ada")
			return err
		},
		"its delivery dropped": func(s *Store, lease Lease, a *Advance) error {
			a.Status, a.Deliver = InstanceDelivering, &NewDelivery{Step: "mail", Webhook: "w", Application: "crm"}
			if _, err := s.AdvanceInstances(t.Context(), lease, []Advance{*a}); err != nil {
				return err
			}
			return s.DropDelivery(t.Context(), 1, "ada")
		},
	} {
		s := openTest(t)
		lease := outbox(t, s)
		n := leaver("g1")
		n.Password, n.Held = []byte("sealed"), name == "rejected"
		id := must1[[]int64](t)(s.StartInstances(t.Context(), lease, []NewInstance{n}))[0]
		same(t, "password", "sealed", string(must1[[]byte](t)(s.InitialPassword(t.Context(), id))))
		must(t, end(s, lease, after(t, s, id, InstanceReady)))
		if got := must1[[]byte](t)(s.InitialPassword(t.Context(), id)); got != nil {
			t.Errorf("%s: the password is still there", name)
		}
	}
}

// TestWhatIsErasedIsOverwritten: the file holds nothing of a password, sealed as it
// was, or of a call, once they are erased.
func TestWhatIsErasedIsOverwritten(t *testing.T) {
	s := openTest(t)
	lease := outbox(t, s)
	secret := func(n int) []byte { return bytes.Repeat([]byte("sealed-"), n) }
	var ids []int64
	for i := range 200 { // several pages, which are free afterwards
		n := leaver(ident.GUID(fmt.Sprint("g", i)))
		n.Password = secret(10)
		ids = append(ids, must1[[]int64](t)(s.StartInstances(t.Context(), lease, []NewInstance{n}))...)
	}
	_, d := queue(t, s, lease, "crm", "g-call")
	take(t, s, lease, "crm")
	must(t, s.SaveCalls(t.Context(), lease, []Call{{Delivery: d, Call: secret(3000)}}))
	holds := func() bool {
		_, err := s.writer.ExecContext(t.Context(), `PRAGMA wal_checkpoint(TRUNCATE)`)
		must(t, err)
		return bytes.Contains(must1[[]byte](t)(os.ReadFile(s.path)), []byte("sealed-sealed-"))
	}
	if !holds() {
		t.Fatal("nothing was there to erase")
	}
	settle(t, s, lease, Settled{Delivery: d, State: DeliveryDone})
	for _, id := range ids {
		must(t, s.CancelInstance(t.Context(), id, "ada"))
	}
	if holds() {
		t.Error("the file still holds what was erased")
	}
}

func TestDepthOfTheOutbox(t *testing.T) {
	clock := newClock()
	s := openTest(t, WithClock(clock.Now))
	lease := outbox(t, s)
	i, d := queue(t, s, lease, "crm", "g1")
	first := clock.Now()
	clock.Add(time.Minute)
	queue(t, s, lease, "crm", "g1")
	take(t, s, lease, "crm")
	same(t, "depth", Depth{States: map[DeliveryState]int{DeliverySending: 1, DeliveryQueued: 1}, Oldest: first}, must1[Depth](t)(s.OutboxDepth(t.Context())))
	settle(t, s, lease, Settled{Delivery: d, State: DeliveryDone, Advance: after(t, s, i, InstanceDone)})
	same(t, "depth", Depth{States: map[DeliveryState]int{DeliveryQueued: 1}, Oldest: clock.Now()}, must1[Depth](t)(s.OutboxDepth(t.Context())))
	same(t, "counts", []InstanceCount{{"leaver-0", InstanceDone, 1}, {"leaver-1", InstanceDelivering, 1}}, must1[[]InstanceCount](t)(s.InstanceCounts(t.Context())))
}

func TestRetainKeepsWhatIsOpen(t *testing.T) {
	clock := newClock()
	s := openTest(t, WithClock(clock.Now))
	lease := outbox(t, s)
	old := map[string]int64{}
	for stand, bring := range stands {
		i, d := queue(t, s, lease, "crm", ident.GUID("g-"+stand))
		if stand != "queued" {
			bring(t, s, lease, i, d)
		}
		old[stand] = i
		settleRest(t, s, lease, d)
	}
	clock.Add(time.Hour)
	removed := must1[Removed](t)(s.Retain(t.Context(), Retention{Runs: clock.Now()}))
	same(t, "removed", 2, removed.Instances)
	for stand, i := range old {
		_, err := s.Instance(t.Context(), i)
		var none *NoInstanceError
		if gone := errors.As(err, &none); gone != (stand == "done" || stand == "dropped") {
			t.Errorf("%s: %v", stand, err)
		}
	}
	same(t, "removed again", 0, must1[Removed](t)(s.Retain(t.Context(), Retention{Runs: clock.Now()})).Instances)
	must(t, s.VerifyJournal(t.Context()))
}

// settleRest gives back what a step of the test took besides delivery.
func settleRest(t tb, s *Store, lease Lease, delivery int64) {
	t.Helper()
	for id, state := range states(t, s) {
		if state == DeliverySending && id != delivery {
			settle(t, s, lease, Settled{Delivery: id, State: DeliveryQueued})
		}
	}
}
