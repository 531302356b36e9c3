package engine

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/progress"
)

// turnstile lets one run at a time bring the mirror up to date and plan. The mirror
// has a turn of its own, which is shorter: the change feed brings it up to date
// while a run plans (see Follower). Whoever needs both takes the run's turn first.
type turnstile struct {
	free   chan struct{} // holds one token while no run has the turn
	mirror chan struct{} // holds one token while nobody brings the mirror up to date
	holder atomic.Value  // string: who has the turn, such as "automation staff"
	notice time.Duration // how often a waiting run logs that it waits
	syncs  atomic.Int64  // how many synchronisations there were
	follow atomic.Int32  // how many Followers are open
}

func newTurnstile() *turnstile {
	t := &turnstile{free: make(chan struct{}, 1), mirror: make(chan struct{}, 1), notice: 10 * time.Second}
	t.free <- struct{}{}
	t.mirror <- struct{}{}
	t.holder.Store("")
	return t
}

// alone calls do while no other run plans. It waits for its turn until ctx ends.
func (e *Engine) alone(ctx context.Context, automation string, do func() error) error {
	return e.inTurn(ctx, "automation "+automation, do)
}

func (e *Engine) inTurn(ctx context.Context, who string, do func() error) error {
	if err := e.waitTurn(ctx, who); err != nil {
		return err
	}
	defer func() { e.turn.free <- struct{}{} }()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	e.turn.holder.Store(who)
	return do()
}

// syncing calls do while nobody else brings the mirror up to date.
func (e *Engine) syncing(ctx context.Context, do func() error) error {
	select {
	case <-e.turn.mirror:
	case <-ctx.Done():
		return fmt.Errorf("wait until another synchronisation has ended: %w", context.Cause(ctx))
	}
	defer func() { e.turn.mirror <- struct{}{} }()
	return do()
}

func (e *Engine) waitTurn(ctx context.Context, who string) error {
	select {
	case <-e.turn.free:
		return nil
	default:
		progress.Tell(ctx, progress.Step{Phase: fmt.Sprintf("waiting until %s has read the directory", e.turn.holder.Load())})
	}
	began := time.Now()
	tick := time.NewTicker(e.turn.notice)
	defer tick.Stop()
	for {
		select {
		case <-e.turn.free:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("wait until %s has read the directory: %w", e.turn.holder.Load(), context.Cause(ctx))
		case <-tick.C:
			e.Log.Info("waits until another automation has read the directory", "automation", nameOfTurn(who),
				"behind", nameOfTurn(e.turn.holder.Load()), "waited", time.Since(began).Round(time.Second))
		}
	}
}

// nameOfTurn is who has a turn or waits for it, for the log.
func nameOfTurn(who any) string {
	name, _ := who.(string)
	return strings.TrimPrefix(name, "automation ")
}
