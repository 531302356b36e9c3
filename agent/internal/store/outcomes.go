package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Held is an operation that waits for an approval.
type Held struct {
	ID          int64  `json:"id"`
	Automation  string `json:"automation"`
	Application string `json:"application"`
	ident.Outcome
}

// OperationID names the same operation across runs.
type OperationID struct {
	Key    ident.Key
	Class  ident.Class
	Digest string
}

// Decision is what became of an operation in an earlier run: it is held, or it
// was rejected.
type Decision struct {
	ID     int64 // of the outcome
	Run    int64
	Result ident.Result
}

const selectOutcomes = `SELECT id, automation, application, run, key, guid, dn, name, operation_json, result, code, cause, next, approved, at FROM outcomes`

// Outcomes returns what a run has done, in order. What it held and another run
// applied belongs to both.
func (s *Store) Outcomes(ctx context.Context, run int64) ([]ident.Outcome, error) {
	rows, err := s.outcomes(ctx, selectOutcomes+` WHERE run = ? OR settled_run = ? ORDER BY id`, run, run)
	list := make([]ident.Outcome, 0, len(rows))
	for _, r := range rows {
		list = append(list, r.Outcome)
	}
	return list, err
}

// HeldOutcomes returns what an automation ("" is all of them) has held.
func (s *Store) HeldOutcomes(ctx context.Context, automation string) ([]Held, error) {
	if automation == "" {
		return s.outcomes(ctx, selectOutcomes+` WHERE result = 'held' ORDER BY id`)
	}
	return s.outcomes(ctx, selectOutcomes+` WHERE result = 'held' AND automation = ? ORDER BY id`, automation)
}

// HeldOfRun returns what a run held and nobody has decided yet.
func (s *Store) HeldOfRun(ctx context.Context, run int64) ([]Held, error) {
	return s.outcomes(ctx, selectOutcomes+` WHERE result = 'held' AND run = ? ORDER BY id`, run)
}

func (s *Store) outcomes(ctx context.Context, query string, args ...any) ([]Held, error) {
	rows, err := s.reader.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, s.fail("outcomes", err)
	}
	list, err := collect(rows, scanOutcome)
	return list, s.fail("outcomes", err)
}

// Decided returns the operations of an automation that are held or were
// rejected, so that a later run does not hold them once more.
func (s *Store) Decided(ctx context.Context, automation string) (map[OperationID]Decision, error) {
	rows, err := s.reader.QueryContext(ctx, `SELECT id, run, key, class, digest, result FROM outcomes
		WHERE automation = ? AND result IN ('held', 'rejected') AND forgotten = 0 ORDER BY id`, automation)
	if err != nil {
		return nil, s.fail("decided operations", err)
	}
	defer func() { _ = rows.Close() }()
	decided := map[OperationID]Decision{}
	for rows.Next() {
		var (
			o OperationID
			d Decision
		)
		if err := rows.Scan(&d.ID, &d.Run, &o.Key, &o.Class, &o.Digest, &d.Result); err != nil {
			return nil, s.fail("decided operations", err)
		}
		decided[o] = d
	}
	return decided, s.fail("decided operations", rows.Err())
}

// CountApplied counts by class what an automation has applied since then
// without anybody's approval.
func (s *Store) CountApplied(ctx context.Context, automation string, since time.Time) (map[ident.Class]int, error) {
	rows, err := s.reader.QueryContext(ctx, `SELECT class, count(*) FROM outcomes
		WHERE automation = ? AND at >= ? AND result = 'applied' AND approved = '' GROUP BY class`, automation, stamp(since))
	if err != nil {
		return nil, s.fail("count applied", err)
	}
	defer func() { _ = rows.Close() }()
	counts := map[ident.Class]int{}
	for rows.Next() {
		var (
			class ident.Class
			n     int
		)
		if err := rows.Scan(&class, &n); err != nil {
			return nil, s.fail("count applied", err)
		}
		counts[class] = n
	}
	return counts, s.fail("count applied", rows.Err())
}

// DropHeld ends held operations that are no longer planned, and tells why. It
// returns an *ErrNotHeld, and ends none, when one of them is not held.
func (s *Store) DropHeld(ctx context.Context, ids []int64, cause string) error {
	return s.decideHeld(ctx, "drop held operations", ids, func(o *ident.Outcome) {
		o.Result, o.Cause = ident.ResultDropped, cause
	}, "")
}

// RejectHeld rejects held operations on behalf of by. It returns an
// *ErrNotHeld, and rejects none, when one of them is not held.
func (s *Store) RejectHeld(ctx context.Context, ids []int64, by string) error {
	return s.decideHeld(ctx, "reject held operations", ids, func(o *ident.Outcome) {
		o.Result, o.Cause = ident.ResultRejected, "rejected by "+by
	}, by)
}

func (s *Store) decideHeld(ctx context.Context, operation string, ids []int64, decide func(*ident.Outcome), by string) error {
	return s.write(ctx, operation, func(tx *sql.Tx) error {
		for _, id := range ids {
			held, err := heldOutcome(ctx, tx, id)
			if err != nil {
				return err
			}
			o := held.Outcome
			o.At = s.orNow(time.Time{})
			decide(&o)
			if err := updateOutcome(ctx, tx, held, o); err != nil {
				return err
			}
			o.Operation = o.Operation.Brief()
			line := JournalLine{Kind: JournalOutcome, Automation: held.Automation, Application: held.Application, By: by, Run: o.Run, HeldID: id, Outcome: &o}
			if err := s.journal(ctx, tx, line); err != nil {
				return err
			}
		}
		return nil
	})
}

// heldOutcome returns an *ErrNotHeld when the outcome is not held.
func heldOutcome(ctx context.Context, tx *sql.Tx, id int64) (Held, error) {
	held, err := scanOutcome(tx.QueryRowContext(ctx, selectOutcomes+` WHERE id = ?`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return Held{}, &ErrNotHeld{ID: id}
	}
	if err != nil {
		return Held{}, err
	}
	if held.Result != ident.ResultHeld {
		return Held{}, &ErrNotHeld{ID: id, Result: held.Result}
	}
	return held, nil
}

// updateOutcome writes the final result of a held operation. The row stays
// with the run that held it.
func updateOutcome(ctx context.Context, tx *sql.Tx, held Held, o ident.Outcome) error {
	settled := o.Run
	if settled == held.Run {
		settled = 0
	}
	operation, err := toJSON(held.Operation.Brief())
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE outcomes SET operation_json = ?, settled_run = ?, guid = ?, dn = ?, result = ?, code = ?, cause = ?, next = ?, approved = ?, at = ? WHERE id = ?`,
		operation, nullID(settled), o.GUID, o.DN, o.Result, o.Code, o.Cause, o.Next, o.Approved, stamp(o.At), held.ID)
	return err
}

// insertOutcome keeps binary values only as long as somebody may still ask for
// the operation to be carried out.
func insertOutcome(ctx context.Context, tx *sql.Tx, automation, application string, o ident.Outcome) error {
	if o.Result != ident.ResultHeld {
		o.Operation = o.Operation.Brief()
	}
	operation, err := toJSON(o.Operation)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO outcomes
		(run, automation, application, key, guid, dn, name, class, digest, operation_json, result, code, cause, next, approved, at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		o.Run, automation, application, o.Key, o.GUID, o.DN, o.Name, o.Operation.Class, o.Operation.Digest, operation,
		o.Result, o.Code, o.Cause, o.Next, o.Approved, stamp(o.At))
	return err
}

func scanOutcome(row scanner) (Held, error) {
	var (
		h         Held
		operation string
		at        int64
	)
	err := row.Scan(&h.ID, &h.Automation, &h.Application, &h.Run, &h.Key, &h.GUID, &h.DN, &h.Name, &operation,
		&h.Result, &h.Code, &h.Cause, &h.Next, &h.Approved, &at)
	if err != nil {
		return Held{}, err
	}
	h.At = moment(at)
	err = fromJSON(operation, &h.Operation)
	return h, err
}

// ForgetRejected takes rejections back: the same operations may be held again
// by later runs. The outcomes stay as they are.
func (s *Store) ForgetRejected(ctx context.Context, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	return s.write(ctx, "forget rejections", func(tx *sql.Tx) error {
		for _, id := range ids {
			if _, err := tx.ExecContext(ctx, `UPDATE outcomes SET forgotten = 1 WHERE id = ? AND result = 'rejected'`, id); err != nil {
				return err
			}
		}
		return nil
	})
}
