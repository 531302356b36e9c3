package store

import (
	"context"
	"database/sql"
	"time"
)

// eventsAtOnce limits how many events one transaction removes.
const eventsAtOnce = 1000

// settledEvents finds old events with nothing open: judged, not set aside, and
// without an orchestration that is under way.
const settledEvents = `SELECT id FROM events e WHERE at < ? AND open = 0 AND NOT EXISTS (SELECT 1 FROM event_verdicts v
	LEFT JOIN instances i ON i.id = v.instance WHERE v.event = e.id AND (v.verdict = 'aside' OR i.ended = 0)) ORDER BY at LIMIT ?`

// removeEvents removes events from before a time that nothing waits for, with their
// verdicts.
func (s *Store) removeEvents(ctx context.Context, before time.Time, removed *Removed) error {
	for {
		var n int64
		err := s.write(ctx, "remove old events", func(tx *sql.Tx) error {
			rows, err := tx.QueryContext(ctx, settledEvents, stamp(before), eventsAtOnce)
			if err != nil {
				return err
			}
			ids, err := collect(rows, func(row scanner) (id int64, err error) {
				err = row.Scan(&id)
				return id, err
			})
			if err != nil {
				return err
			}
			n = int64(len(ids))
			for _, id := range ids {
				if _, err := deleted(ctx, tx, `DELETE FROM event_verdicts WHERE event = ?`, id); err != nil {
					return err
				}
				if _, err := deleted(ctx, tx, `DELETE FROM events WHERE id = ?`, id); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || n == 0 {
			return err
		}
		removed.Events += int(n)
	}
}

// forgetDeleted forgets objects that were deleted before a time: whoever of them
// comes back is new.
func (s *Store) forgetDeleted(ctx context.Context, before time.Time) error {
	return s.exec(ctx, "forget deleted objects", `DELETE FROM mirror_deleted WHERE at < ?`, stamp(before))
}
