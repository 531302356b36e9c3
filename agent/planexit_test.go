package main

import (
	"errors"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
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

// TestExitOfAnApproval: what became of the run that held orchestrations is no news
// when they begin.
func TestExitOfAnApproval(t *testing.T) {
	for name, c := range map[string]struct {
		result  store.RunResult
		earlier bool
		held    int
		want    int
	}{
		"held only those":                {store.RunHeld, true, 0, 0},
		"was interrupted":                {store.RunInterrupted, true, 0, 0},
		"had failed in part":             {store.RunPartial, true, 0, 0},
		"more is held":                   {store.RunHeld, true, 1, 3},
		"the approval was interrupted":   {store.RunInterrupted, false, 0, 1},
		"the approval holds what begins": {store.RunHeld, false, 1, 3},
	} {
		var r service.ReportAnswer
		r.Result, r.Earlier, r.HeldStarts, r.Begun = c.result, c.earlier, c.held, 1
		if got := codeOf(answerExit(r)); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func codeOf(err error) int {
	var exit exitError
	errors.As(err, &exit)
	return int(exit)
}
