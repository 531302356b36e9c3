package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/agent/internal/check"
	"github.com/rollcall-agent/rollcall/agent/internal/connector"
	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
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
	p.Scope = []ident.ScopeCount{{Condition: "user.active_flag", OutOfScope: 3}, {Condition: "!user.is_deleted"}, {Condition: "user.country in ['NL', 'BE']", OutOfScope: 1}}
	p.Follows = []ident.Follow{{Orchestration: "welcome", Class: ident.ClassCreate, Count: 1}, {Orchestration: "leaver", Class: ident.ClassDisable, Count: 12}}
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
		{Name: "company", Old: []string{"Acme"}, New: []string{"Acme Prague"}, Conflict: true},
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
	r.Outcomes[0], r.Outcomes[1] = r.Outcomes[1], r.Outcomes[0] // as they were carried out
	r.Orchestrations = []store.InstanceCount{
		{Orchestration: "leaver", Status: store.InstanceHeld, Count: 3},
		{Orchestration: "welcome", Status: store.InstanceDone, Count: 9},
		{Orchestration: "welcome", Status: store.InstanceWaiting, Count: 1},
	}
	return r
}

// approvalRun is the run that carried out what run 12 held.
func approvalRun() engine.Report {
	r := heldRun()
	ended := noonAnd(5)
	r.Run = store.Run{ID: 14, Automation: "staff", Application: "pipedrive", Kind: store.KindApproval, By: "ada", Started: noonAnd(5), Ended: &ended, Result: store.RunQuarantined}
	r.Summary = engine.Summary{}
	r.Outcomes = []ident.Outcome{r.Outcomes[1], r.Outcomes[2]}
	r.Counts = map[ident.Class]map[ident.Result]int{ident.ClassUpdate: {ident.ResultApplied: 1}, ident.ClassMove: {ident.ResultFailed: 1}}
	return r
}

// manyLinks are of one application and automation, as mostly.
func manyLinks() []service.ListedLink {
	gone := noonAnd(9)
	link := func(key ident.Key, name string, missing *time.Time) service.ListedLink {
		l := service.ListedLink{Link: ident.Link{
			Application: "pipedrive", Key: key, GUID: ident.GUID(fmt.Sprintf("3f2504e0-4f89-41d3-9a0c-0305e82c%04s", key)),
			Automation: "staff", Origin: ident.OriginCreated, Created: noonAnd(len(name)), MissingSince: missing,
		}}
		if name != "" {
			l.Account = &store.Account{Name: name}
		}
		return l
	}
	return []service.ListedLink{link("2", "Ada Novák", nil), link("10", "李小龍", nil), link("11", "", &gone), link("12", "Wolfeschlegelsteinhausenbergerdorff, Hubert Blaine", nil)}
}

func findings() []check.Finding {
	return []check.Finding{
		{Where: "directory", Finding: abi.Finding{Use: "bind", Right: "sign in", State: abi.RightGranted}},
		{Where: "directory", Finding: abi.Finding{Use: "create users in OU=Staff,DC=ad,DC=example,DC=com", Right: "create child user", State: abi.RightLacking, Reason: "the bind account may not create objects of the class user there; next: delegate \"Create, delete and manage user accounts\" on the OU to it"}},
		{Where: "application pipedrive", Finding: abi.Finding{Use: "endpoint users", Right: "", State: abi.RightUnknown, Reason: "an API token has no scopes"}},
	}
}

func someModules() []connector.View {
	return []connector.View{
		{Module: host.Module{Manifest: abi.Manifest{Name: "pipedrive", Version: "1.0.0"}, File: "/usr/lib/rollcall/modules/pipedrive.wasm", Signature: "signed by RWQf6LRCGA9i53ml", State: "serving"}},
		{Module: host.Module{Manifest: abi.Manifest{Name: "infobip", Version: "0.9.0"}, File: "/usr/lib/rollcall/modules/infobip.wasm", Signature: "unsigned", State: "refused", Reason: "version 0.9.0 is lower than 1.2.0, which has served before: set allow_downgrade = [\"infobip\"] in [modules]"}},
	}
}

// outputs are what the commands print, by the name of their golden files.
func outputs(t *testing.T) map[string]func(*page) {
	t.Helper()
	decided := approvalRun().Run
	decided.Result, decided.ID = store.RunHeld, 9
	old := store.Run{ID: 3, Automation: "staff", Kind: store.KindManual, By: "ada", Started: noonAnd(0), Result: store.RunRunning}
	failed := store.Run{ID: 2, Automation: "interns", Application: "pipedrive", Kind: store.KindScheduled, By: "schedule", Started: noonAnd(0), Ended: &decided.Started, Result: store.RunFailed, Error: "connect to a domain controller: ldaps://dc1.example.com: dial tcp 192.0.2.1:636: connection refused; next: check urls in [directory]"}
	held := heldRun().Run
	held.Held = 1
	return map[string]func(*page){
		"plan":       func(p *page) { printPlan(p, mixedPlan(t), extent{}) },
		"plan_brief": func(p *page) { printPlan(p, mixedPlan(t), extent{brief: true, verbose: true}) },
		"run":        func(p *page) { printReport(p, heldRun(), extent{}) },
		"approval":   func(p *page) { printReport(p, approvalRun(), extent{}) },
		"apply":      func(p *page) { printReport(p, heldRun(), extent{brief: true}) },
		"runs":       func(p *page) { printRuns(p, []store.Run{held, decided, old, failed}) },
		"runs_alike": func(p *page) {
			fourth := failed
			fourth.ID, fourth.Automation = 1, "staff"
			printRuns(p, []store.Run{held, decided, fourth})
		},
		"links":    func(p *page) { printLinks(p, manyLinks()) },
		"link_one": func(p *page) { printLinks(p, manyLinks()[:1]) },
		"quarantine": func(p *page) {
			printQuarantineList(p, service.QuarantineList{Automation: "staff", Application: "pipedrive", Items: mixedPlan(t).Quarantined}, "")
		},
		"quarantine_events": func(p *page) { printQuarantineList(p, someAside(), "") },
		"quarantine_both": func(p *page) { // an automation that was about changes in the directory before
			both := someAside()
			both.Application, both.Items, both.Events, both.MoreEvents = "pipedrive", mixedPlan(t).Quarantined[:1], both.Events[:1], 0
			printQuarantineList(p, both, "")
		},
		"quarantine_none": func(p *page) { printQuarantineList(p, service.QuarantineList{Automation: "leavers"}, "") },
		"queue":           func(p *page) { printQueue(p, someDeliveries()) },
		"dead_letter":     func(p *page) { printDelivery(p, deadLetter()) },
		"webhooks":        func(p *page) { printWebhooks(p, someWebhooks()) },
		"webhook":         func(p *page) { printWebhook(p, someWebhooks().Webhooks[0]) },
		"trial":           func(p *page) { printTrial(p, someTrial()) },
		"trial_done":      func(p *page) { printTrial(p, doneTrial()) },
		"instances":       func(p *page) { printInstances(p, []service.Instance{someInstance().Instance}) },
		"instance":        func(p *page) { printInstance(p, someInstance()) },
		"mapping":         func(p *page) { printTriedMapping(p, someMapping(), false) },
		"explain_now": func(p *page) {
			e := someExplanation()
			e.Now, e.Timeline = someProspects(t), e.Timeline[:1]
			printExplanation(p, e, true)
		},
		"explain":      func(p *page) { printExplanation(p, someExplanation(), false) },
		"events":       func(p *page) { printEvents(p, seenEvents{Events: someEvents()}) },
		"events_more":  func(p *page) { printEvents(p, seenEvents{1234, someEvents()}) },
		"explain_gone": func(p *page) { printExplanation(p, goneExplanation(), false) },
		"registered":   func(p *page) { printRegistered(p, someRegistered()) },
		"subscription": func(p *page) { printSubscription(p, someSubscription()) },
		"online":       func(p *page) { printOnline(p, findings()) },
		"connectors":   func(p *page) { printModules(p, someModules()) },
		"error": func(p *page) {
			p.lines(red, "rollcall: ", "connect to a domain controller: ldaps://dc1.example.com: dial tcp 192.0.2.1:636: connection refused; next: check urls in [directory], then `rollcall validate --online`\n\tand again")
		},
	}
}

// someAside is what an automation has set aside of changes in the directory.
func someAside() service.QuarantineList {
	return service.QuarantineList{Automation: "tell", MoreEvents: 2, Events: []service.AsideEvent{
		{
			Event: 31, At: noonAnd(3), Change: "modified description", Name: "Ada Lovelace", DN: "CN=Ada Lovelace,OU=Staff,DC=x", GUID: "guid-ada",
			Cause: "9 changes in a row have each led to the next one, and at most 8 may: automations answer each other",
			Next:  "see which automations write what the others ask for, and end the circle; `rollcall quarantine accept tell 31` drops it",
		},
		{
			Event: 32, At: noonAnd(4), Change: "deleted", Name: "李小龍", DN: "CN=李小龍,OU=Staff,DC=x", GUID: "guid-li",
			Cause: "it is not certain that CN=李小龍,OU=Staff,DC=x was deleted: the bind account is not shown deletions",
			Next:  "look whether it was; do by hand what must follow, and `rollcall quarantine accept tell 32` drops it",
		},
	}}
}

// TestOutputs holds what people see against the files in testdata/render:
// where there is no terminal, and on terminals of 80 and 120 columns. -update
// writes them anew.
func TestOutputs(t *testing.T) {
	for name, show := range outputs(t) {
		for _, width := range []int{0, 80, 120} {
			t.Run(fmt.Sprint(name, "/", width), func(t *testing.T) {
				var got bytes.Buffer
				show(&page{Writer: &got, terminal: width > 0, width: width})
				for _, line := range strings.Split(got.String(), "\n") {
					if width > 0 && cells(line) > width || strings.HasSuffix(line, " ") {
						t.Errorf("%d cells: %q", cells(line), line)
					}
				}
				compareGolden(t, filepath.Join("testdata", "render", fmt.Sprintf("%s.%d.txt", name, width)), got.String())
			})
		}
	}
}

func compareGolden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("it differs from %s (go test ./agent -run TestOutputs -update writes it anew):\n%s", file, got)
	}
}

// Colours are the only difference that they make.
func TestColours(t *testing.T) {
	sgr := regexp.MustCompile("\x1b\\[[0-9]+m")
	for name, show := range outputs(t) {
		var plain, coloured bytes.Buffer
		show(&page{Writer: &plain, terminal: true, width: 80})
		show(&page{Writer: &coloured, terminal: true, width: 80, colours: true})
		if !sgr.MatchString(coloured.String()) {
			t.Errorf("%s has no colours", name)
		}
		if got := sgr.ReplaceAllString(coloured.String(), ""); got != plain.String() {
			t.Errorf("%s without colours:\n%s\nwant\n%s", name, got, plain.String())
		}
	}
}

// No text is lost or made up when lines are broken, and every line fits.
func TestWrap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		piece := rapid.SampledFrom([]string{"a", "word", "李小龍", "e\u0301", "👩\u200d👧", " ", " -> ", "`rollcall apply staff`", "rollcall link add staff 2 ACCOUNT; ", "CN=Ada,OU=Staff,DC=example,DC=com", strings.Repeat("x", 50)})
		text := strings.Join(strings.Fields(strings.Join(rapid.SliceOf(piece).Draw(t, "pieces"), "")), " ")
		width := rapid.IntRange(2, 60).Draw(t, "width")
		lines := wrap(text, width)
		for _, line := range lines {
			if cells(line) > width {
				t.Fatalf("%q takes %d of %d", line, cells(line), width)
			}
		}
		if got := strings.Join(lines, ""); strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(text, " ", "") {
			t.Fatalf("%q becomes %q", text, lines)
		}
	})
}

// What people copy stays in one line.
func TestCommandsStayWhole(t *testing.T) {
	const text = "complete the record at the source, or link its account: rollcall link add staff 15 ACCOUNT; then look at `rollcall runs 12`, and do it again"
	lines := strings.Join(wrap(text, 60), "\n")
	for _, command := range []string{"rollcall link add staff 15 ACCOUNT", "`rollcall runs 12`"} {
		if !strings.Contains(lines, command) {
			t.Errorf("%q is parted:\n%s", command, lines)
		}
	}
}
