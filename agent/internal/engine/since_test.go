package engine

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// results are how many operations of a run had each result, and the causes of
// those that were skipped.
func (s *scene) results(r Report) (applied, held, skipped int, causes string) {
	for _, o := range r.Outcomes {
		if o.Result == ident.ResultSkipped {
			causes += string(o.Key) + ": " + o.Cause + "\n"
		}
	}
	return r.Count(ident.ResultApplied), r.Count(ident.ResultHeld), r.Count(ident.ResultSkipped), causes
}

// savedPlan makes a plan as a file would hold it.
func (s *scene) savedPlan(automation string) ident.Plan {
	s.Helper()
	p, err := s.Plan(s.Context(), Request{Automation: automation})
	if err != nil {
		s.Fatal(err)
	}
	return p
}

func (s *scene) applied(p ident.Plan, want store.RunResult) Report {
	s.Helper()
	r, err := s.ApplyPlan(s.Context(), p, "test")
	if err != nil || r.Result != want {
		s.Fatalf("%s, %+v, %v; want %s", r.Result, r.Outcomes, err, want)
	}
	return r
}

// A saved plan that is applied twice does nothing the second time: what is done
// counts for no limit, nobody who has an account is held as a joiner, and it
// needs nobody.
func TestASavedPlanTwice(t *testing.T) {
	f := &feed{records: []ident.Record{person("1", "Doubly One"), person("2", "Doubly Two"), person("3", "Doubly Three")}}
	s := newScene(t, map[string]*feed{"savedtwice": f})
	s.change("savedtwice", func(p *plan.Settings) {
		p.Limits = map[ident.Class]plan.Limit{ident.ClassCreate: {Count: 3}, ident.ClassUpdate: {Count: 2}}
	})
	saved := s.savedPlan("savedtwice")
	if applied, _, _, _ := s.results(s.applied(saved, store.RunOK)); applied != 3 {
		t.Fatalf("%d were applied", applied)
	}
	saved.Refused = 1 // when it was made, and no longer
	again := s.applied(saved, store.RunOK)
	if applied, held, skipped, causes := s.results(again); applied != 0 || held != 0 || skipped != 3 || strings.Count(causes, "done already: the record is linked to CN=Doubly ") != 3 {
		t.Errorf("applied %d, held %d, skipped %d:\n%s", applied, held, skipped, causes)
	}
	for _, l := range again.Summary.Limits {
		if l.Class == ident.ClassCreate && (l.Planned != 0 || l.Over != 0) {
			t.Errorf("%+v", l)
		}
	}

	// Updates: one is done by hand, one has another value by now, and the limit
	// is for those that are left.
	for i, r := range f.records {
		f.records[i].Fields["title"] = "Title " + string(r.Key)
	}
	s.change("savedtwice", func(p *plan.Settings) { p.Limits[ident.ClassUpdate] = plan.Limit{Count: 1} })
	saved = s.savedPlan("savedtwice")
	for i := range saved.Changes {
		saved.Changes[i].Operations[0].Verdict = ident.VerdictApply
	}
	s.dc.Replace(t, s.account("savedtwice:1").DN, "title", "Title 1")
	s.dc.Replace(t, s.account("savedtwice:2").DN, "title", "Somebody's")
	r := s.applied(saved, store.RunQuarantined)
	applied, held, skipped, causes := s.results(r)
	if applied != 1 || held != 0 || skipped != 2 || s.account("savedtwice:3", "title").Attributes.First("title") != "Title 3" ||
		!strings.Contains(causes, "1: done already: the account is as this would make it") ||
		!strings.Contains(causes, "2: title has changed since the plan was made: expected nothing, found Somebody's") {
		t.Errorf("applied %d, held %d, skipped %d:\n%s", applied, held, skipped, causes)
	}
}

// A run did half of it meanwhile: the other half is made.
func TestASavedPlanHalfDone(t *testing.T) {
	f := &feed{records: []ident.Record{person("1", "Half One"), person("2", "Half Two")}}
	s := newScene(t, map[string]*feed{"savedhalf": f})
	s.change("savedhalf", func(p *plan.Settings) {
		p.Limits = map[ident.Class]plan.Limit{ident.ClassCreate: {Count: 2}}
	})
	saved := s.savedPlan("savedhalf")
	all := f.records
	f.records = all[:1]
	s.run("savedhalf")
	if applied, held, skipped, causes := s.results(s.applied(saved, store.RunOK)); applied != 1 || held != 0 || skipped != 1 {
		t.Errorf("applied %d, held %d, skipped %d:\n%s", applied, held, skipped, causes)
	}
	s.account("savedhalf:1")
	s.account("savedhalf:2")
}

// No plan of an automation deletes anybody, whoever has written a deletion into a
// saved one: it is not even held, so that nobody can approve it.
func TestASavedPlanDeletesNobody(t *testing.T) {
	f := &feed{records: []ident.Record{person("1", "Kept One")}}
	s := newScene(t, map[string]*feed{"savedkept": f})
	s.run("savedkept")
	f.records[0].Fields["title"] = "Clerk"
	saved := s.savedPlan("savedkept")
	saved.Changes[0].Operations = []ident.Operation{{Class: ident.ClassDelete, Verdict: ident.VerdictApply, Digest: "d"}}
	for limit := range 2 {
		s.change("savedkept", func(p *plan.Settings) {
			p.Limits = map[ident.Class]plan.Limit{ident.ClassDelete: {Count: limit}}
		})
		r, err := s.ApplyPlan(t.Context(), saved, "test")
		applied, held, skipped, causes := s.results(r)
		if err != nil || applied != 0 || held != 0 || skipped != 1 || !strings.Contains(causes, "an automation deletes no accounts") {
			t.Errorf("limit %d: %v, applied %d, held %d, skipped %d:\n%s", limit, err, applied, held, skipped, causes)
		}
	}
	s.account("savedkept:1")
}

// What a saved plan holds is asked once: not beside a run that holds the same,
// not after it was approved, and not after it was rejected.
func TestASavedPlanAndApprovals(t *testing.T) {
	f := &feed{records: []ident.Record{person("1", "Asked One")}}
	s := newScene(t, map[string]*feed{"savedasked": f})
	s.change("savedasked", func(p *plan.Settings) { p.Approval = plan.ApprovalAlways })
	saved := s.savedPlan("savedasked")
	first := s.applied(saved, store.RunHeld)
	if first.Count(ident.ResultHeld) != 1 {
		t.Fatalf("%+v", first.Outcomes)
	}
	again := s.applied(saved, store.RunHeld) // what an earlier run holds
	if again.Count(ident.ResultHeld) != 0 || len(again.Outcomes) != 0 {
		t.Errorf("asked twice: %+v", again.Outcomes)
	}
	if held, err := s.Store.HeldOutcomes(t.Context(), "savedasked"); err != nil || len(held) != 1 {
		t.Errorf("%d are held, %v", len(held), err)
	}
	if _, err := s.Approve(t.Context(), Decision{Run: first.ID, By: "test"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Approve(t.Context(), Decision{Run: first.ID, By: "test"}); !errors.Is(err, ErrNothingHeld) {
		t.Errorf("approved twice: %v", err)
	}
	s.account("savedasked:1")
	done := s.applied(saved, store.RunOK)
	if applied, held, skipped, causes := s.results(done); applied+held != 0 || skipped != 1 || !strings.Contains(causes, "done already") {
		t.Errorf("after the approval: applied %d, held %d, skipped %d:\n%s", applied, held, skipped, causes)
	}

	f.records = append(f.records, person("2", "Asked Two"))
	saved = s.savedPlan("savedasked")
	second := s.applied(saved, store.RunHeld)
	if _, err := s.Reject(t.Context(), Decision{Run: second.ID, By: "test"}); err != nil {
		t.Fatal(err)
	}
	if r := s.applied(saved, store.RunOK); len(r.Outcomes) != 0 {
		t.Errorf("asked again after a no: %+v", r.Outcomes)
	}
}

// TestADoubtfulDeliveryDecidesNothing: what is held about missing people stays
// held, and a rejection stays one, while an application delivers nobody, a key
// twice, or a broken record. Otherwise the run after it would make what somebody
// has said no to.
func TestADoubtfulDeliveryDecidesNothing(t *testing.T) {
	everybody := []ident.Record{person("1", "Dora Doubt"), person("2", "Emil Doubt"), person("3", "Fay Doubt"), person("4", "Gus Doubt")}
	source := &feed{records: everybody}
	s := newScene(t, map[string]*feed{"undecided": source})
	limit := func(n int) {
		a := s.configured.Load().automations["undecided"]
		a.Settings.Limits = map[ident.Class]plan.Limit{ident.ClassDisable: {Count: n}}
		a.Settings.SourceShrink = plan.Limit{Unlimited: true}
		s.Replace(map[string]Automation{"undecided": a}, nil)
	}
	s.run("undecided")
	limit(0)
	without := func(n int) []ident.Record { return slices.Clone(everybody[:n]) }
	source.records = without(2) // 3 and 4 have left
	held := s.wantRun("undecided", store.RunHeld)
	if _, err := s.Store.RejectHeld(t.Context(), held.ID, "", "ada"); err != nil {
		t.Fatal(err)
	}
	source.records = without(1)
	second := s.wantRun("undecided", store.RunHeld)
	if second.Count(ident.ResultHeld) != 1 {
		t.Fatalf("%+v", second.Counts)
	}
	for what, records := range map[string][]ident.Record{
		"nobody":       {},
		"a key twice":  {everybody[0], everybody[0]},
		"without keys": {everybody[0], {Endpoint: "users"}},
	} {
		source.records = records
		r := s.wantRun("undecided", store.RunDoubtful)
		if r.Waiting != 1 {
			t.Errorf("%s: %d operations wait", what, r.Waiting)
		}
	}
	limit(5)
	source.records = without(1)
	if r := s.run("undecided"); r.Count(ident.ResultApplied) != 0 || r.Waiting != 1 {
		t.Errorf("after the doubt: %+v, %d wait", r.Counts, r.Waiting)
	}
	for _, key := range []string{"2", "3", "4"} {
		if got := s.account("undecided:" + key).Attributes.First("userAccountControl"); got != "512" {
			t.Errorf("%s is disabled although nobody has approved it: %s", key, got)
		}
	}
	// Who is delivered again, in a delivery in doubt too, is not missing any more.
	source.records = []ident.Record{everybody[0], everybody[0], everybody[1]}
	if r := s.wantRun("undecided", store.RunDoubtful); r.Waiting != 0 {
		t.Errorf("somebody is back, and %d wait", r.Waiting)
	}
}
