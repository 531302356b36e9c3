package simkit

import (
	"sync"
	"time"
)

// Window counts requests in a rolling window, separately for each key.
type Window struct {
	Length time.Duration

	mu     sync.Mutex
	served map[string][]time.Time
}

// Use is the state of a window after a request.
type Use struct {
	OK        bool          // the request is within the limit, and counted
	Remaining int           // requests left
	Reset     time.Duration // until the oldest counted request leaves the window
}

// Take counts a request of key at now. It does not count a request over the
// limit.
func (w *Window) Take(key string, limit int, now time.Time) Use {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.served == nil {
		w.served = map[string][]time.Time{}
	}
	times := After(w.served[key], now.Add(-w.Length))
	ok := len(times) < limit
	if ok {
		times = append(times, now)
	}
	w.served[key] = times
	use := Use{OK: ok, Remaining: max(limit-len(times), 0), Reset: w.Length}
	if len(times) > 0 {
		use.Reset = times[0].Add(w.Length).Sub(now)
	}
	return use
}

// Reset returns how long the oldest counted request of key stays in the window.
func (w *Window) Reset(key string, now time.Time) time.Duration {
	return w.Take(key, 0, now).Reset
}

// After returns the times after cut.
func After(times []time.Time, cut time.Time) []time.Time {
	for len(times) > 0 && !times[0].After(cut) {
		times = times[1:]
	}
	return times
}

// Seconds returns a duration in whole seconds, rounded up, as headers give it.
func Seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// Budget is a daily amount, from midnight UTC. The zero value is ready for use.
type Budget struct {
	mu    sync.Mutex
	day   string
	spent int
}

// Spend takes cost from a budget of limit. If that does not suffice, it takes
// nothing and returns false.
func (b *Budget) Spend(cost, limit int, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if day := now.UTC().Format(time.DateOnly); day != b.day {
		b.day, b.spent = day, 0
	}
	if b.spent+cost > limit {
		return false
	}
	b.spent += cost
	return true
}

// Spent returns what was spent on the day of the last request.
func (b *Budget) Spent() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.spent
}
