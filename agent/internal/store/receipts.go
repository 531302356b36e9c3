package store

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// ReceiptState says where a receipt stands.
type ReceiptState string

// The states of receipts.
const (
	ReceiptOpen    ReceiptState = "open"    // waits for a run
	ReceiptDone    ReceiptState = "done"    // runs have seen its record
	ReceiptIgnored ReceiptState = "ignored" // nothing reads such records
	ReceiptFailed  ReceiptState = "failed"  // given up; the next run by the schedule sees the record
)

// NewReceipt is what an application sent about one record.
type NewReceipt struct {
	Application string
	Delivery    string // the same for every attempt of the application to send it
	Kind        string // of the change, in the application's words
	Records     string // the kind of the record, in the application's words
	Key         ident.Key
	Body        []byte
}

// Receipt is what an application sent, without its body.
type Receipt struct {
	ID          int64        `json:"id"`
	Application string       `json:"application"`
	Delivery    string       `json:"delivery"`
	At          time.Time    `json:"at"`
	Kind        string       `json:"kind,omitempty"`
	Records     string       `json:"records,omitempty"`
	Key         ident.Key    `json:"key"`
	State       ReceiptState `json:"state"`
	Run         int64        `json:"run,omitempty"` // the last that was about it
	Attempts    int          `json:"attempts"`      // that failed, of all automations
	NextAt      time.Time    `json:"next_at,omitzero"`
	Ended       time.Time    `json:"ended,omitzero"`
	Cause       string       `json:"cause,omitempty"`
	Ran         []string     `json:"ran,omitempty"` // automations that have run for it

	Tries map[string]Try `json:"tries,omitempty"` // by automation, of those whose runs failed
}

// Try says how often runs of one automation have failed for a receipt.
type Try struct {
	Attempts int       `json:"attempts"`
	Next     time.Time `json:"next"` // not tried again before
}

// ReceiptBounds limits what one application may have open.
type ReceiptBounds struct {
	Open  int
	Bytes int64 // of bodies
}

// Kept says what became of a new receipt.
type Kept int

// What becomes of new receipts.
const (
	KeptNew   Kept = iota
	KeptKnown      // this delivery arrived before
	KeptNot        // the application has too many open ones
)

// KeepReceipts stores what applications sent, and returns what became of each of
// them, in their order. It is on disk when the call returns.
func (s *Store) KeepReceipts(ctx context.Context, bounds ReceiptBounds, list []NewReceipt) ([]Kept, error) {
	kept := make([]Kept, len(list))
	err := s.write(ctx, "keep receipts", func(tx *sql.Tx) error {
		b, open := s.newBatch(tx), map[string]*ReceiptBounds{}
		for i, r := range list {
			if open[r.Application] == nil {
				now, err := b.openReceipts(ctx, r.Application)
				if err != nil {
					return err
				}
				open[r.Application] = &now
			}
			var err error
			if kept[i], err = b.keepReceipt(ctx, s.now(), bounds, open[r.Application], r); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return kept, nil
}

func (b *batch) openReceipts(ctx context.Context, application string) (now ReceiptBounds, err error) {
	rows, err := b.query(ctx, `SELECT count(*), coalesce(sum(size), 0) FROM receipts WHERE state = 'open' AND application = ?`, application)
	if err != nil {
		return now, err
	}
	_, err = collect(rows, func(row scanner) (struct{}, error) { return struct{}{}, row.Scan(&now.Open, &now.Bytes) })
	return now, err
}

// keepReceipt stores one receipt, and counts it in open. A delivery that is known
// is told from a new one also when nothing new is taken.
func (b *batch) keepReceipt(ctx context.Context, now time.Time, bounds ReceiptBounds, open *ReceiptBounds, r NewReceipt) (Kept, error) {
	size := int64(len(r.Body))
	if open.Open >= bounds.Open || open.Bytes+size > bounds.Bytes {
		rows, err := b.query(ctx, `SELECT id FROM receipts WHERE application = ? AND delivery = ?`, r.Application, r.Delivery)
		if err != nil {
			return 0, err
		}
		if known, err := collect(rows, scanID); err != nil || len(known) > 0 {
			return KeptKnown, err
		}
		return KeptNot, nil
	}
	body := r.Body
	if body == nil {
		body = []byte{}
	}
	n, err := b.count(ctx, `INSERT INTO receipts
		(application, delivery, at, kind, records, key, body, size, state, run, attempts, next_at, ended, cause)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'open', 0, 0, ?, 0, '') ON CONFLICT (application, delivery) DO NOTHING`,
		r.Application, r.Delivery, stamp(now), r.Kind, r.Records, string(r.Key), body, size, stamp(now))
	if err != nil || n == 0 {
		return KeptKnown, err
	}
	open.Open++
	open.Bytes += size
	return KeptNew, nil
}

const selectReceipts = `SELECT id, application, delivery, at, kind, records, key, state, run, attempts, next_at, ended, cause FROM receipts`

func scanReceipt(row scanner) (r Receipt, err error) {
	var at, next, ended int64
	err = row.Scan(&r.ID, &r.Application, &r.Delivery, &at, &r.Kind, &r.Records, &r.Key,
		&r.State, &r.Run, &r.Attempts, &next, &ended, &r.Cause)
	r.At, r.NextAt, r.Ended = moment(at), moment(next), moment(ended)
	return r, err
}

// OpenReceipts returns the open receipts of an application that are due, in the
// order in which they came.
func (s *Store) OpenReceipts(ctx context.Context, application string, now time.Time) ([]Receipt, error) {
	const open = ` WHERE state = 'open' AND application = ? AND next_at <= ?`
	return s.receipts(ctx, open, ` ORDER BY id`, application, stamp(now))
}

// ReceiptsAbout returns the last ones that an application sent about a record, in
// the order in which they came; "" as records is any kind.
func (s *Store) ReceiptsAbout(ctx context.Context, application, records string, key ident.Key, most int) ([]Receipt, error) {
	const about = ` WHERE id IN (SELECT id FROM receipts WHERE application = ? AND ? IN ('', records) AND key = ? ORDER BY id DESC LIMIT ?)`
	return s.receipts(ctx, about, ` ORDER BY id`, application, records, string(key), most)
}

// receipts reads the receipts of a condition, with the automations that have run
// for them, or are to try again: all as it was at one moment. A receipt that is put
// off meanwhile would otherwise seem to be one that nobody has run for.
func (s *Store) receipts(ctx context.Context, where, order string, args ...any) (list []Receipt, err error) {
	tx, err := s.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, s.fail("read receipts", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	rows, err := tx.QueryContext(ctx, selectReceipts+where+order, args...)
	if err != nil {
		return nil, s.fail("read receipts", err)
	}
	if list, err = collect(rows, scanReceipt); err != nil || len(list) == 0 {
		return nil, s.fail("read receipts", err)
	}
	place := make(map[int64]int, len(list))
	for i, r := range list {
		place[r.ID] = i
	}
	const of = ` WHERE receipt IN (SELECT id FROM receipts`
	//nolint:gosec // conditions are written in this file
	rows, err = tx.QueryContext(ctx, `SELECT receipt, automation, 0, 0 FROM receipt_runs`+of+where+`)
		UNION ALL SELECT receipt, automation, attempts, next_at FROM receipt_tries`+of+where+`) ORDER BY 1, 2`, slices.Concat(args, args)...)
	if err != nil {
		return nil, s.fail("read receipts", err)
	}
	_, err = collect(rows, func(row scanner) (_ struct{}, err error) {
		var id, next int64
		var automation string
		var attempts int
		if err = row.Scan(&id, &automation, &attempts, &next); err != nil {
			return struct{}{}, err
		}
		list[place[id]].tell(automation, attempts, next)
		return struct{}{}, nil
	})
	return list, s.fail("read receipts", err)
}

// tell notes what became of a receipt with an automation: it has run, or failed so
// often.
func (r *Receipt) tell(automation string, attempts int, next int64) {
	if attempts == 0 {
		r.Ran = append(r.Ran, automation)
		return
	}
	if r.Tries == nil {
		r.Tries = map[string]Try{}
	}
	r.Tries[automation] = Try{Attempts: attempts, Next: moment(next)}
}

// OpenCount says how many receipts of an application are open.
type OpenCount struct {
	Application string
	Open        int
	Oldest      time.Time // when the first of them came
	Next        time.Time // when the next of them is due
}

// OpenReceiptCounts counts the open receipts of each application that has any.
func (s *Store) OpenReceiptCounts(ctx context.Context) ([]OpenCount, error) {
	rows, err := s.reader.QueryContext(ctx, `SELECT application, count(*), min(at), min(next_at) FROM receipts
		WHERE state = 'open' GROUP BY application ORDER BY application`)
	if err != nil {
		return nil, s.fail("count receipts", err)
	}
	list, err := collect(rows, func(row scanner) (c OpenCount, err error) {
		var oldest, next int64
		err = row.Scan(&c.Application, &c.Open, &oldest, &next)
		c.Oldest, c.Next = moment(oldest), moment(next)
		return c, err
	})
	return list, s.fail("count receipts", err)
}

// GivenUpReceipts counts, by application, the receipts that were given up since.
func (s *Store) GivenUpReceipts(ctx context.Context, since time.Time) (map[string]int, error) {
	rows, err := s.reader.QueryContext(ctx, `SELECT application, count(*) FROM receipts
		WHERE ended >= ? AND ended <> 0 AND state = ? GROUP BY application`, stamp(since), string(ReceiptFailed))
	if err != nil {
		return nil, s.fail("count receipts that were given up", err)
	}
	counts := map[string]int{}
	_, err = collect(rows, func(row scanner) (struct{}, error) {
		var application string
		var n int
		err := row.Scan(&application, &n)
		counts[application] = n
		return struct{}{}, err
	})
	return counts, s.fail("count receipts that were given up", err)
}
