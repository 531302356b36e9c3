package apply

import (
	"context"
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/operation"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// The next steps for an operation that was skipped.
const (
	PlanAnew = "the next run plans it anew"
	again    = "the next run tries again"
	tryAnew  = "the step reads the object again and tries anew"
)

// Skip records that an operation was not made because something has changed
// since it was planned.
func (j *Job) Skip(ctx context.Context, t Task, cause string) error {
	o := j.Outcome(t, ident.ResultSkipped)
	o.Cause, o.Next = cause, PlanAnew
	switch {
	case cause == operation.AsPlanned.Why:
		o.Next = "" // nobody has to do anything
	case j.Step != nil:
		o.Next = tryAnew
	}
	c := j.commit(o, "")
	c.HeldID = t.HeldID
	if err := j.Store.Commit(ctx, j.Lease, c); err != nil {
		return fmt.Errorf("record that %s of %s was skipped: %w", t.Op.Class, t.Change.Name, err)
	}
	j.Listener.Recorded(o)
	return nil
}

// Outcome starts the record of what became of a task.
func (j *Job) Outcome(t Task, result ident.Result) ident.Outcome {
	return ident.Outcome{
		Run: j.Run, Key: t.Change.Key, GUID: t.Change.GUID, DN: t.Change.DN, Name: t.Change.Name,
		Operation: t.Op, Result: result, Approved: t.Approved, At: j.Now(),
	}
}

// Record records, in one transaction, outcomes of operations that are not
// written to the directory.
func (j *Job) Record(ctx context.Context, outcomes []ident.Outcome) error {
	commits := make([]store.Commit, len(outcomes))
	for i, o := range outcomes {
		commits[i] = j.commit(o, "")
	}
	return j.commitAll(ctx, commits)
}

// commit returns the record of an outcome with what follows it. password is what
// follow hands over.
func (j *Job) commit(o ident.Outcome, password string) store.Commit {
	return store.Commit{
		Outcome: o, Automation: j.Automation, Application: j.Application, Kind: j.Kind, By: j.By, Orchestrated: j.Step,
		Start: j.follow(j.Automation, j.By, o, password),
	}
}

// follow returns the orchestrations that begin with an outcome.
func (j *Job) follow(automation, by string, o ident.Outcome, password string) []store.NewInstance {
	if j.Follows == nil || o.Result != ident.ResultApplied {
		return nil
	}
	return j.Follows(automation, by, o, password)
}

// commitAll records outcomes together and passes them to the Listener.
func (j *Job) commitAll(ctx context.Context, commits []store.Commit) error {
	if len(commits) == 0 {
		return nil
	}
	if err := j.Store.CommitAll(ctx, j.Lease, commits); err != nil {
		return err
	}
	for _, c := range commits {
		j.Listener.Recorded(c.Outcome)
	}
	return nil
}
