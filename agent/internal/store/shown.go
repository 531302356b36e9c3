package store

import (
	"context"
	"database/sql"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Shown is a held instance as a person was shown it.
type Shown struct{ Instance, Version int64 }

const seenBefore = `EXISTS (SELECT 1 FROM shown
	WHERE shown.instance = instances.id AND shown.shown_to = ? AND shown.version = instances.version)`

const unseenOfRun = `SELECT id, version FROM instances WHERE status = 'held' AND run = ? AND NOT ` + seenBefore + ` ORDER BY id`

// Unseen returns the instances that a run holds and that somebody has not been shown as
// they are now.
func (s *Store) Unseen(ctx context.Context, run int64, by string) ([]Shown, error) {
	rows, err := s.reader.QueryContext(ctx, unseenOfRun, run, by)
	if err != nil {
		return nil, s.fail("held orchestrations that nobody was shown", err)
	}
	list, err := collect(rows, func(row scanner) (one Shown, err error) {
		err = row.Scan(&one.Instance, &one.Version)
		return one, err
	})
	return list, s.fail("held orchestrations that nobody was shown", err)
}

// Show keeps which held instances somebody is being shown, for Holding.SeenBy.
func (s *Store) Show(ctx context.Context, by string, list []Shown) error {
	if len(list) == 0 {
		return nil
	}
	return s.write(ctx, "keep what somebody was shown", func(tx *sql.Tx) error {
		b := s.newBatch(tx)
		for _, one := range list {
			err := b.exec(ctx, `INSERT INTO shown (instance, shown_to, version) SELECT id, ?, version FROM instances WHERE id = ? AND version = ?
				ON CONFLICT (instance, shown_to) DO UPDATE SET version = excluded.version`, by, one.Instance, one.Version)
			if err != nil {
				return err
			}
		}
		return nil
	})
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
