package orchestration

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
)

// Do is what the dispatcher has to do after a transition.
type Do string

// What to do. Whatever it is, the new State is kept first.
const (
	DoAdvance Do = "advance" // call Advance with fresh values
	DoWait    Do = "wait"    // call Advance at Next
	DoDeliver Do = "deliver" // put the webhook of the step into the outbox; Settle when it is final
	DoAct     Do = "act"     // carry out the mail, command or directory step; then Settle
	DoBlock   Do = "block"   // nothing, until a person decides
	DoEnd     Do = "end"     // nothing any more
)

// Decision says what follows from a transition.
type Decision struct {
	Do   Do
	Step int // the step that it is about; the number of steps at the end
	// Again says that an earlier attempt of the step was cut off, or may have had
	// its effect although it failed.
	Again  bool
	Passed []Passed // the steps that were left behind, in order, for the story
}

// Passed is a step that an instance left behind.
type Passed struct {
	Step    int
	Turn    int // from 1
	Outcome Outcome
	Reason  string // why it was skipped or failed
}

// Start returns the state of a new instance.
func (o *Orchestration) Start(now time.Time) State {
	return State{
		Version: stateVersion, Phase: PhaseEnter, Turns: make([]int, len(o.steps)),
		Began: now, Since: now, Until: now.Add(o.within()),
	}
}

// transition is one transition under way.
type transition struct {
	o        *Orchestration
	s        State
	now      time.Time
	decision Decision
}

func (o *Orchestration) transition(s State, now time.Time) (*transition, error) {
	if err := o.check(s); err != nil {
		return nil, err
	}
	return &transition{o: o, s: s.clone(), now: now}, nil
}

// end returns what the transition came to.
func (t *transition) end() (State, Decision, error) {
	t.decision.Step = t.s.Step
	return t.s, t.decision, nil
}

// Advance goes on with an instance that is ready or whose wait is over: it looks
// at cancel_when and at the condition of the step, and passes steps that need
// nobody, until something has to be done. values must be fresh. For an instance
// that is held it means that a person has approved its step. It is an error to
// call Advance for an instance that is delivering, blocked or has ended.
func (o *Orchestration) Advance(s State, values Values) (State, Decision, error) {
	t, err := o.transition(s, values.Now)
	if err != nil {
		return s, Decision{}, err
	}
	if s.Phase == PhaseHeld {
		t.approved(s)
	}
	if s.Phase == PhaseDelivering || s.Phase == PhaseBlocked || s.Phase.Ended() {
		return s, Decision{}, &StateError{o.definition.Name, fmt.Sprintf("it is %s, which Advance does not change", s.Phase)}
	}
	if t.now.Before(s.Next) && t.now.Before(s.Until) && !s.Linking {
		t.decision.Do = DoWait
		return t.end()
	}
	for t.decision.Do == "" {
		t.step(values)
	}
	return t.end()
}

// step takes the current step one phase further.
func (t *transition) step(values Values) {
	if t.s.Step == len(t.o.steps) {
		t.finish(PhaseDone, "")
		return
	}
	if !t.now.Before(t.s.Until) {
		t.finish(PhaseFailed, fmt.Sprintf("it was not done within %s; the step %s was reached", Spell(t.o.within()), t.o.steps[t.s.Step].Name))
		return
	}
	if t.cancels(values) || t.isBack(values) {
		return
	}
	step := &t.o.steps[t.s.Step]
	switch t.s.Phase {
	case PhaseDelayed:
		t.pass(OutcomeDone, "")
	case PhaseWaiting:
		t.look(step, values)
	case PhaseTrying:
		t.attempt(DoAct, PhaseTrying)
	default:
		t.enter(step, values)
	}
}

// cancels looks at cancel_when, and ends the instance when it holds. When it has
// no value nothing is done: a person has to look, as neither going on nor
// cancelling is known to be right.
func (t *transition) cancels(values Values) bool {
	holds, reason := t.o.cancels(t.s, values)
	switch {
	case reason != "":
		t.block(reason)
	case holds:
		t.finish(PhaseCancelled, "cancel_when holds: "+t.o.definition.CancelWhen)
	}
	return t.decision.Do != ""
}

// Cancels reports whether cancel_when holds now. A delivery that is tried again
// must ask this first. An error says that cancel_when has no value: the caller
// must neither send nor cancel.
func (o *Orchestration) Cancels(s State, values Values) (bool, error) {
	if err := o.check(s); err != nil {
		return false, err
	}
	holds, reason := o.cancels(s, values)
	if reason != "" {
		return false, &CancelError{o.definition.Name, reason}
	}
	return holds, nil
}

// CancelError says that cancel_when has no value for an object.
type CancelError struct {
	Orchestration string
	Reason        string
}

// Error names the orchestration and the reason.
func (e *CancelError) Error() string { return "orchestration " + e.Orchestration + ": " + e.Reason }

// cancels evaluates cancel_when. While it is not certain that the object is deleted, the
// object may be shown as it was before, and says nothing about what to do after it.
func (o *Orchestration) cancels(s State, values Values) (holds bool, reason string) {
	if o.cancel == nil || values.Presence == PresenceUnsure {
		return false, ""
	}
	holds, reason = truth("cancel_when", o.cancel, o.env(Whole, s, values))
	return holds, reason
}

// truth evaluates a condition. The reason says why it is neither true nor false.
// An object without an attribute is nothing unusual, but what compares an answer
// that does not exist is neither.
func truth(member string, e *expr.Expression, env expr.Env) (holds bool, reason string) {
	v, err := e.Eval(env)
	if err != nil {
		return false, member + ": " + err.Error()
	}
	switch b := v.V.(type) {
	case bool:
		if strings.HasPrefix(v.Missing, "steps.") {
			return false, fmt.Sprintf("%s: %s: %s is absent (default() says what to take then)", member, e.Source().Pos, v.Missing)
		}
		return b, ""
	case nil:
		return false, fmt.Sprintf("%s: %s: it has no value, as %s", member, e.Source().Pos, v.Cause)
	default:
		return false, fmt.Sprintf("%s: %s: it is %q, where true or false is needed", member, e.Source().Pos, bounded(v.Text()))
	}
}

// enter begins the current step.
func (t *transition) enter(step *step, values Values) {
	turns := &t.s.Turns[t.s.Step]
	if *turns >= MaxTurns {
		t.finish(PhaseFailed, fmt.Sprintf("the step %s ran %d times, which is the bound of a loop", step.Name, MaxTurns))
		return
	}
	if t.linksLater(step, values) {
		return
	}
	*turns++
	t.s.Begun = true
	if step.kind == KindWebhook && slices.Contains(values.From, step.Webhook.Application) {
		t.s.Answers[step.Name] = Answer{Outcome: OutcomeSkipped}
		t.pass(OutcomeSkipped, "not sent: this change came from "+step.Webhook.Application)
		return
	}
	if step.condition != nil {
		holds, reason := truth("if", step.condition, t.o.env(t.s.Step, t.s, values))
		switch {
		case reason != "":
			t.fail(Answer{Error: reason})
			return
		case !holds:
			t.s.Answers[step.Name] = Answer{Outcome: OutcomeSkipped}
			t.pass(OutcomeSkipped, "its condition is false: "+step.If)
			return
		}
	}
	switch step.kind {
	case KindDelay:
		t.wait(PhaseDelayed, t.now.Add(time.Duration(step.Delay)))
	case KindWaitUntil:
		if step.Deadline > 0 {
			t.s.Deadline = t.now.Add(time.Duration(step.Deadline))
		}
		t.phase(PhaseWaiting)
		t.look(step, values)
	case KindWebhook:
		t.attempt(DoDeliver, PhaseDelivering)
	default:
		t.attempt(DoAct, PhaseTrying)
	}
}

// attempt has the step carried out.
func (t *transition) attempt(do Do, phase Phase) {
	if t.s.Phase != phase {
		t.phase(phase)
	}
	cutOff := t.s.Attempts > 0 && t.s.Next.IsZero()
	t.s.Unsure = t.s.Unsure || cutOff
	t.s.Next = time.Time{}
	t.s.Attempts++
	t.decision.Do, t.decision.Again = do, t.s.Unsure
}

// The times between two looks at a condition: a tenth of the time waited so far,
// within these bounds.
const (
	soonestLook = 30 * time.Second
	latestLook  = 15 * time.Minute
)

// look evaluates the condition of wait_until. Without a value it does not hold
// yet.
func (t *transition) look(step *step, values Values) {
	v, err := step.until.Eval(t.o.env(t.s.Step, t.s, values))
	if err != nil {
		t.fail(Answer{Error: "wait_until: " + err.Error()})
		return
	}
	why := "it is false"
	switch b := v.V.(type) {
	case bool:
		if b {
			t.s.Answers[step.Name] = Answer{Outcome: OutcomeDone}
			t.pass(OutcomeDone, "")
			return
		}
	case nil:
		why = v.Cause
	default:
		t.fail(Answer{Error: fmt.Sprintf("wait_until: it is %q, where true or false is needed", bounded(v.Text()))})
		return
	}
	if !t.s.Deadline.IsZero() && !t.now.Before(t.s.Deadline) {
		t.fail(Answer{Error: fmt.Sprintf("wait_until: it did not become true within %s: %s: %s",
			Spell(time.Duration(step.Deadline)), step.WaitUntil, why)})
		return
	}
	next := t.now.Add(min(max(t.now.Sub(t.s.Since)/10, soonestLook), latestLook))
	if !t.s.Deadline.IsZero() && next.After(t.s.Deadline) {
		next = t.s.Deadline
	}
	t.s.Reason = bounded("waits until " + step.WaitUntil + ": " + why)
	t.wait(PhaseWaiting, next)
}

// wait goes on at a time, or when the whole must end.
func (t *transition) wait(phase Phase, next time.Time) {
	if t.s.Phase != phase {
		t.phase(phase)
	}
	if next.After(t.s.Until) {
		next = t.s.Until
	}
	t.s.Next, t.decision.Do = next, DoWait
}

// phase begins a phase.
func (t *transition) phase(p Phase) {
	t.s.Phase, t.s.Since, t.s.Next, t.s.Linking = p, t.now, time.Time{}, false
}

// pass leaves the current step behind and goes to the next one.
func (t *transition) pass(outcome Outcome, reason string) {
	t.left(outcome, reason)
	t.move(t.s.Step + 1)
}

// left notes that the current step is left behind.
func (t *transition) left(outcome Outcome, reason string) {
	t.decision.Passed = append(t.decision.Passed, Passed{t.s.Step, t.s.Turns[t.s.Step], outcome, reason})
}

// move makes a step the current one.
func (t *transition) move(step int) {
	t.s.Step, t.s.Begun, t.s.Attempts, t.s.Unsure, t.s.Deadline, t.s.Reason = step, false, 0, false, time.Time{}, ""
	t.s.Approved = false
	t.phase(PhaseEnter)
}

// fail leaves the current step behind as failed, and goes where on_error leads.
func (t *transition) fail(a Answer) {
	step := &t.o.steps[t.s.Step]
	a.Outcome, a.Error = OutcomeFailed, bounded(a.Error)
	t.s.Answers[step.Name] = a
	t.left(OutcomeFailed, a.Error)
	if step.failed == nowhere {
		t.block(fmt.Sprintf("the step %s failed: %s", step.Name, a.Error))
		return
	}
	t.move(step.failed)
}

// block leaves the instance to a person.
func (t *transition) block(reason string) {
	t.phase(PhaseBlocked)
	t.s.Deadline, t.s.Reason, t.decision.Do = time.Time{}, bounded(reason), DoBlock
}

// finish ends the instance.
func (t *transition) finish(p Phase, reason string) {
	t.phase(p)
	t.s.Deadline, t.s.Reason, t.decision.Do = time.Time{}, bounded(reason), DoEnd
}
