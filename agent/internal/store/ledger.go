package store

import (
	"context"
	"database/sql"
	"errors"
)

// LedgerText returns the text that was last saved for an application; "" when
// there is none.
func (s *Store) LedgerText(ctx context.Context, application string) (string, error) {
	var text string
	err := s.reader.QueryRowContext(ctx, `SELECT text FROM ledger WHERE application = ?`, application).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return text, s.fail("read the ledger of "+application, err)
}

// SaveLedgerText replaces the saved text of an application.
func (s *Store) SaveLedgerText(ctx context.Context, application, text string) error {
	return s.exec(ctx, "save the ledger of "+application, `INSERT OR REPLACE INTO ledger (application, text) VALUES (?, ?)`, application, text)
}
