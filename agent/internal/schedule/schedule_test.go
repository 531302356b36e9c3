package schedule

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"
)

// fakeClock jumps to the end of every wait.
type fakeClock struct{ now time.Time }

func (f *fakeClock) clock() Clock {
	return Clock{
		Now: func() time.Time { return f.now },
		After: func(d time.Duration) <-chan time.Time {
			f.now = f.now.Add(d)
			c := make(chan time.Time, 1)
			c <- f.now
			return c
		},
	}
}

func TestRunsWhenDueAndBacksOffAfterFailures(t *testing.T) {
	start := time.Date(2026, 1, 2, 10, 7, 0, 0, time.Local)
	ctx, cancel := context.WithCancel(t.Context())
	f := &fakeClock{now: start}
	var at []string
	outcomes := []error{nil, errors.New("dc down"), errors.New("dc down"), errors.New("dc down"), errors.New("dc down"), errors.New("dc down"), nil, nil}
	err := Run(ctx, []Entry{{"staff", "*/15 * * * *"}}, f.clock(), slog.New(slog.DiscardHandler), func(context.Context, string) error {
		at = append(at, f.now.Format("15:04"))
		if len(at) == len(outcomes) {
			cancel()
		}
		return outcomes[len(at)-1]
	})
	if err != nil {
		t.Fatal(err)
	}
	// After the fifth failure in a row the pause is 16 minutes: one tick is left out.
	want := []string{"10:15", "10:30", "10:45", "11:00", "11:15", "11:30", "12:00", "12:15"}
	if len(at) != len(want) {
		t.Fatalf("ran at %v, want %v", at, want)
	}
	for i := range want {
		if at[i] != want[i] {
			t.Fatalf("ran at %v, want %v", at, want)
		}
	}
}

func TestBackoffIsBounded(t *testing.T) {
	for failures, want := range map[int]time.Duration{0: 0, 1: time.Minute, 2: 2 * time.Minute, 6: 32 * time.Minute, 7: time.Hour, 1000: time.Hour} {
		if got := backoff(failures); got != want {
			t.Errorf("backoff(%d) = %v, want %v", failures, got, want)
		}
	}
}

func TestRefusesABadSchedule(t *testing.T) {
	err := Run(t.Context(), []Entry{{"staff", "often"}}, SystemClock(), slog.New(slog.DiscardHandler), nil)
	if err == nil {
		t.Fatal("a bad schedule was accepted")
	}
}

func TestWaitsForTheRunUnderWay(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f := &fakeClock{now: time.Date(2026, 1, 2, 10, 7, 0, 0, time.Local)}
	finished := false
	_ = Run(ctx, []Entry{{"staff", "* * * * *"}}, f.clock(), slog.New(slog.DiscardHandler), func(ctx context.Context, _ string) error {
		cancel()
		<-ctx.Done()
		finished = true
		return nil
	})
	if !finished {
		t.Fatal("Run returned before the run under way had ended")
	}
}

func TestDue(t *testing.T) {
	at := func(clock string) time.Time {
		v, err := time.ParseInLocation("15:04", clock, time.Local)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, tc := range []struct {
		last, now time.Time
		want      bool
	}{
		{time.Time{}, at("10:00"), true},
		{at("10:00"), at("10:14"), false},
		{at("10:00"), at("10:15"), true},
		{at("10:07"), at("10:15"), true},
		{at("10:07"), at("13:00"), true},
	} {
		if got, err := Due(Entry{"staff", "*/15 * * * *"}, tc.last, tc.now); err != nil || got != tc.want {
			t.Errorf("last %v, now %v: %v, %v", tc.last, tc.now, got, err)
		}
	}
}

// A panic is a failure: the automation is tried again, and others go on.
func TestAPanicIsAFailure(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f := &fakeClock{now: time.Date(2026, 1, 2, 10, 7, 0, 0, time.Local)}
	times := 0
	err := Run(ctx, []Entry{{"staff", "*/15 * * * *"}}, f.clock(), slog.New(slog.DiscardHandler), func(context.Context, string) error {
		if times++; times == 2 {
			cancel()
			return nil
		}
		panic("fell down")
	})
	if err != nil || times != 2 {
		t.Errorf("ran %d times, %v", times, err)
	}
}
