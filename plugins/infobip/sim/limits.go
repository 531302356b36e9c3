package sim

import (
	"net/http"
	"sync"
	"time"
)

// limits counts requests: the vendor limits each endpoint of an account by
// itself, whoever the caller is.
type limits struct {
	opts Options

	mu     sync.Mutex
	served map[string][]time.Time // in the last second
}

func newLimits(o Options) *limits { return &limits{opts: o, served: map[string][]time.Time{}} }

const limitWindow = time.Second

// exceeded counts a request and reports whether it is one too many. Refused
// ones do not count.
func (l *limits) exceeded(endpoint string, perSecond int) bool {
	if l.opts.PerSecond > 0 && perSecond > 0 {
		perSecond = l.opts.PerSecond
	}
	if l.opts.Unlimited || perSecond == 0 {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.opts.Now()
	times := l.served[endpoint]
	for len(times) > 0 && !times[0].After(now.Add(-limitWindow)) {
		times = times[1:]
	}
	if len(times) >= perSecond {
		l.served[endpoint] = times
		return true
	}
	l.served[endpoint] = append(times, now)
	return false
}

// tooMany answers 429.
func (s *Server) tooMany(w http.ResponseWriter, rt *route) {
	if s.readings.is("retry_after", "present") {
		w.Header().Set("Retry-After", "1")
	}
	if rt.name == routeToken {
		refuseToken(w, http.StatusTooManyRequests, "too_many_requests", "Too many requests")
		return
	}
	rt.errors.refuse(w, http.StatusTooManyRequests)
}
