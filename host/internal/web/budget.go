package web

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Limits holds the manifest's and the configuration's limits for an
// application.
type Limits struct {
	Rate       string     // REQUESTS/DURATION; "": none
	Rates      []abi.Rate // for single operations
	PerDay     int64      // tokens; 0: not known
	Reset      string     // the time of day in UTC, HH:MM, when a day begins; "": 00:00
	LeftHeader string     // the response header with the tokens left for the day
}

type limits struct {
	rate     string
	requests int // 0: no limit
	per      time.Duration
	perDay   int64
	reset    time.Duration // after midnight UTC
	left     string
}

// daily returns the limits that define the daily budget.
func (l limits) daily() limits { return limits{perDay: l.perDay, reset: l.reset, left: l.left} }

// budget returns a number that identifies the daily budget; never 0.
func (l limits) budget() int64 {
	if l.perDay == 0 {
		return -1
	}
	return l.perDay
}

func (s Limits) parse() (limits, error) {
	l := limits{rate: s.Rate, perDay: s.PerDay, left: s.LeftHeader}
	if s.Rate != "" {
		var err error
		if l.requests, l.per, err = abi.ParseRateLimit(s.Rate); err != nil {
			return limits{}, fmt.Errorf("rate_limit: %w", err)
		}
	}
	if s.PerDay < 0 {
		return limits{}, fmt.Errorf("daily_budget: %d is less than nothing", s.PerDay)
	}
	if s.Reset != "" {
		at, err := time.Parse("15:04", s.Reset)
		if err != nil {
			return limits{}, fmt.Errorf("budget.reset: %q is not a time of day, such as 00:00", s.Reset)
		}
		l.reset = time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
	}
	return l, nil
}

// The longest pauses that an application can ask for: until tomorrow with a
// daily budget, an hour otherwise. After that requests go out again, whatever a
// faulty server says.
const (
	longestPause = time.Hour
	longestDay   = 24 * time.Hour
	// worthSaving is the shortest pause that is saved in the ledger.
	worthSaving = time.Second
	// worthTelling is the shortest pause that is logged.
	worthTelling = time.Minute
)

// day is what has been spent since a day began.
type day struct {
	begin time.Time
	spent int64
}

// pause is a time during which nothing is sent.
type pause struct {
	until  time.Time
	why    string
	budget bool // because the day's budget is used up
}

// turnDay begins a new day when it is time.
func (l *Limiter) turnDay(now time.Time) {
	now = now.UTC()
	begin := now.Truncate(longestDay).Add(l.limits.reset)
	if begin.After(now) {
		begin = begin.Add(-longestDay)
	}
	if l.day.begin.Before(begin) || l.day.begin.After(now) {
		l.day = day{begin: begin}
	}
}

func (l *Limiter) tomorrow() time.Time { return l.day.begin.Add(longestDay) }

func (l *Limiter) spend(cost int64) {
	if l.limits.perDay == 0 {
		return
	}
	l.day.spent += cost
	l.unsaved += cost
}

// deplete begins a pause when a request costs more than is left of the day.
func (l *Limiter) deplete(cost int64, now time.Time) {
	if most := l.limits.perDay; most > 0 && l.day.spent+cost > most {
		l.begin(pause{
			until: l.tomorrow(), budget: true,
			why: fmt.Sprintf("of the daily budget of %d tokens %d are used up, and the request costs %d", most, min(l.day.spent, most), cost),
		}, now)
	}
}

// begin begins a pause, or extends the current one.
func (l *Limiter) begin(p pause, now time.Time) {
	if !p.until.After(l.pause.until) {
		return
	}
	took := p.until.Sub(now)
	l.pause = p
	l.urgent = l.urgent || took > worthSaving
	if took > worthTelling && l.log != nil {
		l.log.Warn("nothing is sent to an application for a while", "application", l.name,
			"until", p.until.UTC().Format(time.RFC3339), "cause", p.why)
	}
}

// Answered updates the limits from the headers of an answer.
func (l *Limiter) Answered(ctx context.Context, status int, h http.Header) {
	if l == nil {
		return
	}
	now := time.Now()
	wait, why := asked(status, h, now)
	l.mu.Lock()
	l.turnDay(now)
	most := longestPause
	if l.limits.perDay > 0 || l.limits.left != "" {
		most = longestDay
	}
	if wait > 0 {
		l.begin(pause{until: now.Add(min(wait, most)), why: why}, now)
	}
	l.hearLeft(h, now)
	l.serve(now)
	l.mu.Unlock()
	l.save(ctx)
}

// hearLeft lowers what is left of the day when the application reports less
// than the Limiter has counted.
func (l *Limiter) hearLeft(h http.Header, now time.Time) {
	if l.limits.left == "" {
		return
	}
	left, err := strconv.ParseInt(strings.TrimSpace(h.Get(l.limits.left)), 10, 64)
	if err != nil {
		return
	}
	left = max(left, 0)
	if most := l.limits.perDay; most > 0 && left < most-l.day.spent {
		l.unsaved += most - left - l.day.spent
		l.day.spent = most - left
	}
	if left == 0 {
		l.begin(pause{until: l.tomorrow(), budget: true, why: "the application says that nothing is left of today's budget"}, now)
	}
}
