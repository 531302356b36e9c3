package metrics

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// feed shows how far what the agent makes of changes in the directory is behind.
// It shows nothing while nothing asks for changes.
type feed struct {
	following, lag *prometheus.Desc

	on     atomic.Bool
	is     atomic.Bool
	caught atomic.Int64                                     // Unix time in nanoseconds
	oldest atomic.Pointer[func() (at time.Time, err error)] // of the changes that wait; zero: none does
}

var _ prometheus.Collector = (*feed)(nil)

func newFeed() *feed {
	return &feed{
		following: prometheus.NewDesc("rollcall_feed_following",
			"1 while the agent sees changes in the directory at once, 0 while it cannot.", nil, nil),
		lag: prometheus.NewDesc("rollcall_event_lag_seconds",
			"How long ago a change in the directory may be that the automations have not judged yet.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (f *feed) Describe(c chan<- *prometheus.Desc) {
	c <- f.following
	c <- f.lag
}

// Collect implements prometheus.Collector. There is no lag when the state cannot be
// read: an old number would say that all is well.
func (f *feed) Collect(c chan<- prometheus.Metric) {
	if !f.on.Load() {
		return
	}
	c <- prometheus.MustNewConstMetric(f.following, prometheus.GaugeValue, flag(f.is.Load()))
	behind := time.Unix(0, f.caught.Load())
	if read := f.oldest.Load(); read != nil {
		at, err := (*read)()
		if err != nil {
			return
		}
		if !at.IsZero() && at.Before(behind) {
			behind = at
		}
	}
	c <- prometheus.MustNewConstMetric(f.lag, prometheus.GaugeValue, max(time.Since(behind), 0).Seconds())
}

// Feed shows from now on how the change feed stands. All changes up to since are
// known; zero: nothing was ever looked at. oldest returns the moment of the oldest
// change that waits to be judged; zero: none does.
func (m *Metrics) Feed(since time.Time, oldest func() (time.Time, error)) {
	if since.IsZero() {
		since = time.Now()
	}
	m.feed.oldest.Store(&oldest)
	m.feed.caught.Store(since.UnixNano())
	m.feed.on.Store(true)
}

// Following records whether changes in the directory are seen at once.
func (m *Metrics) Following(is bool) { m.feed.is.Store(is) }

// Caught records that all changes in the directory up to a moment are known.
func (m *Metrics) Caught(at time.Time) { m.feed.caught.Store(at.UnixNano()) }
