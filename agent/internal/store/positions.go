package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Endpoint identifies a position: one automation reads one endpoint of one
// application.
type Endpoint struct{ Automation, Application, Name string }

// Position is the state that the last fetch of an endpoint in mode changes
// left.
type Position struct {
	ident.Position
	Config string // digest of the configuration that the fetch was made with
	Run    int64  // the run that fetched it; 0 when there was none
}

// retainedChunk is how many retained rows are copied or removed at a time:
// photos make them large, and the one writer must serve others in between.
const retainedChunk = 64

// Position returns the position of an endpoint; the zero value when there is
// none.
func (s *Store) Position(ctx context.Context, e Endpoint) (Position, error) {
	var (
		d       Position
		started int64
	)
	err := s.reader.QueryRowContext(ctx, `SELECT config, cursor, started, run FROM positions
		WHERE automation = ? AND application = ? AND endpoint = ?`, e.Automation, e.Application, e.Name).
		Scan(&d.Config, &d.Cursor, &started, &d.Run)
	if errors.Is(err, sql.ErrNoRows) {
		return Position{}, nil
	}
	d.Since = moment(started)
	return d, s.fail("read position", err)
}

// StageRetained adds to a run's staging the records of earlier deliveries that
// no run has finished with. It leaves out a key for which the run itself staged
// a record or a deletion: that is newer.
func (s *Store) StageRetained(ctx context.Context, run int64, e Endpoint) error {
	d, err := s.Position(ctx, e)
	if err != nil || d.Run == 0 {
		return err
	}
	for last, more := int64(0), true; more; {
		err := s.write(ctx, "stage what is not settled", func(tx *sql.Tx) error {
			ids, err := retainedIDs(ctx, tx, `automation = ? AND run = ? AND id > ?`, e.Automation, d.Run, last)
			if err != nil || len(ids) == 0 {
				more = false
				return err
			}
			from := last
			last = ids[len(ids)-1]
			var size int64
			err = tx.QueryRowContext(ctx,
				`SELECT sum(octet_length(record_json) + octet_length(key)) FROM retained WHERE automation = ? AND run = ? AND id > ? AND id <= ?`,
				e.Automation, d.Run, from, last).Scan(&size)
			if err == nil {
				err = s.sizes.add(run, len(ids), size+int64(len(ids))*rowBytes, s.most)
			}
			if err != nil {
				return err
			}
			_, err = tx.ExecContext(ctx, `INSERT INTO staging (run, key, kind, fresh, record_json)
				SELECT ?, key, kind, 0, record_json FROM retained r
				WHERE automation = ? AND run = ? AND id > ? AND id <= ? AND NOT EXISTS
					(SELECT 1 FROM staging s WHERE s.run = ? AND s.key = r.key AND s.fresh = 1 AND s.kind <> 1)
				ORDER BY id`, run, e.Automation, d.Run, from, last, run)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// SettlePosition ends the fetch that a run has staged, and sets the position
// to p. What it says about the keys in open is retained for the next
// run; the rest is forgotten. After a crash before its end everything is as
// before, and the same is fetched again.
func (s *Store) SettlePosition(ctx context.Context, lease Lease, run int64, e Endpoint, config string, p ident.Position,
	open []ident.Key,
) error {
	for chunk := range slices.Chunk(open, retainedChunk) {
		err := s.write(ctx, "retain what is not settled", func(tx *sql.Tx) error {
			if err := checkFence(ctx, tx, lease); err != nil {
				return err
			}
			for _, key := range chunk {
				_, err := tx.ExecContext(ctx, `INSERT INTO retained (automation, run, key, kind, record_json)
					SELECT ?, run, key, kind, record_json FROM staging WHERE run = ? AND key = ? AND kind <> ? ORDER BY fresh, id`,
					e.Automation, run, key, kindAttached)
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	err := s.write(ctx, "commit position", func(tx *sql.Tx) error {
		if err := checkFence(ctx, tx, lease); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM positions WHERE automation = ?`, e.Automation); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO positions (automation, application, endpoint, config, cursor, started, run)
			VALUES (?, ?, ?, ?, ?, ?, ?)`, e.Automation, e.Application, e.Name, config, p.Cursor, stamp(p.Since), run)
		return err
	})
	if err != nil {
		return err
	}
	return s.purgeRetained(ctx, e.Automation, run)
}

// DropPosition forgets the position of an automation and what is retained for
// it. It is for an automation whose endpoint delivers all records.
func (s *Store) DropPosition(ctx context.Context, automation string) error {
	var n int
	err := s.reader.QueryRowContext(ctx, `SELECT count(*) FROM positions WHERE automation = ?`, automation).Scan(&n)
	if err != nil || n == 0 {
		return s.fail("read position", err)
	}
	if err := s.exec(ctx, "forget position", `DELETE FROM positions WHERE automation = ?`, automation); err != nil {
		return err
	}
	return s.purgeRetained(ctx, automation, 0)
}

// purgeRetained removes the retained rows of all runs except keep.
func (s *Store) purgeRetained(ctx context.Context, automation string, keep int64) error {
	for more := true; more; {
		err := s.write(ctx, "remove what is settled", func(tx *sql.Tx) error {
			ids, err := retainedIDs(ctx, tx, `automation = ? AND run <> ?`, automation, keep)
			more = len(ids) > 0
			for _, id := range ids {
				if _, err := tx.ExecContext(ctx, `DELETE FROM retained WHERE id = ?`, id); err != nil {
					return err
				}
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// retainedIDs lists the first rows that match a condition, at most one chunk of
// them.
func retainedIDs(ctx context.Context, tx *sql.Tx, where string, args ...any) ([]int64, error) {
	query := `SELECT id FROM retained WHERE ` + where + ` ORDER BY id LIMIT ?` //nolint:gosec // conditions are written in this file
	rows, err := tx.QueryContext(ctx, query, append(args, retainedChunk)...)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(row scanner) (id int64, err error) {
		err = row.Scan(&id)
		return id, err
	})
}
