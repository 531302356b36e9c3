package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

const (
	stagedBatch = 512     // records read by one query
	stagedBytes = 4 << 20 // and about this many bytes
)

// rowBytes is about how many bytes a row takes in the table and its index,
// besides its text and key.
const rowBytes = 64

// The kinds of staged rows.
const (
	kindRecord   = 0
	kindPart     = 1
	kindDeleted  = 2
	kindAttached = 3 // what was fetched from addresses in the record
)

func kindOf(r ident.Record) int {
	switch {
	case r.Deleted:
		return kindDeleted
	case r.Partial:
		return kindPart
	}
	return kindRecord
}

// Staged is everything that a delivery said about one key.
type Staged struct {
	// Record is the first record with the key, with the fields of its parts
	// added over its own. When several parts have a field, the last one counts.
	// When Records is 0, only its key is valid.
	Record  ident.Record
	Records int // with this key; more than one means that the key is not unique
	Parts   int
	Deleted bool // the source reports that the key was deleted
}

// Stage keeps the records of a running fetch, in order, until DropStaging or the
// next Open. It keeps all records with the same key. run is any number that the
// caller uses for this fetch alone. When the run stages more than one run may,
// Stage returns a *StagingFullError.
func (s *Store) Stage(ctx context.Context, run int64, records []ident.Record) error {
	return s.write(ctx, "stage records", func(tx *sql.Tx) error {
		insert, err := tx.PrepareContext(ctx, `INSERT INTO staging (run, key, kind, fresh, record_json) VALUES (?, ?, ?, 1, ?)`)
		if err != nil {
			return err
		}
		for _, r := range records {
			text, err := toJSON(r)
			if err != nil {
				return fmt.Errorf("record %q: %w", r.Key, err)
			}
			if err := s.sizes.add(run, 1, int64(len(text)+len(r.Key))+rowBytes, s.most); err != nil {
				return err
			}
			if _, err := insert.ExecContext(ctx, run, r.Key, kindOf(r), text); err != nil {
				return err
			}
		}
		return nil
	})
}

// EachStaged calls each once for every key of a run, in the byte order of the
// keys. Numbers come back as json.Number with the text that was staged. It holds
// only a few records in memory, and stops at the first error of each.
func (s *Store) EachStaged(ctx context.Context, run int64, each func(Staged) error) error {
	from := s.readStaged(run)
	for {
		switch found, err := from.next(ctx); {
		case err != nil:
			return err
		case !found:
			return nil
		}
		if err := each(from.key); err != nil {
			return err
		}
	}
}

// stagedReader reads what a run has staged, key by key.
type stagedReader struct {
	store *Store
	run   int64
	batch []stagedRow // read and not yet used
	last  stagedRow   // of the batch
	ended bool        // there is nothing after the batch
	key   Staged      // that next has found
}

func (s *Store) readStaged(run int64) *stagedReader { return &stagedReader{store: s, run: run} }

// next moves to the next key; found is false when there is none.
func (r *stagedReader) next(ctx context.Context) (found bool, err error) {
	var key *gathered
	for {
		if len(r.batch) == 0 && !r.ended {
			if err := r.fill(ctx); err != nil {
				return false, r.store.fail("read staged records", err)
			}
		}
		if len(r.batch) == 0 || key != nil && key.Record.Key != r.batch[0].record.Key {
			break
		}
		if key == nil {
			key = &gathered{}
		}
		key.add(r.batch[0])
		r.batch[0], r.batch = stagedRow{}, r.batch[1:]
	}
	if key == nil {
		r.key = Staged{}
		return false, nil
	}
	r.key = key.staged()
	return true, nil
}

func (r *stagedReader) fill(ctx context.Context) error {
	batch, more, err := r.store.stagedAfter(ctx, r.run, r.last)
	if err != nil {
		return err
	}
	if r.batch, r.ended = batch, !more; len(batch) > 0 {
		r.last = batch[len(batch)-1]
		r.last.record.Fields = nil
	}
	return nil
}

// gathered is a Staged that is being put together.
type gathered struct {
	Staged
	parts    map[string]any
	attached map[string]ident.Attachment
}

func (g *gathered) add(row stagedRow) {
	switch row.kind {
	case kindDeleted:
		g.Deleted = true
	case kindPart:
		if g.Parts++; g.parts == nil {
			g.parts = map[string]any{}
		}
		maps.Copy(g.parts, row.record.Fields)
	case kindAttached:
		if g.attached == nil {
			g.attached = map[string]ident.Attachment{}
		}
		maps.Copy(g.attached, row.record.Attached)
	default:
		if g.Records++; g.Records == 1 {
			g.Record = row.record
		}
	}
	g.Record.Key = row.record.Key
}

func (g *gathered) staged() Staged {
	if g.Records > 0 && g.Parts > 0 {
		if g.Record.Fields == nil {
			g.Record.Fields = map[string]any{}
		}
		maps.Copy(g.Record.Fields, g.parts)
	}
	g.Record.Attached = g.attached
	return g.Staged
}

type stagedRow struct {
	id     int64
	kind   int
	fresh  int
	record ident.Record
}

// stagedAfter returns the records after last; false when there are no more.
func (s *Store) stagedAfter(ctx context.Context, run int64, last stagedRow) ([]stagedRow, bool, error) {
	rows, err := s.reader.QueryContext(ctx, `SELECT id, kind, fresh, record_json FROM staging
		WHERE run = ? AND (key, fresh, id) > (?, ?, ?) ORDER BY key, fresh, id LIMIT ?`,
		run, last.record.Key, last.fresh, last.id, stagedBatch)
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = rows.Close() }()
	var batch []stagedRow
	for size := 0; size < stagedBytes; {
		if !rows.Next() {
			return batch, len(batch) == stagedBatch, rows.Err()
		}
		var (
			row  stagedRow
			text string
		)
		if err := rows.Scan(&row.id, &row.kind, &row.fresh, &text); err != nil {
			return nil, false, err
		}
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.UseNumber()
		if err := decoder.Decode(&row.record); err != nil {
			return nil, false, fmt.Errorf("decode staged record %d: %w", row.id, err)
		}
		batch, size = append(batch, row), size+len(text)
	}
	return batch, true, nil
}

// StagedHas reports whether a run has staged a record with that key, or a part
// of one. A reported deletion of the key does not count.
func (s *Store) StagedHas(ctx context.Context, run int64, key ident.Key) (bool, error) {
	var one int
	err := s.reader.QueryRowContext(ctx, `SELECT 1 FROM staging WHERE run = ? AND key = ? AND kind <> 2 LIMIT 1`, run, key).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, s.fail("look up staged record", err)
}

// CountStaged counts what a run has staged, duplicates, parts and deletions
// included.
func (s *Store) CountStaged(ctx context.Context, run int64) (int, error) {
	var n int
	err := s.reader.QueryRowContext(ctx, `SELECT count(*) FROM staging WHERE run = ?`, run).Scan(&n)
	return n, s.fail("count staged records", err)
}

// DropStaging forgets the records of runs and frees their space.
func (s *Store) DropStaging(ctx context.Context, runs ...int64) error {
	for _, run := range runs {
		s.sizes.drop(run)
	}
	err := s.write(ctx, "drop staged records", func(tx *sql.Tx) error {
		others, err := othersStaged(ctx, tx, runs)
		if err != nil {
			return err
		}
		if !others {
			_, err = tx.ExecContext(ctx, `DELETE FROM staging`) // faster, because SQLite need not look at each record
			return err
		}
		for _, run := range runs {
			if _, err := tx.ExecContext(ctx, `DELETE FROM staging WHERE run = ?`, run); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	// Shrink the file now, not with some later write. While other runs read, it
	// stays as it is; the next run that drops its records shrinks it then.
	_, err = s.writer.ExecContext(ctx, `PRAGMA fetched.wal_checkpoint(PASSIVE)`)
	return s.fail("give back the space of staged records", err)
}

// othersStaged reports whether other runs than these have staged something. It looks
// at one record of each run.
func othersStaged(ctx context.Context, tx *sql.Tx, runs []int64) (bool, error) {
	last, next := int64(math.MinInt64), `SELECT run FROM staging WHERE run > ? ORDER BY run LIMIT 1`
	for {
		err := tx.QueryRowContext(ctx, next, last).Scan(&last)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return false, nil
		case err != nil || !slices.Contains(runs, last):
			return err == nil, err
		}
	}
}
