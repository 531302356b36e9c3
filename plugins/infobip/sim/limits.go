package sim

import (
	"net/http"
	"time"

	"github.com/rollcall-agent/rollcall/plugins/internal/simkit"
)

// limits counts requests. The vendor limits each endpoint of an account
// separately, whoever the caller is.
type limits struct {
	opts   Options
	second simkit.Window
}

func newLimits(o Options) *limits {
	return &limits{opts: o, second: simkit.Window{Length: time.Second}}
}

// exceeded counts a request and reports whether it is over the limit. Refused
// requests do not count.
func (l *limits) exceeded(endpoint string, perSecond int) bool {
	if l.opts.PerSecond > 0 && perSecond > 0 {
		perSecond = l.opts.PerSecond
	}
	if l.opts.Unlimited || perSecond == 0 {
		return false
	}
	return !l.second.Take(endpoint, perSecond, l.opts.Now()).OK
}

// tooMany answers 429.
func (s *Server) tooMany(w http.ResponseWriter, rt *route) {
	if s.readings.Is("retry_after", "present") {
		w.Header().Set("Retry-After", "1")
	}
	if rt.name == routeToken {
		refuseToken(w, http.StatusTooManyRequests, "too_many_requests", "Too many requests")
		return
	}
	rt.errors.refuse(w, http.StatusTooManyRequests)
}
