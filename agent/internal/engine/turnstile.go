package engine

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/progress"
)

// turnstile lets one run at a time bring the mirror up to date and plan.
type turnstile struct {
	free   chan struct{} // holds one token while no run has the turn
	holder atomic.Value  // string: the automation that has the turn
	notice time.Duration // how often a waiting run logs that it waits
}

func newTurnstile() *turnstile {
	t := &turnstile{free: make(chan struct{}, 1), notice: 10 * time.Second}
	t.free <- struct{}{}
	t.holder.Store("")
	return t
}

// alone calls do while no other run reads the mirror. It waits for its turn
// until ctx ends.
func (e *Engine) alone(ctx context.Context, automation string, do func() error) error {
	if err := e.waitTurn(ctx, automation); err != nil {
		return err
	}
	defer func() { e.turn.free <- struct{}{} }()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	e.turn.holder.Store(automation)
	return do()
}

func (e *Engine) waitTurn(ctx context.Context, automation string) error {
	select {
	case <-e.turn.free:
		return nil
	default:
		progress.Tell(ctx, progress.Step{Phase: fmt.Sprintf("waiting until automation %s has read the directory", e.turn.holder.Load())})
	}
	began := time.Now()
	tick := time.NewTicker(e.turn.notice)
	defer tick.Stop()
	for {
		select {
		case <-e.turn.free:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("wait until automation %s has read the directory: %w", e.turn.holder.Load(), context.Cause(ctx))
		case <-tick.C:
			e.Log.Info("waits until another automation has read the directory", "automation", automation,
				"behind", e.turn.holder.Load(), "waited", time.Since(began).Round(time.Second))
		}
	}
}
