package apply

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/failpoint"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/operation"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host/rescue"
)

// Apply carries tasks out class by class: creates first, disables last. It
// returns an error only for what must end the run; what concerns one user is an
// outcome.
func (j *Job) Apply(ctx context.Context, tasks []Task) error {
	tasks, err := j.possible(ctx, tasks)
	if err != nil {
		return err
	}
	j.of.Store(int64(len(tasks)))
	for _, class := range ident.Classes {
		of := func(t Task) bool { return t.Op.Class == class }
		if err := j.applyClass(ctx, slices.Collect(filter(tasks, of))); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("apply: %w", context.Cause(ctx))
		}
	}
	return nil
}

func filter(tasks []Task, keep func(Task) bool) iter.Seq[Task] {
	return func(yield func(Task) bool) {
		for _, t := range tasks {
			if keep(t) && !yield(t) {
				return
			}
		}
	}
}

// stopGrace is how long a write in progress may still take once the agent is
// asked to stop.
const stopGrace = 3 * time.Second

// lingering returns a context that outlives ctx by stopGrace, so that a write
// in progress is not cut off.
func lingering(ctx context.Context) (context.Context, context.CancelFunc) {
	out, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(stopGrace, cancel) })
	return out, func() { stop(); cancel() }
}

// applyShielded calls applyOne and confines a panic to the one user, who is
// left alone from then on. The panic leaves the intent open; the next run
// examines it.
func (j *Job) applyShielded(ctx context.Context, t Task) error {
	if ctx.Err() != nil {
		return nil // Apply tells why
	}
	err := rescue.Do(j.Log, func() error { return j.applyOne(ctx, t) },
		"automation", j.Automation, "run", j.Run, "operation", t.Op.Class, "key", t.Change.Key)
	var crash *rescue.Error
	switch {
	case err == nil:
		j.step(ctx)
		return nil
	case !errors.As(err, &crash):
		return err
	}
	item := ident.QuarantineItem{
		Key: t.Change.Key, Name: t.Change.Name,
		Cause: fmt.Sprintf("internal error of rollcall in %s: %v", t.Op.Class, crash.Value),
		Next:  "report it with the stack, which is in the agent's log; the next run finds out whether the operation was carried out",
	}
	j.setAside(item, true)
	return nil
}

// applyOne makes one operation durable in three steps: the intent, the write,
// and the outcome with the link. It returns an error only for what must end
// the run; what concerns one user is an outcome.
func (j *Job) applyOne(ctx context.Context, t Task) error {
	ctx, cancel := lingering(ctx)
	defer cancel()
	if j.Blocked(t.Change.Key) {
		return nil // an operation before it set this user aside
	}
	defer j.Objects.Lock(t.Change.GUID)()
	link, stale, err := j.linkOf(ctx, t)
	if err != nil {
		return fmt.Errorf("look up the link of key %s: %w", t.Change.Key, err)
	}
	if stale != "" {
		return j.Skip(ctx, t, stale)
	}
	if t, stale, err = j.present(ctx, t, link); err != nil {
		return j.notFoundOut(ctx, t, err)
	}
	if stale != "" {
		return j.Skip(ctx, t, stale)
	}
	after := operation.Remember(link, t.Op, j.Now().UTC())
	if operation.MakesAccount(t.Op.Class) {
		if t.initial, err = j.makeInitial(); err != nil {
			return err
		}
	}
	failpoint.Hit("before-intent")
	intent, err := j.Store.OpenIntent(ctx, j.Lease, j.intent(t, after))
	if overtaken(err) {
		return j.Skip(ctx, t, err.Error())
	}
	if err != nil {
		return fmt.Errorf("write the intent for %s: %w", t.Change.Name, err)
	}
	failpoint.Hit("after-intent")
	j.turns.begin(t)
	guid, err := j.Writer.Apply(ctx, t.Change.GUID, t.Op, t.initial)
	failpoint.Hit("after-write")
	if err != nil {
		if guid != "" { // the account may have been created without some of its attributes
			t.Change.GUID = guid
		}
		return j.failed(ctx, t, link, intent, err)
	}
	after.GUID = guid
	o := j.Outcome(t, ident.ResultApplied)
	o.GUID = guid
	c := j.commit(o, j.handedOver(t))
	c.HeldID, c.Intent, c.Link = t.HeldID, intent, j.linked(after)
	if err := j.Store.Commit(ctx, j.Lease, c); err != nil {
		return j.unrecorded(ctx, t, intent, err)
	}
	failpoint.Hit("after-commit")
	t.Change.GUID = guid
	j.turns.done(t)
	j.Listener.Recorded(o)
	return nil
}

// overtaken reports whether an intent was refused because another run or a
// person has acted on the same record or object since linkOf looked.
func overtaken(err error) bool {
	var busy *store.UnderWayError
	var taken *store.LinkTakenError
	var none *store.NotLinkedError
	return errors.As(err, &busy) || errors.As(err, &taken) || errors.As(err, &none)
}

// unrecorded leaves a user alone after an operation that was carried out but
// cannot be recorded. The intent stays open, and the next run looks at it
// again.
func (j *Job) unrecorded(ctx context.Context, t Task, intent int64, failure error) error {
	if Ends(ctx, failure) {
		return fmt.Errorf("record that %s of %s is done: %w", t.Op.Class, t.Change.Name, failure)
	}
	j.Log.Error("an operation was carried out and cannot be recorded", "automation", j.Automation, "run", j.Run,
		"operation", t.Op.Class, "dn", t.Change.DN, "key", t.Change.Key, "cause", failure)
	item := asItem(&store.Intent{ID: intent, Run: j.Run, Key: t.Change.Key, Name: t.Change.Name, Operation: t.Op}, &unrecordedError{failure})
	j.setAside(item, true)
	return nil
}

// linkOf returns the link that the operation relies on, after checking that it
// is still as the plan saw it. If it is not, stale says why.
func (j *Job) linkOf(ctx context.Context, t Task) (link ident.Link, stale string, err error) {
	if j.Step != nil {
		return link, "", nil
	}
	link, linked, err := j.Store.LinkByKey(ctx, j.Space(), t.Change.Key)
	if err != nil {
		return link, "", err
	}
	if t.Op.FormerKey != "" && !linked {
		return j.formerLink(ctx, t)
	}
	makes := operation.MakesLink(t.Op.Class)
	switch {
	case makes && linked:
		return link, "the record has been linked since to " + string(link.GUID), nil
	case makes:
		fresh := ident.Link{
			Application: j.Application, Kind: j.Space().Kind(), Key: t.Change.Key, GUID: t.Change.GUID,
			Automation: j.Automation, Created: j.Now().UTC(), Unseen: !j.Seen, Origin: t.Origin,
		}
		return fresh, "", nil
	case !linked:
		return link, "the record is not linked", nil
	case t.Change.GUID != "" && link.GUID != t.Change.GUID:
		return link, "the record has been linked since to another account, " + string(link.GUID), nil
	}
	t.Change.GUID = link.GUID
	return link, "", nil
}

// formerLink returns the link of the former key, with its new key.
func (j *Job) formerLink(ctx context.Context, t Task) (link ident.Link, stale string, err error) {
	link, linked, err := j.Store.LinkByKey(ctx, j.Space(), t.Op.FormerKey)
	switch {
	case err != nil:
		return link, "", err
	case !linked || link.GUID != t.Change.GUID:
		return link, fmt.Sprintf("the key %s is not linked to this account any more", t.Op.FormerKey), nil
	}
	link.Key = t.Change.Key
	return link, "", nil
}

// linked returns the link that an operation leaves; nil if it has to do with none.
func (j *Job) linked(after ident.Link) *ident.Link {
	if j.Step != nil {
		return nil
	}
	return &after
}

// origin says where the writes of the Job come from.
func (j *Job) origin() ident.Origin {
	if j.Step == nil {
		return ident.Origin{Application: j.Application, Automation: j.Automation, Run: j.Run}
	}
	return ident.Origin{
		Automation: j.Begun.Automation, Orchestration: j.Step.Orchestration, Instance: j.Step.Instance, Run: j.Run, Hops: j.Begun.Hops,
	}
}

func (j *Job) intent(t Task, after ident.Link) store.Intent {
	in := store.Intent{
		Run: j.Run, Automation: j.Automation, Application: j.Application, Kind: j.Space().Kind(),
		Key: t.Change.Key, GUID: t.Change.GUID, DN: t.Change.DN, Name: t.Change.Name,
		Server: j.Directory.Server().URL, Operation: t.Op,
		Link: j.linked(after), By: j.By, HeldID: t.HeldID, Approved: t.Approved,
		Origin: j.origin(), Database: j.Directory.Server().Identity(),
	}
	if password := j.handedOver(t); password != "" {
		in.Password = j.Sealer.Seal(passwordUse(in), password)
	}
	if j.Step != nil {
		in.Orchestration, in.Instance = j.Step.Orchestration, j.Step.Instance
	} else {
		in.Anchor = ident.Anchor(j.Space(), t.Change.Key)
	}
	return in
}
