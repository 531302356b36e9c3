package runtime

import (
	"context"
	"fmt"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/feed"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/mirror"
	"github.com/rollcall-agent/rollcall/agent/internal/engine"
)

var _ feed.Connection = (*engine.Follower)(nil)

// newFeed returns what sees changes in the directory at once, for the automations
// that ask for them. It pauses while there are none.
func (a *Agent) newFeed(e *engine.Engine) *feed.Feed {
	f := feed.New(feed.Settings{
		Wanted: e.RecordsEvents,
		Connect: func(ctx context.Context) (feed.Connection, error) {
			c, err := e.Follow(ctx)
			if err != nil {
				return nil, err // not a Connection that holds a nil Follower
			}
			return c, nil
		},
		Elsewhere: engine.ErrElsewhere, Observer: a.metrics, Log: a.log,
	})
	a.feed.Store(f)
	return f
}

// follow sees changes in the directory at once until ctx ends.
func (a *Agent) follow(ctx context.Context, e *engine.Engine) {
	ctx = unattended(ctx)
	if e.RecordsEvents() {
		state, err := a.store.MirrorState(ctx) // how far the agent was before it ended
		if err != nil {
			a.log.Error("how far the agent is behind changes in the directory cannot be told", "cause", err)
		}
		a.metrics.Feed(state.Synced, func() (time.Time, error) { return a.store.OldestOpenEvent(context.WithoutCancel(ctx)) })
	}
	a.newFeed(e).Run(ctx)
}

// followOnce finds what has changed in the directory, for a process that ends
// afterwards.
func (a *Agent) followOnce(ctx context.Context, e *engine.Engine) error {
	if !e.RecordsEvents() {
		return nil
	}
	f, err := e.Follow(unattended(ctx))
	if err != nil {
		return fmt.Errorf("look for changes in the directory: %w", err)
	}
	defer func() { _ = f.Close() }() // nothing was written
	_, err = f.Sync(ctx)
	return err
}

// synced is called after each synchronisation of the mirror, by a run or by the feed.
func (a *Agent) synced(report mirror.Report) {
	if report.Events > 0 {
		a.eventsFound()
	}
	a.reached()
}

// reached is called when the directory could be reached.
func (a *Agent) reached() {
	if f := a.feed.Load(); f != nil {
		f.Reached()
	}
}
