package runtime

import (
	"context"
	"errors"
	"testing"
	"time"
)

// TestNobodyWaitsForACount: it is made beside whoever asks, and that it is there is told.
// One that has become old, or could not be renewed, is used on.
func TestNobodyWaitsForACount(t *testing.T) {
	p, now, made, counts := newPopulation(), time.Now(), 0, 0
	p.now = func() time.Time { return now }
	p.made = func() { made++ }
	answer, failure := make(chan int), error(nil)
	count := func(context.Context) (int, error) {
		counts++
		n := <-answer
		return n, failure
	}
	ask := func(want int, why string) {
		t.Helper()
		n, err := p.count(t.Context(), "user", count)
		if n != want || (err == nil) != (why == "") || err != nil && err.Error() != why {
			t.Errorf("%d, %v; want %d %s", n, err, want, why)
		}
	}
	answers := func(n int, err error) { failure = err; answer <- n; p.work.Wait() }

	ask(0, "what it is a percentage of is still being counted")
	ask(0, "what it is a percentage of is still being counted")
	answers(0, errors.New("no route"))
	ask(0, "no route")
	if p.known["user"].under {
		t.Error("counted again at once")
	}
	now = now.Add(countAgain + time.Second)
	ask(0, "no route") // until the next try has ended
	answers(7, nil)
	ask(7, "")
	now = now.Add(countedFor + time.Second)
	ask(7, "")
	answers(0, errors.New("no route"))
	ask(7, "")
	if counts != 3 || made != 1 {
		t.Errorf("counted %d times, told %d times", counts, made)
	}

	failure = nil
	go func() { answer <- 9 }()
	p.first(t.Context(), "group", count)
	p.first(t.Context(), "group", count)
	if n, err := p.count(t.Context(), "group", count); n != 9 || err != nil || counts != 4 {
		t.Errorf("%d, %v after %d counts", n, err, counts)
	}
}
