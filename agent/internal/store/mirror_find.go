package store

import (
	"context"
	"database/sql"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// entryReader finds objects of the mirror: as it is now in a Store, or as it was at
// one moment in an Image.
type entryReader struct {
	db    queryer
	stmts *statements
	fail  func(operation string, err error) error
}

type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Image is the mirror as it was at one moment: it does not see what is committed
// afterwards. As long as it is open it takes one of the connections of the store,
// and keeps the write-ahead log from becoming shorter.
type Image struct {
	entryReader
	tx *sql.Tx
}

// Image returns the mirror as it is now. It must be closed before ctx ends, or with
// it.
func (s *Store) Image(ctx context.Context) (*Image, error) {
	// SQLite gives every transaction one image; others have to be asked for it.
	tx, err := s.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead})
	if err != nil {
		return nil, s.fail("begin to read the mirror", err)
	}
	i := &Image{entryReader{db: tx, fail: s.fail, stmts: &statements{}}, tx}
	for from, to := range map[*sql.Stmt]**sql.Stmt{
		s.stmts.entryByGUID: &i.stmts.entryByGUID, s.stmts.entryByDN: &i.stmts.entryByDN, s.stmts.childrenByName: &i.stmts.childrenByName,
		s.stmts.entriesByValue: &i.stmts.entriesByValue, s.stmts.entriesByLongValue: &i.stmts.entriesByLongValue,
	} {
		*to = tx.StmtContext(ctx, from)
	}
	// The moment is that of the first read, not of the beginning.
	var revision int64
	if err := tx.QueryRowContext(ctx, `SELECT revision FROM mirror_state`).Scan(&revision); err != nil {
		_ = tx.Rollback()
		return nil, s.fail("begin to read the mirror", err)
	}
	return i, nil
}

// Close gives the connection back.
func (i *Image) Close() { _ = i.tx.Rollback() } // nothing was written

// EntryByGUID finds an object; false when the mirror does not have it.
func (r entryReader) EntryByGUID(ctx context.Context, guid ident.GUID) (ident.Entry, bool, error) {
	return r.oneEntry(ctx, "entry by guid", r.stmts.entryByGUID, guid)
}

// EntryByDN finds an object by its DN, in any spelling; false when the mirror
// does not have it.
func (r entryReader) EntryByDN(ctx context.Context, dn ident.DN) (ident.Entry, bool, error) {
	return r.oneEntry(ctx, "entry by DN", r.stmts.entryByDN, dn.Fold())
}

// ChildrenByName finds the objects directly below parent whose name equals name
// according to text.SameName, so that no other object there may get it.
func (r entryReader) ChildrenByName(ctx context.Context, parent ident.DN, name string) ([]ident.Entry, error) {
	return r.entries(ctx, "children by name", r.stmts.childrenByName, parent.Fold(), text.Name(name))
}

func (r entryReader) oneEntry(ctx context.Context, operation string, stmt *sql.Stmt, args ...any) (ident.Entry, bool, error) {
	list, err := r.entries(ctx, operation, stmt, args...)
	if err != nil || len(list) == 0 {
		return ident.Entry{}, false, err
	}
	return list[0], true, nil
}

// EntriesByValue finds the objects that have value in attribute. It ignores the
// case of letters and invisible characters. DNs match in any spelling.
func (r entryReader) EntriesByValue(ctx context.Context, attribute, value string) ([]ident.Entry, error) {
	return r.entriesBy(ctx, attribute, value, func(v string) bool { return text.Alike(v, value) })
}

// EntriesByName finds the objects whose value in attribute is the same name as
// value according to text.SameName, so that no other object may get it.
func (r entryReader) EntriesByName(ctx context.Context, attribute, value string) ([]ident.Entry, error) {
	return r.entriesBy(ctx, attribute, value, func(v string) bool { return text.SameName(v, value) })
}

// entriesBy filters with same what the index finds, because the index is by
// text.Name, which takes more values for the same.
func (r entryReader) entriesBy(ctx context.Context, attribute, value string, same func(string) bool) ([]ident.Entry, error) {
	attribute = text.Lower(attribute)
	stmt, args := r.stmts.entriesByLongValue, []any{attribute}
	if folded := foldValue(attribute, value); folded != nil {
		stmt, args = r.stmts.entriesByValue, append(args, folded)
	}
	if isReference(attribute) {
		dn := ident.DN(value).Fold()
		same = func(v string) bool { return v == value || ident.DN(v).Fold() == dn }
	}
	found, err := r.entries(ctx, "entries by value", stmt, args...)
	return slices.DeleteFunc(found, func(e ident.Entry) bool { return !slices.ContainsFunc(e.Attributes[attribute], same) }), err
}

func (r entryReader) entries(ctx context.Context, operation string, stmt *sql.Stmt, args ...any) ([]ident.Entry, error) {
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return nil, r.fail(operation, err)
	}
	list, _, err := collectEntries(rows)
	return list, r.fail(operation, err)
}

// EachEntry calls each for every object, in no particular order and with little
// memory. It stops at the first error of each.
func (r entryReader) EachEntry(ctx context.Context, each func(ident.Entry) error) error {
	last := int64(0)
	for {
		rows, err := r.db.QueryContext(ctx, selectEntries+
			` WHERE m.id IN (SELECT id FROM mirror WHERE id > ? ORDER BY id LIMIT ?)`+orderEntries, last, entryBatch)
		if err != nil {
			return r.fail("each entry", err)
		}
		batch, end, err := collectEntries(rows)
		if err != nil {
			return r.fail("each entry", err)
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
