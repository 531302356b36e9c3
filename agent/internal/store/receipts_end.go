package store

import (
	"context"
	"database/sql"
	"time"
)

// ReceiptsSeen records that a run of an automation has looked at the records of
// receipts. Those in done end, as no other automation waits for them.
func (s *Store) ReceiptsSeen(ctx context.Context, automation string, run int64, seen, done []int64) error {
	return s.receiptsSeen(ctx, seen, done, func(b *batch, id int64) error {
		if err := b.receiptRun(ctx, stamp(s.now()), id, automation, run, false); err != nil {
			return err
		}
		return b.exec(ctx, `UPDATE receipts SET run = ? WHERE id = ?`, run, id)
	})
}

// GiveUpReceipts records that no run of an automation can look at the records of
// receipts. Those in done end as failed, as no other automation waits for them;
// the others end as failed later.
func (s *Store) GiveUpReceipts(ctx context.Context, automation, cause string, seen, done []int64) error {
	return s.receiptsSeen(ctx, seen, done, func(b *batch, id int64) error {
		if err := b.receiptRun(ctx, stamp(s.now()), id, automation, 0, true); err != nil {
			return err
		}
		return b.exec(ctx, `UPDATE receipts SET cause = ? WHERE id = ? AND state = 'open'`, cause, id)
	})
}

// givenUp is the condition that no run of some automation could look at a receipt.
const givenUp = `EXISTS (SELECT 1 FROM receipt_runs u WHERE u.receipt = receipts.id AND u.failed = 1)`

func (s *Store) receiptsSeen(ctx context.Context, seen, done []int64, each func(*batch, int64) error) error {
	if len(seen)+len(done) == 0 {
		return nil
	}
	return s.write(ctx, "end receipts", func(tx *sql.Tx) error {
		b := s.newBatch(tx)
		for _, id := range seen {
			if err := each(b, id); err != nil {
				return err
			}
		}
		for _, id := range done {
			err := b.exec(ctx, `UPDATE receipts SET state = CASE WHEN `+givenUp+` THEN 'failed' ELSE 'done' END,
				cause = CASE WHEN `+givenUp+` THEN cause ELSE '' END, ended = ?, body = ?, size = 0 WHERE id = ? AND state = 'open'`,
				stamp(s.now()), []byte{}, id)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (b *batch) receiptRun(ctx context.Context, now, id int64, automation string, run int64, failed bool) error {
	return b.exec(ctx, `INSERT INTO receipt_runs (receipt, automation, run, failed, at) SELECT id, ?, ?, ?, ? FROM receipts WHERE id = ?
		ON CONFLICT (receipt, automation) DO UPDATE SET run = excluded.run, failed = excluded.failed, at = excluded.at`,
		automation, run, failed, now, id)
}

// EndReceipts ends open receipts for which no automation has to run. Their bodies
// are emptied.
func (s *Store) EndReceipts(ctx context.Context, ids []int64, state ReceiptState, cause string) error {
	if len(ids) == 0 {
		return nil
	}
	return s.write(ctx, "end receipts", func(tx *sql.Tx) error {
		b := s.newBatch(tx)
		for _, id := range ids {
			err := b.exec(ctx, `UPDATE receipts SET state = ?, ended = ?, cause = ?, body = ?, size = 0 WHERE id = ? AND state = 'open'`,
				string(state), stamp(s.now()), cause, []byte{}, id)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// ReceiptsTried records that a run of an automation failed for receipts, and when it
// is tried again. Other automations do not wait for it. The cause for which one has
// given up stays.
func (s *Store) ReceiptsTried(ctx context.Context, automation string, ids []int64, next time.Time, cause string) error {
	return s.eachReceipt(ctx, "count attempts", ids, func(b *batch, id int64) error {
		err := b.exec(ctx, `INSERT INTO receipt_tries (receipt, automation, attempts, next_at)
			SELECT id, ?, 1, ? FROM receipts WHERE id = ? AND state = 'open'
			ON CONFLICT (receipt, automation) DO UPDATE SET attempts = receipt_tries.attempts + 1, next_at = excluded.next_at`,
			automation, stamp(next), id)
		if err != nil {
			return err
		}
		return b.exec(ctx, `UPDATE receipts SET attempts = attempts + 1, cause = CASE WHEN `+givenUp+` THEN cause ELSE ? END
			WHERE id = ? AND state = 'open'`, cause, id)
	})
}

// PutOffReceipts lets receipts wait until next, as nothing can be done for them
// before. cause "" keeps the one that is known.
func (s *Store) PutOffReceipts(ctx context.Context, ids []int64, next time.Time, cause string) error {
	return s.eachReceipt(ctx, "put receipts off", ids, func(b *batch, id int64) error {
		return b.exec(ctx, `UPDATE receipts SET next_at = ?, cause = CASE WHEN ? = '' THEN cause ELSE ? END WHERE id = ? AND state = 'open'`,
			stamp(next), cause, cause, id)
	})
}

// eachReceipt changes receipts in one transaction.
func (s *Store) eachReceipt(ctx context.Context, what string, ids []int64, each func(*batch, int64) error) error {
	if len(ids) == 0 {
		return nil
	}
	return s.write(ctx, what, func(tx *sql.Tx) error {
		b := s.newBatch(tx)
		for _, id := range ids {
			if err := each(b, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// receiptsAtOnce limits how many receipts one transaction removes, and so how long
// the writer is busy.
const receiptsAtOnce = 500

// removeReceipts removes receipts that ended before.
func (s *Store) removeReceipts(ctx context.Context, before time.Time, removed *Removed) error {
	n, err := s.deleteReceipts(ctx, `SELECT id FROM receipts WHERE ended <> 0 AND ended < ? ORDER BY ended, id LIMIT ?`, stamp(before))
	removed.Receipts += n
	return err
}

// TrimReceipts removes the oldest of the receipts that ended before, as far as
// there are more than most of all applications together. It bounds what
// applications that send much leave on the disk.
func (s *Store) TrimReceipts(ctx context.Context, before time.Time, most int) (int, error) {
	n, err := s.deleteReceipts(ctx, `SELECT id FROM receipts WHERE ended <> 0 AND ended < ?1
		AND ended < (SELECT ended FROM receipts WHERE ended <> 0 ORDER BY ended DESC, id DESC LIMIT 1 OFFSET ?3)
		ORDER BY ended, id LIMIT ?2`, stamp(before), most-1)
	return n, s.fail("remove old receipts", err)
}

// deleteReceipts deletes what a query finds, in small transactions. Its second
// parameter is how many it may find.
func (s *Store) deleteReceipts(ctx context.Context, query string, before int64, more ...any) (int, error) {
	for sum := 0; ; {
		n := 0
		err := s.write(ctx, "remove old receipts", func(tx *sql.Tx) error {
			rows, err := tx.QueryContext(ctx, query, append([]any{before, receiptsAtOnce}, more...)...)
			if err != nil {
				return err
			}
			ids, err := collect(rows, scanID)
			if n = len(ids); err != nil {
				return err
			}
			b := s.newBatch(tx)
			for _, id := range ids {
				for _, query := range []string{
					`DELETE FROM receipt_tries WHERE receipt = ?`, `DELETE FROM receipt_runs WHERE receipt = ?`, `DELETE FROM receipts WHERE id = ?`,
				} {
					if err := b.exec(ctx, query, id); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if sum += n; err != nil || n == 0 {
			return sum, err
		}
	}
}
