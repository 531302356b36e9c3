package apply

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/write"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/operation"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// failed handles a failed write. The failure may concern one user or be an
// outage, or the fate of the write may be unknown.
func (j *Job) failed(ctx context.Context, t Task, link ident.Link, intent int64, failure error) error {
	var w *write.Error
	if !errors.As(failure, &w) || w.Kind == write.Unknown || w.Kind == write.Unavailable && w.Done != "" {
		// The intent stays: the next run finds out what became of the write, or how much
		// of it was carried out.
		return fmt.Errorf("%s of %s: %w", t.Op.Class, t.Change.Name, failure)
	}
	if w.Kind == write.Unavailable {
		if err := j.Store.CloseIntent(context.WithoutCancel(ctx), j.Lease, intent, ident.Operation{}); err != nil {
			failure = errors.Join(failure, err)
		}
		return fmt.Errorf("%s of %s: %w", t.Op.Class, t.Change.Name, failure)
	}
	if w.Done == "" {
		j.turns.nothing(t)
	}
	if len(w.Refused) > 0 {
		return j.partly(ctx, t, link, intent, w)
	}
	result := ident.ResultFailed
	if w.Kind == write.Stale {
		result = ident.ResultSkipped
	}
	o := j.Outcome(t, result)
	o.Code, o.Cause, o.Next = w.Code, w.Cause, w.Next
	if result == ident.ResultSkipped && j.Step != nil {
		o.Next = tryAnew
	}
	if result == ident.ResultFailed {
		j.Listener.Tell(failedItem(o, w.Attribute, w.Common), false)
	}
	c := j.commit(o, "")
	c.HeldID, c.Intent, c.Wrote = t.HeldID, intent, wrote(t.Op, w)
	if w.Done == t.Op.Class {
		c.Link = j.linked(operation.Remember(link, c.Wrote, j.Now().UTC()))
	}
	if err := j.Store.Commit(ctx, j.Lease, c); err != nil {
		return fmt.Errorf("record that %s of %s failed: %w", t.Op.Class, t.Change.Name, err)
	}
	j.logFailure(o)
	j.Listener.Recorded(o)
	if result == ident.ResultFailed && w.Done == "" {
		return j.refuse(ctx, wholeRefusal(o, w.Common))
	}
	return nil
}

// wrote returns what was carried out of an operation before it failed.
func wrote(op ident.Operation, w *write.Error) ident.Operation {
	if w.Done != op.Class {
		return ident.Operation{}
	}
	done, _ := operation.FirstHalf(op)
	if len(w.Changed) > 0 {
		done = operation.OnlyGroups(done, func(g ident.DN) bool { return slices.Contains(w.Changed, g) })
	}
	return done
}

func (j *Job) logFailure(o ident.Outcome) {
	if j.Step != nil {
		return // whoever carries the step out says so
	}
	j.Log.Warn("operation failed", "automation", j.Automation, "run", j.Run, "operation", o.Operation.Class,
		"dn", o.DN, "key", o.Key, "cause", o.Cause, "next", o.Next)
}

// failedItem returns the quarantine item for a write that failed. The next run
// tries again; until it succeeds, the user is not as planned.
func failedItem(o ident.Outcome, attribute, common string) ident.QuarantineItem {
	part := operation.Undone(o.Operation.Class)
	if part != "" && attribute != "" {
		part = attribute
	}
	return ident.QuarantineItem{
		Key: o.Key, Name: o.Name, Part: part, Next: o.Next,
		Cause:  fmt.Sprintf("%s failed: %s", o.Operation.Class, o.Cause),
		Shared: fmt.Sprintf("%s failed in %s: %s", o.Operation.Class, cmp.Or(o.Operation.To, o.DN).Parent(), cmp.Or(common, o.Cause)),
	}
}

// refuse remembers what the directory refused, so that the next run does not plan
// it as good. A step is not planned: it is tried again when a person says so.
func (j *Job) refuse(ctx context.Context, list ...ident.Refusal) error {
	if j.Step != nil {
		return nil
	}
	for i := range list {
		before, _, err := j.Store.Refusal(ctx, j.Automation, list[i].Key, list[i].Part)
		if err != nil {
			return err
		}
		list[i] = list[i].Refused(before, j.Now())
	}
	return j.Store.Refuse(ctx, j.Automation, list)
}

// wholeRefusal returns the refusal to remember when an operation failed as a
// whole.
func wholeRefusal(o ident.Outcome, common string) ident.Refusal {
	item := failedItem(o, "", common)
	return ident.Refusal{
		Key: o.Key, Part: ident.RefusedOperation(o.Operation.Class), Digest: o.Operation.Digest,
		Cause: item.Cause, Shared: item.Shared, Next: item.Next,
	}
}

// partly records an update or a create for which the directory refused some
// attributes. What it accepted, if anything, is recorded as applied, and the
// rest as failed.
func (j *Job) partly(ctx context.Context, t Task, link ident.Link, intent int64, w *write.Error) error {
	taken, refused := split(t.Op, w.Refused)
	var commits []store.Commit
	if w.Done == t.Op.Class {
		after := operation.Remember(link, taken, j.Now().UTC())
		after.GUID = t.Change.GUID
		done := t
		done.Op = taken
		c := j.commit(j.Outcome(done, ident.ResultApplied), j.handedOver(t))
		c.HeldID, c.Intent, c.Link = t.HeldID, intent, j.linked(after)
		commits = append(commits, c)
	}
	failed := t
	failed.Op = refused
	o := j.Outcome(failed, ident.ResultFailed)
	o.Code, o.Cause, o.Next = w.Code, causes(w.Refused), w.Next
	c := j.commit(o, "")
	if len(commits) == 0 {
		c.HeldID, c.Intent = t.HeldID, intent
	}
	commits = append(commits, c)
	if err := j.commitAll(ctx, commits); err != nil {
		return fmt.Errorf("record what became of %s of %s: %w", t.Op.Class, t.Change.Name, err)
	}
	if w.Done == t.Op.Class && !operation.GivesUp(refused) { // others may wait for a value that it was to give up
		j.turns.done(t)
	}
	j.logFailure(o)
	return j.refuse(ctx, j.attributeRefusals(o, w.Refused)...)
}

// attributeRefusals reports each refused attribute. It returns the refusals to
// remember: those that the next run would meet again.
func (j *Job) attributeRefusals(o ident.Outcome, refused []write.Refusal) []ident.Refusal {
	var list []ident.Refusal
	for _, f := range refused {
		item := ident.QuarantineItem{
			Key: o.Key, Name: o.Name, Part: f.Attribute, Next: f.Err.Next,
			Cause:  fmt.Sprintf("%s: refused by the directory: %s", f.Attribute, f.Err.Cause),
			Shared: fmt.Sprintf("%s: refused by the directory: %s", f.Attribute, cmp.Or(f.Err.Common, f.Err.Cause)),
		}
		j.Listener.Tell(item, false)
		if f.Err.Kind == write.Stale {
			continue
		}
		for _, ch := range o.Operation.Attributes {
			if text.Same(ch.Name, f.Attribute) {
				list = append(list, ident.Refusal{
					Key: o.Key, Part: text.Lower(f.Attribute), Digest: operation.AppliedDigest(ch),
					Cause: item.Cause, Shared: item.Shared, Next: item.Next,
				})
			}
		}
	}
	return list
}

// split divides an operation into the part that the directory accepted and an
// update with the part that it refused.
func split(op ident.Operation, refused []write.Refusal) (taken, left ident.Operation) {
	taken = op
	taken.Attributes = nil
	left = ident.Operation{Class: restOf(op.Class), Reason: op.Reason, Verdict: op.Verdict}
	for _, ch := range op.Attributes {
		if slices.ContainsFunc(refused, func(f write.Refusal) bool { return text.Same(f.Attribute, ch.Name) }) {
			left.Attributes = append(left.Attributes, ch)
		} else {
			taken.Attributes = append(taken.Attributes, ch)
		}
	}
	return taken, left
}

// restOf returns the class of an operation that writes what the directory refused of
// one of another class.
func restOf(class ident.Class) ident.Class {
	if class == ident.ClassReferences {
		return class
	}
	return ident.ClassUpdate
}

func causes(refused []write.Refusal) string {
	all := ""
	for _, f := range refused {
		if all != "" {
			all += "; "
		}
		all += f.Attribute + ": " + f.Err.Cause
	}
	return all
}
