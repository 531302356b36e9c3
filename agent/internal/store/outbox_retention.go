package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// instancesAtOnce limits how many instances one transaction removes, and so how
// long the writer is busy.
const instancesAtOnce = 200

// oldInstances finds instances that have ended. None of them has an open
// delivery, because an instance ends after its deliveries; the condition makes
// sure of it.
const oldInstances = `SELECT id FROM instances i WHERE ended <> 0 AND ended < ?
	AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.instance = i.id AND d.ended = 0) ORDER BY ended, id LIMIT ?`

func (s *Store) removeInstances(ctx context.Context, before time.Time, removed *Removed) error {
	for {
		var n int
		err := s.write(ctx, "remove old orchestrations", func(tx *sql.Tx) error {
			rows, err := tx.QueryContext(ctx, oldInstances, stamp(before), instancesAtOnce)
			if err != nil {
				return err
			}
			ids, err := collect(rows, scanID)
			if n = len(ids); err != nil || n == 0 {
				return err
			}
			b := s.newBatch(tx)
			deliveries, err := b.removeInstances(ctx, ids)
			if err != nil {
				return err
			}
			b.note(JournalLine{
				Kind: JournalRemoved, By: byRetention,
				Text: fmt.Sprintf("%s that ended before %s, with %d deliveries",
					Orchestrations(n), before.UTC().Format(time.RFC3339), deliveries),
			})
			return b.writeJournal(ctx, s)
		})
		if err != nil || n == 0 {
			return err
		}
		removed.Instances += n
	}
}

// removeInstances removes instances with all that belongs to them, and the
// definitions that no instance has any more. It returns how many deliveries that
// were.
func (b *batch) removeInstances(ctx context.Context, ids []int64) (int64, error) {
	var deliveries int64
	for _, id := range ids {
		n, err := b.count(ctx, `DELETE FROM deliveries WHERE instance = ?`, id)
		if err != nil {
			return 0, err
		}
		deliveries += n
		for _, query := range []string{
			`DELETE FROM story WHERE instance = ?`, `DELETE FROM initial_passwords WHERE instance = ?`, `DELETE FROM shown WHERE instance = ?`,
			`DELETE FROM instances WHERE id = ?`,
		} {
			if err := b.exec(ctx, query, id); err != nil {
				return 0, err
			}
		}
	}
	return deliveries, b.exec(ctx, `DELETE FROM definitions WHERE NOT EXISTS (SELECT 1 FROM instances i WHERE i.digest = definitions.digest)`)
}
