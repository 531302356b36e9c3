package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// LinkChange says that a link was made or removed.
type LinkChange struct {
	Made          bool             `json:"made"` // false: removed
	Application   string           `json:"application"`
	Kind          string           `json:"kind"` // of the record
	Key           ident.Key        `json:"key"`
	GUID          ident.GUID       `json:"guid"`
	Automation    string           `json:"automation,omitempty"`
	Orchestration string           `json:"orchestration,omitempty"`
	Origin        ident.LinkOrigin `json:"origin"`
	Run           int64            `json:"run,omitempty"`
	By            string           `json:"by,omitempty"` // the person or trigger
	At            time.Time        `json:"-"`
}

// linkCause says what a link is made or removed by.
type linkCause struct {
	run int64  // 0: no run
	by  string // the person or trigger; "": an orchestration

	orchestration string // that removes it
}

// noteLink remembers that a link was made or removed.
func (s *Store) noteLink(ctx context.Context, tx *sql.Tx, l ident.Link, made bool, cause linkCause) error {
	if cause.orchestration != "" {
		l.Orchestration = cause.orchestration
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO link_changes
		(at, application, kind, key, guid, made, automation, orchestration, origin, run, changed_by)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		stamp(s.now()), l.Application, l.Space().Kind(), l.Key, l.GUID, made, l.Automation, l.Orchestration, l.Origin, cause.run, cause.by)
	if err != nil {
		return err
	}
	return s.newBatch(tx).wakeLinking(ctx, l.GUID, 0, stamp(s.now()))
}

// changesAtOnce limits how many changes of links one transaction removes.
const changesAtOnce = 5000

// removeLinkChanges forgets what became of links before a time. Present links say
// themselves when they were made.
func (s *Store) removeLinkChanges(ctx context.Context, before time.Time) error {
	for {
		var n int64
		err := s.write(ctx, "remove old changes of links", func(tx *sql.Tx) (err error) {
			n, err = deleted(ctx, tx, `DELETE FROM link_changes WHERE id IN (SELECT id FROM link_changes WHERE at < ? ORDER BY at LIMIT ?)`,
				stamp(before), changesAtOnce)
			return err
		})
		if err != nil || n < changesAtOnce {
			return err
		}
	}
}
