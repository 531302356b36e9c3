package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/host/soak"
)

// happen puts open events into the store.
func happen(t *testing.T, s *Store, guids ...ident.GUID) {
	t.Helper()
	must(t, s.UpdateMirror(t.Context(), func(m MirrorTx) error {
		for _, guid := range guids {
			e := ident.Event{
				At: s.now(), Object: ident.ObjectUser, GUID: guid, DN: ident.DN("CN=" + guid + ",DC=c"), From: ident.DN("CN=" + guid + ",DC=c"),
				Name: string(guid), Parts: []ident.EventPart{{Kind: ident.EventDisabled}}, Image: ident.Attributes{},
			}
			if err := m.b.addEvent(&e); err != nil {
				return err
			}
		}
		return nil
	}))
}

func begins(guid ident.GUID, most int) *NewInstance {
	n := leaver(guid)
	n.Trigger, n.By, n.Limit = "directory: disabled", "directory", &StartLimit{Most: most}
	return &n
}

// TestJudgingIsDoneOnce: a second judgement of the same event writes nothing, and one
// that fails leaves everything as it was.
func TestJudgingIsDoneOnce(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	lease := outbox(t, s)
	happen(t, s, "g1", "g2")
	list := []JudgedEvent{
		{Event: 1, Judgements: []Judgement{{Automation: "staff", Verdict: EventBegun, Begin: begins("g1", 1)}, {Automation: "z", Verdict: EventFiltered}}},
		{Event: 2, Judgements: []Judgement{{Automation: "staff", Verdict: EventBegun, Begin: begins("g2", 1)}}},
	}
	broken := begins("g2", 1)
	broken.GUID = ""
	if _, err := s.JudgeEvents(ctx, lease, append(list[:1:1], JudgedEvent{2, []Judgement{{Automation: "staff", Begin: broken}}})); err == nil {
		t.Fatal("an instance without an object began")
	}
	if open := must1[[]ident.Event](t)(s.OpenEvents(ctx, 0, 10)); len(open) != 2 {
		t.Fatalf("%d events are open after a failure", len(open))
	}
	written := must1[[]Judged](t)(s.JudgeEvents(ctx, lease, list))
	want := []Judged{
		{1, "staff", EventBegun, 1, 0}, {1, "z", EventFiltered, 0, 0}, {2, "staff", EventHeld, 2, 1},
	}
	if d := cmp.Diff(want, written); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if again := must1[[]Judged](t)(s.JudgeEvents(ctx, lease, list)); len(again) != 0 {
		t.Errorf("judged twice: %+v", again)
	}
	n := 0
	must(t, s.Instances(ctx, InstanceFilter{}, func(Instance) error { n++; return nil }))
	if n != 2 {
		t.Errorf("%d instances", n)
	}
	held := must1[Instance](t)(s.Instance(ctx, 2))
	if held.Run != 1 || held.Status != InstanceHeld || held.Next != "`rollcall approve 1` or `rollcall reject 1`" {
		t.Errorf("%+v", held)
	}
	if runs := must1[[]Run](t)(s.Runs(ctx, 10)); len(runs) != 1 || runs[0].HeldStarts != 1 || runs[0].Kind != KindEvents || runs[0].Orchestration != "leaver" {
		t.Errorf("%+v", runs)
	}
	must(t, s.VerifyJournal(ctx))
	must(t, s.ReleaseLease(ctx, lease))
	var fenced *FencedError
	happen(t, s, "g3")
	if _, err := s.JudgeEvents(ctx, lease, []JudgedEvent{{Event: 3}}); !errors.As(err, &fenced) {
		t.Errorf("judged without the lease: %v", err)
	}
}

// TestWhatEventsLeadToBelongsToARun: what an orchestration writes to the directory is
// kept with a run, one for each day, orchestration and automation, and not with the one
// that holds something.
func TestWhatEventsLeadToBelongsToARun(t *testing.T) {
	clock := newClock()
	s, ctx := openTest(t, WithClock(clock.Now)), t.Context()
	lease := outbox(t, s)
	happen(t, s, "g1", "g2", "g3", "g4", "g5", "g6")
	judge := func(event int64, automation string, change func(*NewInstance)) int64 {
		t.Helper()
		n := begins(ident.GUID(fmt.Sprint("g", event)), 100)
		n.Automation, n.Writes = automation, true
		change(n)
		list := must1[[]Judged](t)(s.JudgeEvents(ctx, lease, []JudgedEvent{
			{Event: event, Judgements: []Judgement{{Automation: automation, Verdict: EventBegun, Begin: n}}},
		}))
		i := must1[Instance](t)(s.Instance(ctx, list[0].Instance))
		if holds := i.Status == InstanceHeld; (list[0].Run != 0) != holds || holds && list[0].Run != i.Run {
			t.Errorf("%+v is told of %+v", list[0], i)
		}
		return i.Run
	}
	as := func(*NewInstance) {}
	held := judge(1, "a", func(n *NewInstance) { n.Held = true })
	first := judge(2, "a", as)
	if first == 0 || first == held || judge(3, "a", as) != first {
		t.Error("two changes of a day do not share a run of their own")
	}
	if other := judge(4, "b", as); other == first || other == 0 {
		t.Errorf("another automation has the run %d", other)
	}
	if run := judge(5, "a", func(n *NewInstance) { n.Writes = false }); run != 0 {
		t.Errorf("what does not write has the run %d", run)
	}
	clock.Add(25 * time.Hour)
	lease = outbox(t, s)
	if next := judge(6, "a", as); next == first || next == 0 {
		t.Errorf("the next day has the run %d", next)
	}
	for _, r := range must1[[]Run](t)(s.Runs(ctx, 10)) {
		if want := map[bool]RunResult{true: RunHeld, false: RunOK}[r.ID == held]; r.Kind != KindEvents || r.Result != want || r.Ended == nil {
			t.Errorf("%+v", r)
		}
	}
	must(t, s.VerifyJournal(ctx))
}

// TestOldEventsAreRemoved, but not those that somebody has to look at.
func TestOldEventsAreRemoved(t *testing.T) {
	clock := newClock()
	s, ctx := openTest(t, WithClock(clock.Now)), t.Context()
	lease := outbox(t, s)
	happen(t, s, "g1", "g2", "g3")
	must1[[]Judged](t)(s.JudgeEvents(ctx, lease, []JudgedEvent{
		{Event: 1, Judgements: []Judgement{{Automation: "a", Verdict: EventFiltered}}},
		{Event: 2, Judgements: []Judgement{{Automation: "a", Verdict: EventAside, Cause: "c", Next: "n"}}},
	}))
	clock.Add(48 * time.Hour)
	happen(t, s, "g4")
	must1[[]Judged](t)(s.JudgeEvents(ctx, lease, []JudgedEvent{{Event: 4}}))
	removed := must1[Removed](t)(s.Retain(ctx, Retention{Runs: clock.Now().Add(-24 * time.Hour)}))
	var left []int64
	for _, e := range events(t, s) {
		left = append(left, e.ID)
	}
	if d := cmp.Diff([]int64{2, 3, 4}, left); d != "" || removed.Events != 1 {
		t.Errorf("%d removed%s", removed.Events, d)
	}
	must1[[]AsideEvent](t)(s.DropAside(ctx, "a", 0, "eve"))
	if removed = must1[Removed](t)(s.Retain(ctx, Retention{Runs: clock.Now().Add(-24 * time.Hour)})); removed.Events != 1 {
		t.Errorf("what was dropped stays: %+v", removed)
	}
}

// TestAllThatWasSetAsideIsDropped: however much it is, with the name that people know
// somebody by, and no other attribute.
func TestAllThatWasSetAsideIsDropped(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	lease := outbox(t, s)
	const n = droppedAtOnce + 1
	list := make([]JudgedEvent, n)
	guids := make([]ident.GUID, n)
	for i := range n {
		guids[i] = ident.GUID(fmt.Sprint("g", i))
		list[i] = JudgedEvent{int64(i) + 1, []Judgement{{Automation: "staff", Verdict: EventAside, Cause: "c", Next: "n"}}}
	}
	happen(t, s, guids...)
	must1[[]Judged](t)(s.JudgeEvents(ctx, lease, list))
	dropped := must1[[]AsideEvent](t)(s.DropAside(ctx, "staff", 0, "ada"))
	if len(dropped) != n || dropped[n-1].Event.ID != n || dropped[0].Cause != "c" || len(dropped[0].Event.Parts) != 1 {
		t.Errorf("%d dropped: %+v", len(dropped), dropped[:1])
	}
	same(t, "left", 0, must1[int](t)(s.CountAside(ctx, "staff")))
	must(t, s.VerifyJournal(ctx))
}

// TestWhatIsSetAsideMeanwhileIsNotDropped: all is what there was when somebody asked. What
// is judged between two transactions is not: a later event, an older one, and one that
// was set aside again for what may be another cause.
func TestWhatIsSetAsideMeanwhileIsNotDropped(t *testing.T) {
	const last = droppedAtOnce + 3
	aside := func(event int64, cause string) JudgedEvent {
		return JudgedEvent{event, []Judgement{{Automation: "staff", Verdict: EventAside, Cause: cause, Next: "n"}}}
	}
	for name, c := range map[string]struct {
		meanwhile func(*Store, context.Context, Lease) ([]Judged, error)
		dropped   int
		left      []string
	}{
		"for the first time": {func(s *Store, ctx context.Context, l Lease) ([]Judged, error) {
			return s.JudgeEvents(ctx, l, []JudgedEvent{aside(1, "older"), aside(last, "later")})
		}, last - 2, []string{"1 older", fmt.Sprint(last, " later")}},
		"again": {func(s *Store, ctx context.Context, l Lease) ([]Judged, error) {
			return s.JudgeAside(ctx, l, []JudgedEvent{aside(last-1, "another")}, "eve")
		}, last - 3, []string{fmt.Sprint(last-1, " another")}},
	} {
		t.Run(name, func(t *testing.T) {
			clock, hook := newClock(), func() {}
			s, ctx := openTest(t, WithClock(func() time.Time { hook(); return clock.Now() })), t.Context()
			lease := outbox(t, s)
			guids, list := make([]ident.GUID, last), []JudgedEvent{}
			for i := range guids {
				guids[i] = ident.GUID(fmt.Sprint("g", i))
				if event := int64(i) + 1; event > 1 && event < last {
					list = append(list, aside(event, "c"))
				}
			}
			happen(t, s, guids...)
			must1[[]Judged](t)(s.JudgeEvents(ctx, lease, list))
			var other sync.WaitGroup
			hook = func() { // within the first transaction; whoever waits has the turn before the second
				hook = func() {}
				clock.Add(time.Second)
				before := s.writer.Stats().WaitCount
				other.Go(func() { must1[[]Judged](t)(c.meanwhile(s, ctx, lease)) })
				soak.Await(t, "it waits for the transaction", func() bool { return s.writer.Stats().WaitCount > before })
			}
			dropped := must1[[]AsideEvent](t)(s.DropAside(ctx, "staff", 0, "ada"))
			other.Wait()
			same(t, "dropped", c.dropped, len(dropped))
			var left []string
			for _, a := range must1[[]AsideEvent](t)(s.AsideEvents(ctx, "staff", 0, last)) {
				left = append(left, fmt.Sprint(a.Event.ID, " ", a.Cause))
			}
			if d := cmp.Diff(c.left, left); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestAnEventBehindAnOpenOneIsNotRead: it waits, whatever has become of the earlier one
// since a reader went past that.
func TestAnEventBehindAnOpenOneIsNotRead(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	lease := outbox(t, s)
	happen(t, s, "g1", "g2", "g1", "g2")
	must1[[]Judged](t)(s.JudgeEvents(ctx, lease, []JudgedEvent{{Event: 2}}))
	if open := must1[[]ident.Event](t)(s.OpenEvents(ctx, 2, 10)); len(open) != 1 || open[0].ID != 4 {
		t.Errorf("%+v", open)
	}
}
