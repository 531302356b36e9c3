package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"

	"modernc.org/sqlite"

	"github.com/rollcall-agent/rollcall/agent/internal/statedir"
)

// stagingFile is the name of the file for staged records within the state
// folder. They are kept apart because a fetch may deliver gigabytes that are
// useless after its run. The file shrinks when they are dropped, each Open
// creates it anew, and no write to it waits for the disk.
const stagingFile = "staging.db"

// The parameters of a DSN that attachStaging looks for.
const (
	stagingPath = "rollcall_staging"
	stagingMake = "rollcall_staging_make"
)

// withStaging makes connections attach the file that their DSN names. The driver
// only has hooks for all connections of the process.
var withStaging = sync.OnceFunc(func() { sqlite.RegisterConnectionHook(attachStaging) })

func attachStaging(conn sqlite.ExecQuerierContext, dsn string) error {
	u, err := url.Parse(dsn)
	if err != nil || u.Query().Get(stagingPath) == "" {
		return nil //nolint:nilerr // not a connection of a Store
	}
	ctx := context.Background()
	path := []driver.NamedValue{{Ordinal: 1, Value: u.Query().Get(stagingPath)}}
	if _, err := conn.ExecContext(ctx, `ATTACH DATABASE ? AS fetched`, path); err != nil {
		return fmt.Errorf("attach the staged records: %w", err)
	}
	if u.Query().Get(stagingMake) == "" {
		return nil
	}
	_, err = conn.ExecContext(ctx, `
		PRAGMA fetched.auto_vacuum = FULL;
		PRAGMA fetched.journal_mode = WAL;
		PRAGMA fetched.synchronous = OFF;
		PRAGMA fetched.secure_delete = OFF;
		PRAGMA fetched.journal_size_limit = 16777216;
		CREATE TABLE IF NOT EXISTS fetched.staging (
			id          INTEGER PRIMARY KEY,
			run         INTEGER NOT NULL,
			key         TEXT NOT NULL,
			kind        INTEGER NOT NULL, -- kindRecord and the like
			fresh       INTEGER NOT NULL, -- 0 for what an earlier delivery said and no run has settled yet
			record_json TEXT NOT NULL
		) STRICT;
		CREATE INDEX IF NOT EXISTS fetched.staging_key ON staging (run, key, fresh, id);`, nil)
	if err != nil {
		return fmt.Errorf("make the file of staged records: %w", err)
	}
	return nil
}

// removeStaging removes the file, with anything that a crash left in it.
func (s *Store) removeStaging() error {
	var errs []error
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(s.staging + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, statedir.Explain("remove the records of a former fetch", s.staging+suffix, err))
		}
	}
	return errors.Join(errs...)
}

// StagingFullError reports a fetch that delivered more than one fetch may.
type StagingFullError struct {
	Records int   // the number of records delivered
	Limit   int64 // bytes
}

func (e *StagingFullError) Error() string {
	return fmt.Sprintf("%d records, parts and deletions have more than %d MiB, which is all that one fetch may keep (staging_mib in [store])",
		e.Records, e.Limit>>20)
}

// stagedSizes counts what each run under way has staged.
type stagedSizes struct {
	mu   sync.Mutex
	runs map[int64]stagedSize
}

type stagedSize struct {
	records int
	bytes   int64
}

// add counts what a run stages, and reports an error when that is too much.
// Without a limit it never is.
func (s *stagedSizes) add(run int64, records int, bytes, limit int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.runs == nil {
		s.runs = map[int64]stagedSize{}
	}
	now := s.runs[run]
	now.records, now.bytes = now.records+records, now.bytes+bytes
	s.runs[run] = now
	if limit > 0 && now.bytes > limit {
		return &StagingFullError{Records: now.records, Limit: limit}
	}
	return nil
}

func (s *stagedSizes) drop(run int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.runs, run)
}
