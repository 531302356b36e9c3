package engine

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
)

// TestWhatBecameOfWhatWasHeld follows held operations through later runs: which
// run holds them now, why one was dropped, and which run carried it out.
func TestWhatBecameOfWhatWasHeld(t *testing.T) {
	const app = "became"
	s, f, held := holding(t, app)
	again := s.run(app)
	want := []HeldBy{{Run: held.ID, Class: ident.ClassUpdate, Count: 2}}
	if d := cmp.Diff(want, again.Summary.HeldBy); d != "" || again.Waiting != 2 {
		t.Errorf("what waits (-want +got)\n%s%d", d, again.Waiting)
	}
	if read, err := ReadReport(t.Context(), s.Store, again.ID); err != nil || read.Waiting != 2 || len(read.Summary.HeldBy) != 1 || read.Application != app {
		t.Errorf("the history says %+v, %v", read, err)
	}
	p, err := s.Plan(t.Context(), Request{Automation: app})
	if err != nil || len(p.Changes) != 2 || p.Changes[0].Operations[0].Earlier != held.ID {
		t.Errorf("the plan: %+v, %v", p.Changes, err)
	}

	f.records = []ident.Record{person("1", "Held One", "title", "Boss"), person("2", "Held Two")}
	other := s.run(app)
	s.became(held.ID, map[ident.Key]ident.Outcome{
		"1": {Result: ident.ResultDropped, SettledBy: other.ID, Cause: fmt.Sprintf("superseded: run %d holds it with other values", other.ID)},
		"2": {Result: ident.ResultDropped, SettledBy: other.ID, Cause: fmt.Sprintf("run %d no longer plans it", other.ID)},
	})
	approval, err := s.Approve(t.Context(), Decision{Run: other.ID, By: "ada"})
	if err != nil {
		t.Fatal(err)
	}
	s.became(other.ID, map[ident.Key]ident.Outcome{"1": {Result: ident.ResultApplied, SettledBy: approval.ID, Approved: "ada"}})

	// What the limits let through by now is made, with its values of now.
	f.records = []ident.Record{person("1", "Held One", "title", "King"), person("2", "Held Two", "title", "Queen")}
	third := s.run(app)
	s.change(app, func(p *plan.Settings) { p.Approval = plan.ApprovalOverLimit })
	f.records[0], f.records[1] = person("1", "Held One", "title", "Duke"), person("2", "Held Two", "title", "Duchess")
	free := s.run(app)
	cause := fmt.Sprintf("superseded: run %d makes it with other values", free.ID)
	s.became(third.ID, map[ident.Key]ident.Outcome{
		"1": {Result: ident.ResultDropped, SettledBy: free.ID, Cause: cause}, "2": {Result: ident.ResultDropped, SettledBy: free.ID, Cause: cause},
	})
}

// became compares what the history says of the operations of a run.
func (s *scene) became(run int64, want map[ident.Key]ident.Outcome) {
	s.Helper()
	r, err := ReadReport(s.Context(), s.Store, run)
	if err != nil {
		s.Fatal(err)
	}
	got := map[ident.Key]ident.Outcome{}
	for _, o := range r.Outcomes {
		got[o.Key] = ident.Outcome{Result: o.Result, SettledBy: o.SettledBy, Cause: o.Cause, Approved: o.Approved}
	}
	if d := cmp.Diff(want, got); d != "" {
		s.Errorf("run %d (-want +got)\n%s", run, d)
	}
}
