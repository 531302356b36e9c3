package web

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Limiter lets the requests of one application through: at most so many in any
// window of time, none while the application asks to be left alone, and within
// a day no more than its budget. Those who wait are served in the order in
// which they came, calls that fetch and calls that deliver in turn. It is
// shared by all calls of the application and safe for concurrent use.
type Limiter struct {
	name   string
	log    *slog.Logger
	ledger ledger

	mu      sync.Mutex
	limits  limits
	sent    []time.Time // within the window, oldest first
	waiting [2][]*waiter
	turn    int // the class that is served first when both wait
	timer   *time.Timer
	day     day
	pause   pause
	unsaved int64 // tokens that the ledger does not know of
	urgent  bool  // a pause has begun that the ledger does not know of
	later   *time.Timer
}

// The classes of who waits.
const (
	inbound  = 0
	outbound = 1
)

// waiter is one request that waits for its turn.
type waiter struct {
	cost     int64
	deadline time.Time // zero: none
	done     chan error
	at       time.Time // of its place in the window, once it has one
}

// NewLimiter makes the Limiter of an application, without limits until
// Configure is called. ledger may be nil: nothing outlives the process.
func NewLimiter(application string, to Ledger, log *slog.Logger) *Limiter {
	return &Limiter{name: application, log: log, ledger: newLedger(to)}
}

// Configure sets the limits, from now on.
func (l *Limiter) Configure(set Limits) error {
	limits, err := set.parse()
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if limits == l.limits {
		return nil
	}
	if limits.daily() != l.limits.daily() && l.pause.budget {
		l.pause = pause{} // what is left is counted anew
	}
	l.limits = limits
	l.serve(time.Now())
	return nil
}

// Wait waits for the turn of a request that costs so many tokens, and says how
// long it took. When the turn would come after the deadline of ctx, the answer
// is an *Error with CodeRateLimited at once, without a wait.
func (l *Limiter) Wait(ctx context.Context, delivers bool, cost int64) (time.Duration, error) {
	if l == nil {
		return 0, nil
	}
	if err := context.Cause(ctx); err != nil {
		return 0, failed(abi.CodeDeadline, "%w", err)
	}
	l.load(ctx)
	class := inbound
	if delivers {
		class = outbound
	}
	start := time.Now()
	w := &waiter{cost: cost, done: make(chan error, 1)}
	w.deadline, _ = ctx.Deadline()
	l.enter(w, class, start)
	l.save(ctx)
	select {
	case err := <-w.done:
		return 0, err
	default:
	}
	err := l.await(ctx, w, class)
	l.save(ctx)
	return time.Since(start), err
}

// enter puts a request into its queue, unless it would wait too long.
func (l *Limiter) enter(w *waiter, class int, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if most := l.limits.perDay; most > 0 && w.cost > most {
		w.done <- failed(abi.CodeRateLimited, "the request costs %d tokens, more than the daily budget of %d", w.cost, most)
		return
	}
	l.waiting[class] = append(l.waiting[class], w)
	l.serve(now)
	i := slices.Index(l.waiting[class], w)
	if ahead := i + min(len(l.waiting[1-class]), i+1); i >= 0 && w.late(l.turnOf(ahead, now)) {
		l.leave(w, class)
		w.done <- failed(abi.CodeRateLimited, "the rate limit of %s is used up, and the next turn is after the end of this call", l.limits.rate)
	}
}

func (w *waiter) late(at time.Time) bool { return !w.deadline.IsZero() && at.After(w.deadline) }

// await waits until a request has its turn or may wait no longer. A turn that
// is not used is given back.
func (l *Limiter) await(ctx context.Context, w *waiter, class int) error {
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if !l.leave(w, class) && !w.at.IsZero() {
		if i := slices.Index(l.sent, w.at); i >= 0 {
			l.sent = slices.Delete(l.sent, i, i+1)
		}
		l.day.spent = max(l.day.spent-w.cost, 0)
	}
	l.serve(now)
	return failed(abi.CodeDeadline, "waiting for the rate limit: %w", context.Cause(ctx))
}

// leave takes a request out of its queue, and says whether it was there.
func (l *Limiter) leave(w *waiter, class int) bool {
	i := slices.Index(l.waiting[class], w)
	if i < 0 {
		return false
	}
	l.waiting[class] = slices.Delete(l.waiting[class], i, i+1)
	return true
}

// serve lets through whoever may go now, turns away those who cannot wait for
// the end of a pause, and sees to it that it is called again in time.
func (l *Limiter) serve(now time.Time) {
	for {
		class := l.turn
		if len(l.waiting[class]) == 0 {
			class = 1 - class
		}
		if len(l.waiting[class]) == 0 {
			return
		}
		w := l.waiting[class][0]
		at := l.next(w.cost, now)
		if at.After(now) {
			l.turnAway(now)
			l.again(at.Sub(now))
			return
		}
		l.waiting[class] = l.waiting[class][1:]
		l.turn = 1 - class
		w.at = now
		l.sent = append(l.sent, now)
		l.spend(w.cost)
		w.done <- nil
	}
}

// next says when a request may go, as things stand.
func (l *Limiter) next(cost int64, now time.Time) time.Time {
	l.turnDay(now)
	l.deplete(cost, now)
	if l.limits.requests == 0 {
		l.sent = nil
	} else {
		l.forget(now)
	}
	at := now
	if full := len(l.sent) - l.limits.requests; l.limits.requests > 0 && full >= 0 {
		at = l.sent[full].Add(l.limits.per)
	}
	if l.pause.until.After(at) {
		at = l.pause.until
	}
	return at
}

// forget drops what has left the window.
func (l *Limiter) forget(now time.Time) {
	old := 0
	for old < len(l.sent) && !l.sent[old].Add(l.limits.per).After(now) {
		old++
	}
	l.sent = l.sent[old:]
}

// turnOf estimates when the request that has so many ahead of it may go.
func (l *Limiter) turnOf(ahead int, now time.Time) time.Time {
	at := now
	if n := l.limits.requests; n > 0 {
		if i := len(l.sent) - n + ahead%n; i >= 0 && i < len(l.sent) {
			at = l.sent[i].Add(l.limits.per)
		}
		at = at.Add(time.Duration(ahead/n) * l.limits.per)
	}
	if l.pause.until.After(at) {
		at = l.pause.until
	}
	return at
}

// turnAway ends the wait of those whose calls end before the pause does.
func (l *Limiter) turnAway(now time.Time) {
	if !l.pause.until.After(now) {
		return
	}
	for class := range l.waiting {
		l.waiting[class] = slices.DeleteFunc(l.waiting[class], func(w *waiter) bool {
			if !w.late(l.pause.until) {
				return false
			}
			w.done <- failed(abi.CodeRateLimited, "%s; nothing is sent until %s", l.pause.why, l.pause.until.UTC().Format(time.RFC3339))
			return true
		})
	}
}

// again calls serve later.
func (l *Limiter) again(after time.Duration) {
	if l.timer != nil {
		l.timer.Stop()
	}
	l.timer = time.AfterFunc(after, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.serve(time.Now()) // a pause that begins here is saved by whoever spent the last tokens
	})
}

// Sleep waits, or returns the context's cause.
func Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return context.Cause(ctx)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
