package store

import (
	"context"
	"database/sql"
)

// Shown is a held instance as a person was shown it.
type Shown struct{ Instance, Version int64 }

const seenBefore = `EXISTS (SELECT 1 FROM shown
	WHERE shown.instance = instances.id AND shown.shown_to = ? AND shown.version = instances.version)`

const unseenOfRun = `SELECT id, version FROM instances WHERE status = 'held' AND run = ? AND NOT ` + seenBefore + ` ORDER BY id`

// Unseen returns the instances that a run holds and that somebody has not been shown as
// they are now.
func (s *Store) Unseen(ctx context.Context, run int64, by string) ([]Shown, error) {
	rows, err := s.reader.QueryContext(ctx, unseenOfRun, run, by)
	if err != nil {
		return nil, s.fail("held orchestrations that nobody was shown", err)
	}
	list, err := collect(rows, func(row scanner) (one Shown, err error) {
		err = row.Scan(&one.Instance, &one.Version)
		return one, err
	})
	return list, s.fail("held orchestrations that nobody was shown", err)
}

// Show keeps which held instances somebody is being shown, for Holding.SeenBy.
func (s *Store) Show(ctx context.Context, by string, list []Shown) error {
	if len(list) == 0 {
		return nil
	}
	return s.write(ctx, "keep what somebody was shown", func(tx *sql.Tx) error {
		b := s.newBatch(tx)
		for _, one := range list {
			err := b.exec(ctx, `INSERT INTO shown (instance, shown_to, version) SELECT id, ?, version FROM instances WHERE id = ? AND version = ?
				ON CONFLICT (instance, shown_to) DO UPDATE SET version = excluded.version`, by, one.Instance, one.Version)
			if err != nil {
				return err
			}
		}
		return nil
	})
}
