package engine

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// TestFollows: what the plan holds, and the first half of an exchange, begins
// nothing.
func TestFollows(t *testing.T) {
	op := func(class ident.Class, verdict ident.Verdict) ident.Operation {
		return ident.Operation{Class: class, Verdict: verdict}
	}
	aside := op(ident.ClassUpdate, ident.VerdictApply)
	aside.Aside = true
	changes := []ident.Change{
		{Operations: []ident.Operation{op(ident.ClassCreate, ident.VerdictApply), op(ident.ClassGroups, ident.VerdictApply)}},
		{Operations: []ident.Operation{op(ident.ClassCreate, ident.VerdictHold)}},
		{Operations: []ident.Operation{aside, op(ident.ClassUpdate, ident.VerdictApply)}},
		{Operations: []ident.Operation{op(ident.ClassDisable, ident.VerdictRefuse)}},
	}
	got := follows(changes, map[ident.Class][]string{
		ident.ClassCreate: {"welcome", "badge"}, ident.ClassUpdate: {"push"}, ident.ClassDisable: {"leaver"},
	})
	want := []ident.Follow{
		{Orchestration: "welcome", Class: ident.ClassCreate, Count: 1},
		{Orchestration: "badge", Class: ident.ClassCreate, Count: 1},
		{Orchestration: "push", Class: ident.ClassUpdate, Count: 1},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
