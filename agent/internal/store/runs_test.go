package store

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRuns(t *testing.T) {
	c := newClock()
	s, ctx := openTest(t, WithClock(c.Now)), t.Context()
	lease, err := s.AcquireLease(ctx, "staff", "a", time.Hour)
	must(t, err)
	started := c.Now()
	first, err := s.StartRun(ctx, lease, Run{Automation: "staff", Kind: KindScheduled, By: "schedule"})
	must(t, err)
	second, err := s.StartRun(ctx, lease, Run{Automation: "staff", Kind: KindManual, By: "ada", Started: started.Add(time.Second)})
	must(t, err)
	c.Add(time.Minute)
	must(t, s.FinishRun(ctx, lease, Run{ID: first, Result: RunHeld, Error: "e", Plan: json.RawMessage(`{"records":{"delivered":3}}`)}))
	ended := c.Now()
	want := []Run{
		{ID: second, Automation: "staff", Kind: KindManual, By: "ada", Started: started.Add(time.Second), Result: RunRunning},
		{
			ID: first, Automation: "staff", Kind: KindScheduled, By: "schedule", Started: started, Ended: &ended, Result: RunHeld, Error: "e",
			Plan: json.RawMessage(`{"records":{"delivered":3}}`),
		},
	}
	if d := cmp.Diff(want, must1[[]Run](t)(s.Runs(ctx, 10))); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(want[:1], must1[[]Run](t)(s.Runs(ctx, 1))); d != "" {
		t.Error(d)
	}
	got, found, err := s.RunByID(ctx, first)
	if d := cmp.Diff(want[1], got); d != "" || !found || err != nil {
		t.Errorf("%v, %v\n%s", found, err, d)
	}
	if _, found, err := s.RunByID(ctx, 99); found || err != nil {
		t.Errorf("%v, %v", found, err)
	}
	for _, id := range []int64{first, 99} { // one that has ended, one that never was
		if err := s.FinishRun(ctx, lease, Run{ID: id, Result: RunOK}); err == nil {
			t.Errorf("run %d ends again", id)
		}
	}
}

// TestStanding: what counts is how the last run of the whole ended, and the last
// one of these that was no failure; neither a part nor a run under way is asked.
func TestStanding(t *testing.T) {
	c := newClock()
	s, ctx := openTest(t, WithClock(c.Now)), t.Context()
	lease, err := s.AcquireLease(ctx, "staff", "a", time.Hour)
	must(t, err)
	var success time.Time
	stands := func(want RunResult) {
		t.Helper()
		results, at, err := s.Standing(ctx, "staff")
		result := strings.Join(results, "+")
		if err != nil || result != string(want) || !at.Equal(success) {
			t.Fatalf("%s, last success %s, %v; want %s, %s", result, at, err, want, success)
		}
	}
	run := func(kind Kind, result RunResult) {
		t.Helper()
		c.Add(time.Minute)
		id, err := s.StartRun(ctx, lease, Run{Automation: "staff", Kind: kind})
		must(t, err)
		if result != RunRunning {
			must(t, s.FinishRun(ctx, lease, Run{ID: id, Result: result}))
		}
	}
	stands("")
	for _, kind := range []Kind{KindApproval, KindSaved, KindLink} {
		run(kind, RunOK)
		stands("")
	}
	run(KindScheduled, RunFailed)
	stands(RunFailed)
	for _, result := range RunResults {
		run(KindManual, result)
		switch result {
		case RunOK, RunQuarantined, RunHeld:
			success = c.Now()
		}
		stands(result)
	}
	run(KindApproval, RunOK)
	run(KindScheduled, RunRunning)
	stands(RunInterrupted)
	id, err := s.StartRun(ctx, lease, Run{Automation: "staff", Kind: KindScheduled})
	must(t, err)
	must(t, s.FinishRun(ctx, lease, Run{ID: id, Result: RunPartial, Plan: []byte(`{"records":{},"besides":["doubtful","held"]}`)}))
	stands("partial+doubtful+held")
}

func TestInterruptRuns(t *testing.T) {
	c := newClock()
	s, ctx := openTest(t, WithClock(c.Now)), t.Context()
	lease, err := s.AcquireLease(ctx, "staff", "a", time.Hour)
	must(t, err)
	var ids []int64
	for range 3 {
		id, err := s.StartRun(ctx, lease, Run{Automation: "staff"})
		must(t, err)
		ids = append(ids, id)
	}
	must(t, s.FinishRun(ctx, lease, Run{ID: ids[1], Result: RunOK}))
	for _, want := range []int{2, 0} {
		if n := must1[int](t)(s.InterruptRuns(ctx)); n != want {
			t.Errorf("interrupted %d, want %d", n, want)
		}
	}
	for i, want := range []RunResult{RunInterrupted, RunOK, RunInterrupted} {
		run, _, err := s.RunByID(ctx, ids[i])
		if err != nil || run.Result != want || run.Ended == nil {
			t.Errorf("run %d: %+v, %v", ids[i], run, err)
		}
	}
	must(t, s.VerifyJournal(ctx))
}

// TestLastScheduled: a busy automation does not hide when another one ran, and
// neither do runs by hand.
func TestLastScheduled(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	when := time.Date(2026, 3, 1, 6, 0, 0, 0, time.UTC)
	insert := func(automation string, kind Kind, started time.Time, times int) {
		_, err := s.writer.ExecContext(ctx, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
			INSERT INTO runs (automation, kind, started_by, started, ended, result, error, plan_json)
			SELECT ?, ?, 'x', ?, ?, 'ok', '', '' FROM n`, times, automation, kind, stamp(started), stamp(started))
		must(t, err)
	}
	insert("weekly", KindScheduled, when.Add(-time.Hour), 3)
	insert("weekly", KindScheduled, when, 1)
	insert("weekly", KindManual, when.Add(time.Hour), 1_500)
	insert("busy", KindScheduled, when.Add(2*time.Hour), 1_500)
	for automation, want := range map[string]time.Time{"weekly": when, "busy": when.Add(2 * time.Hour), "never": {}} {
		if got := must1[time.Time](t)(s.LastScheduled(ctx, automation)); !got.Equal(want) {
			t.Errorf("%s: %v, want %v", automation, got, want)
		}
	}
}
