package dirstep

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/apply"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

const (
	settling = 5 * time.Minute // how long the lease of Settle is good for
	every    = time.Minute     // how often Watch looks
)

// Settle finds out what became of writes that were cut off, those of orchestrations
// that a person has cancelled since included. An error says what is still in doubt.
func (s *Actor) Settle(ctx context.Context) error {
	intents, err := s.Store.Intents(ctx)
	if err != nil {
		return fmt.Errorf("read the open intents: %w", err)
	}
	var errs []error
	settled := map[ident.GUID]bool{}
	for i := range intents {
		in := &intents[i]
		if in.Application != "" || settled[in.GUID] || ctx.Err() != nil {
			continue
		}
		settled[in.GUID] = true
		if err := s.settle(ctx, in.GUID, in.Server); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (s *Actor) settle(ctx context.Context, guid ident.GUID, server string) error {
	client, err := s.Connect(ctx, server)
	if err != nil {
		return fmt.Errorf("connect to the directory: %w", err)
	}
	defer func() { _ = client.Close() }()
	lease, err := s.Store.AcquireLease(ctx, "directory steps", "agent", settling)
	if err != nil {
		return err
	}
	defer func() { _ = s.Store.ReleaseLease(context.WithoutCancel(ctx), lease) }()
	job, err := s.job(ctx, client, apply.Order{Lease: lease})
	if err != nil {
		return err
	}
	return job.RecoverObject(ctx, guid)
}

// Watch looks until ctx ends: at once, and then from time to time, each time with
// the Actor of the present configuration. A write that is in doubt keeps others from
// the object.
func Watch(ctx context.Context, now func() *Actor) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		now().Look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Look calls Settle, and logs what is still in doubt.
func (s *Actor) Look(ctx context.Context) {
	if err := s.Settle(ctx); err != nil && ctx.Err() == nil {
		s.Log.Warn("it is not known yet what became of a write of a directory step", "cause", err, "next", "the agent looks again by itself")
	}
}
