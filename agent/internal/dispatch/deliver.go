package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/failpoint"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/host/rescue"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// The retries of the connector itself are small, as the outbox retries.
const (
	connectorAttempts = 2
	connectorWait     = 2 * time.Second
)

// Call returns the call that carries out a rendered webhook. again says that an
// earlier one may have arrived.
func Call(w abi.Webhook, again bool) abi.InvokeCall {
	return abi.InvokeCall{
		Webhook: w, Again: again, Retry: abi.RetryLimits{Attempts: connectorAttempts, MaxWaitMS: connectorWait.Milliseconds()},
	}
}

// delivery is a delivery under way.
type delivery struct {
	store.Delivery
	i    instance
	step orchestration.Step
}

// deliver sends one delivery that was taken, and settles it. A panic makes it a
// dead letter, which may have arrived.
func (d *Dispatcher) deliver(
	ctx context.Context, a *application, row store.Delivery, of map[int64]store.Instance, probe bool,
) {
	err := rescue.Do(d.Log, func() error {
		d.deliverOne(ctx, a, row, of, probe)
		return nil
	}, "application", row.Application, "dn", row.DN)
	if err == nil {
		return
	}
	i, lost := d.Store.Instance(ctx, row.Instance)
	if lost != nil {
		d.Log.Error("a delivery ended in an internal error and waits for the next start",
			"application", row.Application, "dn", row.DN, "cause", lost)
		return
	}
	row.Again = true
	d.settleStuck(ctx, delivery{Delivery: row, i: instance{Instance: i}}, &StuckError{err})
}

func (d *Dispatcher) deliverOne(
	ctx context.Context, a *application, row store.Delivery, of map[int64]store.Instance, probe bool,
) {
	one, values, err := d.prepare(ctx, row, of)
	var stuck *StuckError
	switch {
	case errors.As(err, &stuck):
		d.settleStuck(ctx, one, stuck)
		return
	case err != nil:
		d.giveBack(ctx, row, d.Now().Add(unreachable), "it was not sent: "+err.Error())
		return
	}
	if d.cancelled(ctx, one, values) || d.isBack(ctx, one, values) {
		return
	}
	call, fail := d.rendered(ctx, one, values)
	if fail != nil {
		d.settleFailed(ctx, one, *fail)
		return
	}
	if call == nil {
		return // it could not be kept
	}
	select {
	case a.sending <- struct{}{}:
	case <-ctx.Done():
		return
	}
	leave := sync.OnceFunc(func() { <-a.sending })
	defer leave()
	if until, why := a.closedUntil(probe, d.Now()); !until.IsZero() {
		d.giveBack(ctx, row, until, why)
		return
	}
	out := Outgoing{
		InvokeCall: Call(call.Webhook, row.Again || row.Attempts > 1 && one.unsure()), About: d.about(one, values), Hide: one.hidden(values),
	}
	failpoint.Hit("sending")
	answer, err := d.Sender.Send(ctx, row.Application, out)
	failpoint.Hit("sent")
	if err != nil && ctx.Err() != nil {
		return // it was cut off: the next process takes it up as one that may have arrived
	}
	f := judge(err).without(out.Hide)
	if wait, why := notSent(f, out.About); wait > 0 {
		d.giveBack(ctx, row, d.Now().Add(wait), why)
		return
	}
	d.note(a, f)
	leave() // the next call need not wait until this one is recorded
	if err != nil {
		d.settleFailed(ctx, one, f)
		return
	}
	d.settleDone(ctx, one, answer, call.Ends)
}

// notSent says how long a delivery waits of which nothing was sent, for a reason that
// the application has nothing to do with, and why; 0: it was sent, or has failed.
func notSent(f failure, about *Subject) (time.Duration, string) {
	unread := about.Unread()
	switch {
	case f.kept:
		return max(f.asked, time.Second), f.text
	case f.text != "" && unread != nil && !f.sent: // the directory is away
		return unreachable, "it was not sent: " + unread.Error()
	}
	return 0, ""
}

// about returns the object of a delivery for templates of the connector.
func (d *Dispatcher) about(one delivery, v orchestration.Values) *Subject {
	input, _ := one.i.input() // it has been read to get v
	return d.source().Subject(one.i.o, one.i.GUID, input, one.i.state.Step, one.i.state, v)
}

// unsure reports whether the instance remembers that an attempt may have arrived.
func (o delivery) unsure() bool { return o.i.state.Unsure }

// prepare reads what a delivery needs. of has instances that were read with it.
func (d *Dispatcher) prepare(
	ctx context.Context, row store.Delivery, of map[int64]store.Instance,
) (delivery, orchestration.Values, error) {
	one := delivery{Delivery: row}
	i, found := of[row.Instance]
	var err error
	if !found {
		i, err = d.Store.Instance(ctx, row.Instance)
	}
	if err != nil {
		return one, orchestration.Values{}, err
	}
	one.i.Instance = i
	if one.i, err = d.compiled(ctx, i); err != nil {
		one.i.Instance = i
		return one, orchestration.Values{}, err
	}
	for _, s := range one.i.o.Steps() {
		if s.Name == row.Step && s.Webhook != nil {
			one.step = s
		}
	}
	if one.step.Webhook == nil || one.i.o.Steps()[one.i.state.Step].Name != row.Step {
		return one, orchestration.Values{}, &StuckError{fmt.Errorf("the instance is not at the step %s, which the delivery is for", row.Step)}
	}
	v, _, err := d.values(ctx, one.i)
	if err == nil {
		v.Password, err = d.password(ctx, one.i, one.i.state.Step)
	}
	return one, v, err
}

// cancelled looks at cancel_when, which must hold neither before the first attempt
// nor before a later one. It reports whether the delivery has been settled by that.
func (d *Dispatcher) cancelled(ctx context.Context, one delivery, v orchestration.Values) bool {
	holds, err := one.i.o.Cancels(one.i.state, v)
	if err != nil {
		d.settleStuck(ctx, one, &StuckError{err})
		return true
	}
	if !holds {
		return false
	}
	cause := "cancel_when holds: " + one.i.o.Definition().CancelWhen
	if one.Again {
		cause += "; an earlier attempt may have arrived"
	}
	state, decision, err := one.i.o.Cancel(one.i.state, cause, d.Now())
	if err != nil {
		d.settleStuck(ctx, one, &StuckError{err})
		return true
	}
	one.i.state = state
	d.settle(ctx, one, store.Settled{State: store.DeliveryDropped, Cause: cause}, decision)
	return true
}

// rendered returns the call that every attempt sends: rendered and kept at the first
// one. It returns a failure when there is no value for it, and neither when the call
// could not be kept.
func (d *Dispatcher) rendered(ctx context.Context, one delivery, v orchestration.Values) (*renderedCall, *failure) {
	if len(one.Call) > 0 {
		w := &renderedCall{}
		text, err := d.opened(one)
		if err == nil {
			err = json.Unmarshal(text, w)
		}
		if err != nil {
			return nil, &failure{text: "the call that was kept cannot be read: " + err.Error(), next: "drop the delivery"}
		}
		return w, nil
	}
	r, err := one.i.o.Render(one.i.state.Step, one.i.state, v)
	if err != nil {
		return nil, notRendered(err, v)
	}
	call := &renderedCall{*r.Webhook, one.ends(v)}
	text, err := json.Marshal(call)
	if err != nil {
		return nil, &failure{text: err.Error()}
	}
	kept := false
	d.record(ctx, one.i.Instance, func() error {
		_, err := d.calls.do(store.Call{Delivery: one.ID, Call: d.sealed(one, text), Request: one.shown(r, v)})
		kept = err == nil
		return err
	})
	if !kept {
		return nil, nil
	}
	failpoint.Hit("rendered")
	return call, nil
}

// notRendered is the failure of a call that has no value for something.
func notRendered(err error, v orchestration.Values) *failure {
	f := failure{text: withoutObject(err, v), next: "complete the object in the directory or correct the webhook, then retry the delivery"}
	if v.Object == nil {
		f.next = "drop the delivery, or restore the object in the directory and retry it"
	}
	return &f
}

// withoutObject is the text of an error of rendering, which comes from the lack of the
// object when there is none.
func withoutObject(err error, v orchestration.Values) string {
	if v.Object == nil {
		return "the object is not in the directory any more: " + err.Error()
	}
	return err.Error()
}

// settleDone records a call that succeeded.
func (d *Dispatcher) settleDone(ctx context.Context, one delivery, answer host.Answer, ends ident.Key) {
	body := string(answer.Body)
	result := orchestration.Result{Status: answer.Status, Answered: true, Response: answer.Body}
	if one.handsOver() {
		body = notKept
	}
	if int64(len(answer.Body)) < answer.Size {
		result.Response = nil // a part of an answer is no answer
		result.Dropped = fmt.Sprintf("it has %d bytes, and %d were read", answer.Size, len(answer.Body))
	}
	s := store.Settled{State: store.DeliveryDone, Status: answer.Status, Answer: cut(body, mostAnswer)}
	if answer.LinkKey != "" {
		s.Link = &ident.Link{Kind: one.step.Webhook.LinkKind, Key: ident.Key(answer.LinkKey)}
		s.IfTaken = d.ifTaken(one, result)
	}
	if ends != "" {
		s.Ends = &ident.Link{Kind: one.step.Webhook.LinkKind, Key: ends}
	}
	state, decision, err := one.i.o.Settle(one.i.state, result, d.Now(), d.Random())
	if err != nil {
		d.settleStuck(ctx, one, &StuckError{err})
		return
	}
	one.i.state = state
	d.settle(ctx, one, s, decision)
}

// ifTaken is what becomes of a delivery whose link cannot be made, as its key or its
// object is linked to something else.
func (d *Dispatcher) ifTaken(one delivery, result orchestration.Result) *store.Settled {
	result.Error = "the link cannot be made, as its key or its object is linked to something else"
	state, decision, err := one.i.o.Settle(one.i.state, result, d.Now(), d.Random())
	if err != nil {
		return nil
	}
	one.i.state = state
	s := store.Settled{State: store.DeliveryDone, Failed: true, Again: true}
	if decision.Do == orchestration.DoBlock {
		s.State, s.Failed = store.DeliveryDead, false
	}
	if s.Advance, err = d.advanced(one.i, decision, one.Step); err != nil {
		return nil
	}
	return &s
}

// settleFailed records a call that failed: it is tried again, or out of attempts.
func (d *Dispatcher) settleFailed(ctx context.Context, one delivery, f failure) {
	now := d.Now()
	s := store.Settled{Again: f.sent, Status: f.status, Cause: f.text, Next: f.next}
	if f.retry {
		wait, again := one.step.Retry.Wait(one.Attempts, f.asked, d.Random())
		if at := now.Add(wait); again && at.Before(one.i.state.Until) {
			s.State, s.NextAt = store.DeliveryRetrying, at
			d.settle(ctx, one, s, orchestration.Decision{})
			return
		}
	}
	state, decision, err := one.i.o.Settle(one.i.state, orchestration.Result{
		Error: f.text, Unsure: f.sent, Status: f.status, Answered: f.status != 0,
	}, now, d.Random())
	if err != nil {
		d.settleStuck(ctx, one, &StuckError{err})
		return
	}
	one.i.state = state
	s.State, s.Failed = store.DeliveryDone, true
	if decision.Do == orchestration.DoBlock {
		s.State, s.Failed = store.DeliveryDead, false
		d.Log.Warn("a delivery is out of attempts: what follows it waits for a person", "application", one.Application, "dn", one.DN,
			"cause", f.text, "next", "look at it with `rollcall queue show "+strconv.FormatInt(one.ID, 10)+"`, then retry or drop it")
	}
	d.settle(ctx, one, s, decision)
}

// settleStuck leaves a delivery to a person: it cannot be sent as things are.
func (d *Dispatcher) settleStuck(ctx context.Context, one delivery, err *StuckError) {
	a := d.stuck(one.i.Instance, err)
	a.Story = nil // the delivery has the line
	d.record(ctx, one.i.Instance, func() error {
		return d.writeOne(one.Webhook, store.Settled{
			Delivery: one.ID, State: store.DeliveryDead, Again: one.Again, Advance: a,
			Cause: a.Cause, Next: "put that right, then retry or drop the delivery",
		})
	})
}

// settle writes what became of a delivery, together with what that means for its
// instance. Without a decision the instance stays as it is.
func (d *Dispatcher) settle(ctx context.Context, one delivery, s store.Settled, decision orchestration.Decision) {
	s.Delivery = one.ID
	if decision.Do != "" {
		a, err := d.advanced(one.i, decision, one.Step)
		if err != nil {
			d.settleStuck(ctx, one, &StuckError{err})
			return
		}
		s.Advance = a
	}
	failpoint.Hit("settle")
	d.record(ctx, one.i.Instance, func() error { return d.writeOne(one.Webhook, s) })
}

// writeOne writes what became of one delivery, and tells the observer.
func (d *Dispatcher) writeOne(webhook string, s store.Settled) error {
	result, err := d.settles.do(s)
	if err == nil {
		d.Observe(webhook, result)
	}
	return err
}
