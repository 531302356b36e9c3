package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// AcceptQuarantined accepts what the last run of an automation reported about a
// key: the items leave the quarantine, and are remembered with their causes
// until ForgetAccepted. by is the person who says so. Items about whole records
// stay in quarantine. It returns the accepted items.
func (s *Store) AcceptQuarantined(ctx context.Context, automation string, key ident.Key, by string) ([]ident.QuarantineItem, error) {
	var items []ident.QuarantineItem
	err := s.write(ctx, "accept", func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx,
			`DELETE FROM quarantine WHERE automation = ? AND key = ? AND part <> '' RETURNING key, name, part, cause, shared, next`, automation, key)
		if err != nil {
			return err
		}
		if items, err = collect(rows, scanQuarantine); err != nil {
			return err
		}
		for _, q := range items {
			if _, err := tx.ExecContext(ctx,
				`INSERT OR REPLACE INTO accepted (automation, key, part, cause, accepted_by, at) VALUES (?, ?, ?, ?, ?, ?)`,
				automation, q.Key, q.Part, q.Cause, by, stamp(s.now())); err != nil {
				return err
			}
			text := fmt.Sprintf("key %s: %s: %s", q.Key, q.Part, q.Cause)
			if err := s.journal(ctx, tx, JournalLine{Kind: JournalAccept, Automation: automation, By: by, Text: text}); err != nil {
				return err
			}
		}
		return nil
	})
	return items, err
}

// Accepted returns the items that are accepted for an automation, each with the
// person who accepted it. Only Key, Part and Cause of the items are set.
func (s *Store) Accepted(ctx context.Context, automation string) (map[ident.QuarantineItem]string, error) {
	type acceptance struct {
		ident.QuarantineItem
		by string
	}
	rows, err := s.reader.QueryContext(ctx, `SELECT key, part, cause, accepted_by FROM accepted WHERE automation = ?`, automation)
	if err != nil {
		return nil, s.fail("accepted", err)
	}
	list, err := collect(rows, func(row scanner) (a acceptance, err error) {
		err = row.Scan(&a.Key, &a.Part, &a.Cause, &a.by)
		return a, err
	})
	out := make(map[ident.QuarantineItem]string, len(list))
	for _, a := range list {
		out[a.QuarantineItem] = a.by
	}
	return out, s.fail("accepted", err)
}

// ForgetAccepted removes accepted items that no longer apply: when one comes up
// again, it needs a person again.
func (s *Store) ForgetAccepted(ctx context.Context, automation string, items []ident.QuarantineItem) error {
	if len(items) == 0 {
		return nil
	}
	return s.write(ctx, "forget accepted", func(tx *sql.Tx) error {
		for _, q := range items {
			if _, err := tx.ExecContext(ctx, `DELETE FROM accepted WHERE automation = ? AND key = ? AND part = ? AND cause = ?`,
				automation, q.Key, q.Part, q.Cause); err != nil {
				return err
			}
		}
		return nil
	})
}
