package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// OperationID identifies the same operation across runs.
type OperationID struct {
	Key    ident.Key
	Class  ident.Class
	Digest string
}

// Decision says what an earlier run did with an operation: it holds it, or it
// was rejected there.
type Decision struct {
	ID     int64 // of the outcome
	Run    int64
	Result ident.Result
}

const selectOutcomes = `SELECT id, automation, application, kind, run, coalesce(settled_run, 0), key, guid, dn, name,
	operation_json, result, code, cause, next, approved, at FROM outcomes`

// Outcomes returns the outcomes of a run, in order. An operation that one run
// held and another carried out belongs to both. One that another run dropped
// belongs only to the run that held it.
func (s *Store) Outcomes(ctx context.Context, run int64) ([]ident.Outcome, error) {
	rows, err := s.outcomes(ctx, selectOutcomes+` WHERE run = ? OR settled_run = ? AND result <> 'dropped' ORDER BY id`, run, run)
	list := make([]ident.Outcome, 0, len(rows))
	for _, r := range rows {
		list = append(list, r.Outcome)
	}
	return list, err
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

// CountApplied counts, by class, the operations that an automation has applied
// since a time without an approval. The references of an account that the same run
// made belong to its creation, like the other values that it began with.
func (s *Store) CountApplied(ctx context.Context, automation string, since time.Time) (map[ident.Class]int, error) {
	return s.countApplied(ctx, appliedSince+`automation = ?2 AND NOT (class = 'references' AND (run, key) IN (
		SELECT run, key FROM outcomes WHERE automation = ?2 AND at >= ?1 AND class = 'create' AND result = 'applied'))
		GROUP BY class`, since, automation)
}

// CountSteps counts, by class, the operations that the directory steps of an
// orchestration have applied since a time without an approval.
func (s *Store) CountSteps(ctx context.Context, orchestration string, since time.Time) (map[ident.Class]int, error) {
	return s.countApplied(ctx, appliedSince+`orchestration <> '' AND orchestration = ?2 GROUP BY class`, since, orchestration)
}

const appliedSince = `SELECT class, count(*) FROM outcomes WHERE at >= ?1 AND result = 'applied' AND approved = '' AND `

func (s *Store) countApplied(ctx context.Context, query string, since time.Time, name string) (map[ident.Class]int, error) {
	rows, err := s.reader.QueryContext(ctx, query, stamp(since), name)
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

// updateOutcome writes the final result of a held operation. The row stays with
// the run that held the operation.
func updateOutcome(ctx context.Context, tx *sql.Tx, held Held, o ident.Outcome) error {
	settled := o.SettledBy
	if o.Run != held.Run {
		settled = o.Run
	}
	operation, err := toJSON(held.Operation.Brief())
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE outcomes SET operation_json = ?, settled_run = ?, guid = ?, dn = ?, result = ?, code = ?,
		cause = ?, next = ?, approved = ?, at = ? WHERE id = ?`,
		operation, nullID(settled), o.GUID, o.DN, o.Result, o.Code, o.Cause, o.Next, o.Approved, stamp(o.At), held.ID)
	return err
}

// insertOutcome records an outcome. It keeps binary values only while the
// operation may still have to be carried out.
func insertOutcome(ctx context.Context, tx *sql.Tx, c Commit) error {
	o, orchestration := c.Outcome, ""
	if c.Orchestrated != nil {
		orchestration = c.Orchestrated.Orchestration
	}
	if o.Result != ident.ResultHeld {
		o.Operation = o.Operation.Brief()
	}
	operation, err := toJSON(o.Operation)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO outcomes
		(run, automation, application, kind, key, guid, dn, name, class, digest, operation_json, result, code, cause, next, approved, at,
			orchestration) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		o.Run, c.Automation, c.Application, c.space().Kind(), o.Key, o.GUID, o.DN, o.Name, o.Operation.Class, o.Operation.Digest, operation,
		o.Result, o.Code, o.Cause, o.Next, o.Approved, stamp(o.At), orchestration)
	return err
}

func scanOutcome(row scanner) (Held, error) { return scanOutcomeAnd(row) }

// scanOutcomeAnd reads the columns of selectOutcomes and those after them.
func scanOutcomeAnd(row scanner, more ...any) (Held, error) {
	var (
		h         Held
		operation string
		at        int64
	)
	err := row.Scan(append([]any{
		&h.ID, &h.Automation, &h.Application, &h.Kind, &h.Run, &h.SettledBy, &h.Key, &h.GUID, &h.DN, &h.Name, &operation,
		&h.Result, &h.Code, &h.Cause, &h.Next, &h.Approved, &at,
	}, more...)...)
	if err != nil {
		return Held{}, err
	}
	h.At = moment(at)
	err = fromJSON(operation, &h.Operation)
	return h, err
}
