package feed

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
)

// outage is a time in which the feed does not follow the directory. The zero value
// is none.
type outage struct {
	since    time.Time
	failures int  // in a row
	told     bool // the log says so
}

const (
	firstPause = time.Second
	mostPause  = 30 * time.Second
	// perRead bounds reads that fail in the end, such as one of everything that shows
	// too little: one part in so many of the time.
	perRead = 10
)

// syncError is a failure of a read that took some time.
type syncError struct {
	error
	took time.Duration
}

func (e *syncError) Unwrap() error { return e.error }

// failed notes a failure, and returns how long to wait before the next attempt. The
// log tells of the first one of an outage that the next attempt did not end, or that
// keeps the feed waiting.
func (f *Feed) failed(o *outage, err error) time.Duration {
	if o.since.IsZero() {
		o.since = time.Now()
	}
	o.failures++
	pause := pauseAfter(o.failures, err, rand.Float64()) //nolint:gosec // it spreads waits, guessable or not
	if (o.failures > 1 || pause > firstPause) && !o.told && !errors.Is(err, f.Elsewhere) {
		o.told = true
		f.Log.Warn("changes in the directory are not seen at once for the moment", "cause", err,
			"next", "the agent tries again by itself; nothing is lost, what has changed meanwhile is found afterwards")
	}
	return pause
}

// pauseAfter returns how long to wait after a failure: nothing after the first one,
// as another domain controller may be there, then from one second to half a minute.
// chance, from 0 to 1, keeps several agents from coming back in the same moment.
func pauseAfter(failures int, err error, chance float64) time.Duration {
	if errors.Is(err, conn.ErrCredentials) {
		return conn.RefusedPause
	}
	pause := time.Duration(0)
	if failures > 1 {
		pause = min(firstPause<<min(failures-2, 10), mostPause)
	}
	if s := new(syncError); errors.As(err, &s) {
		pause = max(pause, perRead*s.took)
	}
	return pause/2 + time.Duration(chance*float64(pause/2+100*time.Millisecond))
}

// recovered ends an outage.
func (f *Feed) recovered(o *outage, server conn.Server) {
	f.follows(true)
	if o.told {
		f.Log.Info("changes in the directory are seen at once again", "server", server.URL, "waited", time.Since(o.since).Round(time.Second))
	}
	*o = outage{}
}
