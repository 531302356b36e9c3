package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Seen returns what was last fetched for an attribute of somebody; false when nothing
// was.
func (s *Store) Seen(ctx context.Context, automation string, key ident.Key, attribute string) (ident.Seen, bool, error) {
	var (
		seen ident.Seen
		at   int64
	)
	err := s.reader.QueryRowContext(ctx, `SELECT url, etag, modified, digest, problem, shared, next, at FROM attachments
		WHERE automation = ? AND key = ? AND attribute = ?`, automation, key, attribute).
		Scan(&seen.URL, &seen.ETag, &seen.Modified, &seen.Digest, &seen.Problem, &seen.Shared, &seen.Next, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return ident.Seen{}, false, nil
	}
	seen.At = moment(at)
	return seen, err == nil, s.fail("read what was attached", err)
}

// See remembers what was fetched for an attribute of somebody, without its content.
func (s *Store) See(ctx context.Context, automation string, key ident.Key, attribute string, seen ident.Seen) error {
	return s.exec(ctx, "remember what was attached", `INSERT OR REPLACE INTO attachments
		(automation, key, attribute, url, etag, modified, digest, problem, shared, next, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		automation, key, attribute, seen.URL, seen.ETag, seen.Modified, seen.Digest, seen.Problem, seen.Shared, seen.Next, stamp(seen.At))
}

// ForgetSeen forgets what was fetched for an automation before a time: nobody asks
// for it any more.
func (s *Store) ForgetSeen(ctx context.Context, automation string, before time.Time) error {
	return s.exec(ctx, "forget what was attached", `DELETE FROM attachments WHERE automation = ? AND at < ?`, automation, stamp(before))
}

// StageAttached adds what was fetched for a record that the run has staged. It may be
// called while the run's records are read, for the key that was read last, and counts
// for that run only: it is not retained.
func (s *Store) StageAttached(ctx context.Context, run int64, key ident.Key, attached map[string]ident.Attachment) error {
	return s.write(ctx, "stage attachments", func(tx *sql.Tx) error {
		text, err := toJSON(ident.Record{Key: key, Attached: attached})
		if err != nil {
			return fmt.Errorf("record %q: %w", key, err)
		}
		if err := s.sizes.add(run, 1, int64(len(text)+len(key))+rowBytes, s.most); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO staging (run, key, kind, fresh, record_json) VALUES (?, ?, ?, 1, ?)`,
			run, key, kindAttached, text)
		return err
	})
}
