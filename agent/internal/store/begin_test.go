package store

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// starter begins the orchestration of an automation, run by run.
type starter struct {
	testing.TB
	*Store
	clock *clock
	lease Lease
	run   int64
}

func newStarter(t *testing.T) *starter {
	clock := newClock()
	s := openTest(t, WithClock(clock.Now))
	return &starter{TB: t, Store: s, clock: clock, lease: outbox(t, s), run: 100}
}

// begin is a run that finds objects; unclear ones begin with "?". It returns the
// verdicts: "g1 begin, g2 before".
func (s *starter) begin(every time.Duration, guids ...ident.GUID) string {
	s.Helper()
	s.run++
	anew := Anew{Run: s.run, At: s.clock.Now(), Once: true, Every: every}
	var list []NewInstance
	var unclear []ident.GUID
	for _, guid := range guids {
		if name, ok := strings.CutPrefix(string(guid), "?"); ok {
			unclear = append(unclear, ident.GUID(name))
			continue
		}
		n := leaver(guid)
		n.Run, n.Trigger, n.Limit = s.run, "schedule", &StartLimit{Most: 3}
		list = append(list, n)
	}
	begun, err := s.BeginInstances(s.Context(), s.lease, anew, list)
	must(s.TB, err)
	must(s.TB, s.KeepStarts(s.Context(), s.lease, "staff", s.run, unclear))
	must(s.TB, s.ForgetStarts(s.Context(), s.lease, "staff", anew))
	var out []string
	for i, b := range begun {
		out = append(out, fmt.Sprint(list[i].GUID, " ", b.Verdict))
	}
	return strings.Join(out, ", ")
}

// end ends every instance that is not held.
func (s *starter) end() {
	s.Helper()
	var open []int64
	must(s.TB, s.Instances(s.Context(), InstanceFilter{Statuses: []InstanceStatus{InstanceReady}}, func(i Instance) error {
		open = append(open, i.ID)
		return nil
	}))
	for _, id := range open {
		must(s.TB, s.CancelInstance(s.Context(), id, "test"))
	}
}

func TestAnObjectBeginsOnceUntilItHasLeftTheFilter(t *testing.T) {
	s := newStarter(t)
	same(t, "first", "g1 begin, g2 begin", s.begin(0, "g1", "g2"))
	s.clock.Add(30 * 24 * time.Hour)
	same(t, "still there", "g1 before, g2 before", s.begin(0, "g1", "g2"))
	s.end()
	same(t, "g2 is unclear", "g1 before", s.begin(0, "g1", "?g2"))
	same(t, "so it is not forgotten", "g1 before, g2 before", s.begin(0, "g1", "g2"))
	same(t, "g1 has left", "g2 before", s.begin(0, "g2"))
	same(t, "and is back", "g1 begin, g2 before", s.begin(0, "g1", "g2"))
	must(t, s.VerifyJournal(t.Context()))
}

func TestAnObjectBeginsAgainAfterATime(t *testing.T) {
	const week = 7 * 24 * time.Hour
	s := newStarter(t)
	same(t, "first", "g1 begin", s.begin(week, "g1"))
	s.end()
	s.clock.Add(24 * time.Hour)
	same(t, "a day later", "g1 before", s.begin(week, "g1"))
	same(t, "it has left", "", s.begin(week))
	same(t, "and is back too early", "g1 before", s.begin(week, "g1"))
	s.clock.Add(6*24*time.Hour - time.Hour)
	same(t, "an hour too early, as when clocks are put forward", "g1 begin", s.begin(week, "g1"))
	s.clock.Add(week)
	same(t, "it is still under way", "g1 under way", s.begin(week, "g1"))
	s.end()
	same(t, "and ended", "g1 begin", s.begin(week, "g1"))
}

func TestWhatExceedsTheLimitIsHeldOnce(t *testing.T) {
	s := newStarter(t)
	same(t, "first", "g1 begin, g2 begin, g3 begin, g4 hold, g5 hold", s.begin(0, "g1", "g2", "g3", "g4", "g5"))
	held := s.run
	s.clock.Add(48 * time.Hour)
	same(t, "later", "g4 before, g6 begin", s.begin(0, "g4", "g6"))
	same(t, "rejected", 2, must1[int](t)(s.RejectInstances(t.Context(), Holding{Run: held}, "ada")))
	same(t, "is not asked again", "g4 before", s.begin(0, "g4"))
	same(t, "by hand", Begun{VerdictBegin, 7, ""}, must1[[]Begun](t)(s.BeginInstances(t.Context(), s.lease, Anew{Run: 7}, []NewInstance{leaver("g4")}))[0])
	got := must1[[]Begun](t)(s.BeginInstances(t.Context(), s.lease, Anew{Run: 8}, []NewInstance{leaver("g4")}))[0]
	same(t, "by hand twice", Begun{VerdictUnderWay, 7, "it is under way for this object as number 7 (ready)"}, got)
}

func TestARunTellsWhatItBeganAndHolds(t *testing.T) {
	s := newStarter(t)
	id := must1[int64](t)(s.StartRun(t.Context(), s.lease, Run{Orchestration: "leaver", Kind: KindOrchestrate, By: "ada"}))
	s.run = id - 1
	s.begin(0, "g1", "g2", "g3", "g4")
	run, _, err := s.RunByID(t.Context(), id)
	if err != nil || run.Orchestration != "leaver" || run.HeldStarts != 1 || run.Held != 0 {
		t.Errorf("%+v, %v", run, err)
	}
	must1[int](t)(s.ApproveInstances(t.Context(), Holding{Run: id}, "ada"))
	if run, _, _ := s.RunByID(t.Context(), id); run.HeldStarts != 0 {
		t.Errorf("%+v", run)
	}
}
