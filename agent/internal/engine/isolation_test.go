package engine

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/schedule"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// stepped is a clock that stands still until the test moves it, so that it does
// not matter how long a run takes on the machine at hand.
type stepped struct {
	mu    sync.Mutex
	now   time.Time
	alarm map[time.Time][]chan time.Time
	asked chan struct{} // by somebody who waits from now on
}

func newStepped(start time.Time) *stepped {
	return &stepped{now: start, alarm: map[time.Time][]chan time.Time{}, asked: make(chan struct{}, 100)}
}

func (c *stepped) clock() schedule.Clock { return schedule.Clock{Now: c.Now, After: c.After} }

func (c *stepped) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *stepped) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	rings := make(chan time.Time, 1)
	c.alarm[c.now.Add(d)] = append(c.alarm[c.now.Add(d)], rings)
	c.asked <- struct{}{}
	return rings
}

// waiting counts those who wait for the clock.
func (c *stepped) waiting() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, list := range c.alarm {
		n += len(list)
	}
	return n
}

// step waits until n automations wait for the clock and moves it to the first
// time that one of them waits for.
func (c *stepped) step(t *testing.T, n int) {
	t.Helper()
	for c.waiting() < n {
		select {
		case <-c.asked:
		case <-time.After(hang):
			t.Fatalf("at %s only %d automations are done of %d", c.Now().Format(time.TimeOnly), c.waiting(), n)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	first := slices.MinFunc(slices.Collect(maps.Keys(c.alarm)), time.Time.Compare)
	c.now = first
	for _, rings := range c.alarm[first] {
		rings <- first
	}
	delete(c.alarm, first)
}

// hang ends a wait for what never comes. A busy machine does not reach it.
const hang = 10 * time.Minute

// TestOneSourceDoesNotDelayAnother runs four automations on one engine: one
// whose source hangs, one that fails at once, one that delivers drop by drop,
// and a good one. All runs of the good one start in their minute and end while
// two others are still at their first.
func TestOneSourceDoesNotDelayAnother(t *testing.T) {
	hanging := &feed{block: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
	failing := &feed{fails: errors.New("blocked: an HTML page with 403")}
	dripping := &dropByDrop{}
	good := &feed{records: []ident.Record{person("1", "Good One"), person("2", "Good Two")}}
	s := newScene(t, map[string]*feed{"hanging": hanging, "failing": failing, "good": good, "dripping": {}})
	a := s.Automations["dripping"]
	a.Source = dripping
	s.Automations["dripping"] = a
	s.run("good") // creates

	const runs = 6
	start := time.Date(2026, 1, 2, 10, 0, 0, 0, time.Local)
	clock := newStepped(start)
	var mu sync.Mutex
	began, ended := map[string][]time.Time{}, map[string]int{}
	var entries []schedule.Entry
	for _, name := range []string{"hanging", "failing", "dripping", "good"} {
		entries = append(entries, schedule.Entry{Name: name, Spec: "* * * * *"})
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- schedule.Run(ctx, entries, clock.clock(), slog.New(slog.DiscardHandler), func(ctx context.Context, name string) error {
			mu.Lock()
			began[name] = append(began[name], clock.Now())
			mu.Unlock()
			_, err := s.Run(ctx, Request{Automation: name, Kind: store.KindScheduled, By: "schedule"})
			if name == "good" && err != nil {
				t.Errorf("the good one: %v", err)
			}
			mu.Lock()
			ended[name]++
			mu.Unlock()
			return err
		})
	}()
	clock.step(t, len(entries))
	for range runs - 1 {
		clock.step(t, 2) // the good one and the failing one
	}
	for clock.waiting() < 2 || dripping.batches.Load() < 10 {
		time.Sleep(time.Millisecond)
	}
	mu.Lock()
	if n := ended["hanging"] + ended["dripping"]; n != 0 || len(began["hanging"]) != 1 || len(began["dripping"]) != 1 {
		t.Errorf("began: %v, ended: %v", began, ended)
	}
	mu.Unlock()
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n := len(began["good"]); n != runs {
		t.Errorf("the good one ran %d times of %d", n, runs)
	}
	for i, at := range began["good"] {
		if want := start.Add(time.Duration(i+1) * time.Minute); !at.Equal(want) {
			t.Errorf("run %d of the good one began at %s instead of %s", i, at.Format(time.TimeOnly), want.Format(time.TimeOnly))
		}
	}
	if n := len(began["failing"]); n != 3 { // after the first, pauses of 1 and 2 minutes
		t.Errorf("the failing one ran %d times in %d minutes", n, runs)
	}
}
