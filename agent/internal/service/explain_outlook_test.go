package service

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
)

// triedBy is an engine whose answers the test writes down.
type triedBy struct {
	noSingle string
	unable   error
	out      engine.Tried
	fails    error
	asked    int
}

func (e *triedBy) NoSingle(string) (string, error) { return e.noSingle, e.unable }

func (e *triedBy) Try(context.Context, engine.Trial) (engine.Tried, error) {
	e.asked++
	return e.out, e.fails
}

// TestProspects: what cannot be found out is said, with what was found out all the
// same, and everybody is fetched only when somebody says so.
func TestProspects(t *testing.T) {
	record := engine.TriedRecord{Considered: plan.Considered{Considered: mapping.Considered{
		Record: ident.Record{Key: "7", Fields: map[string]any{"name": "Ada"}}, Scope: mapping.Scope{In: true},
	}}}
	planned := ident.Plan{
		Changes:     []ident.Change{{Key: "7"}, {Key: "8"}},
		Quarantined: []ident.QuarantineItem{{Key: "7", Part: "mail", Cause: "in use"}, {Key: "9", Cause: "twice"}},
	}
	slow, cancel := context.WithCancelCause(t.Context())
	cancel(errSlow)
	for _, c := range []struct {
		name    string
		e       triedBy
		ctx     context.Context
		how     Outlook
		problem string
		next    string
		record  bool
		changes int
		asked   int
	}{
		{name: "all is known", e: triedBy{out: engine.Tried{Records: []engine.TriedRecord{record}, Plan: &planned}}, record: true, changes: 1, asked: 1},
		{name: "it cannot run", e: triedBy{unable: errors.New("no connector")}, problem: "no connector"},
		{name: "everybody would be fetched", e: triedBy{noSingle: "no call"}, problem: "fetched for it: no call", next: "--fetch does that"},
		{name: "everybody is fetched", e: triedBy{noSingle: "no call", out: engine.Tried{Plan: &planned}}, how: OutlookWhole, changes: 1, asked: 1},
		{name: "no directory", e: triedBy{out: engine.Tried{Records: []engine.TriedRecord{record}}, fails: errors.New("refused")}, problem: "refused", record: true, asked: 1},
		{name: "too slow", ctx: slow, e: triedBy{fails: context.DeadlineExceeded}, problem: "deadline", next: "--fetch takes", asked: 1},
	} {
		if c.ctx == nil {
			c.ctx = t.Context()
		}
		if c.how == "" {
			c.how = OutlookQuick
		}
		got := prospects(c.ctx, &c.e, c.how, config.Automation{Name: "staff", DataSource: "people"}, []ident.Key{"7"})[0]
		if got.Automation != "staff" || got.Key != "7" || (got.Record != nil) != c.record || len(got.Changes) != c.changes || c.e.asked != c.asked ||
			(got.Problem == "") != (c.problem == "") || !strings.Contains(got.Problem, c.problem) || !strings.Contains(got.Next, c.next) || (got.Next == "") != (c.next == "") {
			t.Errorf("%s: %+v, asked %d times", c.name, got, c.e.asked)
		}
		if c.record && c.changes > 0 && (len(got.Record.Quarantine) != 1 || got.Record.Quarantine[0].Cause != "in use") {
			t.Errorf("%s: what the plan sets aside: %+v", c.name, got.Record.Quarantine)
		}
	}
}

// TestExplainWithoutAnOutlook: that the configuration cannot be read keeps nobody from
// what is known.
func TestExplainWithoutAnOutlook(t *testing.T) {
	s, a := opened(t)
	people(t, a.Store())
	problem, entries := "", 0
	in := ExplainRequest{User: "anovak", Most: 50, Outlook: OutlookQuick, OnDisk: OnDisk{Config: "/none/agent.toml"}}
	for one, err := range s.Explain(t.Context(), "ada", in) {
		must(t, err)
		if one.Prospect != nil {
			problem = one.Prospect.Problem
		}
		if one.Entry != nil {
			entries++
		}
	}
	if !strings.Contains(problem, "/none/agent.toml") || entries == 0 {
		t.Errorf("the problem %q, and %d entries", problem, entries)
	}
}
