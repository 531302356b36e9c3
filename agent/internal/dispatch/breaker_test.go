package dispatch

import (
	"testing"
	"time"
)

// TestAnAnswerDoesNotEndWhatWasAskedFor: a call that was under way when another was
// turned away may succeed, and the application is left alone all the same.
func TestAnAnswerDoesNotEndWhatWasAskedFor(t *testing.T) {
	now := time.Unix(1000, 0)
	var b breaker
	b.outage(now, time.Minute)
	b.answered()
	if n := b.pass(now.Add(59*time.Second), 8, 0); n != 0 {
		t.Errorf("%d calls within the minute", n)
	}
	if n := b.pass(now.Add(time.Minute), 8, 3); n != 8 {
		t.Errorf("%d calls after the minute, and it does not count as down", n)
	}
}
