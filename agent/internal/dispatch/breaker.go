package dispatch

import "time"

const (
	outages      = 5 // in a row, until nothing is sent for a while
	firstPause   = 30 * time.Second
	longestPause = 10 * time.Minute
)

// breaker keeps calls from an application that is down. After several outages in a
// row nothing is sent for a while; then one call at a time finds out whether the
// application is back. An application that asks to be left alone for a while is,
// without counting as down. The zero breaker lets everything pass.
type breaker struct {
	failed int
	pause  time.Duration
	until  time.Time
	asked  time.Time // nothing is sent until then, as the application wants it
}

// open reports whether the application counts as down.
func (b *breaker) open() bool { return b.pause > 0 }

// pass returns how many calls of so many may begin, when others are under way.
func (b *breaker) pass(now time.Time, free, under int) int {
	switch {
	case now.Before(b.asked):
		return 0
	case !b.open():
		return free
	case now.Before(b.until) || under > 0:
		return 0
	}
	return min(1, free)
}

// closedUntil returns until when nothing may be sent, and why; the zero time: it
// may. probe is the call that finds out whether the application is back.
func (b *breaker) closedUntil(now time.Time, probe bool) (time.Time, string) {
	switch {
	case now.Before(b.asked):
		return b.asked, "the application has asked to be left alone until then"
	case !b.open() || probe:
		return time.Time{}, ""
	case now.Before(b.until):
		return b.until, "the application is down"
	}
	return now, "the application is down"
}

// answered notes that the application is there.
func (b *breaker) answered() { *b = breaker{asked: b.asked} }

// outage notes that the application was not there. It reports whether a pause
// begins with that. asked is how long the application asks to wait.
func (b *breaker) outage(now time.Time, asked time.Duration) bool {
	b.failed++
	if at := now.Add(asked); asked > 0 && at.After(b.asked) {
		b.asked = at
	}
	if b.failed < outages || b.open() && now.Before(b.until) {
		return false
	}
	if b.pause == 0 {
		b.pause = firstPause
	} else {
		b.pause = min(2*b.pause, longestPause)
	}
	b.until = now.Add(max(b.pause, asked))
	return true
}
