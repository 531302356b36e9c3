package store

import (
	"context"
)

// spareBytes is how much unused space the database may keep.
const spareBytes = 64 << 20

// shrink returns unused space to the file system when it is more than half of
// the database, as after retention, or after the staging of an older version. It
// rewrites what is left, so its time grows with that. A failure, such as a full
// disk, changes nothing and is logged.
func (s *Store) shrink(ctx context.Context) error {
	var pages, free, size int64
	for query, into := range map[string]*int64{"PRAGMA page_count": &pages, "PRAGMA freelist_count": &free, "PRAGMA page_size": &size} {
		if err := s.writer.QueryRowContext(ctx, query).Scan(into); err != nil {
			return err
		}
	}
	if free*size < spareBytes || free < pages/2 {
		return nil
	}
	mib := free * size >> 20
	s.log.Info("rewriting the database to free unused disk space", "file", s.path, "mib", mib)
	// VACUUM makes a copy of what is left, on disk and not in memory.
	if _, err := s.writer.ExecContext(ctx,
		`PRAGMA temp_store = FILE; VACUUM; PRAGMA temp_store = MEMORY; PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
		if ctx.Err() != nil {
			return err
		}
		s.log.Warn("rewriting the database to free unused disk space failed; the next start tries again",
			"file", s.path, "mib", mib, "cause", err)
	}
	return nil
}
