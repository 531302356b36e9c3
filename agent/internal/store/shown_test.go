package store

import (
	"fmt"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// TestAPersonDecidesAboutWhatThatPersonWasShown: what joins the run later stays held, and
// what one was shown counts for nobody else.
func TestAPersonDecidesAboutWhatThatPersonWasShown(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	lease := outbox(t, s)
	happen(t, s, "g1", "g2", "g3")
	hold := func(event int64) {
		t.Helper()
		n := begins(ident.GUID(fmt.Sprint("g", event)), 0)
		list := must1[[]Judged](t)(s.JudgeEvents(ctx, lease, []JudgedEvent{
			{Event: event, Judgements: []Judgement{{Automation: "staff", Verdict: EventBegun, Begin: n}}},
		}))
		same(t, "the run", 1, list[0].Run)
	}
	unseen := func(by string, want int) []Shown {
		t.Helper()
		list := must1[[]Shown](t)(s.Unseen(ctx, 1, by))
		same(t, "not shown to "+by, want, len(list))
		return list
	}
	hold(1)
	hold(2)
	must(t, s.Show(ctx, "ada", unseen("ada", 2)))
	hold(3)
	unseen("ada", 1)
	bo := Holding{Run: 1, SeenBy: "bo"}
	same(t, "approved by bo", 0, must1[int](t)(s.ApproveInstances(ctx, bo, "bo")))
	same(t, "rejected by bo", 0, must1[int](t)(s.RejectInstances(ctx, bo, "bo")))
	ada := Holding{Run: 1, SeenBy: "ada", Except: []int64{2}}
	same(t, "approved by ada", 1, must1[int](t)(s.ApproveInstances(ctx, ada, "ada")))
	ada.Except = nil
	same(t, "approved by ada", 1, must1[int](t)(s.ApproveInstances(ctx, ada, "ada")))
	same(t, "approved by ada", 0, must1[int](t)(s.ApproveInstances(ctx, ada, "ada")))

	must1[[]int64](t)(s.AdvanceInstances(ctx, lease, []Advance{{Instance: 1, Version: 2, Status: InstanceHeld, Step: "off", Cause: "too many"}}))
	same(t, "approved at a step that ada was not shown", 0, must1[int](t)(s.ApproveInstances(ctx, ada, "ada")))
	must(t, s.Show(ctx, "ada", []Shown{{1, 1}, {3, 1}})) // by somebody who was slow
	held := must1[[]HeldChange](t)(s.HeldChanges(ctx, 1))
	if len(held) != 2 || held[0].Instance != 1 || held[0].Event.GUID != "g1" || held[1].Instance != 3 || held[1].Automation != "staff" {
		t.Errorf("%+v", held)
	}
	same(t, "approved by ada", 1, must1[int](t)(s.ApproveInstances(ctx, ada, "ada")))
	must(t, s.Show(ctx, "bo", unseen("bo", 1)))
	same(t, "rejected by bo", 1, must1[int](t)(s.RejectInstances(ctx, bo, "bo")))
	unseen("bo", 0)
}
