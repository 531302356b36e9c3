package web

import (
	"context"
	"sync"
	"time"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Limiter lets at most so many requests through in any window of time. It is
// shared by all calls of one application and safe for concurrent use.
type Limiter struct {
	per time.Duration

	mu   sync.Mutex
	sent []time.Time // a ring: when the last requests were, or will be
	next int
}

// NewLimiter reads REQUESTS/DURATION; "" is no limit and a nil Limiter.
func NewLimiter(text string) (*Limiter, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // a nil Limiter lets everything through
	}
	n, per, err := abi.ParseRateLimit(text)
	if err != nil {
		return nil, err
	}
	return &Limiter{per: per, sent: make([]time.Time, n)}, nil
}

// reserve takes the next place and says how long it is until then.
func (l *Limiter) reserve(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := now
	if oldest := l.sent[l.next]; !oldest.IsZero() && oldest.Add(l.per).After(now) {
		at = oldest.Add(l.per)
	}
	l.sent[l.next] = at
	l.next = (l.next + 1) % len(l.sent)
	return at.Sub(now)
}

// Wait waits for the next place and says how long it took.
func (l *Limiter) Wait(ctx context.Context) (time.Duration, error) {
	if l == nil {
		return 0, nil
	}
	wait := l.reserve(time.Now())
	return wait, Sleep(ctx, wait)
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
