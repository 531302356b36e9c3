package abi1

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrGuestTime is the cause for which a guest's context ends when its code runs
// for too long.
var ErrGuestTime = errors.New("the connector's code ran for too long")

// Clock limits how long a guest's code runs between two requests, deliveries or
// waits. It stands still while the host works for the guest.
type Clock struct {
	limit  time.Duration
	cancel context.CancelCauseFunc

	mu    sync.Mutex
	timer *time.Timer
}

// NewClock starts a clock and returns the context for running the guest.
func NewClock(ctx context.Context, limit time.Duration) (context.Context, *Clock) {
	ctx, cancel := context.WithCancelCause(ctx)
	c := &Clock{limit: limit, cancel: cancel}
	c.timer = time.AfterFunc(limit, func() { cancel(ErrGuestTime) })
	return ctx, c
}

// Pause stops the clock. resume restarts it with the whole limit.
func (c *Clock) Pause() (resume func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timer.Stop()
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.timer.Reset(c.limit)
	}
}

// Stop ends the clock and its context.
func (c *Clock) Stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timer.Stop()
	c.cancel(nil)
}
