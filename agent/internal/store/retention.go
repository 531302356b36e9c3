package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// Retention says what need not be kept any longer. A zero time keeps everything.
type Retention struct {
	Runs    time.Time // remove runs, orchestrations, events and receipts that ended before, with what they did
	Deleted time.Time // forget which users and groups were deleted before
	Journal time.Time // remove lines that were written before
}

// Removed counts what Retain has removed.
type Removed struct {
	Runs, Outcomes, Lines int
	Instances             int // orchestrations, with their stories and deliveries
	Events                int // in the directory, with what was made of them
	Receipts              int // of what applications sent
	// Open is the run that kept the journal from being shortened further: it
	// holds something, or one of its writes is not settled. 0: there is none.
	Open int64
}

// byRetention is the name in the journal for removals by retention.
const byRetention = "retention"

// Retain removes what need not be kept, in small transactions. What is still
// open stays: runs with a held operation, with a rejection that still counts, with
// a write that is not settled, or with an orchestration that they began, and the
// last run of each kind of an automation; orchestrations that have not ended, what
// waits in the outbox, and events that are not judged or are set aside.
// The journal gets a line about each removal. It is shortened only
// from its beginning, only where its chain is unbroken, and never beyond the
// first line of an open run. What it forgets besides is of no use to a person: the
// agent's own writes that nothing reads in the directory.
func (s *Store) Retain(ctx context.Context, r Retention) (Removed, error) {
	var removed Removed
	if !r.Runs.IsZero() {
		if err := s.removeRuns(ctx, r.Runs, &removed); err != nil {
			return removed, s.fail("remove old runs", err)
		}
		if err := s.removeInstances(ctx, r.Runs, &removed); err != nil {
			return removed, s.fail("remove old orchestrations", err)
		}
		if err := s.removeEvents(ctx, r.Runs, &removed); err != nil {
			return removed, s.fail("remove old events", err)
		}
		if err := s.removeReceipts(ctx, r.Runs, &removed); err != nil {
			return removed, s.fail("remove old receipts", err)
		}
	}
	if !r.Deleted.IsZero() {
		if err := s.forgetDeleted(ctx, r.Deleted); err != nil {
			return removed, err
		}
	}
	if !r.Journal.IsZero() {
		if err := s.removeLinkChanges(ctx, r.Journal); err != nil {
			return removed, s.fail("remove old changes of links", err)
		}
		if err := s.shortenJournal(ctx, r.Journal, &removed); err != nil {
			return removed, s.fail("shorten the journal", err)
		}
	}
	now := time.Now() // the clock of settleEchoes
	return removed, errors.Join(s.forgetUnheard(ctx, now), s.forgetDependents(ctx, now))
}

// runsAtOnce limits how many runs one transaction removes, and so how long the
// writer is busy.
const runsAtOnce = 50

// settledRuns finds runs with nothing open. An outcome that a later run decided
// belongs to both runs, so the deciding run is removed last.
const settledRuns = `SELECT id FROM runs r WHERE ended <> 0 AND ended < ?1
	AND id NOT IN (SELECT max(id) FROM runs GROUP BY automation, kind)
	AND NOT EXISTS (SELECT 1 FROM outcomes o WHERE o.run = r.id
		AND (o.result = 'held' OR o.result = 'rejected' AND o.forgotten = 0 OR o.at >= ?1
			OR EXISTS (SELECT 1 FROM intents i WHERE i.held_id = o.id)))
	AND NOT EXISTS (SELECT 1 FROM outcomes o WHERE o.settled_run = r.id AND o.run <> r.id)
	AND NOT EXISTS (SELECT 1 FROM intents i WHERE i.run = r.id)
	AND NOT EXISTS (SELECT 1 FROM instances n WHERE n.run = r.id)
	ORDER BY id LIMIT ?2`

func (s *Store) removeRuns(ctx context.Context, before time.Time, removed *Removed) error {
	for {
		var runs, outcomes int64
		err := s.write(ctx, "remove old runs", func(tx *sql.Tx) error {
			rows, err := tx.QueryContext(ctx, settledRuns, stamp(before), runsAtOnce)
			if err != nil {
				return err
			}
			ids, err := collect(rows, func(row scanner) (id int64, err error) {
				err = row.Scan(&id)
				return id, err
			})
			if err != nil || len(ids) == 0 {
				return err
			}
			for _, id := range ids {
				n, err := deleted(ctx, tx, `DELETE FROM outcomes WHERE run = ?`, id)
				if err != nil {
					return err
				}
				outcomes += n
				if _, err := deleted(ctx, tx, `DELETE FROM runs WHERE id = ?`, id); err != nil {
					return err
				}
			}
			runs = int64(len(ids))
			return s.journal(ctx, tx, JournalLine{
				Kind: JournalRemoved, By: byRetention,
				Text: fmt.Sprintf("%d runs that ended before %s, with %d outcomes: the first is run %d, the last run %d",
					runs, before.UTC().Format(time.RFC3339), outcomes, ids[0], ids[len(ids)-1]),
			})
		})
		if err != nil || runs == 0 {
			return err
		}
		removed.Runs += int(runs)
		removed.Outcomes += int(outcomes)
	}
}

func deleted(ctx context.Context, tx *sql.Tx, query string, args ...any) (int64, error) {
	result, err := tx.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// errFarEnough ends a walk through the journal.
var errFarEnough = errors.New("far enough")

// shortenJournal removes the lines before a time, up to the first line that is
// younger or belongs to an open run.
func (s *Store) shortenJournal(ctx context.Context, before time.Time, removed *Removed) error {
	if err := s.dropLines(ctx); err != nil { // left by an interrupted removal
		return err
	}
	open, err := s.openRuns(ctx)
	if err != nil {
		return err
	}
	end, err := s.journalBase(ctx)
	if err != nil {
		return err
	}
	walk := chainWalk{seq: end.Last, hash: end.hash}
	err = s.eachRawLine(ctx, end.Last, func(row rawLine) error {
		line, err := walk.next(row)
		switch {
		case err != nil:
			return fmt.Errorf("nothing is removed: %w", err)
		case !line.At.Before(before):
			return errFarEnough
		case open[line.Run]:
			removed.Open = line.Run
			return errFarEnough
		}
		end.Last, end.hash = row.seq, row.hash
		removed.Lines++
		return nil
	})
	if err != nil && !errors.Is(err, errFarEnough) || removed.Lines == 0 {
		removed.Lines = 0
		return ignore(err, errFarEnough)
	}
	end.Hash = hex.EncodeToString(end.hash)
	err = s.write(ctx, "shorten the journal", func(tx *sql.Tx) error {
		line := JournalLine{
			Kind: JournalCheckpoint, By: byRetention, Checkpoint: &end.Checkpoint,
			Text: fmt.Sprintf("%d lines that were written before %s are no longer kept", removed.Lines, before.UTC().Format(time.RFC3339)),
		}
		if err := s.journal(ctx, tx, line); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE journal_head SET base_seq = ?, base_hash = ?`, end.Last, end.hash)
		return err
	})
	if err != nil {
		return err
	}
	return s.dropLines(ctx)
}

func ignore(err, what error) error {
	if errors.Is(err, what) {
		return nil
	}
	return err
}

// openRuns returns the runs that are under way, or that have a held operation or
// a write that is not settled.
func (s *Store) openRuns(ctx context.Context) (map[int64]bool, error) {
	rows, err := s.reader.QueryContext(ctx, `SELECT run FROM outcomes WHERE result = 'held' UNION SELECT run FROM intents
		UNION SELECT o.run FROM intents i JOIN outcomes o ON o.id = i.held_id UNION SELECT id FROM runs WHERE ended = 0`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	open := map[int64]bool{}
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		open[id] = true
	}
	return open, rows.Err()
}

// dropLines deletes the lines that the head of the journal declares as removed.
// Lines that a crash leaves behind are no longer part of the journal.
func (s *Store) dropLines(ctx context.Context) error {
	for {
		var n int64
		err := s.write(ctx, "remove lines of the journal", func(tx *sql.Tx) (err error) {
			n, err = deleted(ctx, tx, `DELETE FROM journal WHERE seq IN
				(SELECT seq FROM journal WHERE seq <= (SELECT base_seq FROM journal_head WHERE base_seq > 0) ORDER BY seq LIMIT ?)`, journalBatch)
			return err
		})
		if err != nil || n == 0 {
			return err
		}
	}
}
