package store

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/host/soak"
)

// tamper runs a statement with the triggers of the journal out of the way, as
// somebody with the file in hands could.
func tamper(t tb, s *Store, query string, args ...any) {
	t.Helper()
	ctx := contextOf(t)
	conn, err := s.writer.Conn(ctx)
	must(t, err)
	defer func() { _ = conn.Close() }()
	rows, err := conn.QueryContext(ctx, `SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'`)
	must(t, err)
	triggers, err := collect(rows, func(row scanner) (p [2]string, err error) {
		err = row.Scan(&p[0], &p[1])
		return p, err
	})
	must(t, err)
	for _, trigger := range triggers {
		_, err := conn.ExecContext(ctx, `DROP TRIGGER `+trigger[0])
		must(t, err)
	}
	_, err = conn.ExecContext(ctx, query, args...)
	must(t, err)
	for _, trigger := range triggers {
		_, err := conn.ExecContext(ctx, trigger[1])
		must(t, err)
	}
}

func TestJournalIsAppendOnly(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	for i := range 3 {
		must(t, s.PutLink(ctx, link(ident.Key(fmt.Sprint(i)), ident.GUID(fmt.Sprint(i))), "ada"))
	}
	for _, query := range []string{
		`UPDATE journal SET line_json = '{}' WHERE seq = 2`, `UPDATE journal SET seq = 9 WHERE seq = 3`,
		`DELETE FROM journal WHERE seq = 3`, `DELETE FROM journal`,
		`INSERT OR REPLACE INTO journal SELECT seq, '{}', hash FROM journal WHERE seq = 2`,
		`INSERT INTO journal SELECT 0, line_json, hash FROM journal WHERE seq = 2`,
	} {
		if _, err := s.writer.ExecContext(ctx, query); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: %v", query, err)
		}
	}
	must(t, s.VerifyJournal(ctx))
}

func TestVerifyJournal(t *testing.T) {
	for query, want := range map[string]int64{
		`UPDATE journal SET line_json = replace(line_json, 'ada', 'eve') WHERE seq = 3`: 3,
		`UPDATE journal SET line_json = line_json || ' ' WHERE seq = 5`:                 5,
		`UPDATE journal SET hash = zeroblob(32) WHERE seq = 4`:                          4,
		`DELETE FROM journal WHERE seq = 1`:                                             1,
		`DELETE FROM journal WHERE seq = 3`:                                             3,
		`DELETE FROM journal WHERE seq = 5`:                                             5,
		`DELETE FROM journal WHERE seq > 2`:                                             3,
		`DELETE FROM journal`:                                                           1,
		`UPDATE journal SET seq = 0 WHERE seq = 1`:                                      1,
		`INSERT INTO journal SELECT -1, line_json, hash FROM journal WHERE seq = 1`:     1,
		`UPDATE journal SET line_json = (SELECT line_json FROM journal WHERE seq = 2), hash = (SELECT hash FROM journal WHERE seq = 2) WHERE seq = 4`: 4,
	} {
		s, ctx := openTest(t), t.Context()
		for i := range 5 {
			must(t, s.PutLink(ctx, link(ident.Key(fmt.Sprint(i)), ident.GUID(fmt.Sprint(i))), "ada"))
		}
		must(t, s.VerifyJournal(ctx))
		tamper(t, s, query)
		var broken *JournalBrokenError
		if err := s.VerifyJournal(ctx); !errors.As(err, &broken) || broken.Seq != want {
			t.Errorf("%s: %v; want line %d", query, err, want)
		}
		must(t, s.PutLink(ctx, link("9", "9"), "ada")) // more lines do not heal it
		if err := s.VerifyJournal(ctx); !errors.As(err, &broken) || broken.Seq != want {
			t.Errorf("%s, and another line: %v; want line %d", query, err, want)
		}
	}
}

// TestVerifyJournalRehashed has somebody rewrite a line and the hashes of all
// that follow, but not the head.
func TestVerifyJournalRehashed(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	for i := range 3 {
		must(t, s.PutLink(ctx, link(ident.Key(fmt.Sprint(i)), ident.GUID(fmt.Sprint(i))), "ada"))
	}
	hash := make([]byte, 32)
	must(t, s.eachRawLine(ctx, 0, func(row rawLine) error {
		text := strings.ReplaceAll(row.text, "ada", "eve")
		hash = chain(hash, text)
		tamper(t, s, `UPDATE journal SET line_json = ?, hash = ? WHERE seq = ?`, text, hash, row.seq)
		return nil
	}))
	var broken *JournalBrokenError
	if err := s.VerifyJournal(ctx); !errors.As(err, &broken) || broken.Seq != 3 {
		t.Errorf("%v", err)
	}
}

// TestJournalChain writes a random history and changes one random byte of it:
// the chain holds before, and names that line after.
func TestJournalChain(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	lease := must1[Lease](t)(s.AcquireLease(ctx, "staff", "eve", time.Hour))
	soak.Check(t, 25, 100, func(rt *rapid.T) {
		tamper(rt, s, `DELETE FROM links; DELETE FROM journal; UPDATE journal_head SET seq = 0, hash = zeroblob(32)`)
		var err error
		for range rapid.IntRange(1, 30).Draw(rt, "writes") {
			key := ident.Key(rapid.StringMatching(`[a-dä<"]`).Draw(rt, "key"))
			if rapid.Bool().Draw(rt, "delete") {
				_, err = s.DeleteLink(ctx, lease, ident.Users("crm"), key, "eve")
				if errors.As(err, new(*NotLinkedError)) {
					err = nil
				}
			} else {
				err = s.PutLink(ctx, link(key, ident.GUID(rapid.SampledFrom([]string{"g", "h"}).Draw(rt, "guid"))), "ada")
			}
			var taken *LinkTakenError
			if err != nil && !errors.As(err, &taken) {
				rt.Fatalf("%v", err)
			}
		}
		must(rt, s.VerifyJournal(ctx))
		var lines []rawLine
		must(rt, s.eachRawLine(ctx, 0, func(row rawLine) error { lines = append(lines, row); return nil }))
		if len(lines) == 0 {
			return
		}
		victim := rapid.SampledFrom(lines).Draw(rt, "line")
		text := []byte(victim.text)
		i := rapid.IntRange(0, len(text)-1).Draw(rt, "byte")
		text[i] ^= 1
		tamper(rt, s, `UPDATE journal SET line_json = CAST(? AS TEXT) WHERE seq = ?`, text, victim.seq)
		var broken *JournalBrokenError
		if err := s.VerifyJournal(ctx); !errors.As(err, &broken) || broken.Seq != victim.seq {
			rt.Fatalf("changed line %d: %v", victim.seq, err)
		}
	})
}

func TestEachJournal(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	lease, run := begin(t, s)
	var list []Commit
	for i := range 2*journalBatch + 1 {
		list = append(list, commit(outcome(run, ident.Key(fmt.Sprint(i)), "update", "applied")))
	}
	must(t, s.CommitAll(ctx, lease, list))
	must(t, s.VerifyJournal(ctx))
	next := int64(1)
	must(t, s.EachJournal(ctx, func(line JournalLine) error {
		if line.Seq != next || len(line.Hash) != 64 || !strings.HasPrefix(string(line.Raw), `{"seq":`) {
			t.Errorf("line %d: %+v", next, line)
		}
		next++
		return nil
	}))
	if next != int64(len(list))+2 { // and the start of the run
		t.Errorf("%d lines", next-1)
	}
	stop := errors.New("stop")
	if err := s.EachJournal(ctx, func(JournalLine) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
}

// TestExportJournal recomputes the chain from what is exported alone.
func TestExportJournal(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	for _, key := range []ident.Key{"<1>", "\u2028ä", `"2"\`} {
		must(t, s.PutLink(ctx, link(key, ident.GUID("g"+key)), "ada"))
	}
	type exported struct {
		JournalLine
		Previous string `json:"previous"`
		Hash     string `json:"hash"`
		Raw      string `json:"raw"`
	}
	export := func() (lines []exported) {
		must(t, s.ExportJournal(ctx, func(raw json.RawMessage) error {
			var l exported
			lines = append(lines, l)
			return json.Unmarshal(raw, &lines[len(lines)-1])
		}))
		return lines
	}
	previous := make([]byte, sha256.Size)
	lines := export()
	for i, l := range lines {
		sum := sha256.Sum256(append(previous, l.Raw...))
		if l.Seq != int64(i+1) || l.Kind != JournalLink || l.Link == nil || l.Previous != hex.EncodeToString(previous[:sha256.Size]) || l.Hash != hex.EncodeToString(sum[:]) {
			t.Errorf("line %d: %+v", i+1, l)
		}
		previous = sum[:]
	}
	state := must1[JournalState](t)(s.CheckJournal(ctx))
	if len(lines) != 3 || state != (JournalState{Lines: 3, Last: 3, Hash: hex.EncodeToString(previous)}) {
		t.Errorf("%d lines, %+v", len(lines), state)
	}
	for _, text := range []string{`no JSON`, `{}`, `{"seq":2,"hash":"x","raw":"y"}`, `{`} {
		tamper(t, s, `UPDATE journal SET line_json = ? WHERE seq = 2`, text)
		if l := export()[1]; l.Raw != text || l.Hash != lines[1].Hash || l.Previous != lines[0].Hash {
			t.Errorf("%q was exported as %+v", text, l)
		}
	}
}
