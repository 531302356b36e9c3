package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// history is a store whose clock stands at a day that is old for keep.
type history struct {
	*Store
	t     *testing.T
	ctx   context.Context //nolint:containedctx // of the one test
	clock *clock
}

const keep = 100 * day

func newHistory(t *testing.T) *history {
	t.Helper()
	c := newClock()
	return &history{openTest(t, WithClock(c.Now)), t, t.Context(), c}
}

// run records a run that has ended, with an outcome for each result.
func (h *history) run(automation string, kind Kind, results ...ident.Result) int64 {
	h.t.Helper()
	lease := must1[Lease](h.t)(h.AcquireLease(h.ctx, automation, "test", time.Hour))
	id := must1[int64](h.t)(h.StartRun(h.ctx, lease, Run{Automation: automation, Kind: kind, By: "ada"}))
	for i, result := range results {
		h.outcome(id, fmt.Sprintf("%d-%d", id, i), result)
	}
	must(h.t, h.FinishRun(h.ctx, lease, Run{ID: id, Result: RunOK}))
	must(h.t, h.ReleaseLease(h.ctx, lease))
	return id
}

func (h *history) outcome(run int64, key string, result ident.Result) {
	h.t.Helper()
	o := outcome(run, ident.Key(key), ident.ClassUpdate, result)
	o.At = h.clock.Now()
	must(h.t, h.write(h.ctx, "test", func(tx *sql.Tx) error {
		return insertOutcome(h.ctx, tx, Commit{Outcome: o, Automation: "staff", Application: "crm"})
	}))
}

func (h *history) exec(query string, args ...any) {
	h.t.Helper()
	_, err := h.writer.ExecContext(h.ctx, query, args...)
	must(h.t, err)
}

func (h *history) left() (runs []int64) {
	h.t.Helper()
	for _, r := range must1[[]Run](h.t)(h.Runs(h.ctx, 1_000)) {
		runs = append(runs, r.ID)
	}
	slices.Sort(runs)
	return runs
}

func (h *history) retain(journal bool) Removed {
	h.t.Helper()
	r := Retention{Runs: h.clock.Now().Add(-keep)}
	if journal {
		r.Journal = r.Runs
	}
	return must1[Removed](h.t)(h.Retain(h.ctx, r))
}

func TestOldRunsAreRemoved(t *testing.T) {
	h := newHistory(t)
	gone := []int64{h.run("staff", KindManual, ident.ResultApplied, ident.ResultFailed), h.run("staff", KindScheduled)}
	held := h.run("staff", KindManual, ident.ResultApplied, ident.ResultHeld)
	rejected := h.run("staff", KindManual, ident.ResultRejected)
	forgotten := h.run("staff", KindManual, ident.ResultRejected)
	h.exec(`UPDATE outcomes SET forgotten = 1 WHERE run = ?`, forgotten)
	unsettled := h.run("staff", KindManual)
	intent := `INSERT INTO intents (run, automation, application, key, guid, dn, name, server, anchor, operation_json, link_json, password, opened_by, held_id, created)
		VALUES (?, 'staff', 'crm', '3', '', 'd', 'n', 's', 'a', '{}', 'null', x'', 'x', ?, 1)`
	h.exec(intent, unsettled, nil)
	carriedOut := h.run("staff", KindManual, ident.ResultDropped)
	h.exec(intent, unsettled, must1[[]Held](t)(h.outcomes(h.ctx, selectOutcomes+` WHERE run = ?`, carriedOut))[0].ID)
	asked := h.run("staff", KindManual, ident.ResultApplied)
	approved := h.run("staff", KindApproval)
	lastApproval := h.run("staff", KindApproval)
	h.exec(`UPDATE outcomes SET settled_run = ? WHERE run = ?`, approved, asked)
	late := h.run("staff", KindManual, ident.ResultDropped)
	otherLast := h.run("weekly", KindScheduled, ident.ResultApplied)
	lastScheduled := h.run("staff", KindScheduled)
	lease := must1[Lease](t)(h.AcquireLease(h.ctx, "hangs", "test", time.Hour))
	running := must1[int64](t)(h.StartRun(h.ctx, lease, Run{Automation: "hangs", Kind: KindManual}))
	for range 2 * runsAtOnce {
		h.run("busy", KindManual, ident.ResultApplied)
	}
	lastManual := h.run("staff", KindManual)
	busy := h.run("busy", KindManual)
	gone = append(gone, forgotten, asked, approved)

	h.clock.Add(keep)
	if r := h.retain(false); r != (Removed{}) {
		t.Errorf("on the last day: %+v", r)
	}
	h.exec(`UPDATE outcomes SET at = ? WHERE run = ?`, stamp(h.clock.Now()), late) // decided today
	h.clock.Add(day)
	h.run("staff", KindManual, ident.ResultApplied) // today's; so the last one of the old is none any more
	gone = append(gone, lastManual)
	r := h.retain(false)
	if r.Runs != len(gone)+2*runsAtOnce || r.Outcomes != 4+2*runsAtOnce || r.Lines != 0 {
		t.Errorf("removed %+v", r)
	}
	want := []int64{held, rejected, unsettled, carriedOut, lastApproval, late, otherLast, lastScheduled, running, busy, busy + 1}
	slices.Sort(want)
	if left := h.left(); !slices.Equal(left, want) {
		t.Errorf("left are %v, want %v", left, want)
	}
	for _, id := range gone {
		if left := must1[[]ident.Outcome](t)(h.Outcomes(h.ctx, id)); len(left) != 0 {
			t.Errorf("run %d has left %+v", id, left)
		}
	}
	if counts := must1[map[ident.Class]int](t)(h.CountApplied(h.ctx, "staff", h.clock.Now().Add(-day))); counts[ident.ClassUpdate] != 1 {
		t.Errorf("the limits count %v", counts)
	}
	if r := h.retain(false); r != (Removed{}) {
		t.Errorf("again: %+v", r)
	}
	must(t, h.VerifyJournal(h.ctx))
	told := 0
	must(t, h.EachJournal(h.ctx, func(l JournalLine) error {
		if l.Kind == JournalRemoved && l.By == byRetention && l.Text != "" {
			told++
		}
		return nil
	}))
	if told != 3 {
		t.Errorf("%d lines about removals", told)
	}
}

// lines writes so many lines.
func (h *history) lines(n int) {
	h.t.Helper()
	for i := range n {
		must(h.t, h.PutLink(h.ctx, link(ident.Key(fmt.Sprint(i)), ident.GUID(fmt.Sprint(i))), "ada"))
	}
}

// exported verifies an export by itself, and returns its first and last line.
func (h *history) exported() (first, last int64) {
	h.t.Helper()
	var previous string
	must(h.t, h.ExportJournal(h.ctx, func(raw json.RawMessage) error {
		var l struct {
			JournalLine
			Previous string `json:"previous"`
			Hash     string `json:"hash"`
			Raw      string `json:"raw"`
		}
		must(h.t, json.Unmarshal(raw, &l))
		if first == 0 {
			first = l.Seq
		} else if l.Previous != previous || l.Seq != last+1 {
			h.t.Errorf("line %d does not follow", l.Seq)
		}
		last, previous = l.Seq, l.Hash
		return nil
	}))
	return first, last
}

func TestTheJournalIsShortened(t *testing.T) {
	h := newHistory(t)
	h.lines(journalBatch + 7)
	before := must1[JournalState](t)(h.CheckJournal(h.ctx))
	h.clock.Add(day)
	h.lines(3)
	h.clock.Add(keep - time.Hour)
	if r := h.retain(true); r != (Removed{Lines: journalBatch + 7}) {
		t.Errorf("removed %+v", r)
	}
	state := must1[JournalState](t)(h.CheckJournal(h.ctx))
	if state.Removed != before.Last || state.Lines != 4 || state.Last != before.Last+4 {
		t.Errorf("%+v", state)
	}
	if first, last := h.exported(); first != before.Last+1 || last != state.Last {
		t.Errorf("exported are lines %d to %d", first, last)
	}
	var checkpoint *Checkpoint
	must(t, h.EachJournal(h.ctx, func(l JournalLine) error { checkpoint = l.Checkpoint; return nil }))
	if checkpoint == nil || *checkpoint != (Checkpoint{before.Last, before.Hash}) {
		t.Errorf("the checkpoint says %+v, and line %d had the hash %s", checkpoint, before.Last, before.Hash)
	}
	if r := h.retain(true); r != (Removed{}) {
		t.Errorf("again: %+v", r)
	}
	// What is left is append-only as ever.
	for _, query := range []string{`DELETE FROM journal`, `DELETE FROM journal WHERE seq = (SELECT min(seq) FROM journal)`, `UPDATE journal SET line_json = ''`} {
		if _, err := h.writer.ExecContext(h.ctx, query); err == nil {
			t.Errorf("%s went through", query)
		}
	}
	// Until everything is old: then the checkpoints alone are left, the last one.
	h.clock.Add(10 * keep)
	if r := h.retain(true); r.Lines != 4 {
		t.Errorf("in the end: %+v", r)
	}
	h.lines(1)
	if state := must1[JournalState](t)(h.CheckJournal(h.ctx)); state.Lines != 2 {
		t.Errorf("in the end: %+v", state)
	}
}

// TestAnOpenRunKeepsItsLines: what is held must be explained, and undone.
func TestAnOpenRunKeepsItsLines(t *testing.T) {
	h := newHistory(t)
	h.lines(2)
	held := h.run("staff", KindManual, ident.ResultHeld)
	h.lines(2)
	h.clock.Add(keep + day)
	if r := h.retain(true); r.Lines != 2 || r.Open != held {
		t.Errorf("%+v, want the 2 lines before run %d", r, held)
	}
	if first, _ := h.exported(); first != 3 {
		t.Errorf("the journal begins at line %d", first)
	}
	if n := must1[int](t)(h.RejectHeld(h.ctx, held, "", "ada")); n != 1 {
		t.Errorf("%d are rejected", n)
	}
	if r := h.retain(true); r.Lines != 4 || r.Open != 0 {
		t.Errorf("once it is decided: %+v", r)
	}
}

// TestRemovalHidesNothing: lines that were changed stay, and lines that are
// gone without a checkpoint are missed.
func TestRemovalHidesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		query  string
		broken int64
		kept   bool // nothing is removed from it either
	}{
		"a line was changed":       {`UPDATE journal SET line_json = replace(line_json, 'ada', 'eve') WHERE seq = 3`, 3, true},
		"a line is gone":           {`DELETE FROM journal WHERE seq = 2`, 2, true},
		"the beginning is gone":    {`DELETE FROM journal WHERE seq < 3`, 1, true},
		"and the head says so":     {`DELETE FROM journal WHERE seq < 3; UPDATE journal_head SET base_seq = 2, base_hash = (SELECT hash FROM journal WHERE seq = 3)`, 3, true},
		"and with the right hash":  {`UPDATE journal_head SET base_seq = 2, base_hash = (SELECT hash FROM journal WHERE seq = 2); DELETE FROM journal WHERE seq < 3`, 2, false},
		"the head says less":       {`UPDATE journal_head SET base_seq = 1, base_hash = (SELECT hash FROM journal WHERE seq = 1)`, 1, false},
		"everything is gone":       {`DELETE FROM journal`, 1, true},
		"everything, and the head": {`UPDATE journal_head SET base_seq = 5, base_hash = hash; DELETE FROM journal`, 5, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHistory(t)
			h.lines(5)
			tamper(t, h.Store, c.query)
			var broken *JournalBrokenError
			if err := h.VerifyJournal(h.ctx); !errors.As(err, &broken) || broken.Seq != c.broken {
				t.Errorf("%v, want line %d", err, c.broken)
			}
			if !c.kept {
				return
			}
			h.clock.Add(keep + day)
			h.lines(1)
			count := func() (n int) {
				must(t, h.reader.QueryRowContext(h.ctx, `SELECT count(*) FROM journal`).Scan(&n))
				return n
			}
			before := count()
			_, err := h.Retain(h.ctx, Retention{Journal: h.clock.Now().Add(-keep)})
			if !errors.As(err, &broken) || broken.Seq != c.broken || count() != before {
				t.Errorf("%v; %d lines of %d are left", err, count(), before)
			}
		})
	}
}

// TestAnInterruptedRemoval leaves lines behind that are no longer part of it.
func TestAnInterruptedRemoval(t *testing.T) {
	h := newHistory(t)
	h.lines(5)
	var rows []rawLine
	must(t, h.eachRawLine(h.ctx, 0, func(l rawLine) error { rows = append(rows, l); return nil }))
	h.clock.Add(keep + day)
	h.lines(1)
	h.retain(true)
	for _, row := range rows[2:] {
		tamper(t, h.Store, `INSERT INTO journal VALUES (?, ?, ?)`, row.seq, row.text, row.hash)
	}
	if first, _ := h.exported(); first != 6 {
		t.Errorf("the journal begins at line %d", first)
	}
	must(t, h.VerifyJournal(h.ctx))
	h.retain(true)
	var least int64
	must(t, h.reader.QueryRowContext(h.ctx, `SELECT min(seq) FROM journal`).Scan(&least))
	if least != 6 {
		t.Errorf("line %d is still there", least)
	}
}

// TestAReaderIsToldOfARemoval: half of a journal is not taken for all of it.
func TestAReaderIsToldOfARemoval(t *testing.T) {
	h := newHistory(t)
	h.lines(2*journalBatch + 10)
	h.clock.Add(keep + day)
	seen := 0
	err := h.ExportJournal(h.ctx, func(json.RawMessage) error {
		if seen++; seen == 10 {
			h.retain(true)
		}
		return nil
	})
	if !errors.Is(err, errShortened) || seen != journalBatch {
		t.Errorf("%d lines, %v", seen, err)
	}
	h.exported()
}
