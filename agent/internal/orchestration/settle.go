package orchestration

import (
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"
)

// Result is what came of an attempt to carry out a step. Secrets and the
// password must have been taken out of its texts.
type Result struct {
	Error      string // "" means success
	Retry      bool   // another attempt may succeed
	Unsure     bool   // it may have had its effect although it failed
	RetryAfter time.Duration
	Status     int // of HTTP, or the exit code of a command
	Answered   bool
	Response   []byte // JSON, or text
	Dropped    string // why there is no Response although something was answered
}

// Settle records the result of the step that is delivering or under way. A
// result of a delivery is final: the outbox has made the attempts. It may also
// be that of a delivery that was dead and that a person had tried again. jitter
// is a random number from 0 up to 1.
func (o *Orchestration) Settle(s State, r Result, now time.Time, jitter float64) (State, Decision, error) {
	t, err := o.transition(s, now)
	if err != nil {
		return s, Decision{}, err
	}
	if s.Phase != PhaseDelivering && s.Phase != PhaseTrying && !o.dead(s) {
		return s, Decision{}, &StateError{o.definition.Name, fmt.Sprintf("it is %s, so that no result is expected", s.Phase)}
	}
	t.forgive(s)
	step := &o.steps[s.Step]
	answer := t.answer(step, r)
	if r.Error == "" {
		answer.Outcome = OutcomeDone
		t.s.Answers[step.Name] = answer
		t.pass(OutcomeDone, "")
		return t.settled()
	}
	answer.Error = r.Error
	if s.Phase == PhaseTrying && r.Retry {
		wait, again := step.Retry.Wait(s.Attempts, r.RetryAfter, jitter)
		if again && now.Add(wait).Before(s.Until) {
			t.s.Unsure = s.Unsure || r.Unsure
			t.s.Reason = bounded(fmt.Sprintf("attempt %d of %d failed: %s", s.Attempts, step.Retry.Attempts, r.Error))
			t.wait(PhaseTrying, now.Add(wait))
			return t.end()
		}
	}
	t.fail(answer)
	return t.settled()
}

// settled says what follows once a step is left behind.
func (t *transition) settled() (State, Decision, error) {
	switch {
	case t.decision.Do != "":
	case t.s.Step == len(t.o.steps):
		t.finish(PhaseDone, "")
	default:
		t.decision.Do = DoAdvance
	}
	return t.end()
}

// answer returns what later steps may know of a result. The response is kept
// only when one of them uses it, and within bounds.
func (t *transition) answer(step *step, r Result) Answer {
	a := Answer{Status: r.Status, Answered: r.Answered}
	if len(r.Response) == 0 {
		a.Dropped = r.Dropped
		return a
	}
	total := 0
	for name, other := range t.s.Answers {
		if name != step.Name {
			total += len(other.Response)
		}
	}
	switch {
	case step.usesPassword():
		a.Dropped = "the step hands over the password, which the response may hold"
	case !step.keeps:
	case len(r.Response) > maxResponse:
		a.Dropped = fmt.Sprintf("it has %d bytes, and at most %d are kept", len(r.Response), maxResponse)
	case total+len(r.Response) > maxResponses:
		a.Dropped = fmt.Sprintf("with it the responses of all steps have more than %d bytes", maxResponses)
	case json.Valid(r.Response):
		a.Response = compact(r.Response)
	case utf8.Valid(r.Response):
		a.Response, _ = json.Marshal(string(r.Response)) //nolint:errchkjson // valid UTF-8 is always JSON
	default:
		a.Dropped = "it is neither JSON nor text"
	}
	return a
}

// dead reports whether the instance is blocked because its delivery was out of
// attempts.
func (o *Orchestration) dead(s State) bool {
	return s.Phase == PhaseBlocked && o.steps[s.Step].kind == KindWebhook && s.Attempts > 0
}

// forgive takes the time that the instance waited for a person from the time
// that the whole takes.
func (t *transition) forgive(s State) {
	if blocked := t.now.Sub(s.Since); (s.Phase == PhaseBlocked || s.Phase == PhaseHeld) && blocked > 0 {
		t.s.Until = t.s.Until.Add(blocked)
	}
}

// Resume goes on with an instance that is blocked or has failed, from the step
// that failed. The time that it was blocked does not count, and neither does the
// turn that failed. When it has failed because a bound was reached, the time and
// the turns begin anew: a person has decided that it may go on.
func (o *Orchestration) Resume(s State, now time.Time) (State, Decision, error) {
	t, err := o.transition(s, now)
	if err != nil {
		return s, Decision{}, err
	}
	if s.Phase != PhaseBlocked && s.Phase != PhaseFailed || s.Step == len(o.steps) {
		return s, Decision{}, &StateError{o.definition.Name, fmt.Sprintf("it is %s; only what is blocked or has failed is resumed", s.Phase)}
	}
	t.forgive(s)
	approved := s.Approved
	if s.Phase == PhaseFailed {
		t.s.Until, t.s.Turns = now.Add(o.within()), make([]int, len(o.steps))
	} else if s.Begun {
		t.s.Turns[s.Step]--
	}
	t.move(t.s.Step)
	t.s.Approved = approved
	t.decision.Do = DoAdvance
	return t.end()
}

// Hold keeps the step that is under way from being done until a person approves
// it: limits do not allow it. Nothing of it has been done. The turn does not
// count, and neither does the time until the approval.
func (o *Orchestration) Hold(s State, reason string, now time.Time) (State, Decision, error) {
	t, err := o.transition(s, now)
	if err != nil {
		return s, Decision{}, err
	}
	if s.Phase != PhaseTrying {
		return s, Decision{}, &StateError{o.definition.Name, fmt.Sprintf("it is %s, so that no step of it can be held", s.Phase)}
	}
	t.s.Turns[s.Step]--
	t.move(s.Step)
	t.phase(PhaseHeld)
	t.s.Reason, t.decision.Do = bounded(reason), DoBlock
	return t.end()
}

// approved lets a step begin that a person has approved.
func (t *transition) approved(s State) {
	t.forgive(s)
	t.move(s.Step)
	t.s.Approved = true
}

// Redeliver goes on with an instance that is blocked because its delivery was
// out of attempts, when that delivery is tried again.
func (o *Orchestration) Redeliver(s State, now time.Time) (State, Decision, error) {
	t, err := o.transition(s, now)
	if err != nil {
		return s, Decision{}, err
	}
	if !o.dead(s) {
		return s, Decision{}, &StateError{o.definition.Name, "no delivery of it is dead"}
	}
	t.forgive(s)
	t.phase(PhaseDelivering)
	t.s.Reason, t.decision.Do, t.decision.Again = "", DoDeliver, true
	t.s.Attempts++
	return t.end()
}

// Fail ends an instance because a person dropped what it needs.
func (o *Orchestration) Fail(s State, reason string, now time.Time) (State, Decision, error) {
	return o.stop(s, PhaseFailed, reason, now)
}

// Cancel ends an instance because a person wants it.
func (o *Orchestration) Cancel(s State, reason string, now time.Time) (State, Decision, error) {
	return o.stop(s, PhaseCancelled, reason, now)
}

func (o *Orchestration) stop(s State, p Phase, reason string, now time.Time) (State, Decision, error) {
	t, err := o.transition(s, now)
	if err != nil {
		return s, Decision{}, err
	}
	if s.Phase.Ended() {
		return s, Decision{}, &StateError{o.definition.Name, fmt.Sprintf("it has ended: it is %s", s.Phase)}
	}
	t.finish(p, reason)
	return t.end()
}
