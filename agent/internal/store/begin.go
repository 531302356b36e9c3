package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Anew says how a run begins an orchestration for objects for which it may have
// begun before.
type Anew struct {
	Run int64
	At  time.Time // when the run started
	// Once begins it for an object only once, until ForgetStarts has forgotten it.
	// Without it, an object may get it as often as somebody asks.
	Once bool
	// Every lets it begin again after this time; 0 never does. With Once.
	Every time.Duration
}

// Verdict says what a run does about an object that was chosen.
type Verdict string

// The verdicts.
const (
	VerdictBegin    Verdict = "begin"     // an instance begins
	VerdictHold     Verdict = "hold"      // an instance waits for approval
	VerdictBefore   Verdict = "before"    // it began for the object before, and may not begin again yet
	VerdictUnderWay Verdict = "under way" // an earlier instance for the object has not ended
)

// Begun is what became of one object that was chosen.
type Begun struct {
	Verdict  Verdict
	Instance int64 // that begins or is held; or the earlier one that is under way
	Cause    string
}

// Standing is what the store knows of an orchestration and an object.
type Standing struct {
	Started  time.Time // when the automation last began it, if that is remembered
	UnderWay int64     // the first instance that has not ended; 0 for none
	Status   InstanceStatus
	Run      int64 // that caused it
}

// slack makes Every a little shorter, so that an object is due again in a run that
// starts a moment earlier in its hour, or in the week in which clocks are put
// forward.
const slack = 2 * time.Hour

// Against returns why an instance does not begin for an object; nil when it may.
func (a Anew) Against(st Standing) *Begun {
	switch {
	case a.Once && !st.Started.IsZero() && a.Every == 0:
		return &Begun{Verdict: VerdictBefore, Cause: "it began on " + dateOf(st.Started) + ", and does again once the object has left the filter"}
	case a.Once && !st.Started.IsZero() && a.At.Before(a.due(st.Started)):
		return &Begun{
			Verdict: VerdictBefore, Cause: fmt.Sprintf("it began on %s, and may again on %s", dateOf(st.Started), dateOf(st.Started.Add(a.Every))),
		}
	case st.UnderWay != 0 && st.Status == InstanceHeld:
		return &Begun{VerdictUnderWay, st.UnderWay, fmt.Sprintf("it is held for this object as number %d: `%s` or `%s`",
			st.UnderWay, ident.Command("approve", fmt.Sprint(st.Run)), ident.Command("reject", fmt.Sprint(st.Run)))}
	case st.UnderWay != 0:
		return &Begun{VerdictUnderWay, st.UnderWay, fmt.Sprintf("it is under way for this object as number %d (%s)", st.UnderWay, st.Status)}
	}
	return nil
}

func (a Anew) due(started time.Time) time.Time {
	return started.Add(a.Every - min(a.Every/10, slack))
}

func dateOf(at time.Time) string { return at.Local().Format("2006-01-02") }

const (
	startOf    = `SELECT at FROM starts WHERE automation = ? AND guid = ?`
	underWayOf = `SELECT id, status, run FROM instances WHERE orchestration = ? AND guid = ? AND ended = 0 ORDER BY id LIMIT 1`
)

// BeginInstances begins instances of one automation, or of none, for objects. What
// stands against one is looked at in the same transaction. The answers are in the
// order of the list.
func (s *Store) BeginInstances(ctx context.Context, lease Lease, a Anew, list []NewInstance) ([]Begun, error) {
	out := make([]Begun, len(list))
	err := s.writeDue(ctx, "begin orchestrations", func(tx *sql.Tx) error {
		if err := checkFence(ctx, tx, lease); err != nil {
			return err
		}
		b := s.newBatch(tx)
		for i, n := range list {
			var err error
			if out[i], err = s.beginOne(ctx, b, a, n); err != nil {
				return fmt.Errorf("orchestration %s for %s: %w", n.Orchestration, n.Name, err)
			}
		}
		return b.writeJournal(ctx, s)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (s *Store) beginOne(ctx context.Context, b *batch, a Anew, n NewInstance) (Begun, error) {
	st, err := standingOf(ctx, b.scan, n.Automation, n.Orchestration, n.GUID)
	if err != nil {
		return Begun{}, err
	}
	if a.Once {
		if err := b.exec(ctx, seeStart, a.Run, n.Automation, n.GUID); err != nil {
			return Begun{}, err
		}
	}
	if against := a.Against(st); against != nil {
		return *against, nil
	}
	if err := s.limit(ctx, b, &n); err != nil {
		return Begun{}, err
	}
	n.Limit = nil // it is decided
	id, err := s.startOne(ctx, b, n, 0)
	if err != nil {
		return Begun{}, err
	}
	if a.Once {
		err := b.exec(ctx, `INSERT INTO starts (automation, guid, at, seen) VALUES (?, ?, ?, ?)
			ON CONFLICT (automation, guid) DO UPDATE SET at = excluded.at, seen = excluded.seen`, n.Automation, n.GUID, stamp(a.At), a.Run)
		if err != nil {
			return Begun{}, err
		}
	}
	if n.Held {
		return Begun{VerdictHold, id, n.Cause}, nil
	}
	return Begun{VerdictBegin, id, ""}, nil
}

// standingOf reads with the scan of a batch, or of the reader.
func standingOf(
	ctx context.Context, scan func(ctx context.Context, into []any, query string, args ...any) error,
	automation, orchestration string, guid ident.GUID,
) (st Standing, err error) {
	var at int64
	err = scan(ctx, []any{&at}, startOf, automation, guid)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return st, err
	}
	st.Started = moment(at)
	err = scan(ctx, []any{&st.UnderWay, &st.Status, &st.Run}, underWayOf, orchestration, guid)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return st, err
}

// Beginnings returns what the store knows of an object and an orchestration, for
// whoever only looks.
func (s *Store) Beginnings(ctx context.Context, automation, orchestration string, guid ident.GUID) (Standing, error) {
	st, err := standingOf(ctx, func(ctx context.Context, into []any, query string, args ...any) error {
		return s.reader.QueryRowContext(ctx, query, args...).Scan(into...)
	}, automation, orchestration, guid)
	return st, s.fail("look at what has begun for an object", err)
}

const seeStart = `UPDATE starts SET seen = ? WHERE automation = ? AND guid = ?`

// KeepStarts notes that a run could not tell whether objects are in the filter, so
// that ForgetStarts does not forget them.
func (s *Store) KeepStarts(ctx context.Context, lease Lease, automation string, run int64, guids []ident.GUID) error {
	return s.write(ctx, "keep starts", func(tx *sql.Tx) error {
		if err := checkFence(ctx, tx, lease); err != nil {
			return err
		}
		b := s.newBatch(tx)
		for _, guid := range guids {
			if err := b.exec(ctx, seeStart, run, automation, guid); err != nil {
				return err
			}
		}
		return nil
	})
}

// ForgetStarts is for the end of a run that has seen every object: it forgets the
// starts of those that have left the filter. With Every it forgets those that may
// begin again.
func (s *Store) ForgetStarts(ctx context.Context, lease Lease, automation string, a Anew) error {
	before := stamp(a.At) + 1
	if a.Every > 0 {
		before = stamp(a.At.Add(-a.Every))
	}
	return s.write(ctx, "forget starts", func(tx *sql.Tx) error {
		if err := checkFence(ctx, tx, lease); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM starts WHERE automation = ? AND seen <> ? AND at < ?`, automation, a.Run, before)
		return err
	})
}
