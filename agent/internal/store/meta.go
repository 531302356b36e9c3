package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Meta returns a small value by name, such as a cursor or the time of the last
// good run; false when it was never set.
func (s *Store) Meta(ctx context.Context, name string) (string, bool, error) {
	var value string
	err := s.reader.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = ?`, name).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	return value, err == nil, s.fail("read "+name, err)
}

// SetMeta sets a small value.
func (s *Store) SetMeta(ctx context.Context, name, value string) error {
	return s.exec(ctx, "set "+name, `INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)`, name, value)
}

// SetQuarantine replaces the quarantine of an automation.
func (s *Store) SetQuarantine(ctx context.Context, automation string, items []ident.QuarantineItem) error {
	return s.write(ctx, "set quarantine", func(tx *sql.Tx) error { return putQuarantine(ctx, tx, automation, items) })
}

func putQuarantine(ctx context.Context, tx *sql.Tx, automation string, items []ident.QuarantineItem) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM quarantine WHERE automation = ?`, automation); err != nil {
		return err
	}
	insert, err := tx.PrepareContext(ctx,
		`INSERT INTO quarantine (automation, position, key, name, part, cause, shared, next) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`)
	if err != nil {
		return err
	}
	for i, q := range items {
		if _, err := insert.ExecContext(ctx, automation, i, q.Key, q.Name, q.Part, q.Cause, q.Shared, q.Next); err != nil {
			return err
		}
	}
	return nil
}

// MergeQuarantine replaces what the quarantine of an automation says about the
// keys for which about returns true, and keeps the rest. It returns how many
// items there are then.
func (s *Store) MergeQuarantine(
	ctx context.Context, automation string, about func(ident.Key) bool, items []ident.QuarantineItem,
) (n int, err error) {
	err = s.write(ctx, "merge quarantine", func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, selectQuarantine, automation)
		if err != nil {
			return err
		}
		known, err := collect(rows, scanQuarantine)
		if err != nil {
			return err
		}
		before := len(known)
		known = slices.DeleteFunc(known, func(q ident.QuarantineItem) bool { return about(q.Key) || slices.Contains(items, q) })
		if n = len(known) + len(items); n == before && len(items) == 0 {
			return nil // nothing to write
		}
		return putQuarantine(ctx, tx, automation, append(known, items...))
	})
	return n, err
}

const selectQuarantine = `SELECT key, name, part, cause, shared, next FROM quarantine WHERE automation = ? ORDER BY position`

// Quarantine returns what an automation has set aside, in the order in which
// SetQuarantine got it.
func (s *Store) Quarantine(ctx context.Context, automation string) ([]ident.QuarantineItem, error) {
	rows, err := s.reader.QueryContext(ctx, selectQuarantine, automation)
	if err != nil {
		return nil, s.fail("quarantine", err)
	}
	items, err := collect(rows, scanQuarantine)
	return items, s.fail("quarantine", err)
}

// SetAside is an item of the quarantine of an automation.
type SetAside struct {
	Automation string
	ident.QuarantineItem
}

// QuarantineOf returns what is set aside about records with one of these keys, of
// whatever application and kind their automation reads.
func (s *Store) QuarantineOf(ctx context.Context, keys []ident.Key) ([]SetAside, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	args := make([]any, len(keys))
	for i, k := range keys {
		args[i] = k
	}
	//nolint:gosec // it has as many question marks as there are keys
	rows, err := s.reader.QueryContext(ctx, `SELECT automation, key, name, part, cause, shared, next FROM quarantine
		WHERE key <> '' AND key IN (?`+strings.Repeat(", ?", len(keys)-1)+`) ORDER BY automation, position`, args...)
	if err != nil {
		return nil, s.fail("quarantine of keys", err)
	}
	list, err := collect(rows, func(row scanner) (q SetAside, err error) {
		err = row.Scan(&q.Automation, &q.Key, &q.Name, &q.Part, &q.Cause, &q.Shared, &q.Next)
		return q, err
	})
	return list, s.fail("quarantine of keys", err)
}

func scanQuarantine(row scanner) (q ident.QuarantineItem, err error) {
	err = row.Scan(&q.Key, &q.Name, &q.Part, &q.Cause, &q.Shared, &q.Next)
	return q, err
}

// SecretBlob returns an encrypted secret; false when there is none.
func (s *Store) SecretBlob(ctx context.Context, name string) ([]byte, bool, error) {
	var blob []byte
	err := s.reader.QueryRowContext(ctx, `SELECT blob FROM secrets WHERE name = ?`, name).Scan(&blob)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	return blob, err == nil, s.fail("read secret "+name, err)
}

// PutSecretBlob stores or replaces an encrypted secret.
func (s *Store) PutSecretBlob(ctx context.Context, name string, blob []byte) error {
	return s.exec(ctx, "store secret "+name, `INSERT OR REPLACE INTO secrets (name, blob) VALUES (?, ?)`, name, blob)
}

// SecretNames lists the stored secrets in order.
func (s *Store) SecretNames(ctx context.Context) ([]string, error) {
	rows, err := s.reader.QueryContext(ctx, `SELECT name FROM secrets ORDER BY name`)
	if err != nil {
		return nil, s.fail("list secrets", err)
	}
	names, err := collect(rows, func(row scanner) (name string, err error) {
		err = row.Scan(&name)
		return name, err
	})
	return names, s.fail("list secrets", err)
}

// DeleteSecretBlob removes a secret. It returns false when there was none.
func (s *Store) DeleteSecretBlob(ctx context.Context, name string) (bool, error) {
	var n int64
	err := s.write(ctx, "delete secret "+name, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, `DELETE FROM secrets WHERE name = ?`, name)
		if err != nil {
			return err
		}
		n, err = result.RowsAffected()
		return err
	})
	return n > 0 && err == nil, err
}

// collect reads all rows and closes them.
func collect[T any](rows *sql.Rows, scan func(scanner) (T, error)) ([]T, error) {
	defer func() { _ = rows.Close() }()
	var list []T
	for rows.Next() {
		item, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, item)
	}
	return list, rows.Err()
}
