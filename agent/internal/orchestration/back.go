package orchestration

import (
	"slices"
	"time"
)

// Presence says whether an object is there that was deleted, which began the instance.
type Presence string

// The presences. Nothing that follows from a deletion is done unless it is
// PresenceAsExpected.
const (
	PresenceAsExpected Presence = ""       // it is not there, or no deletion began the instance
	PresenceBack       Presence = "back"   // it is there again
	PresenceUnsure     Presence = "unsure" // the directory shows it, and the changes that were read say that it is deleted
)

// backReason says why an instance is blocked whose object is there again.
const backReason = "the object was deleted when this began and is in the directory again: " +
	"cancel this, or resume it once the object is deleted again"

// UnsureReason says why an instance waits whose object was deleted and is still shown.
const UnsureReason = "waits, as its object was deleted and the domain controller that was asked still shows it: " +
	"either that one has not heard of the deletion yet, or the object is back and the change has not been read yet"

// The times between two looks whether an object is there: a quarter of the time waited
// so far, within these bounds.
const (
	soonestBack = time.Second
	latestBack  = time.Minute
)

// Deletes reports whether it was the deletion of the object that began the instance.
func (i Input) Deletes() bool { return i.Change != nil && i.Change.Kind == "deleted" }

// isBack keeps what a deletion began from being done to an object that is there again.
func (t *transition) isBack(values Values) bool {
	if values.Presence == PresenceAsExpected || !slices.Contains([]Phase{PhaseEnter, PhaseTrying}, t.s.Phase) {
		return false
	}
	if values.Presence == PresenceBack {
		t.block(backReason)
		return true
	}
	t.s.Unsure = t.s.Unsure || t.s.Attempts > 0 && t.s.Next.IsZero() // it was cut off
	t.s.Reason = UnsureReason
	t.wait(t.s.Phase, t.now.Add(min(max(t.now.Sub(t.s.Since)/4, soonestBack), latestBack)))
	return true
}

// IsBack blocks an instance whose delivery has not been sent, as its object is there
// again.
func (o *Orchestration) IsBack(s State, now time.Time) (State, Decision, error) {
	t, err := o.transition(s, now)
	if err != nil {
		return s, Decision{}, err
	}
	if s.Phase != PhaseDelivering {
		return s, Decision{}, &StateError{o.definition.Name, "no delivery of it is under way"}
	}
	t.block(backReason)
	return t.end()
}
