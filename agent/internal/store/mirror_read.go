package store

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// MirrorState says how far the local image of the directory has come.
type MirrorState struct {
	Cookie []byte    // of DirSync; empty when there is none
	Server string    // the DC that gave it
	Spec   string    // digest of the mirrored bases, filters and attributes
	Full   bool      // a full read has been completed
	Synced time.Time // when the image was last brought up to date
}

const (
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
	err := s.reader.QueryRowContext(ctx, `SELECT cookie, server, spec, complete, synced FROM mirror_state`).
		Scan(&state.Cookie, &state.Server, &state.Spec, &state.Full, &synced)
	state.Synced = moment(synced)
	return state, s.fail("mirror state", err)
}

// EntryByGUID finds an object; false when the mirror does not have it.
func (s *Store) EntryByGUID(ctx context.Context, guid ident.GUID) (ident.Entry, bool, error) {
	return s.oneEntry(ctx, "entry by guid", s.stmts.entryByGUID, guid)
}

// EntryByDN finds an object by its DN, in any spelling; false when the mirror
// does not have it.
func (s *Store) EntryByDN(ctx context.Context, dn ident.DN) (ident.Entry, bool, error) {
	return s.oneEntry(ctx, "entry by DN", s.stmts.entryByDN, dn.Fold())
}

// ChildrenByName finds the objects directly below parent whose name equals name
// according to text.SameName, so that no other object there may get it.
func (s *Store) ChildrenByName(ctx context.Context, parent ident.DN, name string) ([]ident.Entry, error) {
	return s.entries(ctx, "children by name", s.stmts.childrenByName, parent.Fold(), text.Name(name))
}

func (s *Store) oneEntry(ctx context.Context, operation string, stmt *sql.Stmt, args ...any) (ident.Entry, bool, error) {
	list, err := s.entries(ctx, operation, stmt, args...)
	if err != nil || len(list) == 0 {
		return ident.Entry{}, false, err
	}
	return list[0], true, nil
}

// EntriesByValue finds the objects that have value in attribute. It ignores the
// case of letters and invisible characters. DNs match in any spelling.
func (s *Store) EntriesByValue(ctx context.Context, attribute, value string) ([]ident.Entry, error) {
	return s.entriesBy(ctx, attribute, value, func(v string) bool { return text.Alike(v, value) })
}

// EntriesByName finds the objects whose value in attribute is the same name as
// value according to text.SameName, so that no other object may get it.
func (s *Store) EntriesByName(ctx context.Context, attribute, value string) ([]ident.Entry, error) {
	return s.entriesBy(ctx, attribute, value, func(v string) bool { return text.SameName(v, value) })
}

// entriesBy filters with same what the index finds, because the index is by
// text.Name, which takes more values for the same.
func (s *Store) entriesBy(ctx context.Context, attribute, value string, same func(string) bool) ([]ident.Entry, error) {
	attribute = text.Lower(attribute)
	stmt, args := s.stmts.entriesByLongValue, []any{attribute}
	if folded := foldValue(attribute, value); folded != nil {
		stmt, args = s.stmts.entriesByValue, append(args, folded)
	}
	if isReference(attribute) {
		dn := ident.DN(value).Fold()
		same = func(v string) bool { return v == value || ident.DN(v).Fold() == dn }
	}
	found, err := s.entries(ctx, "entries by value", stmt, args...)
	return slices.DeleteFunc(found, func(e ident.Entry) bool { return !slices.ContainsFunc(e.Attributes[attribute], same) }), err
}

func (s *Store) entries(ctx context.Context, operation string, stmt *sql.Stmt, args ...any) ([]ident.Entry, error) {
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return nil, s.fail(operation, err)
	}
	list, _, err := collectEntries(rows)
	return list, s.fail(operation, err)
}

// CountEntries counts the objects of the mirror.
func (s *Store) CountEntries(ctx context.Context) (int, error) {
	var n int
	err := s.reader.QueryRowContext(ctx, `SELECT count(*) FROM mirror`).Scan(&n)
	return n, s.fail("count entries", err)
}

// EachEntry calls each for every object, in no particular order and with little
// memory. It stops at the first error of each.
func (s *Store) EachEntry(ctx context.Context, each func(ident.Entry) error) error {
	last := int64(0)
	for {
		rows, err := s.reader.QueryContext(ctx, selectEntries+
			` WHERE m.id IN (SELECT id FROM mirror WHERE id > ? ORDER BY id LIMIT ?)`+orderEntries, last, entryBatch)
		if err != nil {
			return s.fail("each entry", err)
		}
		batch, end, err := collectEntries(rows)
		if err != nil {
			return s.fail("each entry", err)
		}
		for _, e := range batch {
			if err := each(e); err != nil {
				return err
			}
		}
		if len(batch) < entryBatch {
			return nil
		}
		last = end
	}
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
