package dispatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/failpoint"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host/rescue"
)

// begin carries out the current step of an instance, which is no delivery. That it
// is under way is kept first, so that after a kill the step knows that it may have
// had its effect. When too many of its kind are under way it waits for room.
func (d *Dispatcher) begin(i instance, decision orchestration.Decision, v orchestration.Values, run *runner) {
	step := i.o.Steps()[decision.Step]
	kind := step.Kinds()[0]
	if !d.occupied.enter(i.ID, kind) {
		return
	}
	begun := false
	defer func() {
		if !begun { // also after a panic
			d.leave(i.ID, kind)
		}
	}()
	password, err := d.password(run.ctx, i, decision.Step)
	if err != nil {
		d.notAdvanced(run.ctx, i.Instance, err)
		return
	}
	v.Password = password
	secrets := i.o.Secrets(decision.Step, i.state, v)
	rendered, err := i.o.Render(decision.Step, i.state, v)
	if err != nil {
		text := withoutObject(err, v)
		if v.Object == nil {
			text += "; next: cancel the orchestration, or restore the object in the directory and resume"
		}
		d.acted(run, i, step, Done{Result: orchestration.Result{Error: text}})
		return
	}
	written, err := d.keep(i, decision, "")
	if err != nil {
		d.Log.Warn("a step could not be begun", "orchestration", i.Orchestration, "dn", i.DN, "cause", err)
		d.occupied.rest(i.ID, d.Now().Add(d.Poll))
	}
	if err != nil || !written {
		return
	}
	i.Version++
	a := Action{
		Instance: i.Instance, Step: step.Name, Turn: i.state.Turns[decision.Step], Attempt: i.state.Attempts, Again: decision.Again,
		Approved: i.state.Approved, Lease: d.held(), Rendered: rendered,
	}
	begun = true
	run.Go(func() {
		defer d.leave(i.ID, kind)
		failpoint.Hit("acting")
		done := unseen(d.act(run, kind, a), secrets)
		if run.ctx.Err() != nil && done.Error != "" {
			return // it was cut off: the next process takes it up
		}
		failpoint.Hit("acted")
		d.acted(run, i, step, done)
	})
}

// act carries a step out. A panic of it fails the step and nothing else.
func (d *Dispatcher) act(run *runner, kind orchestration.Kind, a Action) (done Done) {
	err := rescue.Do(d.Log, func() error {
		actor := d.Actors()[kind]
		if actor == nil { // until a moment ago there was one
			done.Error, done.Retry = fmt.Sprintf("steps of the kind %s are not carried out any more", kind), true
			return nil
		}
		done = actor.Act(run.ctx, a)
		return nil
	}, "dn", a.Instance.DN)
	if err != nil {
		done = Done{Result: orchestration.Result{Error: fmt.Sprintf("%s step %s: %v", kind, a.Step, err), Unsure: true}}
	}
	return done
}

// acted records the result of a step until it is written.
func (d *Dispatcher) acted(run *runner, i instance, step orchestration.Step, done Done) {
	attempt := i.state.Attempts
	state, decision, err := i.o.Settle(i.state, done.Result, d.Now(), d.Random())
	if done.Held != "" {
		state, decision, err = i.o.Hold(i.state, done.Held, d.Now())
	}
	if err != nil {
		d.Log.Error("the result of a step does not fit its orchestration", "orchestration", i.Orchestration, "dn", i.DN, "cause", err)
		return
	}
	i.state = state
	line := store.StoryLine{
		At: d.Now(), Step: step.Name, Attempt: attempt, Request: done.Request, Status: done.Status, Answer: cut(done.Answer, mostAnswer),
		Result: "done", Cause: done.Error,
	}
	switch {
	case done.Held != "":
		line.Result, line.Cause = string(store.InstanceHeld), done.Held
	case done.Error != "" && decision.Do == orchestration.DoWait:
		line.Result = "retrying"
	case done.Error != "":
		line.Result = "failed"
	}
	d.record(run.ctx, i.Instance, func() error {
		_, err := d.keep(i, decision, step.Name, func(a *store.Advance) {
			a.Story = append([]store.StoryLine{line}, a.Story...)
			a.Journal = append(a.Journal, done.Journal...)
		})
		return err
	})
}

// record writes a result until that is done. What cannot be written because
// somebody else has decided, or has taken this dispatcher's place, is given up.
func (d *Dispatcher) record(ctx context.Context, i store.Instance, write func() error) {
	for {
		err := write()
		var fenced *store.FencedError
		var state *store.DeliveryStateError
		var stuck *StuckError
		switch {
		case err == nil:
			return
		case errors.As(err, &fenced), errors.As(err, &state), errors.As(err, &stuck), ctx.Err() != nil:
			d.Log.Warn("the result of a step was not recorded", "orchestration", i.Orchestration, "dn", i.DN, "cause", err)
			return
		}
		d.Log.Warn("the result of a step could not be recorded yet", "orchestration", i.Orchestration, "dn", i.DN, "cause", err)
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

func (d *Dispatcher) leave(id int64, kind orchestration.Kind) {
	d.occupied.leave(id, kind)
	wake(d.instancesDue)
}
