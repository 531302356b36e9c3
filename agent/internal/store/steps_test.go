package store

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// stepIntent is the intent of a directory step about an object.
func stepIntent(run int64, guid ident.GUID) Intent {
	return Intent{
		Run: run, GUID: guid, DN: "CN=Ada,DC=c", Name: "Ada", Server: "dc1", By: "schedule", Orchestration: "leaver", Instance: 4, Approved: "eve",
		Operation: ident.Operation{Class: ident.ClassDisable, Digest: "d"}, Created: time.Unix(1700000000, 0).UTC(),
	}
}

// TestIntentsOfSteps: a step needs no link; while a write to its object is in doubt,
// neither another step nor a run writes to it, and the reverse.
func TestIntentsOfSteps(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	lease, run := begin(t, s)
	must(t, s.PutLink(ctx, link("1", "guid-1"), "test"))
	in := stepIntent(run, "guid-1")
	id, err := s.OpenIntent(ctx, lease, in)
	must(t, err)
	in.ID, in.Kind = id, ident.UserKind
	if d := cmp.Diff([]Intent{in}, must1[[]Intent](t)(s.Intents(ctx))); d != "" {
		t.Error(d)
	}
	refused := func(what string, in Intent, want string) {
		t.Helper()
		var busy *UnderWayError
		if _, err := s.OpenIntent(ctx, lease, in); !errors.As(err, &busy) || !busy.InDoubt || busy.Error() != want {
			t.Errorf("%s: %v", what, err)
		}
	}
	const ofStep = "whether a directory step of orchestration leaver (number 4) has carried out disable of Ada is not known yet: " +
		"the agent finds out by itself (`rollcall orchestrations show 4` tells more)"
	refused("another step", stepIntent(run, "guid-1"), ofStep)
	l := link("1", "guid-1")
	ofRun := Intent{Run: run, Automation: "staff", Application: "crm", Key: "1", GUID: "guid-1", Name: "Ada", Server: "dc1", Link: &l, Operation: in.Operation}
	refused("a run", ofRun, ofStep)
	if _, err := s.OpenIntent(ctx, lease, stepIntent(run, "guid-2")); err != nil {
		t.Errorf("another object: %v", err)
	}
	must(t, s.CloseIntent(ctx, lease, id, ident.Operation{}))
	_, err = s.OpenIntent(ctx, lease, ofRun)
	must(t, err)
	refused("a step after a run", stepIntent(run, "guid-1"),
		"whether run 1 has carried out disable of Ada is not known yet: the next run of automation staff finds out (`rollcall apply staff`)")
}

// TestOutcomesOfSteps: they belong to the run, count for their orchestration and not
// for the automation, and the journal says whose they are.
func TestOutcomesOfSteps(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	lease, run := begin(t, s)
	for _, approved := range []string{"", "", "eve"} {
		o := outcome(run, "", ident.ClassDisable, ident.ResultApplied)
		o.Approved, o.GUID = approved, "guid-1"
		must(t, s.Commit(ctx, lease, Commit{Outcome: o, By: "schedule", Orchestrated: &Orchestrated{
			Orchestration: "leaver", Instance: 4, Step: "off", GUID: "guid-1", Status: "ready",
		}}))
	}
	since := time.Unix(0, 0)
	if got := must1[map[ident.Class]int](t)(s.CountSteps(ctx, "leaver", since)); got[ident.ClassDisable] != 2 {
		t.Errorf("of the orchestration: %v", got)
	}
	for _, name := range []string{"other", ""} {
		if got := must1[map[ident.Class]int](t)(s.CountSteps(ctx, name, since)); len(got) != 0 {
			t.Errorf("of %q: %v", name, got)
		}
	}
	if got := must1[map[ident.Class]int](t)(s.CountApplied(ctx, "staff", since)); len(got) != 0 {
		t.Errorf("of the automation: %v", got)
	}
	if got := must1[[]ident.Outcome](t)(s.Outcomes(ctx, run)); len(got) != 3 {
		t.Errorf("%+v", got)
	}
	var last JournalLine
	must(t, s.EachJournal(ctx, func(l JournalLine) error { last = l; return nil }))
	if last.Kind != JournalOutcome || last.Run != run || last.Orchestrated == nil || last.Orchestrated.Step != "off" || last.Outcome.Approved != "eve" {
		t.Errorf("%+v", last)
	}
}

// TestAnInstanceIsHeldAtAStep: its beginning counts as before, whoever approves the
// step.
func TestAnInstanceIsHeldAtAStep(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	lease, run := begin(t, s)
	ids, err := s.StartInstances(ctx, lease, []NewInstance{{
		Orchestration: "leaver", Definition: []byte("{}"), Automation: "staff", Run: run, GUID: "guid-1", Step: "off",
	}})
	must(t, err)
	_, err = s.AdvanceInstances(ctx, lease, []Advance{{Instance: ids[0], Version: 1, Status: InstanceHeld, Step: "off", Cause: "too many"}})
	must(t, err)
	if due := must1[[]Instance](t)(s.DueInstances(ctx, time.Now().AddDate(1, 0, 0), 9)); len(due) != 0 {
		t.Errorf("due: %+v", due)
	}
	if n := must1[int](t)(s.ApproveInstances(ctx, Holding{Run: run}, "eve")); n != 1 {
		t.Errorf("%d approved", n)
	}
	if n := must1[int](t)(s.CountStarts(ctx, "staff", "leaver", time.Unix(0, 0))); n != 1 {
		t.Errorf("%d starts count", n)
	}
	if by := must1[string](t)(s.Approver(ctx, ids[0])); by != "eve" {
		t.Errorf("approved by %q", by)
	}
	if due := must1[[]Instance](t)(s.DueInstances(ctx, time.Now().AddDate(1, 0, 0), 9)); len(due) != 1 || due[0].Step != "off" {
		t.Errorf("due: %+v", due)
	}
}
