package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"testing"
	"unicode"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/connector"
	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host"
)

// evil is text that clears the screen, sets the window's title, begins a line
// of its own, and turns the direction of what follows.
const evil = "Ada\x1b[2J\x1b]0;owned\a\r\nroot \u009b31m\u202e\ttab"

// TestForeignTextDoesNotDriveTheTerminal prints plans, runs and connectors in
// which every text is evil: what people see has no control characters, and no
// line that a foreign text began.
func TestForeignTextDoesNotDriveTheTerminal(t *testing.T) {
	var p ident.Plan
	var r engine.Report
	var q []ident.QuarantineItem
	var m host.Module
	for _, v := range []any{&p, &r, &q, &m} {
		spoil(reflect.ValueOf(v).Elem())
	}
	// What rollcall itself says is what it is.
	r.Kind, r.Result, r.Outcomes[0].Result = store.KindManual, store.RunOK, ident.ResultFailed
	m.SHA256, m.Signature = "e3b0c442", "unsigned"
	for class := range ident.Classes { // texts that choose a branch
		op := p.Changes[0].Operations[0]
		op.Class, op.Verdict = ident.Classes[class], ident.VerdictHold
		p.Changes[0].Operations = append(p.Changes[0].Operations, op)
	}
	for name, show := range map[string]func(*bytes.Buffer){
		"plan":       func(b *bytes.Buffer) { printPlan(b, p, extent{}) },
		"brief plan": func(b *bytes.Buffer) { printPlan(b, p, extent{brief: true}) },
		"run":        func(b *bytes.Buffer) { printReport(b, r, extent{}) },
		"brief run":  func(b *bytes.Buffer) { printReport(b, r, extent{brief: true}) },
		"quarantine": func(b *bytes.Buffer) { printQuarantine(b, q, "", "") },
		"connectors": func(b *bytes.Buffer) { printModules(b, []connector.View{{Module: m}}) },
		"a verified one": func(b *bytes.Buffer) {
			printVerified(b, connector.Verified{Connector: evil, Version: evil, Signature: evil, Problems: []string{evil}})
		},
		"a connector": func(b *bytes.Buffer) { printModule(b, connector.Views([]host.Module{m}, &config.Config{})[0]) },
	} {
		var b bytes.Buffer
		show(&b)
		if !strings.Contains(b.String(), "Ada") {
			t.Errorf("%s: the text is not shown at all", name)
		}
		for _, line := range strings.Split(b.String(), "\n") {
			if strings.ContainsFunc(line, drivesTerminal) || strings.HasPrefix(line, "root") {
				t.Errorf("%s prints %q", name, line)
			}
		}
	}
}

// spoil sets every text within v to evil, with one element in each list and
// map.
func spoil(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(evil)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				spoil(v.Field(i))
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		spoil(v.Index(0))
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		spoil(key)
		spoil(value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		spoil(v.Elem())
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	default:
	}
}

// TestErrorsDoNotDriveTheTerminal prints an error with a vendor's words in it.
func TestErrorsDoNotDriveTheTerminal(t *testing.T) {
	for _, err := range []error{errors.New(evil), &control.Error{Message: evil}, config.Errors{{Message: evil}}} {
		var b bytes.Buffer
		(&cli{stderr: newStatus(&b)}).fail(err)
		text := strings.ReplaceAll(b.String(), "\t", "") // what cobra guesses is indented
		if !strings.Contains(text, "Ada") || strings.ContainsFunc(text, drivesTerminal) {
			t.Errorf("%T prints %q", err, text)
		}
	}
}

// A photo is shown by its size, and so is a count of deletions.
func TestPlansShowBytesAsSizes(t *testing.T) {
	p := ident.Plan{
		Records: ident.RecordCounts{Deleted: 3},
		Changes: []ident.Change{{Key: "1", Operations: []ident.Operation{{Class: ident.ClassUpdate, Attributes: []ident.AttributeChange{
			{Name: "thumbnailPhoto", Binary: true, Old: []string{"\xff\xd8"}, New: []string{strings.Repeat("\xff", 12345)}},
		}}}}},
	}
	var b bytes.Buffer
	printPlan(&b, p, extent{})
	for _, want := range []string{"thumbnailPhoto: (binary, 2 bytes, SHA-256 71563ad8...) -> (binary, 12,345 bytes, SHA-256 644bdcb9...)\n", "Reported deleted: 3.\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%.2000s", want, b.String())
		}
	}
}

// A report lists fifty of a kind and counts the rest; the list has them all.
func TestManyItemsAreBounded(t *testing.T) {
	var s engine.Summary
	for i := range 2000 {
		key := ident.Key(fmt.Sprint(i))
		s.Quarantined = append(s.Quarantined, ident.QuarantineItem{Key: key, Name: "Bo", Part: ident.PartAccount, Cause: "enabled " + string(key), Next: "disable it"})
		s.Notes = append(s.Notes, ident.Note{Key: key, Name: "Bo", Text: "moved for " + string(key)})
	}
	s.Quarantined = append(s.Quarantined, ident.QuarantineItem{Key: "r", Name: "Di", Cause: "no mail", Next: "add one"})
	var report, list bytes.Buffer
	printSummary(pageOf(&report), s, extent{}, "the list shows all")
	printQuarantine(&list, s.Quarantined, "", "")
	for text, want := range map[string]int{"enabled": 50, "disable it": 50, "moved": 50, "no mail": 1, "  and 1950 more: the list shows all\n": 2} {
		if n := strings.Count(report.String(), text); n != want {
			t.Errorf("the report has %q %d times, want %d", text, n, want)
		}
	}
	if n := strings.Count(list.String(), "enabled"); n != 2000 || strings.Contains(list.String(), "more") {
		t.Errorf("the list has %d of 2000", n)
	}
}

// Who is meant is told by the key alone when the record has no name to read.
func TestWhoIsMeant(t *testing.T) {
	for _, tc := range [][3]string{{"", "", ""}, {"Ada", "", "Ada: "}, {"", "2", "key 2: "}, {"Ada", "2", "Ada (key 2): "}} {
		if got := who(tc[0], ident.Key(tc[1])); got != tc[2] {
			t.Errorf("%q, %q: %q, want %q", tc[0], tc[1], got, tc[2])
		}
	}
}

// JSON is the same to a program, and drives no terminal either.
func TestJSONDoesNotDriveTheTerminal(t *testing.T) {
	in := evil + "\u2028\U000e0041<>&\u00a0" // C1, direction, a tag, a blank that is none
	var b bytes.Buffer
	if err := printJSON(&b, map[string]string{in: in}); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsFunc(b.String(), func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) {
		t.Errorf("%q", b.String())
	}
	var out map[string]string
	if err := json.Unmarshal(b.Bytes(), &out); err != nil || out[in] != in {
		t.Errorf("it is read as %q, %v", out, err)
	}
}

// On a terminal only warnings and errors stand among the results.
func TestLogOnATerminal(t *testing.T) {
	var b bytes.Buffer
	log := slog.New(&terminalLog{page: &page{Writer: &b, terminal: true, width: 60}, mu: &sync.Mutex{}})
	log = log.With("automation", "staff").WithGroup("dc")
	log.Info("directory connected")
	log.Warn("made a master key beside the secrets that it protects", "file", "/var/lib/rollcall/"+evil)
	log.Warn(engine.LogRunEnded, "result", "quarantined", "cause", "")
	log.Error("lease was lost")
	if got := b.String(); !strings.HasPrefix(got, "warning: made a master key beside the secrets that it\n         protects (automation: staff, dc.file:") ||
		!strings.HasSuffix(got, "error: lease was lost (automation: staff)\n") || strings.Contains(got, "connected") || strings.Contains(got, "run ended") || strings.ContainsFunc(got, drivesTerminal) {
		t.Errorf("it logs\n%s", got)
	}
}

// One is one.
func TestSingularAndPlural(t *testing.T) {
	var b bytes.Buffer
	printQuarantineList(&b, service.QuarantineList{Automation: "staff", Application: "crm", Items: []ident.QuarantineItem{{Key: "1", Cause: "x"}, {Key: "2", Part: "mail", Cause: "y"}}}, "")
	printSummary(pageOf(&b), engine.Summary{Records: ident.RecordCounts{Unchanged: 1, Missing: 1}}, extent{}, "")
	printStillHeld(pageOf(&b), []engine.HeldBy{{Run: 3, Class: ident.ClassMove, Count: 1}})
	for _, want := range []string{
		"Automation staff for application crm: 1 record, and 1 more that needs a person.\n", "1 needs no change; 1 link missing.\n", "what): 1 move\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

// Only the limits that a plan counts against are shown, all when asked for.
func TestLimitsThatMatter(t *testing.T) {
	limits := []ident.LimitState{
		{Class: ident.ClassCreate, Limit: "none", Allowed: -1, Planned: 3},
		{Class: ident.ClassAdopt, Limit: "none", Allowed: -1, Planned: 1, Over: 1},
		{Class: ident.ClassUpdate, Limit: "5", Allowed: 5, Planned: 1},
		{Class: ident.ClassDisable, Limit: "5", Allowed: 5, Used: 2},
		{Class: ident.ClassDelete, Limit: "0"},
	}
	for verbose, want := range map[bool]string{false: "adopt update", true: "create adopt update disable delete"} {
		var b bytes.Buffer
		printLimitStates(pageOf(&b), limits, verbose)
		var got []string
		for _, line := range strings.Split(strings.TrimSpace(b.String()), "\n")[1:] {
			got = append(got, strings.Fields(line)[0])
		}
		if strings.Join(got, " ") != want {
			t.Errorf("verbose %t: %q, want %q", verbose, got, want)
		}
	}
	var b bytes.Buffer
	if printLimitStates(pageOf(&b), limits[:1], false); b.Len() > 0 {
		t.Errorf("without one that matters: %s", b.String())
	}
}

// TestPlanWithoutRecords: an automation with a trigger has nothing to plan, and says
// so instead of counting nothing.
func TestPlanWithoutRecords(t *testing.T) {
	var text strings.Builder
	printPlan(&text, ident.Plan{Automation: "leavers", Notes: []ident.Note{{Text: "the directory is believed"}}}, extent{})
	if got := text.String(); got != "leavers: the directory is believed\n" {
		t.Errorf("%q", got)
	}
}
