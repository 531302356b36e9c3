package engine

import (
	"context"

	"github.com/rollcall-agent/rollcall/agent/internal/apply"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
)

// applyEarlier applies tasks that were planned some time ago. It skips those
// whose values another account has taken or been promised since, and adoptions
// that no longer match what was shown.
func (e *Engine) applyEarlier(ctx context.Context, r *run, tasks []apply.Task) error {
	defer e.promises.forget(r.ID)
	tasks, err := e.asShown(ctx, r, tasks)
	if err != nil {
		return err
	}
	var free []apply.Task
	taken := map[*ident.Change]string{}
	err = e.alone(ctx, r.Automation, func() error {
		v, _, err := e.current(ctx, r.automation, r.client, false, nil)
		if err != nil {
			return err
		}
		defer v.close()
		if taken, err = takenSince(v, r.automation, tasks); err != nil {
			return err
		}
		for _, t := range tasks {
			if taken[t.Change] == "" {
				free = append(free, t)
			}
		}
		e.promises.add(r, free)
		return nil
	})
	if err != nil {
		return err
	}
	for _, t := range tasks {
		if why := taken[t.Change]; why != "" {
			if err := r.job.Skip(ctx, t, why); err != nil {
				return err
			}
		}
	}
	return r.job.Apply(ctx, free)
}

// takenSince says, for each user whose planned values have been taken since,
// why the plan can no longer be carried out.
func takenSince(v *view, a Automation, tasks []apply.Task) (map[*ident.Change]string, error) {
	list := make([]plan.Earlier, len(tasks))
	for i, t := range tasks {
		list[i] = plan.Earlier{Key: t.Change.Key, GUID: t.Change.GUID, Operation: t.Op}
	}
	causes, err := plan.Taken(v, a.Mapper.Uniques(), list)
	if err != nil {
		return nil, err
	}
	busy := busy(v.others, a.Settings.Space())
	taken := map[*ident.Change]string{}
	for i, t := range tasks {
		switch other := busy[t.Change.Key]; {
		case other != "":
			taken[t.Change] = "automation " + other + " is changing this user right now"
		case causes[i] != "":
			taken[t.Change] = causes[i]
		}
	}
	return taken, nil
}
