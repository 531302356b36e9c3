package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/write"
	"github.com/rollcall-agent/rollcall/agent/internal/failpoint"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/operation"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host/rescue"
)

// task is one operation that is to be applied.
type task struct {
	change   *ident.Change // shared by the operations of one user: a create tells the others the GUID
	op       ident.Operation
	heldID   int64            // the held operation that this carries out; 0 for none
	approved string           // who approved it; "" for nobody
	origin   ident.LinkOrigin // of a link that it makes; "" is as its class says
}

// planTasks lists the operations that the limits let through.
func planTasks(p ident.Plan) []task {
	var tasks []task
	for i := range p.Changes {
		for _, op := range p.Changes[i].Operations {
			if op.Verdict == ident.VerdictApply {
				tasks = append(tasks, task{change: &p.Changes[i], op: op})
			}
		}
	}
	return tasks
}

// apply carries tasks out class by class: creates first, disables last.
func (e *Engine) apply(ctx context.Context, r *run, tasks []task) error {
	tasks, err := e.possible(ctx, r, tasks)
	if err != nil {
		return err
	}
	r.advance.of.Store(int64(len(tasks)))
	for _, class := range ident.Classes {
		of := func(t task) bool { return t.op.Class == class }
		if err := e.applyClass(ctx, r, slices.Collect(filter(tasks, of))); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("apply: %w", context.Cause(ctx))
		}
	}
	return nil
}

func filter(tasks []task, keep func(task) bool) iter.Seq[task] {
	return func(yield func(task) bool) {
		for _, t := range tasks {
			if keep(t) && !yield(t) {
				return
			}
		}
	}
}

// stopGrace is how long a write that is under way when the agent stops may
// still take.
const stopGrace = 3 * time.Second

// lingering outlives ctx by the grace, so that a write under way is not cut off.
func lingering(ctx context.Context) (context.Context, context.CancelFunc) {
	out, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(stopGrace, cancel) })
	return out, func() { stop(); cancel() }
}

// applyShielded is applyOne for one of many: a panic in it concerns one user,
// who is left alone. An intent that it leaves is looked at by the next run.
func (e *Engine) applyShielded(ctx context.Context, r *run, t task) error {
	if ctx.Err() != nil {
		return nil // apply tells why
	}
	err := rescue.Do(e.Log, func() error { return e.applyOne(ctx, r, t) },
		"automation", r.Automation, "run", r.ID, "operation", t.op.Class, "key", t.change.Key)
	var crash *rescue.Error
	switch {
	case err == nil:
		r.advance.step(ctx)
		return nil
	case !errors.As(err, &crash):
		return err
	}
	item := ident.QuarantineItem{
		Key: t.change.Key, Name: t.change.Name,
		Cause: fmt.Sprintf("internal error of rollcall in %s: %v", t.op.Class, crash.Value),
		Next:  "report it with the stack, which is in the agent's log; the next run finds out whether the operation was carried out",
	}
	r.setAside(item)
	r.tally.crashed(item)
	return nil
}

// applyOne makes one operation durable in three steps: the intent, the write,
// and the outcome with the link. It returns an error only for what must end
// the run; what concerns one user is an outcome.
func (e *Engine) applyOne(ctx context.Context, r *run, t task) error {
	ctx, cancel := lingering(ctx)
	defer cancel()
	if r.isBlocked(t.change.Key) {
		return nil // an operation before it set this user aside
	}
	defer e.objects.lock(t.change.GUID)()
	link, stale, err := e.linkOf(ctx, r, t)
	if err != nil {
		return fmt.Errorf("look up the link of key %s: %w", t.change.Key, err)
	}
	if stale != "" {
		return e.skip(ctx, r, t, stale)
	}
	after := operation.Remember(link, t.op, e.Now().UTC())
	failpoint.Hit("before-intent")
	intent, err := e.Store.OpenIntent(ctx, r.lease, e.intent(r, t, after))
	if overtaken(err) {
		return e.skip(ctx, r, t, err.Error())
	}
	if err != nil {
		return fmt.Errorf("write the intent for %s: %w", t.change.Name, err)
	}
	failpoint.Hit("after-intent")
	r.turns.begin(t)
	guid, err := e.write(ctx, r, t)
	failpoint.Hit("after-write")
	if err != nil {
		if guid != "" { // an account may have been made without some of its attributes
			t.change.GUID = guid
		}
		return e.failed(ctx, r, t, link, intent, err)
	}
	after.GUID = guid
	o := e.outcome(r, t, ident.ResultApplied)
	o.GUID = guid
	c := e.commit(r, o)
	c.HeldID, c.Intent, c.Link = t.heldID, intent, &after
	if err := e.Store.Commit(ctx, r.lease, c); err != nil {
		return e.unrecorded(ctx, r, t, intent, err)
	}
	failpoint.Hit("after-commit")
	t.change.GUID = guid
	r.turns.done(t)
	e.count(r, o)
	return nil
}

// overtaken reports whether an intent was refused because somebody else has
// done something about the same record or object since linkOf looked.
func overtaken(err error) bool {
	var busy *store.UnderWayError
	var taken *store.LinkTakenError
	var none *store.NotLinkedError
	return errors.As(err, &busy) || errors.As(err, &taken) || errors.As(err, &none)
}

// unrecorded leaves a user alone whose operation was carried out and cannot be
// recorded. The intent stays: the next run looks at it again.
func (e *Engine) unrecorded(ctx context.Context, r *run, t task, intent int64, failure error) error {
	if endsRun(ctx, failure) {
		return fmt.Errorf("record that %s of %s is done: %w", t.op.Class, t.change.Name, failure)
	}
	e.Log.Error("an operation was carried out and cannot be recorded", "automation", r.Automation, "run", r.ID,
		"operation", t.op.Class, "dn", t.change.DN, "key", t.change.Key, "cause", failure)
	item := asItem(&store.Intent{ID: intent, Run: r.ID, Key: t.change.Key, Name: t.change.Name, Operation: t.op}, &unrecordedError{failure})
	r.setAside(item)
	r.tally.crashed(item)
	return nil
}

// linkOf finds the link that the operation goes by, and checks that it still
// is what the plan saw. stale says why it is not.
func (e *Engine) linkOf(ctx context.Context, r *run, t task) (link ident.Link, stale string, err error) {
	application := r.automation.Settings.Application
	link, linked, err := e.Store.LinkByKey(ctx, application, t.change.Key)
	if err != nil {
		return link, "", err
	}
	if t.op.FormerKey != "" && !linked {
		return e.formerLink(ctx, application, t)
	}
	makes := operation.MakesLink(t.op.Class)
	switch {
	case makes && linked:
		return link, "the record has been linked since to " + string(link.GUID), nil
	case makes:
		fresh := ident.Link{
			Application: application, Key: t.change.Key, GUID: t.change.GUID,
			Automation: r.Automation, Created: e.Now().UTC(), Unseen: !r.delivered, Origin: t.origin,
		}
		return fresh, "", nil
	case !linked:
		return link, "the record is not linked", nil
	case t.change.GUID != "" && link.GUID != t.change.GUID:
		return link, "the record has been linked since to another account, " + string(link.GUID), nil
	}
	t.change.GUID = link.GUID
	return link, "", nil
}

// formerLink is the link that gets another key, with that key.
func (e *Engine) formerLink(ctx context.Context, application string, t task) (link ident.Link, stale string, err error) {
	link, linked, err := e.Store.LinkByKey(ctx, application, t.op.FormerKey)
	switch {
	case err != nil:
		return link, "", err
	case !linked || link.GUID != t.change.GUID:
		return link, fmt.Sprintf("the key %s is not linked to this account any more", t.op.FormerKey), nil
	}
	link.Key = t.change.Key
	return link, "", nil
}

func (e *Engine) intent(r *run, t task, after ident.Link) store.Intent {
	return store.Intent{
		Run: r.ID, Automation: r.Automation, Application: r.automation.Settings.Application,
		Key: t.change.Key, GUID: t.change.GUID, DN: t.change.DN, Name: t.change.Name,
		Server: r.client.Server().URL, Anchor: e.anchor(r, t.change.Key), Operation: t.op,
		Link: &after, By: r.By, HeldID: t.heldID,
	}
}

// anchor is the value of the anchor attribute for a key.
func (e *Engine) anchor(r *run, key ident.Key) string {
	return ident.Anchor(r.automation.Settings.Application, key)
}

// planAnew is what comes of an operation that was skipped.
const planAnew = "the next run plans it anew"

// skip records that an operation was not made because the world has changed.
func (e *Engine) skip(ctx context.Context, r *run, t task, cause string) error {
	o := e.outcome(r, t, ident.ResultSkipped)
	o.Cause, o.Next = cause, planAnew
	c := e.commit(r, o)
	c.HeldID = t.heldID
	if err := e.Store.Commit(ctx, r.lease, c); err != nil {
		return fmt.Errorf("record that %s of %s was skipped: %w", t.op.Class, t.change.Name, err)
	}
	e.count(r, o)
	return nil
}

// failed sorts a failed write: about one user, an outage, or unknown.
func (e *Engine) failed(ctx context.Context, r *run, t task, link ident.Link, intent int64, failure error) error {
	var w *write.Error
	if !errors.As(failure, &w) || w.Kind == write.Unknown {
		// The intent stays: the next run looks what became of the write.
		return fmt.Errorf("%s of %s: %w", t.op.Class, t.change.Name, failure)
	}
	if w.Kind == write.Unavailable {
		if err := e.Store.CloseIntent(context.WithoutCancel(ctx), r.lease, intent); err != nil {
			failure = errors.Join(failure, err)
		}
		return fmt.Errorf("%s of %s: %w", t.op.Class, t.change.Name, failure)
	}
	if w.Done == "" {
		r.turns.nothing(t)
	}
	if len(w.Refused) > 0 {
		return e.partly(ctx, r, t, link, intent, w)
	}
	result := ident.ResultFailed
	if w.Kind == write.Stale {
		result = ident.ResultSkipped
	}
	o := e.outcome(r, t, result)
	o.Code, o.Cause, o.Next = w.Code, w.Cause, w.Next
	if result == ident.ResultFailed {
		r.tell(failedItem(o, w.Attribute, w.Common))
	}
	c := e.commit(r, o)
	c.HeldID, c.Intent = t.heldID, intent
	if w.Done == t.op.Class {
		first, _ := operation.FirstHalf(t.op)
		partly := operation.Remember(link, first, e.Now().UTC())
		c.Link = &partly
	}
	if err := e.Store.Commit(ctx, r.lease, c); err != nil {
		return fmt.Errorf("record that %s of %s failed: %w", t.op.Class, t.change.Name, err)
	}
	e.logFailure(r, o)
	e.count(r, o)
	if result == ident.ResultFailed && w.Done == "" {
		return e.refuse(ctx, r, wholeRefusal(o, w.Common))
	}
	return nil
}

func (e *Engine) logFailure(r *run, o ident.Outcome) {
	e.Log.Warn("operation failed", "automation", r.Automation, "run", r.ID, "operation", o.Operation.Class,
		"dn", o.DN, "key", o.Key, "cause", o.Cause, "next", o.Next)
}
