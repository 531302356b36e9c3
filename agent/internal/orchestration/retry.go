package orchestration

import "time"

// withDefaults fills in what is not set.
func (r Retry) withDefaults() Retry {
	if r.Attempts == 0 {
		r.Attempts = DefaultAttempts
	}
	if r.Backoff == 0 {
		r.Backoff = Duration(DefaultBackoff)
	}
	if r.Max == 0 {
		r.Max = Duration(DefaultMax)
	}
	return r
}

// The part of a wait that jitter decides: of a back-off its upper half, and up to
// a tenth is added to what an application asks for.
const (
	backoffJitter = 0.5
	askedJitter   = 0.1
)

// longestAsked bounds what an application may ask for.
const longestAsked = 24 * time.Hour

// Wait returns how long to wait after so many failed attempts, and whether
// another one follows. asked is what the application asks for (Retry-After), 0
// when it does not. jitter is a random number from 0 up to 1; it spreads the
// attempts that failed together. The wait is never longer than Max, and never
// shorter than what is asked for: an attempt before that time is in vain.
func (r Retry) Wait(failed int, asked time.Duration, jitter float64) (wait time.Duration, again bool) {
	r = r.withDefaults()
	if failed >= r.Attempts {
		return 0, false
	}
	longest := time.Duration(r.Max)
	backoff := min(time.Duration(r.Backoff), longest)
	for n := 1; n < failed && backoff < longest; n++ {
		if backoff > longest/2 {
			backoff = longest
			break
		}
		backoff *= 2
	}
	jitter = min(max(jitter, 0), 1)
	wait = time.Duration(float64(backoff) * (1 - backoffJitter*jitter))
	if asked > 0 {
		asked = min(asked, longestAsked)
		wait = max(wait, asked+time.Duration(float64(asked)*askedJitter*jitter))
	}
	return wait, true
}
