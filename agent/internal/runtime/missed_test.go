package runtime

import (
	"slices"
	"testing"
	"time"
)

// TestWhatHasRunIsNotRunAgain: while one automation waits for another run, those
// that have run do not run once more with each attempt.
func TestWhatHasRunIsNotRunAgain(t *testing.T) {
	owed, repaired := missed{}, time.Now()
	names := []string{"contractors", "interns", "staff"}
	leased := map[string]bool{"interns": true}
	round := func(since time.Time, want ...string) (all bool) {
		t.Helper()
		var ran, told []string
		all = owed.of("crm", since).runEach(names, func(name string, first bool) bool {
			if first {
				told = append(told, name)
			}
			if !leased[name] {
				ran = append(ran, name)
			}
			return !leased[name]
		})
		if got := append(append(ran, "told"), told...); !slices.Equal(got, want) {
			t.Errorf("ran %v, want %v", got, want)
		}
		return all
	}
	if round(repaired, "contractors", "staff", "told", "contractors", "interns", "staff") {
		t.Error("interns have run")
	}
	if round(repaired, "told") {
		t.Error("interns have run")
	}
	again := repaired.Add(time.Hour) // the application has lost it once more
	if round(again, "contractors", "staff", "told", "contractors", "interns", "staff") {
		t.Error("interns have run")
	}
	leased = nil
	if !round(again, "interns", "told") {
		t.Error("interns have not run")
	}
}
