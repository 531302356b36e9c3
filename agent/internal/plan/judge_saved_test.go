package plan

import (
	"slices"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

func TestRelimit(t *testing.T) {
	s := newScene()
	for _, key := range []ident.Key{"11", "12", "13", "14"} {
		s.record(key, map[string]any{"groups": []ident.DN{crm}})
	}
	s.set.Limits = map[ident.Class]Limit{ident.ClassCreate: {Count: 3}}
	p := s.plan(t)
	rejected := p.Changes[0].Operations[0].Digest
	hist := History{
		Used: map[ident.Class]int{ident.ClassCreate: 2},
		Decided: func(key ident.Key, _ ident.Class, digest string) (int64, ident.Result, bool) {
			return 8, ident.ResultRejected, key == "11" && digest == rejected
		},
	}
	again := Relimit(s.set, hist, p)
	want := []string{
		"create apply 12", "create hold 13 14", "create rejected 11", "groups apply 12", "groups hold 13 14",
		"groups rejected 11",
	}
	if got := verdicts(again); !slices.Equal(got, want) {
		t.Errorf("verdicts %q, want %q", got, want)
	}
	if got, want := states(again)[0], "create 3: allowed 3, used 2, planned 2, over 1"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := verdicts(p)[0], "create apply 11 12 13"; got != want {
		t.Errorf("the saved plan itself became %q", got)
	}
	hist.Decided = func(key ident.Key, class ident.Class, _ string) (int64, ident.Result, bool) {
		return 9, ident.ResultHeld, key == "14" && class == ident.ClassCreate
	}
	if op := Relimit(s.set, hist, p).Changes[3].Operations[0]; op.Verdict != ident.VerdictDecided || op.Earlier != 9 {
		t.Errorf("what was held, and is held by run 9 now: %s by run %d", op.Verdict, op.Earlier)
	}
	if got := verdicts(Relimit(Settings{}, History{}, p)); !slices.Equal(got, verdicts(p)) {
		t.Errorf("without limits what was held is applied: %q", got)
	}
}
