package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// MirrorState says how far the local image of the directory has come.
type MirrorState struct {
	Cookie []byte    // of DirSync; empty when there is none
	Server string    // the DC that gave it
	Spec   string    // digest of the mirrored bases, filters and attributes
	Full   bool      // a full read has been completed
	Synced time.Time // when the image was last brought up to date
	Events bool      // what differs from the image is an event
	// Deletions is when the deletions were last looked for, if the directory does not
	// show them with the other changes. It is not kept; zero is the time of Synced.
	Deletions time.Time
	// Awaits says that the agent has written what no read has shown yet: a read without
	// a difference tells something too. It is read only.
	Awaits bool
}

const (
	selectMirrorState = `SELECT cookie, server, spec, complete, synced, events,
		EXISTS (SELECT 1 FROM echoes WHERE settled <> 0 AND echoes.server = mirror_state.server) FROM mirror_state`
	selectEntries = `SELECT m.id, m.guid, m.dn, v.attribute, v.value FROM mirror m LEFT JOIN mirror_values v ON v.entry = m.id`
	orderEntries  = ` ORDER BY m.id, v.attribute, v.position`
	entryBatch    = 500
	// indexedBytes is the greatest length at which the index can find a value.
	indexedBytes = 512
	// foldedBytes is the greatest length at which indexing is tried: folding
	// shortens a value with many accents, but hardly by more than this factor.
	foldedBytes = 8 * indexedBytes
)

// MirrorState returns the state of the mirror; the zero state when it was never
// filled.
func (s *Store) MirrorState(ctx context.Context) (MirrorState, error) {
	var (
		state  MirrorState
		synced int64
	)
	err := s.reader.QueryRowContext(ctx, selectMirrorState).
		Scan(&state.Cookie, &state.Server, &state.Spec, &state.Full, &synced, &state.Events, &state.Awaits)
	state.Synced = moment(synced)
	return state, s.fail("mirror state", err)
}

// CountEntries counts the objects of the mirror.
func (s *Store) CountEntries(ctx context.Context) (int, error) {
	var n int
	err := s.reader.QueryRowContext(ctx, `SELECT count(*) FROM mirror`).Scan(&n)
	return n, s.fail("count entries", err)
}

// collectEntries reads the rows of selectEntries, one for each value. It also
// returns the row number of the last entry.
func collectEntries(rows *sql.Rows) ([]ident.Entry, int64, error) {
	defer func() { _ = rows.Close() }()
	var (
		list []ident.Entry
		last int64
	)
	for rows.Next() {
		var (
			id        int64
			e         ident.Entry
			attribute sql.NullString
			value     sql.RawBytes
		)
		if err := rows.Scan(&id, &e.GUID, &e.DN, &attribute, &value); err != nil {
			return nil, 0, err
		}
		if id != last {
			e.Attributes = ident.Attributes{}
			list, last = append(list, e), id
		}
		if attribute.Valid {
			a := list[len(list)-1].Attributes
			a[attribute.String] = append(a[attribute.String], string(value))
		}
	}
	return list, last, rows.Err()
}
