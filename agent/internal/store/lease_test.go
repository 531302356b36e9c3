package store

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

func wantLeased(t *testing.T, err error, owner string, until time.Time) {
	t.Helper()
	var leased *LeasedError
	if !errors.As(err, &leased) || leased.Owner != owner || !leased.Until.Equal(until) {
		t.Errorf("got %v, want it leased to %s until %s", err, owner, until)
	}
}

func wantFenced(t *testing.T, err error, owner string) {
	t.Helper()
	var fenced *FencedError
	if !errors.As(err, &fenced) || fenced.Owner != owner {
		t.Errorf("got %v, want it fenced with owner %q", err, owner)
	}
}

func TestLeases(t *testing.T) {
	c := newClock()
	s, ctx := openTest(t, WithClock(c.Now)), t.Context()
	first, err := s.AcquireLease(ctx, "staff", "a", time.Minute)
	must(t, err)
	if first.Fence != 1 || !first.Until.Equal(c.Now().Add(time.Minute)) {
		t.Errorf("%+v", first)
	}
	for _, owner := range []string{"b", "a"} { // the same owner too
		_, err = s.AcquireLease(ctx, "staff", owner, time.Minute)
		wantLeased(t, err, "a", first.Until)
	}
	other, err := s.AcquireLease(ctx, "other", "b", time.Minute)
	must(t, err)
	if other.Fence != 1 {
		t.Errorf("%+v", other)
	}

	c.Add(50 * time.Second)
	first, err = s.RenewLease(ctx, first, time.Minute)
	must(t, err)
	c.Add(50 * time.Second)
	_, err = s.AcquireLease(ctx, "staff", "b", time.Minute)
	wantLeased(t, err, "a", first.Until)

	c.Add(10 * time.Second) // exactly its end
	second, err := s.AcquireLease(ctx, "staff", "b", time.Minute)
	must(t, err)
	if second.Fence != 2 {
		t.Errorf("%+v", second)
	}
	_, err = s.RenewLease(ctx, first, time.Minute)
	wantFenced(t, err, "b")
	wantFenced(t, s.ReleaseLease(ctx, first), "b")
	must(t, s.ReleaseLease(ctx, second))
	wantFenced(t, s.ReleaseLease(ctx, second), "")
	third, err := s.AcquireLease(ctx, "staff", "b", time.Minute)
	must(t, err)
	if third.Fence != 3 {
		t.Errorf("the fence of a released lease starts anew: %+v", third)
	}
	wantFenced(t, s.ReleaseLease(ctx, second), "b") // the same owner, an earlier lease
}

func TestLeaseRenewedLate(t *testing.T) {
	c := newClock()
	s, ctx := openTest(t, WithClock(c.Now)), t.Context()
	lease, err := s.AcquireLease(ctx, "staff", "a", time.Minute)
	must(t, err)
	c.Add(time.Hour)
	lease, err = s.RenewLease(ctx, lease, time.Minute)
	must(t, err) // nobody took it
	_, err = s.AcquireLease(ctx, "staff", "b", time.Minute)
	wantLeased(t, err, "a", lease.Until)
}

func TestBreakLeases(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	dead, err := s.AcquireLease(ctx, "staff", "dead", time.Hour)
	must(t, err)
	must(t, s.BreakLeases(ctx))
	live, err := s.AcquireLease(ctx, "staff", "live", time.Hour)
	must(t, err)
	if live.Fence <= dead.Fence {
		t.Errorf("%+v after %+v", live, dead)
	}
	for _, bad := range [][2]string{{"", "a"}, {"a", ""}} {
		if _, err := s.AcquireLease(ctx, bad[0], bad[1], time.Hour); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

// TestFence has every write that belongs to a run refused when its lease was
// taken over, released, or never was.
func TestFence(t *testing.T) {
	c := newClock()
	s, ctx := openTest(t, WithClock(c.Now)), t.Context()
	lease, err := s.AcquireLease(ctx, "staff", "a", time.Minute)
	must(t, err)
	run, err := s.StartRun(ctx, lease, Run{Automation: "staff"})
	must(t, err)
	intent, err := s.OpenIntent(ctx, lease, creating(run, "1"))
	must(t, err)
	writes := map[string]func(context.Context, Lease) error{
		"StartRun":  func(ctx context.Context, l Lease) error { _, err := s.StartRun(ctx, l, Run{}); return err },
		"FinishRun": func(ctx context.Context, l Lease) error { return s.FinishRun(ctx, l, Run{ID: run, Result: RunOK}) },
		"OpenIntent": func(ctx context.Context, l Lease) error {
			_, err := s.OpenIntent(ctx, l, creating(run, "2"))
			return err
		},
		"CloseIntent": func(ctx context.Context, l Lease) error {
			return s.CloseIntent(ctx, l, intent, ident.Operation{})
		},
		"Commit": func(ctx context.Context, l Lease) error {
			return s.Commit(ctx, l, commit(outcome(run, "1", "create", "applied")))
		},
		"CommitAll":      func(ctx context.Context, l Lease) error { return s.CommitAll(ctx, l, nil) },
		"ClaimHeld":      func(ctx context.Context, l Lease) error { _, err := s.ClaimHeld(ctx, l, run, "", run); return err },
		"DropHeld":       func(ctx context.Context, l Lease) error { return s.DropHeld(ctx, l, 1, []Drop{{ID: 1, Cause: "x"}}) },
		"ForgetRejected": func(ctx context.Context, l Lease) error { return s.ForgetRejected(ctx, l, []int64{1}) },
	}
	refused := func(l Lease, owner string) {
		t.Helper()
		for name, write := range writes {
			t.Run(name, func(t *testing.T) { wantFenced(t, write(ctx, l), owner) })
		}
	}
	refused(Lease{}, "")
	refused(Lease{Name: "staff", Owner: "a", Fence: lease.Fence + 1}, "a")
	c.Add(time.Hour)
	second, err := s.AcquireLease(ctx, "staff", "b", time.Minute)
	must(t, err)
	refused(lease, "b")
	must(t, s.ReleaseLease(ctx, second))
	refused(second, "")
	if got, _, err := s.RunByID(ctx, run); err != nil || got.Result != RunRunning {
		t.Errorf("a refused write has ended the run: %v, %v", got, err)
	}
	if list, err := s.Intents(ctx); err != nil || len(list) != 1 {
		t.Errorf("a refused write has changed the intents: %v, %v", list, err)
	}
	if list, err := s.Outcomes(ctx, run); err != nil || len(list) != 0 {
		t.Errorf("a refused write has left an outcome: %v, %v", list, err)
	}
}

// TestLateWriter may record what it did, but begin nothing.
func TestLateWriter(t *testing.T) {
	c := newClock()
	s, ctx := openTest(t, WithClock(c.Now)), t.Context()
	lease, err := s.AcquireLease(ctx, "staff", "a", time.Minute)
	must(t, err)
	run, err := s.StartRun(ctx, lease, Run{Automation: "staff"})
	must(t, err)
	c.Add(time.Minute)
	_, err = s.OpenIntent(ctx, lease, creating(run, "2"))
	wantFenced(t, err, "")
	_, err = s.StartRun(ctx, lease, Run{})
	wantFenced(t, err, "")
	must(t, s.Commit(ctx, lease, commit(outcome(run, "1", "create", "applied"))))
	must(t, s.FinishRun(ctx, lease, Run{ID: run, Result: RunFailed}))
}
