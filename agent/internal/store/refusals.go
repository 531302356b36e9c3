package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

const selectRefusals = `SELECT key, part, digest, cause, shared, next, tries, again FROM refusals WHERE automation = ?`

// Refusals returns what the directory refused for an automation.
func (s *Store) Refusals(ctx context.Context, automation string) ([]ident.Refusal, error) {
	rows, err := s.reader.QueryContext(ctx, selectRefusals+` ORDER BY key, part`, automation)
	if err != nil {
		return nil, s.fail("refusals", err)
	}
	list, err := collect(rows, scanRefusal)
	return list, s.fail("refusals", err)
}

// Refusal returns what the directory refused for one part of a user; false when
// there is nothing.
func (s *Store) Refusal(ctx context.Context, automation string, key ident.Key, part string) (ident.Refusal, bool, error) {
	r, err := scanRefusal(s.reader.QueryRowContext(ctx, selectRefusals+` AND key = ? AND part = ?`, automation, key, part))
	if errors.Is(err, sql.ErrNoRows) {
		return ident.Refusal{}, false, nil
	}
	return r, err == nil, s.fail("refusal", err)
}

func scanRefusal(row scanner) (r ident.Refusal, err error) {
	var again int64
	err = row.Scan(&r.Key, &r.Part, &r.Digest, &r.Cause, &r.Shared, &r.Next, &r.Tries, &again)
	r.Again = moment(again)
	return r, err
}

// Refuse remembers what the directory refused. It replaces an earlier refusal of
// the same part of the same user.
func (s *Store) Refuse(ctx context.Context, automation string, list []ident.Refusal) error {
	return s.write(ctx, "remember refusals", func(tx *sql.Tx) error {
		for _, r := range list {
			if _, err := tx.ExecContext(ctx,
				`INSERT OR REPLACE INTO refusals (automation, key, part, digest, cause, shared, next, tries, again) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
				automation, r.Key, r.Part, r.Digest, r.Cause, r.Shared, r.Next, r.Tries, stamp(r.Again)); err != nil {
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
			if _, err := tx.ExecContext(ctx, `DELETE FROM refusals WHERE automation = ? AND key = ? AND part = ?`,
				automation, r.Key, r.Part); err != nil {
				return err
			}
		}
		return nil
	})
}
