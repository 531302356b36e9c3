package engine

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/schedule"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// minutes is a clock whose minutes pass as fast as a test can bear: each
// automation waits on it alone.
type minutes struct {
	start time.Time
	real  time.Time
}

// minute is how long one lasts.
const minute = 800 * time.Millisecond

func (m minutes) clock() schedule.Clock {
	const faster = time.Minute / minute
	return schedule.Clock{
		Now:   func() time.Time { return m.start.Add(time.Since(m.real) * faster) },
		After: func(d time.Duration) <-chan time.Time { return time.After(d / faster) },
	}
}

// TestOneSourceDoesNotDelayAnother runs four automations on one engine: one
// whose source hangs, one that fails at once, one that delivers drop by drop,
// and a good one, whose runs all start in their minute and take no longer than
// they do alone.
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
	var alone time.Duration
	for range 3 {
		begin := time.Now()
		s.run("good")
		alone = max(alone, time.Since(begin))
	}

	const runs = 6
	ctx, stop := context.WithTimeout(t.Context(), 3*runs*minute)
	defer stop()
	clock := minutes{start: time.Date(2026, 1, 2, 10, 0, 0, 0, time.Local), real: time.Now()}.clock()
	var mu sync.Mutex
	began := map[string][]time.Time{}
	slowest := time.Duration(0)
	entries := []schedule.Entry{{Name: "hanging", Spec: "* * * * *"}, {Name: "failing", Spec: "* * * * *"}, {Name: "dripping", Spec: "* * * * *"}, {Name: "good", Spec: "* * * * *"}}
	err := schedule.Run(ctx, entries, clock, slog.New(slog.DiscardHandler), func(ctx context.Context, name string) error {
		mu.Lock()
		began[name] = append(began[name], clock.Now())
		enough := name == "good" && len(began[name]) == runs
		mu.Unlock()
		begin := time.Now()
		_, err := s.Run(ctx, Request{Automation: name, Kind: store.KindScheduled, By: "schedule"})
		if name == "good" {
			mu.Lock()
			slowest = max(slowest, time.Since(begin))
			mu.Unlock()
			if err != nil {
				t.Errorf("the good one: %v", err)
			}
		}
		if enough {
			stop()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(began["good"]); n != runs {
		t.Errorf("the good one ran %d times of %d", n, runs)
	}
	for i, at := range began["good"] {
		if want := time.Date(2026, 1, 2, 10, i+1, 0, 0, time.Local); at.Before(want) || !at.Before(want.Add(time.Minute)) {
			t.Errorf("run %d of the good one began at %s instead of %s", i, at.Format(time.TimeOnly), want.Format(time.TimeOnly))
		}
	}
	if n := len(began["failing"]); n < 2 || n > 4 { // after the first, pauses of 1, 2 and 4 minutes
		t.Errorf("the failing one ran %d times in %d minutes", n, runs)
	}
	if len(began["hanging"]) != 1 || dripping.batches.Load() < 10 {
		t.Errorf("the hanging one began %d times, %d drops fell", len(began["hanging"]), dripping.batches.Load())
	}
	t.Logf("a run of the good one took at most %s alone and %s beside the others", alone, slowest)
	if slowest > 2*alone+minute {
		t.Errorf("a run took %s beside the others, %s alone", slowest, alone)
	}
}
