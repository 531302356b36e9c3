package store

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// photos are parts of n records, of a mebibyte each.
func photos(n int) []ident.Record {
	text := strings.Repeat("x", 1<<20)
	var records []ident.Record
	for i := range n {
		records = append(records, ident.Record{Key: ident.Key(fmt.Sprint(i)), Partial: true, Fields: map[string]any{"photo": text}})
	}
	return records
}

func mib(t *testing.T, s *Store) int64 {
	t.Helper()
	return must1[int64](t)(s.Size(t.Context())) >> 20
}

func TestDroppedStagingGivesItsSpaceBack(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, dir)
	before := mib(t, s)
	must(t, s.Stage(t.Context(), 1, photos(40)))
	must(t, s.Stage(t.Context(), 2, photos(5)))
	if now := mib(t, s); now < before+45 {
		t.Fatalf("%d MiB with 45 MiB staged", now)
	}
	must(t, s.DropStaging(t.Context(), 1))
	if got := must1[int](t)(s.CountStaged(t.Context(), 2)); got != 5 {
		t.Errorf("%d records of another run", got)
	}
	must(t, s.DropStaging(t.Context(), 2))
	if now := mib(t, s); now > before+20 { // a log of up to 16 MiB stays
		t.Errorf("%d MiB after all was dropped, %d before", now, before)
	}
	info, err := os.Stat(filepath.Join(dir, stagingFile))
	must(t, err)
	if info.Size() > 1<<20 || info.Mode().Perm() != 0o600 {
		t.Errorf("%s has %d bytes and mode %s", stagingFile, info.Size(), info.Mode())
	}
}

// What a crash left is gone with the next start, without going through it.
func TestStagingOfACrashIsGone(t *testing.T) {
	dir := t.TempDir()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		must(t, os.WriteFile(filepath.Join(dir, stagingFile+suffix), []byte("half a page"), 0o600))
	}
	s := openAt(t, dir)
	must(t, s.Stage(t.Context(), 1, photos(1)))
	if got := must1[int](t)(s.CountStaged(t.Context(), 1)); got != 1 {
		t.Errorf("%d staged", got)
	}
	must(t, s.Close())
	if left, _ := filepath.Glob(filepath.Join(dir, stagingFile+"*")); len(left) > 0 {
		t.Errorf("after the end there is %q", left)
	}
}

func TestStagingHasALimit(t *testing.T) {
	s := openAt(t, t.TempDir(), WithStagingLimit(10<<20))
	must(t, s.Stage(t.Context(), 1, photos(9)))
	must(t, s.Stage(t.Context(), 2, photos(9))) // another run has its own
	var full *StagingFullError
	if err := s.Stage(t.Context(), 1, photos(2)); !errors.As(err, &full) || full.Records != 10 || full.Limit != 10<<20 ||
		!strings.Contains(err.Error(), "10 records, parts and deletions have more than 10 MiB, which is all that one fetch may keep (staging_mib in [store])") {
		t.Errorf("got %v", err)
	}
	must(t, s.DropStaging(t.Context(), 1))
	must(t, s.Stage(t.Context(), 1, photos(9)))
}

// What is retained from earlier deliveries counts with what a run stages.
func TestRetainedRecordsCount(t *testing.T) {
	s := openAt(t, t.TempDir(), WithStagingLimit(10<<20))
	e := Endpoint{Automation: "staff", Application: "crm", Name: "changes"}
	lease := must1[Lease](t)(s.AcquireLease(t.Context(), "staff", "test", time.Hour))
	must(t, s.Stage(t.Context(), 1, photos(6)))
	must(t, s.SettlePosition(t.Context(), lease, 1, e, "c0ffee", ident.Position{Cursor: "x"}, []ident.Key{"0", "1", "2", "3", "4", "5"}))
	must(t, s.DropStaging(t.Context(), 1))
	must(t, s.Stage(t.Context(), 2, photos(3)))
	must(t, s.StageRetained(t.Context(), 2, e))
	must(t, s.DropStaging(t.Context(), 2))
	must(t, s.Stage(t.Context(), 3, photos(6)))
	var full *StagingFullError
	if err := s.StageRetained(t.Context(), 3, e); !errors.As(err, &full) {
		t.Errorf("got %v", err)
	}
}

// A store of an older version, in which staged records made the database grow,
// is small again after one start.
func TestAnOldDatabaseShrinks(t *testing.T) {
	dir := t.TempDir()
	list := migrations()
	old := rawDB(t, dir)
	must(t, migrate(t.Context(), old, list[:5]))
	text := strings.Repeat("x", 1<<20)
	for range 70 {
		_, err := old.ExecContext(t.Context(), `INSERT INTO staging (run, key, kind, fresh, record_json) VALUES (1, 'k', 0, 1, ?)`, text)
		must(t, err)
	}
	must(t, old.Close())
	var log strings.Builder
	s := openAt(t, dir, WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	info, err := os.Stat(filepath.Join(dir, FileName))
	must(t, err)
	if info.Size() > 2<<20 || !strings.Contains(log.String(), "rewriting the database to free unused disk space") {
		t.Errorf("%d bytes; log %s", info.Size(), log.String())
	}
	log.Reset()
	must(t, s.Close())
	openAt(t, dir, WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	if strings.Contains(log.String(), "rewriting the database") {
		t.Errorf("the next start: %s", log.String())
	}
}
