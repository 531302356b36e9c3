package engine

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// TestLevelOfAResult: a run by hand that is no success is as loud in the log as
// a scheduled one.
func TestLevelOfAResult(t *testing.T) {
	source := &feed{}
	s := newScene(t, map[string]*feed{"loud": source})
	log := s.logged()
	s.wantRun("loud", store.RunDoubtful)
	source.records = []ident.Record{person("1", "Ada")}
	s.wantRun("loud", store.RunOK)
	s.Rules.Scope = []ident.DN{"OU=Elsewhere," + s.dc.BaseDN}
	source.records = append(source.records, person("2", "Bo"))
	s.wantRun("loud", store.RunFailed)
	for _, want := range []string{"level=WARN", "level=INFO", "level=ERROR"} {
		if !strings.Contains(log.String(), want+` msg="run ended" automation=loud`) {
			t.Errorf("no run ended with %s:\n%s", want, log.String())
		}
	}
}

// TestNothingIsHiddenByAWorseResult: what waits because the directory refused it
// may do so for months; that the application delivers nobody, and that disables
// are held, are told all the same.
func TestNothingIsHiddenByAWorseResult(t *testing.T) {
	held := ident.Outcome{Result: ident.ResultHeld}
	failed := ident.Outcome{Result: ident.ResultFailed}
	for name, c := range map[string]struct {
		plan     ident.Plan
		outcomes []ident.Outcome
		waiting  bool
		aside    int
		failure  error
		want     []store.RunResult
	}{
		"nothing":                      {want: []store.RunResult{store.RunOK}},
		"refused, and nobody came":     {ident.Plan{Refused: 1, Doubt: "nobody came"}, nil, false, 1, nil, []store.RunResult{store.RunFailed, store.RunDoubtful, store.RunQuarantined}},
		"failed, and something held":   {ident.Plan{}, []ident.Outcome{failed, held}, false, 0, nil, []store.RunResult{store.RunFailed, store.RunHeld}},
		"refused, and still held":      {ident.Plan{Refused: 1}, nil, true, 0, nil, []store.RunResult{store.RunFailed, store.RunHeld}},
		"in doubt, and held":           {ident.Plan{Doubt: "far fewer"}, []ident.Outcome{held}, false, 0, nil, []store.RunResult{store.RunDoubtful, store.RunHeld}},
		"held, and somebody set aside": {ident.Plan{}, []ident.Outcome{held}, false, 2, nil, []store.RunResult{store.RunHeld, store.RunQuarantined}},
		"cut off, and held before":     {ident.Plan{}, []ident.Outcome{held}, false, 0, errors.New("out"), []store.RunResult{store.RunFailed, store.RunHeld}},
	} {
		counts := tally{quarantined: c.aside}
		for _, o := range c.outcomes {
			counts.add(o)
		}
		if c.waiting {
			counts.wait(store.Held{})
		}
		result, _ := counts.result(c.plan, c.failure, false)
		if got := append([]store.RunResult{result}, counts.besides(c.plan, result)...); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestResultsByPrecedence: of several, the one that says most about leavers and
// failures counts.
func TestResultsByPrecedence(t *testing.T) {
	failed := ident.Outcome{Result: ident.ResultFailed, Name: "Ada", Key: "1", Cause: "no right", Next: "give it", Operation: ident.Operation{Class: ident.ClassCreate}}
	applied := ident.Outcome{Result: ident.ResultApplied}
	held := ident.Outcome{Result: ident.ResultHeld}
	skipped := ident.Outcome{Result: ident.ResultSkipped, Cause: "changed since", Next: "the next run plans it anew"}
	restored := ident.Outcome{Result: ident.ResultApplied, Operation: ident.Operation{Class: ident.ClassLink}}
	doubt := ident.Plan{Doubt: "nobody came", Application: "pipedrive"}
	broken := errors.New("the directory is out")
	const besides = "; besides, the delivery is in doubt: nobody came; next: look at the records in pipedrive and at what the credentials may see: rollcall validate --online"
	const first = "; the first: create of Ada (key 1): no right; next: give it"
	for name, c := range map[string]struct {
		outcomes []ident.Outcome
		plan     ident.Plan
		failure  error
		stopped  bool
		want     store.RunResult
		why      string
	}{
		"nothing":                   {nil, ident.Plan{}, nil, false, store.RunOK, ""},
		"done":                      {[]ident.Outcome{applied}, ident.Plan{}, nil, true, store.RunOK, ""},
		"skipped":                   {[]ident.Outcome{applied, skipped}, ident.Plan{}, nil, false, store.RunQuarantined, ""},
		"held":                      {[]ident.Outcome{skipped, held}, ident.Plan{}, nil, false, store.RunHeld, ""},
		"in doubt and held":         {[]ident.Outcome{held}, doubt, nil, false, store.RunDoubtful, "the delivery is in doubt: nobody came; next: look at the records in pipedrive and at what the credentials may see: rollcall validate --online"},
		"some failed, and in doubt": {[]ident.Outcome{applied, failed, held}, doubt, nil, false, store.RunPartial, "1 of 2 writes failed" + first + besides},
		"the only one failed":       {[]ident.Outcome{failed}, doubt, nil, false, store.RunFailed, "the only write failed" + first + besides},
		"one waits, and in doubt":   {nil, ident.Plan{Refused: 1, Doubt: "nobody came", Application: "pipedrive"}, nil, false, store.RunFailed, "nothing was written: 1 write that the directory refused before waits to be tried again: `rollcall quarantine list` says why and until when" + besides},
		"a restored link is none":   {[]ident.Outcome{restored, failed, failed}, ident.Plan{}, nil, false, store.RunFailed, "2 of 2 writes failed" + first},
		"one waits":                 {nil, ident.Plan{Refused: 1}, nil, false, store.RunFailed, "nothing was written: 1 write that the directory refused before waits to be tried again: `rollcall quarantine list` says why and until when"},
		"one waits, one is done":    {[]ident.Outcome{applied}, ident.Plan{Refused: 1}, nil, false, store.RunPartial, "1 write that the directory refused before waits to be tried again: `rollcall quarantine list` says why and until when"},
		"one waits, one failed":     {[]ident.Outcome{failed}, ident.Plan{Refused: 2}, nil, false, store.RunFailed, "the only write failed" + first + "; besides, 2 writes that the directory refused before wait to be tried again: `rollcall quarantine list` says why and until when"},
		"cut off by an error":       {[]ident.Outcome{applied, failed}, doubt, broken, false, store.RunFailed, "the directory is out"},
		"cut off by a stop":         {[]ident.Outcome{applied, failed}, doubt, broken, true, store.RunInterrupted, "the directory is out"},
	} {
		var counts tally
		for _, o := range c.outcomes {
			counts.add(o)
		}
		if got, why := counts.result(c.plan, c.failure, c.stopped); got != c.want || why != c.why {
			t.Errorf("%s: %s, %q", name, got, why)
		}
	}
}
