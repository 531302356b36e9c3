package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

var feed = Endpoint{Automation: "staff", Application: "crm", Name: "changes"}

func person(key ident.Key, name string) ident.Record {
	return ident.Record{Key: key, Fields: map[string]any{"name": name}}
}

func photoOf(key ident.Key, photo string) ident.Record {
	return ident.Record{Key: key, Partial: true, Fields: map[string]any{"photo": photo}}
}

// said shows what a run's staging says, a line for each key.
func said(t *testing.T, s *Store, run int64) []string {
	t.Helper()
	var lines []string
	for _, k := range staged(t, s, run) {
		line := fmt.Sprintf("%s %v", k.Record.Key, k.Record.Fields)
		if k.Records != 1 {
			line += fmt.Sprintf(" records %d", k.Records)
		}
		if k.Deleted {
			line += " deleted"
		}
		lines = append(lines, line)
	}
	return lines
}

func TestWhatIsNotSettledComesBack(t *testing.T) {
	dir := t.TempDir()
	s, ctx := openAt(t, dir), t.Context()
	lease, run := begin(t, s)
	must(t, s.Stage(ctx, run, []ident.Record{
		person("1", "Ada"), person("2", "Bo"), photoOf("2", "old"), person("3", "Cy"),
		{Key: "4", Deleted: true},
		person("5", "Di"), person("5", "Di"),
		photoOf("6", "nobody's"),
	}))
	at := ident.Position{Cursor: "page-1", Since: time.Date(2026, 3, 1, 12, 0, 0, 7, time.UTC)}
	must(t, s.SettlePosition(ctx, lease, run, feed, "c0ffee", at, []ident.Key{"2", "3", "4", "5"}))
	must(t, s.DropStaging(ctx, run))

	got, err := s.Position(ctx, feed)
	if d := cmp.Diff(Position{Position: at, Config: "c0ffee", Run: run}, got); err != nil || d != "" {
		t.Error(err, d)
	}
	other := feed
	other.Name = "other"
	if got := must1[Position](t)(s.Position(ctx, other)); got != (Position{}) {
		t.Errorf("another endpoint has %+v", got)
	}
	must(t, s.Stage(ctx, 99, []ident.Record{photoOf("2", "new"), person("3", "Cyril"), person("4", "is back"), person("7", "Fay")}))
	must(t, s.StageRetained(ctx, 99, feed))
	want := []string{
		"2 map[name:Bo photo:new]", "3 map[name:Cyril]", "4 map[name:is back]", "5 map[name:Di] records 2", "7 map[name:Fay]",
	}
	if d := cmp.Diff(want, said(t, s, 99)); d != "" {
		t.Error(d)
	}
	must(t, s.StageRetained(ctx, 98, other))
	if got := said(t, s, 98); got != nil {
		t.Errorf("another endpoint is given %v", got)
	}
	must(t, s.DropPosition(ctx, "staff"))
	must(t, s.StageRetained(ctx, 97, feed))
	if got := must1[Position](t)(s.Position(ctx, feed)); got != (Position{}) || said(t, s, 97) != nil {
		t.Errorf("after it was dropped: %+v, %v", got, said(t, s, 97))
	}
}

// Until the position is committed the former one holds, with what it retained.
func TestSettlingIsAllOrNothing(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	lease, run := begin(t, s)
	must(t, s.Stage(ctx, run, []ident.Record{person("1", "Ada")}))
	must(t, s.SettlePosition(ctx, lease, run, feed, "c", ident.Position{Cursor: "old"}, []ident.Key{"1"}))
	var many []ident.Record
	var keys []ident.Key
	for i := range 3 * retainedChunk {
		many = append(many, person(ident.Key(fmt.Sprintf("x%03d", i)), "X"))
		keys = append(keys, many[i].Key)
	}
	must(t, s.Stage(ctx, run+1, many))
	late, stop := context.WithCancel(ctx)
	stop()
	if err := s.SettlePosition(late, lease, run+1, feed, "c", ident.Position{Cursor: "new"}, keys); err == nil {
		t.Fatal("a canceled settlement reports no error")
	}
	// As if the agent had been killed after half of them:
	_, err := s.writer.ExecContext(ctx, `INSERT INTO retained (automation, run, key, kind, record_json)
		SELECT 'staff', run, key, kind, record_json FROM staging WHERE run = ? LIMIT 100`, run+1)
	must(t, err)
	must(t, s.StageRetained(ctx, 50, feed))
	if d := cmp.Diff([]string{"1 map[name:Ada]"}, said(t, s, 50)); d != "" {
		t.Error(d)
	}
	must(t, s.Stage(ctx, run+2, many))
	must(t, s.SettlePosition(ctx, lease, run+2, feed, "c", ident.Position{Cursor: "new"}, keys))
	must(t, s.StageRetained(ctx, 51, feed))
	if got := staged(t, s, 51); len(got) != len(keys) || slices.ContainsFunc(got, func(k Staged) bool { return k.Records != 1 }) {
		t.Errorf("%d keys of %d", len(got), len(keys))
	}
	var rows int
	must(t, s.reader.QueryRowContext(ctx, `SELECT count(*) FROM retained`).Scan(&rows))
	if rows != len(keys) {
		t.Errorf("%d rows are kept, %d are needed", rows, len(keys))
	}
}

func TestSettlingIsFenced(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	lease, run := begin(t, s)
	must(t, s.ReleaseLease(ctx, lease))
	must(t, s.Stage(ctx, run, []ident.Record{person("1", "Ada")}))
	for _, open := range [][]ident.Key{nil, {"1"}} {
		var fenced *FencedError
		if err := s.SettlePosition(ctx, lease, run, feed, "c", ident.Position{Cursor: "x"}, open); !errors.As(err, &fenced) {
			t.Errorf("with a lost lease: %v", err)
		}
	}
	if got := must1[Position](t)(s.Position(ctx, feed)); got != (Position{}) {
		t.Errorf("committed %+v", got)
	}
}

func TestLedgerSurvivesARestart(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	s := must1[*Store](t)(Open(ctx, dir))
	if text, err := s.LedgerText(ctx, "crm"); text != "" || err != nil {
		t.Errorf("a new store: %q, %v", text, err)
	}
	must(t, s.SaveLedgerText(ctx, "crm", "spent 7"))
	must(t, s.SaveLedgerText(ctx, "crm", "spent 8"))
	must(t, s.SaveLedgerText(ctx, "hr", "pause"))
	must(t, s.Close())
	s = openAt(t, dir)
	for application, want := range map[string]string{"crm": "spent 8", "hr": "pause", "other": ""} {
		if got := must1[string](t)(s.LedgerText(ctx, application)); got != want {
			t.Errorf("%s: %q, want %q", application, got, want)
		}
	}
}
