package sim

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/rollcall-agent/rollcall/plugins/internal/simkit"
)

// The vendor's plans: burst limits in 2 seconds, and the factor of the daily
// budget (30,000 x factor x seats).
var plans = map[string]struct{ apiBurst, oauthBurst, factor int }{
	"lite":     {20, 80, 1},
	"growth":   {40, 160, 2},
	"premium":  {100, 400, 5},
	"ultimate": {120, 480, 7},
}

// ValidPlan reports whether name is a plan that the simulator knows.
func ValidPlan(name string) bool {
	_, ok := plans[name]
	return ok
}

const (
	burstWindow = 2 * time.Second
	searchBurst = 10 // whatever the plan

	// A client with an API token that receives so many 429 answers within a
	// minute is blocked. The vendor says that it blocks, not when or for how
	// long.
	abuseCount  = 10
	abuseWindow = time.Minute
	blockTime   = time.Minute

	dailyWrites = 10000 // what x-daily-requests-left counts down from; not documented
)

// limits counts requests and tokens.
type limits struct {
	burst  simkit.Window
	tokens simkit.Budget
	writes simkit.Budget

	mu     sync.Mutex
	abuses map[string]*abuse
}

type abuse struct {
	refused []time.Time // in the last minute
	blocked time.Time   // until then
}

func newLimits(Options) *limits {
	return &limits{burst: simkit.Window{Length: burstWindow}, abuses: map[string]*abuse{}}
}

// burst counts a request and reports whether it has answered it: with 429 over
// the burst limit, or with an HTML page when the client goes on regardless.
func (s *Server) burst(w http.ResponseWriter, who caller, search bool) (answered bool) {
	if s.opts.Unlimited {
		return false
	}
	now := s.opts.Now()
	if s.limits.isBlocked(who, now) {
		writeBlocked(w)
		return true
	}
	key, limit := s.window(who, search)
	use := s.limits.burst.Take(key, limit, now)
	if !use.OK {
		s.refuse(w, who, search)
		return true
	}
	rateHeaders(w, limit, use.Remaining, simkit.Seconds(use.Reset))
	return false
}

// window returns the key and the limit of the burst window of a request.
func (s *Server) window(who caller, search bool) (key string, limit int) {
	switch p := plans[s.opts.Plan]; {
	case search:
		return "search " + who.credential, searchBurst
	case s.opts.Burst > 0:
		return who.credential, s.opts.Burst
	case who.oauth:
		return who.credential, p.oauthBurst
	default:
		return who.credential, p.apiBurst
	}
}

// spend takes the price of an operation from the daily budget. When the budget
// is exhausted, it answers 429 and returns true.
func (s *Server) spend(w http.ResponseWriter, c *call, cost int) (answered bool) {
	if s.opts.Unlimited {
		return false
	}
	now := s.opts.Now()
	if !s.limits.tokens.Spend(cost, s.budget(), now) {
		s.refuse(w, c.caller, false)
		return true
	}
	if !c.caller.oauth && c.Method != http.MethodGet {
		s.limits.writes.Spend(1, dailyWrites, now)
		w.Header().Set("x-daily-requests-left", strconv.Itoa(dailyWrites-s.limits.writes.Spent()))
	}
	return false
}

func (s *Server) budget() int {
	if s.opts.Budget > 0 {
		return s.opts.Budget
	}
	return 30000 * plans[s.opts.Plan].factor * s.opts.People
}

// refuse answers 429.
func (s *Server) refuse(w http.ResponseWriter, who caller, search bool) {
	now := s.opts.Now()
	if !who.oauth && s.limits.count(who, now) {
		writeBlocked(w)
		return
	}
	key, limit := s.window(who, search)
	seconds := simkit.Seconds(s.limits.burst.Reset(key, now))
	rateHeaders(w, limit, 0, seconds)
	if s.reads("retry_after", "present") {
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
	}
	if s.reads("too_many_body", "empty") {
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	overLimit().write(w)
}

// count records a refusal and reports whether there have been too many.
func (l *limits) count(who caller, now time.Time) (blocked bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.abuses[who.credential]
	if a == nil {
		a = &abuse{}
		l.abuses[who.credential] = a
	}
	a.refused = append(simkit.After(a.refused, now.Add(-abuseWindow)), now)
	if len(a.refused) <= abuseCount {
		return false
	}
	a.blocked = now.Add(blockTime)
	return true
}

func (l *limits) isBlocked(who caller, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.abuses[who.credential]
	return a != nil && now.Before(a.blocked)
}

func rateHeaders(w http.ResponseWriter, limit, remaining, reset int) {
	w.Header().Set("x-ratelimit-limit", strconv.Itoa(limit))
	w.Header().Set("x-ratelimit-remaining", strconv.Itoa(remaining))
	w.Header().Set("x-ratelimit-reset", strconv.Itoa(reset))
}

// writeBlocked writes the page of the vendor's shield: HTML, not JSON.
func writeBlocked(w http.ResponseWriter) {
	for _, h := range []string{"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"} {
		w.Header().Del(h)
	}
	w.Header().Set("Server", "cloudflare")
	simkit.WriteHTML(w, http.StatusForbidden, blockedPage)
}

const blockedPage = `<!DOCTYPE html>
<html lang="en-US"><head><title>Access denied | Cloudflare</title></head>
<body><h1>Access denied</h1><p>You have been blocked.</p></body></html>
`

// Spent returns the tokens spent today.
func (s *Server) Spent() int { return s.limits.tokens.Spent() }
