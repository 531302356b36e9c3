package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// awaitedFor is the longest time for which an event waits until it is known how the
// agent's own write ended that it shows.
const awaitedFor = 10 * time.Minute

// decidedEvents leaves out the events that show a write of the agent of which it is not
// known yet how it ended: what follows from the write, such as a link, comes with that.
// Later events of the same object wait behind them.
const decidedEvents = ` AND NOT EXISTS (SELECT 1 FROM events first JOIN intents ON intents.id = first.intent
	WHERE first.guid = events.guid AND first.id <= events.id AND first.open = 1 AND first.at > ?)`

// behindNone leaves out the events of an object of which an event up to a number is
// still open: they wait behind it.
const behindNone = ` AND NOT EXISTS (SELECT 1 FROM events kept WHERE kept.guid = events.guid AND kept.id <= ? AND kept.open = 1)`

const (
	openEvents      = selectEvents + ` WHERE open = 1 AND id > ?` + behindNone + decidedEvents + ` ORDER BY id LIMIT ?`
	oldestOpenEvent = `SELECT at FROM events WHERE open = 1 ORDER BY id LIMIT 1`
	countOpenEvents = `SELECT count(*) FROM events WHERE open = 1`
)

// UnreadableEventError is returned when the row of an event cannot be understood.
type UnreadableEventError struct {
	ID  int64
	Err error
}

func (e *UnreadableEventError) Error() string {
	return fmt.Sprintf("event %d cannot be read: %v", e.ID, e.Err)
}

func (e *UnreadableEventError) Unwrap() error { return e.Err }

// OpenEvents returns the first events behind a number that can be judged and have not
// been yet, in the order of their numbers. It returns an *UnreadableEventError when one
// of them cannot be read.
func (s *Store) OpenEvents(ctx context.Context, after int64, limit int) ([]ident.Event, error) {
	rows, err := s.reader.QueryContext(ctx, openEvents,
		after, after, stamp(s.now().Add(-awaitedFor)), limit)
	if err != nil {
		return nil, s.fail("open events", err)
	}
	list, err := collect(rows, scanEvent)
	return list, s.fail("open events", err)
}

// CountOpenEvents counts the events that have not been judged yet.
func (s *Store) CountOpenEvents(ctx context.Context) (n int, err error) {
	err = s.reader.QueryRowContext(ctx, countOpenEvents).Scan(&n)
	return n, s.fail("count open events", err)
}

const selectAside = `SELECT ` + wholeEvent + `, v.cause, v.next FROM event_verdicts v JOIN events ON events.id = v.event
	WHERE v.automation = ? AND v.verdict = 'aside'`

// scanAside reads an event that was set aside. A damaged one must not hide the others.
func scanAside(row scanner) (a AsideEvent, err error) {
	a.Event, err = scanEvent(withMore{row, []any{&a.Cause, &a.Next}})
	if errors.As(err, &a.Unreadable) {
		err = nil
	}
	return a, err
}

// withMore scans further columns behind those of somebody else.
type withMore struct {
	scanner
	more []any
}

func (w withMore) Scan(into ...any) error { return w.scanner.Scan(append(into, w.more...)...) }

// AsideEvents returns the first events that an automation has set aside, from an
// event on, in the order of their numbers.
func (s *Store) AsideEvents(ctx context.Context, automation string, from int64, limit int) ([]AsideEvent, error) {
	rows, err := s.reader.QueryContext(ctx, selectAside+` AND v.event >= ? ORDER BY v.event LIMIT ?`, automation, from, limit)
	if err != nil {
		return nil, s.fail("events set aside", err)
	}
	list, err := collect(rows, scanAside)
	return list, s.fail("events set aside", err)
}

// CountAside counts what an automation has set aside.
func (s *Store) CountAside(ctx context.Context, automation string) (n int, err error) {
	err = s.reader.QueryRowContext(ctx, `SELECT count(*) FROM event_verdicts WHERE automation = ? AND verdict = 'aside'`, automation).Scan(&n)
	return n, s.fail("count events set aside", err)
}

// AsideAutomations lists the automations that have set events aside. One of them may
// not be configured any more.
func (s *Store) AsideAutomations(ctx context.Context) ([]string, error) {
	rows, err := s.reader.QueryContext(ctx, `SELECT DISTINCT automation FROM event_verdicts WHERE verdict = 'aside' ORDER BY automation`)
	if err != nil {
		return nil, s.fail("automations with events set aside", err)
	}
	list, err := collect(rows, func(row scanner) (name string, err error) { err = row.Scan(&name); return name, err })
	return list, s.fail("automations with events set aside", err)
}

// HeldChange is a held instance with the event that began it. An event without parts
// cannot be read any more.
type HeldChange struct {
	Event      ident.Event
	Instance   int64
	Automation string
}

// HeldChanges returns the instances that a run holds and that events began.
func (s *Store) HeldChanges(ctx context.Context, run int64) ([]HeldChange, error) {
	rows, err := s.reader.QueryContext(ctx, `SELECT `+wholeEvent+`, v.instance, v.automation
		FROM event_verdicts v JOIN events ON events.id = v.event
		WHERE v.instance <> 0 AND v.instance IN (SELECT id FROM instances WHERE status = 'held' AND run = ?) ORDER BY v.instance`, run)
	if err != nil {
		return nil, s.fail("events of held orchestrations", err)
	}
	list, err := collect(rows, func(row scanner) (h HeldChange, err error) {
		h.Event, err = scanDamaged(withMore{row, []any{&h.Instance, &h.Automation}})
		return h, err
	})
	return list, s.fail("events of held orchestrations", err)
}

// LaterEvents returns the events of an object after one of them, in order. One without
// parts cannot be read any more.
func (s *Store) LaterEvents(ctx context.Context, guid ident.GUID, after int64) ([]ident.Event, error) {
	rows, err := s.reader.QueryContext(ctx, selectEvents+` WHERE guid = ? AND events.id > ? ORDER BY events.id`, guid, after)
	if err != nil {
		return nil, s.fail("later events of an object", err)
	}
	list, err := collect(rows, scanDamaged)
	return list, s.fail("later events of an object", err)
}
