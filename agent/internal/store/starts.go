package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// CountStarts counts the instances that an automation has begun since a time
// without an approval. Those that are held do not count.
func (s *Store) CountStarts(ctx context.Context, automation string, since time.Time) (int, error) {
	var n int
	err := s.reader.QueryRowContext(ctx, countStarts, automation, stamp(since)).Scan(&n)
	return n, s.fail("count starts", err)
}

const countStarts = `SELECT count(*) FROM instances WHERE automation = ? AND started >= ? AND started <> 0 AND approved = ''`

// Starts returns when an automation last started its orchestration for each
// object, of those that NewInstance.Remember noted and ForgetStarts has not
// forgotten.
func (s *Store) Starts(ctx context.Context, automation string) (map[ident.GUID]time.Time, error) {
	rows, err := s.reader.QueryContext(ctx, `SELECT guid, at FROM starts WHERE automation = ?`, automation)
	if err != nil {
		return nil, s.fail("starts", err)
	}
	starts := map[ident.GUID]time.Time{}
	_, err = collect(rows, func(row scanner) (guid ident.GUID, err error) {
		var at int64
		if err = row.Scan(&guid, &at); err == nil {
			starts[guid] = moment(at)
		}
		return guid, err
	})
	return starts, s.fail("starts", err)
}

// ForgetStarts forgets the starts for objects: those that have left the filter
// of the automation, or may be started again.
func (s *Store) ForgetStarts(ctx context.Context, lease Lease, automation string, guids []ident.GUID) error {
	if len(guids) == 0 {
		return nil
	}
	return s.write(ctx, "forget starts", func(tx *sql.Tx) error {
		if err := checkFence(ctx, tx, lease); err != nil {
			return err
		}
		b := newBatch(tx)
		for _, guid := range guids {
			if err := b.exec(ctx, `DELETE FROM starts WHERE automation = ? AND guid = ?`, automation, guid); err != nil {
				return err
			}
		}
		return nil
	})
}
