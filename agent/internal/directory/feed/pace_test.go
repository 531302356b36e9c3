package feed

import (
	"fmt"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/mirror"
)

func TestPace(t *testing.T) {
	start := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	r := usual()
	found, none := mirror.Report{Changed: 1}, mirror.Report{}
	for name, c := range map[string]struct {
		took      time.Duration
		report    mirror.Report
		next, due time.Duration // after the read began, of a look that a notification does not wake and does
	}{
		"changes":            {10 * time.Millisecond, found, 100 * time.Millisecond, 100 * time.Millisecond},
		"a removal":          {10 * time.Millisecond, mirror.Report{Removed: 1}, 100 * time.Millisecond, 100 * time.Millisecond},
		"nothing":            {10 * time.Millisecond, none, 200 * time.Millisecond, 200 * time.Millisecond},
		"one that waited":    {900 * time.Millisecond, found, 100 * time.Millisecond, 100 * time.Millisecond},
		"a slow one":         {3 * time.Second, found, 6 * time.Second, 6 * time.Second},
		"of everything":      {time.Second, mirror.Report{Mode: mirror.ModePaged}, time.Minute, time.Minute},
		"slow of everything": {time.Minute, mirror.Report{Mode: mirror.ModePaged, Changed: 5}, 10 * time.Minute, 10 * time.Minute},
		"once of everything": {2 * time.Second, mirror.Report{Mode: mirror.ModeDirSync, Full: true, Changed: 5}, 4 * time.Second, 4 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			p := pace{looked: start}
			if !p.due(7, r) {
				t.Error("nothing was ever read, and it is not due")
			}
			p.synced(start, c.took, 7, c.report)
			if got := p.next(r).Sub(start); got != c.next {
				t.Errorf("next look after %s, want %s", got, c.next)
			}
			if got := p.noticed(r).Sub(start); got != c.due {
				t.Errorf("after a notification: after %s, want %s", got, c.due)
			}
			p.looked = start.Add(30 * time.Second)
			if p.due(7, r) || !p.due(8, r) || !p.due(6, r) {
				t.Error("a read is due when the USN has moved, and only then")
			}
			if p.looked = start.Add(time.Minute); !p.due(7, r) {
				t.Error("nothing is due by time")
			}
			if p.looked = start.Add(time.Hour); p.next(r).Sub(p.looked) != r.look || p.noticed(r).Sub(p.looked) != r.early {
				t.Error("what happened an hour ago still holds the next look back")
			}
		})
	}
}

func TestPauseAfter(t *testing.T) {
	lost := conn.NoAnswer("search", "ldaps://dc1", "", fmt.Errorf("reset"), false)
	for _, c := range []struct {
		failures     int
		err          error
		least, atAll time.Duration
	}{
		{1, lost, 0, 100 * time.Millisecond},
		{2, lost, 500 * time.Millisecond, 1100 * time.Millisecond},
		{3, lost, time.Second, 2100 * time.Millisecond},
		{7, lost, 15 * time.Second, 31 * time.Second},
		{1000000, lost, 15 * time.Second, 31 * time.Second},
		{1, conn.Answer("bind", "ldaps://dc1", "", 49, "data 52e"), 30 * time.Minute, 30 * time.Minute},
		{1, &syncError{lost, time.Minute}, 5 * time.Minute, 11 * time.Minute},
		{1, &syncError{lost, time.Millisecond}, 0, 200 * time.Millisecond},
	} {
		for _, chance := range []float64{0, 0.5, 0.999} {
			if got := pauseAfter(c.failures, c.err, chance); got < c.least || got > c.atAll {
				t.Errorf("%d failures, %v, chance %v: %s, want %s to %s", c.failures, c.err, chance, got, c.least, c.atAll)
			}
		}
		if c.least != c.atAll && pauseAfter(c.failures, c.err, 0) == pauseAfter(c.failures, c.err, 0.999) {
			t.Errorf("%d failures: agents come back in the same moment", c.failures)
		}
	}
}
