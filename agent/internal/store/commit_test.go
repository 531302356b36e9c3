package store

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

func TestCommit(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	lease, run := begin(t, s)
	l := link("1", "guid-1")
	in := Intent{
		Run: run, Automation: "staff", Application: "crm", Key: "1", DN: "CN=1,DC=c", Name: "One", Server: "dc1", Anchor: "crm:1",
		Operation: outcome(run, "1", ident.ClassCreate, "").Operation, Link: &l, Password: []byte{0, 1, 2}, By: "ada", Created: l.Created,
	}
	id, err := s.OpenIntent(ctx, lease, in)
	must(t, err)
	in.ID = id
	if d := cmp.Diff([]Intent{in}, must1[[]Intent](t)(s.Intents(ctx))); d != "" {
		t.Error(d)
	}
	c := commit(outcome(run, "1", ident.ClassCreate, ident.ResultApplied))
	c.Link, c.Intent = &l, id
	must(t, s.Commit(ctx, lease, c))
	if d := cmp.Diff([]ident.Outcome{c.Outcome}, must1[[]ident.Outcome](t)(s.Outcomes(ctx, run))); d != "" {
		t.Error(d)
	}
	if got, found, err := s.LinkByKey(ctx, "crm", "1"); err != nil || !found || !cmp.Equal(l, got) {
		t.Errorf("link %v, %v, %v", got, found, err)
	}
	if left := must1[[]Intent](t)(s.Intents(ctx)); len(left) != 0 {
		t.Errorf("intents left: %v", left)
	}
	var last JournalLine
	must(t, s.EachJournal(ctx, func(line JournalLine) error { last = line; return nil }))
	if last.Kind != JournalOutcome || !cmp.Equal(last.Outcome, &c.Outcome) || !cmp.Equal(last.Link, &l) || last.By != "ada" || last.Run != run {
		t.Errorf("journal: %+v", last)
	}

	gone := commit(outcome(run, "1", ident.ClassDelete, ident.ResultApplied))
	gone.Unlink = true
	must(t, s.Commit(ctx, lease, gone))
	if _, found, err := s.LinkByKey(ctx, "crm", "1"); found || err != nil {
		t.Errorf("the link is still there: %v", err)
	}
	must(t, s.EachJournal(ctx, func(line JournalLine) error { last = line; return nil }))
	if !last.Unlinked || !cmp.Equal(last.Link, &l) {
		t.Errorf("journal: %+v", last)
	}
}

// TestCommitIsAtomic has each part of a commit fail: nothing of it, nor of the
// others in its batch, may be left.
func TestCommitIsAtomic(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	lease, run := begin(t, s)
	must(t, s.PutLink(ctx, link("9", "guid-9"), "ada"))
	taken, l := link("2", "guid-9"), link("2", "guid-2")
	intent, err := s.OpenIntent(ctx, lease, Intent{Run: run, Key: "2"})
	must(t, err)
	lines := countJournal(t, s)
	for name, spoil := range map[string]func(*Commit){
		"link taken":      func(c *Commit) { c.Link = &taken },
		"unknown intent":  func(c *Commit) { c.Intent = 99 },
		"not held":        func(c *Commit) { c.HeldID = 99 },
		"unknown run":     func(c *Commit) { c.Outcome.Run = 99 },
		"link and unlink": func(c *Commit) { c.Unlink = true },
	} {
		t.Run(name, func(t *testing.T) {
			good, bad := commit(outcome(run, "1", "create", "applied")), commit(outcome(run, "2", "create", "applied"))
			goodLink := link("1", "guid-1")
			good.Link, bad.Link, bad.Intent = &goodLink, &l, intent
			spoil(&bad)
			if err := s.CommitAll(ctx, lease, []Commit{good, bad}); err == nil {
				t.Fatal("it is accepted")
			}
			if list := must1[[]ident.Outcome](t)(s.Outcomes(ctx, run)); len(list) != 0 {
				t.Errorf("outcomes left: %v", list)
			}
			for _, key := range []ident.Key{"1", "2"} {
				if _, found, _ := s.LinkByKey(ctx, "crm", key); found {
					t.Errorf("link %s left", key)
				}
			}
			if left := must1[[]Intent](t)(s.Intents(ctx)); len(left) != 1 {
				t.Errorf("intents: %v", left)
			}
			if n := countJournal(t, s); n != lines {
				t.Errorf("%d journal lines left", n-lines)
			}
		})
	}
}

func countJournal(t *testing.T, s *Store) (n int) {
	t.Helper()
	must(t, s.EachJournal(t.Context(), func(JournalLine) error { n++; return nil }))
	return n
}

func TestHeld(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	lease, run := begin(t, s)
	for _, key := range []ident.Key{"1", "2", "3", "4"} {
		must(t, s.Commit(ctx, lease, commit(outcome(run, key, ident.ClassDisable, ident.ResultHeld))))
	}
	other := commit(outcome(run, "5", ident.ClassDisable, ident.ResultHeld))
	other.Automation = "other"
	must(t, s.Commit(ctx, lease, other))
	must(t, s.Commit(ctx, lease, commit(outcome(run, "6", ident.ClassDisable, ident.ResultApplied))))

	held := must1[[]Held](t)(s.HeldOfRun(ctx, run))
	if len(held) != 5 || len(must1[[]Held](t)(s.HeldOutcomes(ctx, ""))) != 5 || len(must1[[]Held](t)(s.HeldOutcomes(ctx, "staff"))) != 4 {
		t.Fatalf("%v", held)
	}
	if d := cmp.Diff(Held{ID: held[0].ID, Automation: "staff", Application: "crm", Outcome: outcome(run, "1", ident.ClassDisable, ident.ResultHeld)}, held[0]); d != "" {
		t.Error(d)
	}

	approval, err := s.StartRun(ctx, lease, Run{Automation: "staff", Kind: KindApproval, By: "eve"})
	must(t, err)
	done := commit(outcome(approval, "1", ident.ClassDisable, ident.ResultApplied))
	done.Outcome.Approved, done.HeldID = "eve", held[0].ID
	must(t, s.Commit(ctx, lease, done))
	must(t, s.RejectHeld(ctx, []int64{held[1].ID}, "eve"))
	must(t, s.DropHeld(ctx, []int64{held[2].ID}, "no longer planned"))

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
	want := map[OperationID]Decision{
		{"2", ident.ClassDisable, "digest-2"}: {held[1].ID, run, ident.ResultRejected},
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
	must(t, s.RejectHeld(ctx, []int64{held[0].ID}, "eve"))
	approve := commit(outcome(run, "1", ident.ClassDisable, ident.ResultApplied))
	approve.HeldID = held[0].ID
	both := []int64{held[1].ID, held[0].ID}
	for name, err := range map[string]error{
		"approve": s.Commit(ctx, lease, approve), "reject": s.RejectHeld(ctx, both, "eve"), "drop": s.DropHeld(ctx, both, "x"),
	} {
		var not *ErrNotHeld
		if !errors.As(err, &not) || not.ID != held[0].ID || not.Result != ident.ResultRejected {
			t.Errorf("%s: %v", name, err)
		}
	}
	if left := must1[[]Held](t)(s.HeldOfRun(ctx, run)); len(left) != 1 {
		t.Errorf("a refused decision decided others: %v", left)
	}
	var not *ErrNotHeld
	if err := s.DropHeld(ctx, []int64{99}, "x"); !errors.As(err, &not) || not.Result != "" {
		t.Errorf("%v", err)
	}
}

func TestCountApplied(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	lease, run := begin(t, s)
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	add := func(class ident.Class, result ident.Result, approved string, when time.Time, automation string) {
		c := commit(outcome(run, "1", class, result))
		c.Outcome.Approved, c.Outcome.At, c.Automation = approved, when, automation
		must(t, s.Commit(ctx, lease, c))
	}
	add(ident.ClassCreate, ident.ResultApplied, "", at, "staff")
	add(ident.ClassCreate, ident.ResultApplied, "", at.Add(time.Hour), "staff")
	add(ident.ClassDisable, ident.ResultApplied, "", at, "staff")
	add(ident.ClassDisable, ident.ResultApplied, "eve", at, "staff")
	add(ident.ClassDisable, ident.ResultFailed, "", at, "staff")
	add(ident.ClassDisable, ident.ResultHeld, "", at, "staff")
	add(ident.ClassDisable, ident.ResultApplied, "", at.Add(-time.Nanosecond), "staff")
	add(ident.ClassDelete, ident.ResultApplied, "", at, "other")
	want := map[ident.Class]int{ident.ClassCreate: 2, ident.ClassDisable: 1}
	if d := cmp.Diff(want, must1[map[ident.Class]int](t)(s.CountApplied(ctx, "staff", at))); d != "" {
		t.Error(d)
	}
}

func TestIntents(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	lease, run := begin(t, s)
	first, err := s.OpenIntent(ctx, lease, Intent{Run: run, Key: "1"})
	must(t, err)
	second, err := s.OpenIntent(ctx, lease, Intent{Run: run, Key: "2"})
	must(t, err)
	must(t, s.CloseIntent(ctx, lease, first))
	if err := s.CloseIntent(ctx, lease, first); err == nil {
		t.Error("it closes twice")
	}
	c := commit(outcome(run, "1", "create", "applied"))
	c.Intent = first
	if err := s.Commit(ctx, lease, c); err == nil {
		t.Error("a closed intent is committed")
	}
	left := must1[[]Intent](t)(s.Intents(ctx))
	if len(left) != 1 || left[0].ID != second || left[0].Password != nil || left[0].Link != nil || left[0].Created.IsZero() {
		t.Errorf("%+v", left)
	}
}
