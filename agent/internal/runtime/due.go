package runtime

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/schedule"
	"github.com/rollcall-agent/rollcall/host/rescue"
)

// Ended is the end of a due run, of what was due of orchestrations, or of the
// removal of old history.
type Ended struct {
	Automation string // "" for orchestrations, and for the removal
	Report     engine.Report
	Err        error // why there is no report
}

// RunDue runs once everything that has become due since its last run, judges what has
// changed in the directory, carries out what is due of orchestrations, removes old history as the daemon does every day,
// and returns how the runs ended.
// Automations do not wait for each other, because the source of one may hang.
// Failures are also logged.
func (a *Agent) RunDue(ctx context.Context) ([]Ended, error) {
	e, err := a.Engine(ctx)
	if err != nil {
		return nil, err
	}
	var (
		mu    sync.Mutex
		ended []Ended
		runs  sync.WaitGroup
	)
	defer runs.Wait()
	for _, entry := range a.now.Load().entries() {
		due, err := a.due(ctx, entry)
		if err != nil {
			return nil, err
		}
		if !due {
			continue
		}
		runs.Go(func() {
			one := a.runOnce(ctx, e, entry.Name)
			mu.Lock()
			defer mu.Unlock()
			ended = append(ended, one)
		})
	}
	runs.Wait()
	if err := a.followOnce(ctx, e); err != nil {
		a.log.Error("changes in the directory were not looked for", "cause", err, "next", "the next `rollcall run --once` finds them")
		ended = append(ended, Ended{Err: err})
	}
	ended = append(ended, a.reactOnce(ctx)...)
	if err := a.drain(ctx); err != nil {
		a.log.Error("what is due was not sent to applications", "cause", err)
		ended = append(ended, Ended{Err: err})
	}
	if err := a.retain(ctx, time.Now()); err != nil {
		a.log.Error("old history was not removed", "cause", err)
		ended = append(ended, Ended{Err: err})
	}
	return ended, nil
}

func (a *Agent) due(ctx context.Context, entry schedule.Entry) (bool, error) {
	last, err := a.store.LastScheduled(ctx, entry.Name)
	if err != nil {
		return false, fmt.Errorf("find the last scheduled run of automation %s: %w", entry.Name, err)
	}
	return schedule.Due(entry, last, time.Now())
}

func (a *Agent) runOnce(ctx context.Context, e *engine.Engine, automation string) Ended {
	one := Ended{Automation: automation}
	one.Err = rescue.Do(a.log, func() (err error) {
		one.Report, err = e.Run(unattended(ctx), byItself(automation))
		return err
	}, "automation", automation)
	if one.Err != nil {
		a.log.Error("run failed", "automation", automation, "cause", one.Err)
	} else {
		a.logReport(one.Report)
	}
	return one
}
