package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

const (
	stagedBatch = 512     // records read by one query
	stagedBytes = 4 << 20 // and their bytes, about
	// StagedSame is the most records of one key that EachStaged hands over:
	// enough to see that a key is not unique, however often it was delivered.
	StagedSame = 100
)

// Stage keeps the records of a running fetch, in order, until DropStaging or
// the next Open. Records with the same key are all kept. run is any number
// that the caller uses for this fetch alone.
func (s *Store) Stage(ctx context.Context, run int64, records []ident.Record) error {
	return s.write(ctx, "stage records", func(tx *sql.Tx) error {
		insert, err := tx.PrepareContext(ctx, `INSERT INTO staging (run, key, record_json) VALUES (?, ?, ?)`)
		if err != nil {
			return err
		}
		for _, r := range records {
			text, err := toJSON(r)
			if err != nil {
				return fmt.Errorf("record %q: %w", r.Key, err)
			}
			if _, err := insert.ExecContext(ctx, run, r.Key, text); err != nil {
				return err
			}
		}
		return nil
	})
}

// EachStaged calls each once for every key of a run, in the byte order of the
// keys, with the records of that key as they were staged (at most StagedSame
// of them). Numbers come back as json.Number with the text they were staged
// with. It holds only a few records in memory, and ends with the first error
// of each.
func (s *Store) EachStaged(ctx context.Context, run int64, each func([]ident.Record) error) error {
	var same []ident.Record
	last := stagedRow{}
	for {
		batch, more, err := s.stagedAfter(ctx, run, last)
		if err != nil {
			return s.fail("read staged records", err)
		}
		for _, row := range batch {
			if len(same) > 0 && same[0].Key != row.record.Key {
				if err := each(same); err != nil {
					return err
				}
				same = nil
			}
			if len(same) < StagedSame {
				same = append(same, row.record)
			}
			last = row
		}
		if more {
			continue
		}
		if len(same) > 0 {
			return each(same)
		}
		return nil
	}
}

type stagedRow struct {
	id     int64
	record ident.Record
}

// stagedAfter returns the records that follow last; false when there are no more.
func (s *Store) stagedAfter(ctx context.Context, run int64, last stagedRow) ([]stagedRow, bool, error) {
	rows, err := s.reader.QueryContext(ctx, `SELECT id, record_json FROM staging WHERE run = ? AND (key, id) > (?, ?) ORDER BY key, id LIMIT ?`,
		run, last.record.Key, last.id, stagedBatch)
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
		if err := rows.Scan(&row.id, &text); err != nil {
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

// StagedHas tells whether a run has staged a record with that key.
func (s *Store) StagedHas(ctx context.Context, run int64, key ident.Key) (bool, error) {
	var one int
	err := s.reader.QueryRowContext(ctx, `SELECT 1 FROM staging WHERE run = ? AND key = ? LIMIT 1`, run, key).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, s.fail("look up staged record", err)
}

// CountStaged counts the records that a run has staged, duplicates included.
func (s *Store) CountStaged(ctx context.Context, run int64) (int, error) {
	var n int
	err := s.reader.QueryRowContext(ctx, `SELECT count(*) FROM staging WHERE run = ?`, run).Scan(&n)
	return n, s.fail("count staged records", err)
}

// DropStaging forgets the records of a run.
func (s *Store) DropStaging(ctx context.Context, run int64) error {
	return s.exec(ctx, "drop staged records", `DELETE FROM staging WHERE run = ?`, run)
}
