package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/apply"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/operation"
)

// plannedMeta names the meta entry with the configuration of the last run that
// examined everything held.
func plannedMeta(automation string) string { return "planned/" + automation }

// confirm records that this configuration plans what is held now.
func (e *Engine) confirm(ctx context.Context, r *run) error {
	if err := e.Store.SetMeta(ctx, plannedMeta(r.Automation), r.automation.Settings.Config); err != nil {
		return fmt.Errorf("remember the configuration of what is held: %w", err)
	}
	return nil
}

// asShown skips everything about a user if adopting their account would no
// longer lead to what the approver was shown, because the configuration or the
// account has changed since. It returns the tasks that are left.
func (e *Engine) asShown(ctx context.Context, r *run, tasks []apply.Task) ([]apply.Task, error) {
	config, _, err := e.Store.Meta(ctx, plannedMeta(r.Automation))
	if err != nil {
		return nil, fmt.Errorf("read the configuration of what is held: %w", err)
	}
	same := r.plan.Config != "" || config == r.automation.Settings.Config // a saved plan names the configuration itself
	byUser := map[*ident.Change][]ident.Operation{}
	for _, t := range tasks {
		byUser[t.Change] = append(byUser[t.Change], t.Op)
	}
	outdated := map[*ident.Change]string{}
	for _, t := range tasks {
		if t.Op.Class != ident.ClassAdopt {
			continue
		}
		why := "the configuration was changed since this was shown"
		if same {
			if why, err = e.changedSince(ctx, r, t.Change, byUser[t.Change]); err != nil {
				return nil, err
			}
		}
		if why != "" {
			outdated[t.Change] = why + ": neither the adoption nor what follows from it is made"
		}
	}
	left := tasks[:0:0]
	for _, t := range tasks {
		why, skip := outdated[t.Change]
		if !skip {
			left = append(left, t)
		} else if err := r.job.Skip(ctx, t, why); err != nil {
			return nil, err
		}
	}
	return left, nil
}

// changedSince says what has changed on an account since its operations were
// planned; "" if nothing has.
func (e *Engine) changedSince(ctx context.Context, r *run, c *ident.Change, ops []ident.Operation) (string, error) {
	var changes []ident.AttributeChange
	moves := false
	for _, op := range ops {
		switch op.Class {
		case ident.ClassUpdate, ident.ClassReferences:
			changes = append(changes, op.Attributes...)
		case ident.ClassRename, ident.ClassMove:
			moves = true
		}
	}
	names := []string{"cn"}
	for _, ch := range changes {
		names = append(names, ch.Name)
	}
	now, err := r.client.Get(ctx, conn.ByGUID(c.GUID), names)
	switch {
	case errors.Is(err, conn.ErrNotFound):
		return "", nil // the adoption itself fails and reports it
	case err != nil:
		return cannotSee(ctx, fmt.Errorf("read %s before it is adopted: %w", c.DN, err))
	case moves && !now.DN.EqualFold(c.DN):
		return fmt.Sprintf("the account is %s now, not %s as was shown", now.DN, c.DN), nil
	}
	for _, ch := range changes {
		if ch, err = r.job.Present(ctx, ch); err != nil {
			return cannotSee(ctx, fmt.Errorf("find what %s of %s named: %w", ch.Name, c.DN, err))
		}
		if have := now.Attributes.Values(ch.Name); !operation.SameValues(ch, have, ch.Old) {
			return fmt.Sprintf("%s is %s now, not %s as was shown", ch.Name, shown(ch, have), shown(ch, ch.Old)), nil
		}
	}
	return "", nil
}

// cannotSee says why nobody knows what has changed on one account; it returns an error
// for what must end the run.
func cannotSee(ctx context.Context, failure error) (string, error) {
	if apply.Ends(ctx, failure) {
		return "", failure
	}
	return failure.Error(), nil
}

func shown(ch ident.AttributeChange, values []string) string {
	if len(values) == 0 {
		return "(none)"
	}
	return strings.Join(ch.Shown(values), ", ")
}
