package store

import (
	"context"
	"fmt"
	"time"
)

// StartLimit says how many instances of an automation may begin in 24 hours, of
// all its orchestrations; without an automation, how many of the orchestration.
// Those that are held and those that somebody approved do not count.
type StartLimit struct {
	Most int // negative: any number
}

// CountStarts counts what a StartLimit is about, since a time.
func (s *Store) CountStarts(ctx context.Context, automation, orchestration string, since time.Time) (int, error) {
	var n int
	err := s.reader.QueryRowContext(ctx, countStarts, automation, stamp(since), orchestration).Scan(&n)
	return n, s.fail("count starts", err)
}

const countStarts = `SELECT count(*) FROM instances WHERE automation = ? AND started >= ? AND started <> 0 AND approved = ''
	AND (automation <> '' OR orchestration = ?)`

// HeldInstances counts the instances of an automation that are held, at their start
// or at a step, and returns since when the oldest of them is; zero: there is none.
func (s *Store) HeldInstances(ctx context.Context, automation string) (n int, oldest time.Time, err error) {
	var since int64
	err = s.reader.QueryRowContext(ctx, countHeld, automation).Scan(&n, &since)
	return n, moment(since), s.fail("count held orchestrations", err)
}

const countHeld = `SELECT count(*), coalesce(min(since), 0) FROM instances WHERE status = 'held' AND automation = ?`

// limitFor is the time over which starts are counted.
const limitFor = 24 * time.Hour

// TooMany is the reason why a limit holds an instance.
func TooMany(begun, most int) string {
	return fmt.Sprintf("limits.start: %s began in 24 hours, and %d may", Orchestrations(begun), most)
}

// Orchestrations says how many.
func Orchestrations(n int) string {
	if n == 1 {
		return "1 orchestration"
	}
	return fmt.Sprintf("%d orchestrations", n)
}

// limit holds an instance that exceeds its limit. It counts in the transaction
// that begins the instance, so that writers beside each other do not exceed the
// limit together: a database with several writers at once must let them take turns
// for each automation.
func (s *Store) limit(ctx context.Context, b *batch, n *NewInstance) error {
	if n.Held || n.Approved != "" || n.Limit == nil || n.Limit.Most < 0 {
		return nil
	}
	of := [2]string{n.Automation, n.Orchestration}
	if n.Automation != "" {
		of[1] = ""
	}
	begun, counted := b.begun[of]
	if !counted {
		since := stamp(s.now().Add(-limitFor))
		if err := b.scan(ctx, []any{&begun}, countStarts, n.Automation, since, n.Orchestration); err != nil {
			return err
		}
	}
	if begun >= n.Limit.Most {
		n.Held, n.Cause = true, TooMany(begun, n.Limit.Most)
	} else {
		begun++
	}
	b.begun[of] = begun
	return nil
}
