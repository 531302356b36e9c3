package store

import (
	"context"
	"database/sql"
	"errors"
)

// LedgerText returns what was last saved for an application; "" when nothing
// was.
func (s *Store) LedgerText(ctx context.Context, application string) (string, error) {
	var text string
	err := s.reader.QueryRowContext(ctx, `SELECT text FROM ledger WHERE application = ?`, application).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return text, s.fail("read the ledger of "+application, err)
}

// SaveLedgerText keeps a text for an application in place of the former one.
func (s *Store) SaveLedgerText(ctx context.Context, application, text string) error {
	return s.exec(ctx, "save the ledger of "+application, `INSERT OR REPLACE INTO ledger (application, text) VALUES (?, ?)`, application, text)
}
