package sim

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Plans of the vendor: burst limits in 2 seconds and the factor of the daily
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

	// A client with an API token that collects so many 429 within a minute is
	// blocked. The vendor tells that it blocks, not when or for how long.
	abuseCount  = 10
	abuseWindow = time.Minute
	blockTime   = time.Minute

	dailyWrites = 10000 // what x-daily-requests-left counts down from; not documented
)

// limits is the account of requests and tokens.
type limits struct {
	opts Options

	mu      sync.Mutex
	windows map[string]*window
	day     string
	spent   int
	writes  int
}

type window struct {
	served  []time.Time // in the last 2 seconds
	refused []time.Time // in the last minute
	blocked time.Time   // until then
}

func newLimits(o Options) *limits {
	return &limits{opts: o, windows: map[string]*window{}}
}

// burst counts a request and reports whether it was answered: with 429 beyond
// the burst limit, with an HTML page when the client did not stop at that.
func (l *limits) burst(w http.ResponseWriter, who caller) (answered bool) {
	if l.opts.Unlimited {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.opts.Now()
	win := l.window(who)
	if now.Before(win.blocked) {
		writeBlocked(w)
		return true
	}
	win.served = after(win.served, now.Add(-burstWindow))
	limit := l.burstLimit(who)
	if len(win.served) >= limit {
		l.refuse(w, who, win, now, limit)
		return true
	}
	win.served = append(win.served, now)
	rateHeaders(w, limit, limit-len(win.served), win.reset(now))
	return false
}

// spend takes the price of an operation from the daily budget and reports
// whether the request was answered with 429 because the budget is gone.
func (l *limits) spend(w http.ResponseWriter, r *http.Request, who caller, cost int) (answered bool) {
	if l.opts.Unlimited {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.opts.Now()
	if day := now.UTC().Format(time.DateOnly); day != l.day {
		l.day, l.spent, l.writes = day, 0, 0
	}
	if l.spent+cost > l.budget() {
		l.refuse(w, who, l.window(who), now, l.burstLimit(who))
		return true
	}
	l.spent += cost
	if !who.oauth && r.Method != http.MethodGet {
		l.writes++
		w.Header().Set("x-daily-requests-left", strconv.Itoa(max(dailyWrites-l.writes, 0)))
	}
	return false
}

// refuse answers 429. No Retry-After is documented, so none is sent.
func (l *limits) refuse(w http.ResponseWriter, who caller, win *window, now time.Time, limit int) {
	win.refused = append(after(win.refused, now.Add(-abuseWindow)), now)
	if !who.oauth && len(win.refused) > abuseCount {
		win.blocked = now.Add(blockTime)
		writeBlocked(w)
		return
	}
	rateHeaders(w, limit, 0, win.reset(now))
	problem{status: http.StatusTooManyRequests, text: "Request over limit", code: http.StatusTooManyRequests, short: true}.write(w)
}

func (l *limits) window(who caller) *window {
	win := l.windows[who.credential]
	if win == nil {
		win = &window{}
		l.windows[who.credential] = win
	}
	return win
}

func (l *limits) burstLimit(who caller) int {
	switch p := plans[l.opts.Plan]; {
	case l.opts.Burst > 0:
		return l.opts.Burst
	case who.oauth:
		return p.oauthBurst
	default:
		return p.apiBurst
	}
}

func (l *limits) budget() int {
	if l.opts.Budget > 0 {
		return l.opts.Budget
	}
	return 30000 * plans[l.opts.Plan].factor * l.opts.People
}

// reset is the whole seconds until the oldest request leaves the window.
func (w *window) reset(now time.Time) int {
	if len(w.served) == 0 {
		return int(burstWindow.Seconds())
	}
	left := w.served[0].Add(burstWindow).Sub(now)
	return int((left + time.Second - 1) / time.Second)
}

func after(times []time.Time, cut time.Time) []time.Time {
	for len(times) > 0 && !times[0].After(cut) {
		times = times[1:]
	}
	return times
}

func rateHeaders(w http.ResponseWriter, limit, remaining, reset int) {
	w.Header().Set("x-ratelimit-limit", strconv.Itoa(limit))
	w.Header().Set("x-ratelimit-remaining", strconv.Itoa(remaining))
	w.Header().Set("x-ratelimit-reset", strconv.Itoa(reset))
}

// writeBlocked is the page of the vendor's shield: HTML, not JSON.
func writeBlocked(w http.ResponseWriter) {
	for _, h := range []string{"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"} {
		w.Header().Del(h)
	}
	w.Header().Set("Content-Type", "text/html; charset=UTF-8")
	w.Header().Set("Server", "cloudflare")
	w.WriteHeader(http.StatusForbidden)
	_, _ = fmt.Fprint(w, blockedPage)
}

const blockedPage = `<!DOCTYPE html>
<html lang="en-US"><head><title>Access denied | Cloudflare</title></head>
<body><h1>Access denied</h1><p>You have been blocked.</p></body></html>
`

// Spent returns the tokens spent today.
func (s *Server) Spent() int {
	s.limits.mu.Lock()
	defer s.limits.mu.Unlock()
	return s.limits.spent
}
