package orchestration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// stateVersion is the version of the JSON of a State.
const stateVersion = 1

// Phase says what an instance does at its current step.
type Phase string

// The phases. In the last three the instance has ended.
const (
	PhaseEnter      Phase = "enter"      // the step comes next
	PhaseDelayed    Phase = "delayed"    // until Next
	PhaseWaiting    Phase = "waiting"    // for a condition, which is looked at again at Next
	PhaseDelivering Phase = "delivering" // the outbox has the call
	PhaseTrying     Phase = "trying"     // a mail, a command or a directory step is under way, or tried again at Next
	PhaseHeld       Phase = "held"       // the step is more than limits allow: a person must approve it
	PhaseBlocked    Phase = "blocked"    // a person must decide
	PhaseDone       Phase = "done"
	PhaseFailed     Phase = "failed"
	PhaseCancelled  Phase = "cancelled"
)

// Values lists the phases.
func (Phase) Values() []string {
	return []string{"enter", "delayed", "waiting", "delivering", "trying", "held", "blocked", "done", "failed", "cancelled"}
}

// Ended reports whether nothing follows.
func (p Phase) Ended() bool { return p == PhaseDone || p == PhaseFailed || p == PhaseCancelled }

// State is all that an instance remembers. Its JSON is kept by the store. The
// zero State is none: Start makes the first one.
type State struct {
	Version int   `json:"version"`
	Phase   Phase `json:"phase"`
	Step    int   `json:"step"`            // counted from 0; the number of steps after the last one
	Turns   []int `json:"turns"`           // how often each step was begun
	Begun   bool  `json:"begun,omitempty"` // the present turn of the step counts among Turns
	// Attempts counts those of the current step.
	Attempts int `json:"attempts,omitempty"`
	// Approved says that a person has approved the current step, which was held.
	Approved bool      `json:"approved,omitempty"`
	Unsure   bool      `json:"unsure,omitempty"` // an earlier attempt may have had its effect
	Began    time.Time `json:"began"`
	Since    time.Time `json:"since"`             // of the phase
	Next     time.Time `json:"next,omitzero"`     // when to go on; zero: at once, or not by time
	Deadline time.Time `json:"deadline,omitzero"` // of wait_until
	Until    time.Time `json:"until"`             // end of the whole
	// Linking says that the step waits for a link: see Values.Linking.
	Linking bool `json:"linking,omitempty"`
	// Answers holds those of finished steps, by name. A later turn replaces the
	// answer of an earlier one.
	Answers map[string]Answer `json:"answers,omitempty"`
	// Reason says why the instance waits for a person or has ended, or what the
	// last attempt failed with.
	Reason string `json:"reason,omitempty"`
}

// Status returns the state of the instance in the words of the store. One whose
// beginning is held has no state yet. Between the beginning and the
// result of a step that is no delivery, the instance is ready: after a kill the
// step is begun once more.
func (s State) Status() string {
	switch s.Phase {
	case PhaseDelayed, PhaseWaiting:
		return "waiting"
	case PhaseTrying:
		if !s.Next.IsZero() {
			return "waiting"
		}
		return "ready"
	case PhaseEnter:
		return "ready"
	case PhaseDelivering, PhaseHeld, PhaseBlocked, PhaseDone, PhaseFailed, PhaseCancelled:
	}
	return string(s.Phase)
}

// Idle reports whether the instance waits for a time or a condition, so that
// later instances for its object need not wait for it.
func (s State) Idle() bool { return s.Phase == PhaseDelayed || s.Phase == PhaseWaiting }

// Outcome is what became of a step.
type Outcome string

// The outcomes of steps.
const (
	OutcomeDone    Outcome = "done"
	OutcomeSkipped Outcome = "skipped" // its condition was false
	OutcomeFailed  Outcome = "failed"
)

// Values lists the outcomes.
func (Outcome) Values() []string { return []string{"done", "skipped", "failed"} }

// Answer is what a step left for later ones.
type Answer struct {
	Outcome  Outcome         `json:"outcome"`
	Status   int             `json:"status,omitempty"`   // of HTTP, or the exit code of a command
	Answered bool            `json:"answered,omitempty"` // Status means something
	Response json.RawMessage `json:"response,omitempty"`
	// Dropped says why there is no response although the step had one.
	Dropped string `json:"dropped,omitempty"`
	Error   string `json:"error,omitempty"`
}

// The sizes of what a State keeps, in bytes.
const (
	maxResponse  = 64 << 10  // of one step
	maxResponses = 256 << 10 // of all steps
	maxReason    = 2 << 10
)

// StateError says that a state is not one of the orchestration. The instance
// cannot go on.
type StateError struct {
	Orchestration string
	Fault         string
}

// Error names the orchestration and what is wrong.
func (e *StateError) Error() string {
	return fmt.Sprintf("orchestration %s: the state of the instance cannot be used: %s (cancel it and start it again)",
		e.Orchestration, e.Fault)
}

// ParseState reads a state that an instance of this orchestration kept. An error
// is a *StateError.
func (o *Orchestration) ParseState(data []byte) (State, error) {
	var s State
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return State{}, &StateError{o.definition.Name, err.Error()}
	}
	if d.More() {
		return State{}, &StateError{o.definition.Name, "something follows it"}
	}
	return s, o.check(s)
}

// check requires that a state is one of this orchestration.
func (o *Orchestration) check(s State) error {
	fault := ""
	n := len(o.steps)
	switch {
	case s.Version != stateVersion:
		fault = fmt.Sprintf("it has version %d, and this program knows version %d", s.Version, stateVersion)
	case !slices.Contains(s.Phase.Values(), string(s.Phase)):
		fault = fmt.Sprintf("it has the unknown phase %q", s.Phase)
	case len(s.Turns) != n:
		fault = fmt.Sprintf("it has %d steps, and the orchestration has %d", len(s.Turns), n)
	case s.Step < 0 || s.Step > n || s.Step == n && !s.Phase.Ended():
		fault = fmt.Sprintf("there is no step %d", s.Step+1)
	case slices.ContainsFunc(s.Turns, func(t int) bool { return t < 0 || t > MaxTurns }) || s.Attempts < 0 ||
		s.Begun && !s.Phase.Ended() && s.Turns[s.Step] == 0:
		fault = "its counts are impossible"
	case s.Began.IsZero() || s.Until.IsZero():
		fault = "it has no beginning or no end"
	case !s.Phase.Ended() && !o.phaseFits(s):
		fault = fmt.Sprintf("the step %s cannot be in the phase %s", o.steps[s.Step].Name, s.Phase)
	}
	for name, a := range s.Answers {
		switch {
		case o.index(name) == nowhere:
			fault = fmt.Sprintf("it has an answer of %q, and there is no such step", name)
		case !slices.Contains(a.Outcome.Values(), string(a.Outcome)):
			fault = fmt.Sprintf("a step has the unknown outcome %q", a.Outcome)
		}
	}
	if fault != "" {
		return &StateError{o.definition.Name, fault}
	}
	return nil
}

// phaseFits reports whether the current step can be in the phase.
func (o *Orchestration) phaseFits(s State) bool {
	kind := o.steps[s.Step].kind
	switch s.Phase {
	case PhaseDelayed:
		return kind == KindDelay && s.Begun
	case PhaseWaiting:
		return kind == KindWaitUntil && s.Begun
	case PhaseDelivering:
		return kind == KindWebhook && s.Begun
	case PhaseHeld:
		return !s.Begun && kind == KindDirectory
	case PhaseTrying:
		return s.Begun && (kind == KindDirectory || kind == KindMail || kind == KindCommand)
	case PhaseEnter:
		return !s.Begun
	case PhaseBlocked, PhaseDone, PhaseFailed, PhaseCancelled:
	}
	return true
}

// clone copies what a transition writes to, so that it leaves its argument as it
// is.
func (s State) clone() State {
	s.Turns = slices.Clone(s.Turns)
	answers := make(map[string]Answer, len(s.Answers)+1)
	for name, a := range s.Answers {
		answers[name] = a
	}
	s.Answers = answers
	return s
}

// bounded cuts a text that is kept.
func bounded(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= maxReason {
		return s
	}
	cut := maxReason
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + " [...]"
}
