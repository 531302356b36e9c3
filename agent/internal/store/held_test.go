package store

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

func TestHeld(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	lease, run := begin(t, s)
	for _, key := range []ident.Key{"1", "2", "3", "4"} {
		class := ident.ClassDisable
		if key == "2" {
			class = ident.ClassMove
		}
		must(t, s.Commit(ctx, lease, commit(outcome(run, key, class, ident.ResultHeld))))
	}
	other := commit(outcome(run, "5", ident.ClassDisable, ident.ResultHeld))
	other.Automation = "other"
	must(t, s.Commit(ctx, lease, other))
	must(t, s.Commit(ctx, lease, commit(outcome(run, "6", ident.ClassDisable, ident.ResultApplied))))

	held := must1[[]Held](t)(s.HeldOfRun(ctx, run))
	if len(held) != 5 || len(must1[[]Held](t)(s.HeldOutcomes(ctx, ""))) != 5 || len(must1[[]Held](t)(s.HeldOutcomes(ctx, "staff"))) != 4 {
		t.Fatalf("%v", held)
	}
	if d := cmp.Diff(Held{
		ID: held[0].ID, Automation: "staff", Application: "crm", Kind: ident.UserKind,
		Outcome: outcome(run, "1", ident.ClassDisable, ident.ResultHeld),
	}, held[0]); d != "" {
		t.Error(d)
	}

	approval, err := s.StartRun(ctx, lease, Run{Automation: "staff", Application: "crm", Kind: KindApproval, By: "eve"})
	must(t, err)
	done := commit(outcome(approval, "1", ident.ClassDisable, ident.ResultApplied))
	done.Outcome.Approved, done.HeldID = "eve", held[0].ID
	must(t, s.Commit(ctx, lease, done))
	if n := must1[int](t)(s.RejectHeld(ctx, run, ident.ClassMove, "eve")); n != 1 {
		t.Errorf("%d were rejected", n)
	}
	must(t, s.DropHeld(ctx, lease, approval, []Drop{{held[2].ID, "no longer planned"}}))

	for _, id := range []int64{run, approval} { // it belongs to both
		list := must1[[]ident.Outcome](t)(s.Outcomes(ctx, id))
		if len(list) == 0 || list[0].Result != ident.ResultApplied || list[0].Approved != "eve" || list[0].Run != run {
			t.Errorf("outcomes of run %d: %+v", id, list)
		}
	}
	list := must1[[]ident.Outcome](t)(s.Outcomes(ctx, run))
	for i, want := range []ident.Result{"applied", "rejected", "dropped", "held", "held", "applied"} {
		if list[i].Result != want {
			t.Errorf("outcome %d is %s, want %s", i, list[i].Result, want)
		}
	}
	if list[1].Cause != "rejected by eve" || list[2].Cause != "no longer planned" {
		t.Errorf("causes: %q, %q", list[1].Cause, list[2].Cause)
	}
	for i, want := range []int64{approval, 0, approval, 0, 0, 0} {
		if list[i].SettledBy != want {
			t.Errorf("outcome %d was settled by run %d, want %d", i, list[i].SettledBy, want)
		}
	}
	for id, want := range map[int64]int{run: 2, approval: 0} {
		if r, _, err := s.RunByID(ctx, id); err != nil || r.Held != want || r.Application != "crm" {
			t.Errorf("run %d of %q holds %d, want %d; %v", id, r.Application, r.Held, want, err)
		}
	}
	if list := must1[[]ident.Outcome](t)(s.Outcomes(ctx, approval)); len(list) != 1 {
		t.Errorf("the run that dropped something has it too: %+v", list)
	}
	want := map[OperationID]Decision{
		{"2", ident.ClassMove, "digest-2"}:    {held[1].ID, run, ident.ResultRejected},
		{"4", ident.ClassDisable, "digest-4"}: {held[3].ID, run, ident.ResultHeld},
	}
	if d := cmp.Diff(want, must1[map[OperationID]Decision](t)(s.Decided(ctx, "staff"))); d != "" {
		t.Error(d)
	}
	must(t, s.VerifyJournal(ctx))
}

// TestHeldIsDecidedOnce tries to decide again what was decided.
func TestHeldIsDecidedOnce(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	lease, run := begin(t, s)
	for _, key := range []ident.Key{"1", "2"} {
		must(t, s.Commit(ctx, lease, commit(outcome(run, key, ident.ClassDisable, ident.ResultHeld))))
	}
	held := must1[[]Held](t)(s.HeldOfRun(ctx, run))
	again := commit(outcome(run, "1", ident.ClassDisable, ident.ResultHeld))
	again.HeldID = held[0].ID
	if err := s.Commit(ctx, lease, again); err == nil {
		t.Error("it can be held again")
	}
	if n := must1[int](t)(s.RejectHeld(ctx, run, "", "eve")); n != 2 {
		t.Errorf("%d were rejected", n)
	}
	approve := commit(outcome(run, "1", ident.ClassDisable, ident.ResultApplied))
	approve.HeldID = held[0].ID
	var not *NotHeldError
	if err := s.Commit(ctx, lease, approve); !errors.As(err, &not) || not.ID != held[0].ID || not.Result != ident.ResultRejected {
		t.Errorf("approve: %v", err)
	}
	if n := must1[int](t)(s.RejectHeld(ctx, run, "", "eve")); n != 0 {
		t.Errorf("%d were rejected once more", n)
	}
	must(t, s.DropHeld(ctx, lease, run, []Drop{{held[0].ID, "x"}, {99, "x"}}))
	list := must1[[]ident.Outcome](t)(s.Outcomes(ctx, run))
	if list[0].Result != ident.ResultRejected || list[1].Result != ident.ResultRejected {
		t.Errorf("%+v", list)
	}
}

// TestClaimed has every other decision about a held operation refused while a
// run carries it out, and while it is not known whether one has.
func TestClaimed(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	lease, run := begin(t, s)
	for key, class := range map[ident.Key]ident.Class{"1": ident.ClassDisable, "2": ident.ClassMove} {
		must(t, s.Commit(ctx, lease, commit(outcome(run, key, class, ident.ResultHeld))))
	}
	must(t, s.FinishRun(ctx, lease, Run{ID: run, Result: RunHeld}))
	approval := must1[int64](t)(s.StartRun(ctx, lease, Run{Automation: "staff", Kind: KindApproval}))
	if n := must1[int](t)(s.ClaimHeld(ctx, lease, run, ident.ClassDisable, approval)); n != 1 {
		t.Fatalf("%d claimed", n)
	}
	claimed := must1[[]Held](t)(s.ClaimedHeld(ctx, approval))
	if len(claimed) != 1 || claimed[0].Key != "1" {
		t.Fatalf("claimed: %+v", claimed)
	}
	refused := func(class ident.Class, text string) {
		t.Helper()
		n, err := s.RejectHeld(ctx, run, class, "eve")
		var busy *UnderWayError
		if n != 0 || !errors.As(err, &busy) || busy.Run != approval || !strings.Contains(err.Error(), text) {
			t.Errorf("reject %q: %d, %v; want %q", class, n, err, text)
		}
		must(t, s.DropHeld(ctx, lease, run, []Drop{{claimed[0].ID, "x"}}))
		if left := must1[[]Held](t)(s.HeldOfRun(ctx, run)); len(left) != 2 {
			t.Errorf("held: %+v", left)
		}
	}
	refused(ident.ClassDisable, "disable of Name 1 is being carried out by run 2: wait until it has ended")
	refused("", "is being carried out by run 2") // all or nothing

	in := creating(approval, "1")
	in.HeldID = claimed[0].ID
	intent := must1[int64](t)(s.OpenIntent(ctx, lease, in))
	must(t, s.FinishRun(ctx, lease, Run{ID: approval, Result: RunInterrupted}))
	refused(ident.ClassDisable, "whether run 2 has carried out disable of Name 1 is not known yet: the next run of automation staff finds out")
	must(t, s.CloseIntent(ctx, lease, intent, ident.Operation{}))
	if n := must1[int](t)(s.RejectHeld(ctx, run, "", "eve")); n != 2 {
		t.Errorf("%d were rejected after the run had ended", n)
	}
}

// TestIntentsNeedTheirClaim refuses to begin what has been decided otherwise.
func TestIntentsNeedTheirClaim(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	lease, run := begin(t, s)
	must(t, s.Commit(ctx, lease, commit(outcome(run, "1", ident.ClassDisable, ident.ResultHeld))))
	held := must1[[]Held](t)(s.HeldOfRun(ctx, run))
	in := creating(run, "1")
	in.HeldID = held[0].ID
	var busy *UnderWayError
	if _, err := s.OpenIntent(ctx, lease, in); !errors.As(err, &busy) {
		t.Errorf("without a claim: %v", err)
	}
	must1[int](t)(s.RejectHeld(ctx, run, "", "eve"))
	if n := must1[int](t)(s.ClaimHeld(ctx, lease, run, "", run)); n != 0 {
		t.Errorf("%d rejected ones were claimed", n)
	}
	var not *NotHeldError
	if _, err := s.OpenIntent(ctx, lease, in); !errors.As(err, &not) || not.Result != ident.ResultRejected {
		t.Errorf("after a rejection: %v", err)
	}
	if left := must1[[]Intent](t)(s.Intents(ctx)); len(left) != 0 {
		t.Errorf("intents: %+v", left)
	}
}
