package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// noonAnd is a moment in the local zone, so that goldens read the same everywhere.
func noonAnd(minute int) time.Time { return time.Date(2026, 3, 1, 12, minute, 0, 0, time.Local) }

// mixedPlan has every class of operation and every verdict.
func mixedPlan(t *testing.T) ident.Plan {
	t.Helper()
	body, err := os.ReadFile("internal/plan/testdata/mixed.json")
	if err != nil {
		t.Fatal(err)
	}
	var p ident.Plan
	if err := json.Unmarshal(body, &p); err != nil {
		t.Fatal(err)
	}
	p.Made = noonAnd(0)
	return p
}

// heldRun is run 12, most of whose operations were held, with all that can
// become of them since.
func heldRun() engine.Report {
	ended := noonAnd(1)
	r := engine.Report{
		Run: store.Run{ID: 12, Automation: "staff", Application: "pipedrive", Kind: store.KindScheduled, By: "schedule", Started: noonAnd(0), Ended: &ended, Result: store.RunHeld},
		Summary: engine.Summary{
			Records: ident.RecordCounts{Delivered: 40, InScope: 38, OutOfScope: 2, Quarantined: 1, Missing: 3},
			Limits: []ident.LimitState{
				{Class: ident.ClassUpdate, Limit: "5", Allowed: 5, Used: 5, Planned: 1, Over: 1, Reason: "5 are allowed in 24 hours, 5 of them used before this run"},
				{Class: ident.ClassDelete, Limit: "0"},
			},
			Quarantined: []ident.QuarantineItem{{Key: "15", Name: "李小龍", Cause: "no value for mail: an existing account could not be recognised", Next: "complete the record at the source, or link its account: rollcall link add staff 15 ACCOUNT"}},
			HeldBy:      []engine.HeldBy{{Run: 9, Class: ident.ClassDisable, Count: 2}, {Run: 9, Class: ident.ClassMove, Count: 1}, {Run: 11, Class: ident.ClassCreate, Count: 1}},
		},
		Counts: map[ident.Class]map[ident.Result]int{
			ident.ClassUpdate:  {ident.ResultApplied: 1, ident.ResultHeld: 1},
			ident.ClassMove:    {ident.ResultFailed: 1},
			ident.ClassDisable: {ident.ResultRejected: 1, ident.ResultDropped: 1},
		},
	}
	const over = "pipedrive has other values; held: over the limit for update of 5 (5 are allowed in 24 hours, 5 of them used before this run)"
	update := ident.Operation{Class: ident.ClassUpdate, Reason: over, Attributes: []ident.AttributeChange{
		{Name: "displayName", Old: []string{"Zoë Čapek"}, New: []string{"Zoë Čapková"}},
		{Name: "proxyAddresses", Old: []string{"SMTP:zoe@example.com"}, New: []string{"smtp:zoe.capkova@example.com", "smtp:z.capkova@example.com", "smtp:zc@example.com"}, Add: true},
		{Name: "title", Old: []string{"CTO"}, New: nil, Drift: true},
	}}
	move := ident.Operation{Class: ident.ClassMove, Reason: "ou names another container", From: "CN=Jan Novák,OU=Staff,DC=x", To: "CN=Jan Novák,OU=Prague,OU=Staff,DC=x"}
	leaver := ident.Operation{Class: ident.ClassDisable, Reason: "missing: pipedrive no longer delivers the key", From: "CN=Eve,OU=Staff,DC=x", To: "CN=Eve,OU=Leavers,DC=x"}
	r.Outcomes = []ident.Outcome{
		{Run: 12, SettledBy: 14, Key: "2", DN: "CN=Zoë Čapek,OU=Staff,DC=x", Name: "Zoë Čapek", Operation: update, Result: ident.ResultApplied, Approved: "ada", At: noonAnd(5)},
		{Run: 12, Key: "10", DN: "CN=Zoë Čapek 2,OU=Staff,DC=x", Name: "Zoë Čapek", Operation: update, Result: ident.ResultHeld, Cause: over, At: noonAnd(1)},
		{Run: 12, SettledBy: 14, Key: "11", DN: move.From, Name: "Jan Novák", Operation: move, Result: ident.ResultFailed, Approved: "ada", Cause: "the directory refused it: insufficient rights", Next: "grant the bind account the right to create users in OU=Prague", At: noonAnd(5)},
		{Run: 12, Key: "20", DN: leaver.From, Name: "Eve", Operation: leaver, Result: ident.ResultRejected, Cause: "rejected by ada", At: noonAnd(6)},
		{Run: 12, SettledBy: 13, Key: "21", DN: leaver.From, Name: "Eve", Operation: leaver, Result: ident.ResultDropped, Cause: "superseded: run 13 holds it with other values", At: noonAnd(3)},
	}
	return r
}

// approvalRun is the run that carried out what run 12 held.
func approvalRun() engine.Report {
	r := heldRun()
	ended := noonAnd(5)
	r.Run = store.Run{ID: 14, Automation: "staff", Application: "pipedrive", Kind: store.KindApproval, By: "ada", Started: noonAnd(5), Ended: &ended, Result: store.RunQuarantined}
	r.Summary = engine.Summary{}
	r.Outcomes = []ident.Outcome{r.Outcomes[0], r.Outcomes[2]}
	r.Counts = map[ident.Class]map[ident.Result]int{ident.ClassUpdate: {ident.ResultApplied: 1}, ident.ClassMove: {ident.ResultFailed: 1}}
	return r
}

// TestOutputs holds what people see against the files in testdata/render;
// -update writes them anew.
func TestOutputs(t *testing.T) {
	for name, show := range map[string]func(*bytes.Buffer){
		"plan":     func(b *bytes.Buffer) { printPlan(b, mixedPlan(t), false) },
		"run":      func(b *bytes.Buffer) { printReport(b, heldRun(), false) },
		"approval": func(b *bytes.Buffer) { printReport(b, approvalRun(), false) },
		"runs": func(b *bytes.Buffer) {
			decided := approvalRun().Run
			decided.Result, decided.ID = store.RunHeld, 9
			old := store.Run{ID: 3, Automation: "staff", Kind: store.KindManual, By: "ada", Started: noonAnd(0), Result: store.RunRunning}
			held := heldRun().Run
			held.Held = 1
			printRuns(b, []store.Run{held, decided, old})
		},
		"run_brief": func(b *bytes.Buffer) { printReport(b, heldRun(), true) },
	} {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			show(&got)
			file := filepath.Join("testdata", "render", name+".txt")
			if *update {
				if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != string(want) {
				t.Errorf("it differs from %s (go test ./agent -run TestOutputs -update writes it anew):\n%s", file, got.String())
			}
		})
	}
}
