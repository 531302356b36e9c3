package store

import (
	"context"
	"database/sql"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// RespellLink gives a link another spelling of its key, and notes that in the
// journal. It returns false and changes nothing when there is no such link, or
// another link has the new key.
func (s *Store) RespellLink(ctx context.Context, space ident.Space, from, to ident.Key, by string) (done bool, err error) {
	err = s.write(ctx, "spell a link's key in another way", func(tx *sql.Tx) error {
		var taken int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM links WHERE application = ? AND kind = ? AND key = ?`,
			space.Application(), space.Kind(), to).Scan(&taken); err != nil || taken > 0 {
			return err
		}
		link, err := s.deleteLink(ctx, tx, space, from, linkCause{by: by})
		if link == nil || err != nil {
			return err
		}
		former := *link
		link.Key = to
		if err := s.putLink(ctx, tx, link, linkCause{by: by}); err != nil {
			return err
		}
		done = true
		line := JournalLine{Kind: JournalUnlink, Automation: link.Automation, Application: link.Application, By: by, Link: &former}
		if err := s.journal(ctx, tx, line); err != nil {
			return err
		}
		line.Kind, line.Link = JournalLink, link
		return s.journal(ctx, tx, line)
	})
	return done && err == nil, err
}

// RespellStaged changes the keys of staged deletions, parts and retained records
// to the spelling that spell returns. A retained record is dropped when the run
// itself has staged a record or a deletion with the new key.
func (s *Store) RespellStaged(ctx context.Context, run int64, spell func(ident.Key) ident.Key) error {
	return s.write(ctx, "spell staged keys in one way", func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT DISTINCT key FROM staging WHERE run = ? AND (kind <> 0 OR fresh = 0)`, run)
		if err != nil {
			return err
		}
		keys, err := collect(rows, func(row scanner) (key ident.Key, err error) { return key, row.Scan(&key) })
		if err != nil {
			return err
		}
		for _, from := range keys {
			to := spell(from)
			if to == from {
				continue
			}
			if _, err := tx.ExecContext(ctx, `UPDATE staging SET key = ?, record_json = json_set(record_json, '$.key', ?) WHERE run = ? AND key = ?`,
				to, to, run, from); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `DELETE FROM staging WHERE run = ? AND key = ? AND fresh = 0 AND EXISTS
				(SELECT 1 FROM staging s WHERE s.run = ? AND s.key = ? AND s.fresh = 1 AND s.kind <> 1)`, run, to, run, to); err != nil {
				return err
			}
		}
		return nil
	})
}
