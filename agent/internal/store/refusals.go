package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Refusals returns what the directory refused an automation.
func (s *Store) Refusals(ctx context.Context, automation string) ([]ident.Refusal, error) {
	rows, err := s.reader.QueryContext(ctx, `SELECT key, part, digest, cause, next, tries, again FROM refusals WHERE automation = ? ORDER BY key, part`, automation)
	if err != nil {
		return nil, s.fail("refusals", err)
	}
	list, err := collect(rows, func(row scanner) (r ident.Refusal, err error) {
		var again int64
		err = row.Scan(&r.Key, &r.Part, &r.Digest, &r.Cause, &r.Next, &r.Tries, &again)
		r.Again = time.Unix(0, again).UTC()
		return r, err
	})
	return list, s.fail("refusals", err)
}

// Refuse remembers what the directory refused, in the place of what it refused
// of the same part of the same user before.
func (s *Store) Refuse(ctx context.Context, automation string, list []ident.Refusal) error {
	return s.write(ctx, "remember refusals", func(tx *sql.Tx) error {
		for _, r := range list {
			if _, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO refusals (automation, key, part, digest, cause, next, tries, again) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
				automation, r.Key, r.Part, r.Digest, r.Cause, r.Next, r.Tries, stamp(r.Again)); err != nil {
				return err
			}
		}
		return nil
	})
}

// ForgetRefusals removes refusals by Key and Part.
func (s *Store) ForgetRefusals(ctx context.Context, automation string, list []ident.Refusal) error {
	if len(list) == 0 {
		return nil
	}
	return s.write(ctx, "forget refusals", func(tx *sql.Tx) error {
		for _, r := range list {
			if _, err := tx.ExecContext(ctx, `DELETE FROM refusals WHERE automation = ? AND key = ? AND part = ?`, automation, r.Key, r.Part); err != nil {
				return err
			}
		}
		return nil
	})
}
