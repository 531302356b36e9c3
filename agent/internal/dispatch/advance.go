package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"sync"

	"github.com/rollcall-agent/rollcall/agent/internal/failpoint"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host/rescue"
)

// advanceDue moves due instances on. It reports whether more may be due at once.
func (d *Dispatcher) advanceDue(ctx context.Context, run *runner) bool {
	now := d.Now()
	due, err := d.Store.DueInstances(ctx, now, batch+d.occupied.free(now))
	if err != nil {
		if ctx.Err() == nil {
			d.Log.Warn("the outbox could not look for due orchestrations", "cause", err)
		}
		return false
	}
	var group sync.WaitGroup
	moved := false
	for _, i := range due {
		if d.occupied.resting(i.ID) {
			continue
		}
		moved = true
		group.Go(func() { d.advance(ctx, i, run) })
	}
	group.Wait()
	return moved
}

// advance moves one instance on. A panic blocks this instance and nothing else.
func (d *Dispatcher) advance(ctx context.Context, row store.Instance, run *runner) {
	err := rescue.Do(d.Log, func() error {
		d.advanceOne(ctx, row, run)
		return nil
	}, "orchestration", row.Orchestration, "dn", row.DN)
	if err != nil {
		d.notAdvanced(ctx, row, &StuckError{err})
	}
}

func (d *Dispatcher) advanceOne(ctx context.Context, row store.Instance, run *runner) {
	i, err := d.compiled(ctx, row)
	var v orchestration.Values
	var seen store.Seen
	if err == nil {
		v, seen, err = d.values(ctx, i)
	}
	var decision orchestration.Decision
	if err == nil {
		if i.state, decision, err = i.o.Advance(i.state, v); err != nil {
			err = &StuckError{err}
		}
	}
	if err != nil {
		d.notAdvanced(ctx, row, err)
		return
	}
	if decision.Do == orchestration.DoAct {
		d.begin(i, decision, v, run)
		return
	}
	if _, err := d.keep(i, decision, "", func(a *store.Advance) { a.Earlier = seen }); err != nil {
		d.notAdvanced(ctx, row, err)
	}
}

// notAdvanced handles an instance that could not be moved on: one that is stuck
// becomes blocked, and any other is tried again later.
func (d *Dispatcher) notAdvanced(ctx context.Context, i store.Instance, err error) {
	if ctx.Err() != nil {
		return
	}
	var stuck *StuckError
	if errors.As(err, &stuck) {
		a := d.stuck(i, stuck)
		if _, err = d.advances.do(*a); err == nil {
			return
		}
	}
	d.Log.Warn("an orchestration cannot go on yet", "orchestration", i.Orchestration, "dn", i.DN, "cause", err)
	d.occupied.rest(i.ID, d.Now().Add(unreachable))
}

// stuck is what becomes of an instance that cannot go on.
func (d *Dispatcher) stuck(i store.Instance, err *StuckError) *store.Advance {
	next := "cancel it, correct the orchestration, and start it again"
	var unavailable *UnavailableError
	if errors.As(err, &unavailable) {
		next = "make it possible in the configuration and resume it, or cancel it"
	}
	return &store.Advance{
		Instance: i.ID, Version: i.Version, Status: store.InstanceBlocked, Step: i.Step, Cause: err.Error(), Next: next,
		Story: []store.StoryLine{{At: d.Now(), Step: i.Step, Result: string(store.InstanceBlocked), Cause: err.Error(), Next: next}},
	}
}

// keep records what an instance has become. It reports whether that was written:
// it is not when somebody else has changed the instance. told names the step whose
// story is told elsewhere.
func (d *Dispatcher) keep(i instance, decision orchestration.Decision, told string, more ...func(*store.Advance)) (bool, error) {
	a, err := d.advanced(i, decision, told)
	if err != nil {
		return false, err
	}
	for _, add := range more {
		add(a)
	}
	failpoint.Hit("advance")
	written, err := d.advances.do(*a)
	if err != nil {
		return false, err
	}
	switch decision.Do {
	case orchestration.DoDeliver:
		wake(d.deliveriesDue)
	case orchestration.DoAdvance:
		wake(d.instancesDue)
	case orchestration.DoEnd, orchestration.DoBlock:
		wake(d.instancesDue) // a later one of the same object may have the turn now
	case orchestration.DoWait, orchestration.DoAct:
	}
	return written, nil
}

// advanced is the row of an instance after a decision.
func (d *Dispatcher) advanced(i instance, decision orchestration.Decision, told string) (*store.Advance, error) {
	state, err := json.Marshal(i.state)
	if err != nil {
		return nil, &StuckError{err}
	}
	steps := i.o.Steps()
	name := func(step int) string {
		if step < len(steps) {
			return steps[step].Name
		}
		return ""
	}
	a := &store.Advance{
		Instance: i.ID, Version: i.Version, Status: store.InstanceStatus(i.state.Status()), Step: name(decision.Step),
		NextAt: i.state.Next, Idle: i.state.Idle(), Linking: i.state.Linking, Cause: i.state.Reason, State: state,
		ErasePassword: i.o.Definition().Password && !i.o.NeedsPassword(i.state),
	}
	if a.Status == store.InstanceHeld {
		a.Next = "`" + ident.Command("approve", strconv.FormatInt(i.Run, 10)) + "`, or reject"
	}
	if a.Status == store.InstanceBlocked {
		a.Next = "look at its story, put right what failed, and resume or cancel it"
	}
	for _, p := range decision.Passed {
		if name(p.Step) != told {
			a.Story = append(a.Story, store.StoryLine{At: d.Now(), Step: name(p.Step), Result: string(p.Outcome), Cause: p.Reason})
		}
	}
	if decision.Do == orchestration.DoDeliver {
		w := steps[decision.Step].Webhook
		a.Deliver = &store.NewDelivery{Step: a.Step, Webhook: w.Ref, Application: w.Application}
	}
	return a, nil
}
