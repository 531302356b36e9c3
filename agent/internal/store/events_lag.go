package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// OldestOpenEvent returns when the oldest event that is not judged yet was recorded;
// zero: all are judged.
func (s *Store) OldestOpenEvent(ctx context.Context) (time.Time, error) {
	var at int64
	err := s.reader.QueryRowContext(ctx, oldestOpenEvent).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	return moment(at), s.fail("oldest open event", err)
}
