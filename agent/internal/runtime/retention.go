package runtime

import (
	"context"
	"fmt"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host/rescue"
)

// retainDaily removes what [store] no longer keeps, now and once a day.
func (a *Agent) retainDaily(ctx context.Context) {
	tick := time.NewTicker(24 * time.Hour)
	defer tick.Stop()
	for {
		err := rescue.Do(a.log, func() error { return a.retain(ctx, time.Now()) })
		if err != nil && ctx.Err() == nil {
			a.log.Error("old history was not removed; tried again tomorrow", "cause", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// retain removes what [store] no longer keeps.
func (a *Agent) retain(ctx context.Context, now time.Time) error {
	r := store.Retention{Deleted: now.AddDate(-1, 0, 0)} // longer than any domain keeps deleted objects
	if keep := time.Duration(a.Config().Store.KeepRuns); keep > 0 {
		r.Runs = now.Add(-keep)
	}
	if keep := time.Duration(a.Config().Store.KeepJournal); keep > 0 {
		r.Journal = now.Add(-keep)
	}
	removed, err := a.store.Retain(ctx, r)
	if removed.Runs+removed.Lines > 0 {
		a.log.Info("removed old history", "runs", removed.Runs, "outcomes", removed.Outcomes, "journal_lines", removed.Lines)
	}
	if removed.Open != 0 {
		a.log.Warn("the journal is kept longer than keep_journal says: an old run is still open", "run", removed.Open,
			"next", fmt.Sprintf("see what it holds with `rollcall runs %d`, and approve or reject it", removed.Open))
	}
	if err != nil {
		return fmt.Errorf("remove old history: %w", err)
	}
	return nil
}
