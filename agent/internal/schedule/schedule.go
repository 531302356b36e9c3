// Package schedule says when an automation is due and runs it then. Automations
// do not wait for each other, even when one is slow or keeps failing. The
// package does not decide which agent may run an automation: leases do that.
package schedule

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/rollcall-agent/rollcall/host/rescue"
)

// Entry is one automation and its schedule in cron's five fields
// (minute, hour, day of month, month, day of week), in local time.
type Entry struct {
	Name string
	Spec string
}

// Clock is where Run gets the time from; tests replace it.
type Clock struct {
	Now   func() time.Time
	After func(time.Duration) <-chan time.Time
}

// SystemClock returns the machine's clock.
func SystemClock() Clock { return Clock{Now: time.Now, After: time.After} }

// maxBackoff bounds the pause after failures of an automation.
const maxBackoff = time.Hour

// Run calls run for each entry whenever it is due, until ctx ends, and then
// waits for the runs under way. After a failure, an entry runs again at its
// first due time after a pause. The pause doubles with each failure in a row,
// from one minute to one hour. A panic in run counts as a failure.
func Run(ctx context.Context, entries []Entry, clock Clock, log *slog.Logger, run func(context.Context, string) error) error {
	var wg sync.WaitGroup
	for _, e := range entries {
		spec, err := cron.ParseStandard(e.Spec)
		if err != nil {
			return fmt.Errorf("schedule of automation %s: %w", e.Name, err)
		}
		wg.Go(func() { pace(ctx, e.Name, spec, clock, log, run) })
	}
	wg.Wait()
	return nil
}

func pace(ctx context.Context, name string, spec cron.Schedule, clock Clock, log *slog.Logger, run func(context.Context, string) error) {
	failures := 0
	for {
		due := spec.Next(clock.Now().Add(backoff(failures)))
		select {
		case <-ctx.Done():
			return
		case <-clock.After(due.Sub(clock.Now())):
		}
		if ctx.Err() != nil {
			return
		}
		if err := rescue.Do(log, func() error { return run(ctx, name) }, "automation", name); err != nil {
			failures++
			log.Error("run failed", "automation", name, "cause", err, "failures_in_a_row", failures,
				"next_try", spec.Next(clock.Now().Add(backoff(failures))))
			continue
		}
		failures = 0
	}
}

func backoff(failures int) time.Duration {
	if failures == 0 {
		return 0
	}
	return min(time.Minute<<min(failures-1, 6), maxBackoff)
}

// Due reports whether an entry is due that last ran at last (zero: never).
func Due(e Entry, last, now time.Time) (bool, error) {
	next, err := e.Next(last)
	return err == nil && (last.IsZero() || !next.After(now)), err
}

// Next returns the first time after another at which an entry is due.
func (e Entry) Next(after time.Time) (time.Time, error) {
	spec, err := cron.ParseStandard(e.Spec)
	if err != nil {
		return time.Time{}, fmt.Errorf("schedule of automation %s: %w", e.Name, err)
	}
	return spec.Next(after), nil
}
