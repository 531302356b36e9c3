package engine

import (
	"context"
	"fmt"
	"time"

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
	return e.observeHeld(ctx, automation)
}

// observeHeld sets the metrics of what waits for approval.
func (e *Engine) observeHeld(ctx context.Context, automation string) error {
	held, err := e.Store.HeldOutcomes(ctx, automation)
	if err != nil {
		return fmt.Errorf("count what is held: %w", err)
	}
	counts := map[ident.Class]int{}
	var oldest time.Time
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
	return nil
}
