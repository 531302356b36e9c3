package react

import (
	"context"
	"errors"
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// held returns a lease that will last for a while.
func (r *Reactor) held(ctx context.Context) (store.Lease, error) {
	now := r.Now()
	var err error
	switch {
	case r.lease.Name == "":
		r.lease, err = r.Store.AcquireLease(ctx, "events", r.Owner, leaseTime)
	case now.After(r.until.Add(-leaseTime / 2)):
		r.lease, err = r.Store.RenewLease(ctx, r.lease, leaseTime)
		if err != nil {
			r.lease, err = r.Store.AcquireLease(ctx, "events", r.Owner, leaseTime)
		}
	default:
		return r.lease, nil
	}
	if err != nil {
		r.lease = store.Lease{}
		return r.lease, fmt.Errorf("judge events: %w", err)
	}
	r.until = now.Add(leaseTime)
	return r.lease, nil
}

// lost forgets a lease that somebody else has taken.
func (r *Reactor) lost(err error) {
	var fenced *store.FencedError
	if errors.As(err, &fenced) {
		r.lease = store.Lease{}
	}
}

// Close gives the lease back.
func (r *Reactor) Close(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lease.Name == "" {
		return
	}
	if err := r.Store.ReleaseLease(ctx, r.lease); err != nil {
		r.Log.Warn("lease was not released; it ends by itself", "lease", r.lease.Name, "cause", err)
	}
	r.lease = store.Lease{}
}
