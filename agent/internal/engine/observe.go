package engine

import (
	"context"
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Observe sets the metrics of every automation from its history, so that an
// agent that has just started does not look healthy by default.
func (e *Engine) Observe(ctx context.Context) error {
	for _, name := range e.configured.Load().names() {
		if err := e.observe(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// observe sets the metrics of one automation.
func (e *Engine) observe(ctx context.Context, automation string) error {
	results, success, err := e.Store.Standing(ctx, automation)
	if err != nil {
		return fmt.Errorf("read how the last runs of automation %s ended: %w", automation, err)
	}
	e.Observer.Stands(automation, results, success)
	items, err := e.Store.Quarantine(ctx, automation)
	if err != nil {
		return fmt.Errorf("read the quarantine of automation %s: %w", automation, err)
	}
	e.Observer.Quarantined(automation, len(items))
	return e.ObserveHeld(ctx, automation)
}

// ObserveHeld sets the metrics of what of an automation waits for approval:
// operations by their classes, and orchestrations.
func (e *Engine) ObserveHeld(ctx context.Context, automation string) error {
	held, err := e.Store.HeldOutcomes(ctx, automation)
	if err != nil {
		return fmt.Errorf("count what is held: %w", err)
	}
	counts := map[ident.Class]int{}
	starts, oldest, err := e.Store.HeldInstances(ctx, automation)
	if err != nil {
		return fmt.Errorf("count the orchestrations that are held: %w", err)
	}
	for _, h := range held {
		counts[h.Operation.Class]++
		if oldest.IsZero() || h.At.Before(oldest) {
			oldest = h.At
		}
	}
	e.Observer.HeldSince(automation, oldest)
	for _, class := range ident.Classes {
		e.Observer.Held(automation, string(class), counts[class])
	}
	e.Observer.Held(automation, string(ident.ClassStart), starts)
	return nil
}
