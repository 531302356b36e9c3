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
	Kind        string `json:"kind"` // of the record
	ident.Outcome
}

// HeldOutcomes returns what an automation holds; "" means all automations.
func (s *Store) HeldOutcomes(ctx context.Context, automation string) ([]Held, error) {
	if automation == "" {
		return s.outcomes(ctx, selectOutcomes+` WHERE result = 'held' ORDER BY id`)
	}
	return s.outcomes(ctx, selectOutcomes+` WHERE result = 'held' AND automation = ? ORDER BY id`, automation)
}

// HeldAbout returns what is held about an object; nothing for "".
func (s *Store) HeldAbout(ctx context.Context, guid ident.GUID) ([]Held, error) {
	return s.outcomes(ctx, selectOutcomes+` WHERE guid = ? AND guid <> '' AND result = 'held' ORDER BY id`, guid)
}

// HeldOfRun returns what a run held and nobody has decided yet.
func (s *Store) HeldOfRun(ctx context.Context, run int64) ([]Held, error) {
	return s.outcomes(ctx, selectOutcomes+` WHERE result = 'held' AND run = ? ORDER BY id`, run)
}

// ClaimHeld assigns what a run holds, of one class or of all (""), to the run
// that is about to carry it out. While that run is running, nobody else may
// decide about these operations. It returns how many there are.
func (s *Store) ClaimHeld(ctx context.Context, lease Lease, run int64, class ident.Class, claimer int64) (int, error) {
	var n int64
	err := s.write(ctx, "claim held operations", func(tx *sql.Tx) error {
		if err := s.checkLive(ctx, tx, lease); err != nil {
			return err
		}
		result, err := tx.ExecContext(ctx, `UPDATE outcomes SET claimed_run = ? WHERE result = 'held' AND run = ? AND ? IN ('', class)`,
			claimer, run, class)
		if err != nil {
			return err
		}
		n, err = result.RowsAffected()
		return err
	})
	return int(n), err
}

// ClaimedHeld returns what a run has claimed and not yet carried out.
func (s *Store) ClaimedHeld(ctx context.Context, claimer int64) ([]Held, error) {
	return s.outcomes(ctx, selectOutcomes+` WHERE result = 'held' AND claimed_run = ? ORDER BY id`, claimer)
}

// Drop is a held operation that a run ends because it plans something else.
type Drop struct {
	ID    int64
	Cause string
}

// DropHeld ends held operations that a run no longer plans as they are, with the
// reason. It leaves alone operations that have been decided in the meantime, and
// those that a run may have carried out.
func (s *Store) DropHeld(ctx context.Context, lease Lease, run int64, list []Drop) error {
	return s.write(ctx, "drop held operations", func(tx *sql.Tx) error {
		if err := checkFence(ctx, tx, lease); err != nil {
			return err
		}
		for _, d := range list {
			held, err := heldOutcome(ctx, tx, d.ID)
			var decided *NotHeldError
			if errors.As(err, &decided) {
				continue
			}
			if err != nil {
				return err
			}
			var busy *UnderWayError
			if err := checkIdle(ctx, tx, held); errors.As(err, &busy) {
				continue
			} else if err != nil {
				return err
			}
			if err := s.decide(ctx, tx, held, decision{result: ident.ResultDropped, run: run, cause: d.Cause}); err != nil {
				return err
			}
		}
		return nil
	})
}

// RejectHeld rejects what a run holds, of one class or of all (""), on behalf of
// by, and returns how many operations that were. When one of them is being
// carried out, it returns an *UnderWayError and rejects nothing.
func (s *Store) RejectHeld(ctx context.Context, run int64, class ident.Class, by string) (int, error) {
	var n int
	err := s.write(ctx, "reject held operations", func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, selectOutcomes+` WHERE result = 'held' AND run = ? AND ? IN ('', class) ORDER BY id`, run, class)
		if err != nil {
			return err
		}
		list, err := collect(rows, scanOutcome)
		if err != nil {
			return err
		}
		for _, held := range list {
			if err := checkIdle(ctx, tx, held); err != nil {
				return err
			}
			if err := s.decide(ctx, tx, held, decision{result: ident.ResultRejected, cause: "rejected by " + by, by: by}); err != nil {
				return err
			}
		}
		n = len(list)
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// checkIdle refuses a held operation that a run is carrying out, or may have
// carried out.
func checkIdle(ctx context.Context, tx *sql.Tx, held Held) error {
	var run int64
	var open bool
	err := tx.QueryRowContext(ctx, `SELECT run, 1 FROM intents WHERE held_id = ?
		UNION ALL SELECT r.id, 0 FROM runs r JOIN outcomes o ON r.id = o.claimed_run WHERE o.id = ? AND r.result = ?
		ORDER BY 2 DESC LIMIT 1`, held.ID, held.ID, RunRunning).Scan(&run, &open)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return &UnderWayError{Class: held.Operation.Class, Name: held.Name, Automation: held.Automation, Run: run, InDoubt: open}
}

// decision ends a held operation without carrying it out: a run (0 for none)
// dropped it, or a person ("" for none) rejected it.
type decision struct {
	result ident.Result
	run    int64
	cause  string
	by     string
}

func (s *Store) decide(ctx context.Context, tx *sql.Tx, held Held, d decision) error {
	o := held.Outcome
	o.At, o.Result, o.Cause, o.SettledBy = s.orNow(time.Time{}), d.result, d.cause, d.run
	if err := updateOutcome(ctx, tx, held, o); err != nil {
		return err
	}
	o.Operation = o.Operation.Brief()
	return s.journal(ctx, tx, JournalLine{
		Kind: JournalOutcome, Automation: held.Automation, Application: held.Application, By: d.by, Run: o.Run, HeldID: held.ID, Outcome: &o,
	})
}

// heldOutcome returns a *NotHeldError when the outcome is not held.
func heldOutcome(ctx context.Context, tx *sql.Tx, id int64) (Held, error) {
	held, err := scanOutcome(tx.QueryRowContext(ctx, selectOutcomes+` WHERE id = ?`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return Held{}, &NotHeldError{ID: id}
	}
	if err != nil {
		return Held{}, err
	}
	if held.Result != ident.ResultHeld {
		return Held{}, &NotHeldError{ID: id, Result: held.Result}
	}
	return held, nil
}

// ForgetRejected takes rejections back: later runs may hold the same operations
// again. The outcomes stay as they are.
func (s *Store) ForgetRejected(ctx context.Context, lease Lease, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	return s.write(ctx, "forget rejections", func(tx *sql.Tx) error {
		if err := checkFence(ctx, tx, lease); err != nil {
			return err
		}
		for _, id := range ids {
			if _, err := tx.ExecContext(ctx, `UPDATE outcomes SET forgotten = 1 WHERE id = ? AND result = 'rejected'`, id); err != nil {
				return err
			}
		}
		return nil
	})
}
