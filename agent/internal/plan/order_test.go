package plan

import (
	"slices"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// A plan goes by keys as people count, and so do the limits.
func TestPlansGoByKeysInNaturalOrder(t *testing.T) {
	s := newScene()
	s.set.Limits = map[ident.Class]Limit{ident.ClassCreate: {Count: 1}}
	for _, key := range []ident.Key{"10", "9", "2"} {
		s.record(key, nil)
	}
	for _, key := range []ident.Key{"11", "3"} {
		s.record(key, map[string]any{"mail": "unmappable"})
	}
	p := s.plan(t)
	var changes, aside []ident.Key
	for _, c := range p.Changes {
		changes = append(changes, c.Key)
	}
	for _, q := range p.Quarantined {
		aside = append(aside, q.Key)
	}
	if !slices.Equal(changes, []ident.Key{"2", "9", "10"}) || !slices.Equal(aside, []ident.Key{"3", "11"}) {
		t.Errorf("changes %q, quarantine %q", changes, aside)
	}
	if first := p.Changes[0].Operations[0]; first.Verdict != ident.VerdictApply || p.Changes[2].Operations[0].Verdict != ident.VerdictHold {
		t.Errorf("key 2: %s, key 10: %s", first.Verdict, p.Changes[2].Operations[0].Verdict)
	}
}
