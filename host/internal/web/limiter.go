package web

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Limiter admits the requests of one application. It limits them in any window
// of time, admits none while the application has asked for a pause, and keeps
// to the daily budget. Waiting requests are served in order of arrival,
// alternating between calls that fetch and calls that deliver. A request that
// waits for the window of its own operation lets others pass. A Limiter is
// shared by all calls of the application and safe for concurrent use.
type Limiter struct {
	name   string
	log    *slog.Logger
	ledger ledger

	mu      sync.Mutex
	limits  limits
	window  rateWindow
	narrow  []*narrow
	waiting [2][]*waiter
	turn    int // the class served first when both wait
	timer   *time.Timer
	day     day
	pause   pause
	unsaved int64 // tokens not yet saved in the ledger
	urgent  bool  // a pause not yet saved in the ledger
	later   *time.Timer
}

// The classes of waiting requests.
const (
	inbound  = 0
	outbound = 1
)

// waiter is one request that waits for its turn.
type waiter struct {
	Turn
	narrow   []*narrow // the windows of its operation
	deadline time.Time // zero: none
	done     chan error
	at       time.Time // when it got its place in the window; zero before
}

// NewLimiter returns the Limiter of an application, without limits until
// Configure is called. With a nil ledger, its state ends with the process.
func NewLimiter(application string, to Ledger, log *slog.Logger) *Limiter {
	return &Limiter{name: application, log: log, ledger: newLedger(to)}
}

// Configure sets the limits from now on.
func (l *Limiter) Configure(set Limits) error {
	limits, err := set.parse()
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	windows, err := rates(set.Rates, l.narrow)
	if err != nil {
		return err
	}
	if limits == l.limits && slices.Equal(windows, l.narrow) {
		return nil
	}
	if limits.daily() != l.limits.daily() && l.pause.budget {
		l.pause = pause{} // the remaining budget is counted anew
	}
	l.limits, l.narrow = limits, windows
	l.window.requests, l.window.per = limits.requests, limits.per
	for _, w := range slices.Concat(l.waiting[:]...) {
		w.narrow = l.windowsOf(w.Turn)
	}
	l.serve(time.Now())
	return nil
}

// Turn describes a request that waits.
type Turn struct {
	Delivers     bool
	Cost         int64  // in tokens
	Method, Path string // decide which rates of single operations apply
}

// Wait waits for the request's turn and returns how long that took. If the turn
// would come after the deadline of ctx, it does not wait and returns an *Error
// with CodeRateLimited.
func (l *Limiter) Wait(ctx context.Context, t Turn) (time.Duration, error) {
	if l == nil {
		return 0, nil
	}
	if err := context.Cause(ctx); err != nil {
		return 0, failed(abi.CodeDeadline, "%w", err)
	}
	l.load(ctx)
	class := inbound
	if t.Delivers {
		class = outbound
	}
	start := time.Now()
	w := &waiter{Turn: t, done: make(chan error, 1)}
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
	w.narrow = l.windowsOf(w.Turn)
	if most := l.limits.perDay; most > 0 && w.Cost > most {
		w.done <- failed(abi.CodeRateLimited, "the request costs %d tokens, more than the daily budget of %d", w.Cost, most)
		return
	}
	l.waiting[class] = append(l.waiting[class], w)
	l.serve(now)
	i := slices.Index(l.waiting[class], w)
	if i < 0 {
		return
	}
	if turn := l.turnOf(w, class, i, now); w.late(turn) {
		l.leave(w, class)
		w.done <- keptBack(turn.Sub(now), "the rate limit of %s is used up, and the next turn is after the end of this call", l.used(w, now))
	}
}

// keptBack returns the error of a request that was not sent and may be after a
// while.
func keptBack(after time.Duration, format string, args ...any) *Error {
	e := failed(abi.CodeRateLimited, format, args...)
	e.After = after
	return e
}

// Paused returns how much is left of the application's pause, 0 when there is
// none.
func (l *Limiter) Paused() time.Duration {
	if l == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(time.Until(l.pause.until), 0)
}

// used returns the limit that a request waits for.
func (l *Limiter) used(w *waiter, now time.Time) string {
	for _, n := range w.narrow {
		if n.free(now).After(now) {
			return n.rate.Limit + " for " + strings.TrimSpace(n.rate.Method+" "+n.rate.Path)
		}
	}
	return l.limits.rate
}

func (w *waiter) late(at time.Time) bool { return !w.deadline.IsZero() && at.After(w.deadline) }

// await waits until the request has its turn or may wait no longer. An unused
// turn is given back.
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
		l.window.giveBack(w.at)
		for _, n := range w.narrow {
			n.giveBack(w.at)
		}
		l.day.spent = max(l.day.spent-w.Cost, 0)
	}
	l.serve(now)
	return failed(abi.CodeDeadline, "waiting for the rate limit: %w", context.Cause(ctx))
}

// leave removes a request from its queue, and reports whether it was there.
func (l *Limiter) leave(w *waiter, class int) bool {
	i := slices.Index(l.waiting[class], w)
	if i < 0 {
		return false
	}
	l.waiting[class] = slices.Delete(l.waiting[class], i, i+1)
	return true
}

// serve admits every request whose turn it is, rejects those that cannot wait
// for the end of a pause, and arranges for its next call.
func (l *Limiter) serve(now time.Time) {
	for {
		w, class, at := l.first(now)
		if w != nil {
			at = l.next(w.Cost, now)
		}
		if at.After(now) {
			l.turnAway(now)
			l.again(at.Sub(now))
		}
		if w == nil || at.After(now) {
			return
		}
		l.leave(w, class)
		l.turn = 1 - class
		w.at = now
		l.window.add(now)
		for _, n := range w.narrow {
			n.add(now)
			n.turn = 1 - class
		}
		l.spend(w.Cost)
		w.done <- nil
	}
}

// first returns the request whose turn it is. When no waiting request's
// operation has room, at is when the next one will.
func (l *Limiter) first(now time.Time) (w *waiter, class int, at time.Time) {
	in, at := ready(l.waiting[inbound], now)
	out, later := ready(l.waiting[outbound], now)
	switch {
	case in == nil && out == nil:
		if at.IsZero() || !later.IsZero() && later.Before(at) {
			at = later
		}
		return nil, 0, at
	case in == nil:
		return out, outbound, now
	case out == nil:
		return in, inbound, now
	}
	class = l.turn
	if i := slices.IndexFunc(in.narrow, out.wants); i >= 0 { // a window that both classes want serves them alternately
		class = in.narrow[i].turn
	}
	return []*waiter{in, out}[class], class, now
}

// ready returns the first request of a queue whose operation has room, or
// otherwise when the next one will. In every window, requests go in order of
// arrival.
func ready(queue []*waiter, now time.Time) (*waiter, time.Time) {
	var at time.Time
	var held []*narrow
	for _, w := range queue {
		if slices.ContainsFunc(held, w.wants) {
			held = append(held, w.narrow...)
			continue
		}
		free := w.free(now)
		if !free.After(now) {
			return w, now
		}
		if at.IsZero() || free.Before(at) {
			at = free
		}
		held = append(held, w.narrow...)
	}
	return nil, at
}

func (w *waiter) wants(n *narrow) bool { return slices.Contains(w.narrow, n) }

// free returns when the windows of the operation have room.
func (w *waiter) free(now time.Time) time.Time {
	at := now
	for _, n := range w.narrow {
		if free := n.free(now); free.After(at) {
			at = free
		}
	}
	return at
}

// next returns when a request may go, as far as the application-wide limits are
// concerned.
func (l *Limiter) next(cost int64, now time.Time) time.Time {
	l.turnDay(now)
	l.deplete(cost, now)
	at := l.window.free(now)
	if l.pause.until.After(at) {
		at = l.pause.until
	}
	return at
}

// turnOf estimates when the request at a place of its queue may go. Requests
// that wait for other windows are not counted, because it may pass them.
func (l *Limiter) turnOf(w *waiter, class, place int, now time.Time) time.Time {
	at := l.window.turnOf(l.ahead(class, place, func(o *waiter) bool {
		return len(o.narrow) == 0 || slices.ContainsFunc(o.narrow, w.wants)
	}), now)
	for _, n := range w.narrow {
		if own := n.turnOf(l.ahead(class, place, func(o *waiter) bool { return o.wants(n) }), now); own.After(at) {
			at = own
		}
	}
	if l.pause.until.After(at) {
		at = l.pause.until
	}
	return at
}

// ahead returns how many of the requests that counts selects go before the one
// at a place.
func (l *Limiter) ahead(class, place int, counts func(*waiter) bool) int {
	count := func(queue []*waiter) (n int) {
		for _, o := range queue {
			if counts(o) {
				n++
			}
		}
		return n
	}
	own := count(l.waiting[class][:place])
	return own + min(count(l.waiting[1-class]), own+1)
}

// turnAway rejects the requests whose calls end before the pause does.
func (l *Limiter) turnAway(now time.Time) {
	if !l.pause.until.After(now) {
		return
	}
	for class := range l.waiting {
		l.waiting[class] = slices.DeleteFunc(l.waiting[class], func(w *waiter) bool {
			if !w.late(l.pause.until) {
				return false
			}
			w.done <- keptBack(l.pause.until.Sub(now), "%s; nothing is sent until %s", l.pause.why, l.pause.until.UTC().Format(time.RFC3339))
			return true
		})
	}
}

// again schedules the next call of serve.
func (l *Limiter) again(after time.Duration) {
	if l.timer != nil {
		l.timer.Stop()
	}
	l.timer = time.AfterFunc(after, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.serve(time.Now()) // a pause that begins here is saved by the request that spent the last tokens
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
