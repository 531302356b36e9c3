package main

import (
	"errors"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// TestExitOfAPlan: a plan writes nothing, so it fails for nothing that waits.
func TestExitOfAPlan(t *testing.T) {
	held := []ident.Change{{Operations: []ident.Operation{{Verdict: ident.VerdictHold}}}}
	aside := []ident.QuarantineItem{{Key: "1", Cause: "create failed"}}
	for name, c := range map[string]struct {
		plan ident.Plan
		want int
	}{
		"nothing":                   {ident.Plan{}, 0},
		"nobody can be missing":     {ident.Plan{NobodyMissing: "an endpoint delivers changes only"}, 0},
		"in doubt":                  {ident.Plan{Doubt: "nobody came", Quarantined: aside}, 3},
		"held":                      {ident.Plan{Changes: held, Quarantined: aside}, 3},
		"refused before, and waits": {ident.Plan{Refused: 1, Quarantined: aside}, 4},
	} {
		if got := codeOf(planExit(c.plan)); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// TestExitOfARun is the table of docs/commands.md.
func TestExitOfARun(t *testing.T) {
	want := map[store.RunResult]int{
		store.RunOK: 0, store.RunQuarantined: 4, store.RunHeld: 3, store.RunDoubtful: 3,
		store.RunPartial: 1, store.RunFailed: 1, store.RunInterrupted: 1,
	}
	for _, result := range store.RunResults {
		if got, known := want[result]; !known || codeOf(resultExit(result)) != got {
			t.Errorf("%s: %d, want %d", result, codeOf(resultExit(result)), got)
		}
	}
}

func codeOf(err error) int {
	var exit exitError
	errors.As(err, &exit)
	return int(exit)
}
