package store

import (
	"context"
	"database/sql"
	"strings"
)

// SecretsBy changes stored secrets on behalf of a person: each change is noted
// in the journal, with the name and never the value. What rollcall renews by
// itself does not use it.
type SecretsBy struct {
	*Store
	by, application string
}

// SecretsBy returns the secrets as by changes them, for an application or "" for
// none.
func (s *Store) SecretsBy(by, application string) *SecretsBy { return &SecretsBy{s, by, application} }

// PutSecretBlob stores or replaces an encrypted secret.
func (s *SecretsBy) PutSecretBlob(ctx context.Context, name string, blob []byte) error {
	return s.write(ctx, "store secret "+name, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO secrets (name, blob) VALUES (?, ?)`, name, blob); err != nil {
			return err
		}
		return s.note(ctx, tx, "set "+name)
	})
}

// DeleteSecretBlob removes a secret. It returns false when there was none.
func (s *SecretsBy) DeleteSecretBlob(ctx context.Context, name string) (bool, error) {
	var n int64
	err := s.write(ctx, "delete secret "+name, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, `DELETE FROM secrets WHERE name = ?`, name)
		if err != nil {
			return err
		}
		if n, err = result.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return s.note(ctx, tx, "deleted "+name)
	})
	return n > 0 && err == nil, err
}

// ForgetSecrets removes secrets that cannot be opened because their key is lost.
func (s *SecretsBy) ForgetSecrets(ctx context.Context, names []string) error {
	return s.write(ctx, "forget the secrets", func(tx *sql.Tx) error {
		for _, name := range names {
			if _, err := tx.ExecContext(ctx, `DELETE FROM secrets WHERE name = ?`, name); err != nil {
				return err
			}
		}
		return s.note(ctx, tx, "started a new master key; lost with the former one: "+strings.Join(names, ", "))
	})
}

func (s *SecretsBy) note(ctx context.Context, tx *sql.Tx, text string) error {
	return s.journal(ctx, tx, JournalLine{Kind: JournalSecret, Application: s.application, By: s.by, Text: text})
}
