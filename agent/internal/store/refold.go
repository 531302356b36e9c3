package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// folding is the version of the rules by which names, values and keys are
// compared: raise it when they change. The folded columns of the mirror are then
// computed again when the store is opened. They are computed from the mirror
// itself, so the directory need not be read again.
const folding = "4"

// refold brings the folded columns of the mirror up to date.
func refold(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // has no effect after the commit
	var have string
	err = tx.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = 'folding'`).Scan(&have)
	if err != nil && !errors.Is(err, sql.ErrNoRows) || have == folding {
		return err
	}
	for last, more := int64(0), true; more; {
		if last, more, err = refoldBatch(ctx, tx, last); err != nil {
			return fmt.Errorf("fold the names of the mirror anew: %w", err)
		}
	}
	if err := trimKeys(ctx, tx); err != nil {
		return fmt.Errorf("trim the keys of links: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO meta (name, value) VALUES ('folding', ?)`, folding); err != nil {
		return err
	}
	return tx.Commit()
}

// trimKeys removes the white space around the keys of links, because the keys of
// records now come without it: otherwise the users would count as missing. When
// the trimmed key already has a link, both links stay.
func trimKeys(ctx context.Context, tx *sql.Tx) error {
	rows, err := tx.QueryContext(ctx, `SELECT application, kind, key FROM links`)
	if err != nil {
		return err
	}
	links, err := collect(rows, func(row scanner) (l ident.Link, err error) {
		err = row.Scan(&l.Application, &l.Kind, &l.Key)
		return l, err
	})
	if err != nil {
		return err
	}
	for _, l := range links {
		key := ident.Key(text.Trim(string(l.Key)))
		if key == l.Key || key == "" {
			continue
		}
		if _, err := tx.ExecContext(ctx, `UPDATE OR IGNORE links SET key = ? WHERE application = ? AND kind = ? AND key = ?`,
			key, l.Application, l.Kind, l.Key); err != nil {
			return err
		}
	}
	return nil
}

// refoldBatch updates the next objects after the row last.
func refoldBatch(ctx context.Context, tx *sql.Tx, last int64) (end int64, more bool, err error) {
	type object struct {
		id                   int64
		dn                   ident.DN
		folded, parent, name string
	}
	rows, err := tx.QueryContext(ctx, `SELECT id, dn, folded, parent_folded, name_folded FROM mirror WHERE id > ? ORDER BY id LIMIT ?`,
		last, entryBatch)
	if err != nil {
		return 0, false, err
	}
	objects, err := collect(rows, func(row scanner) (o object, err error) {
		err = row.Scan(&o.id, &o.dn, &o.folded, &o.parent, &o.name)
		return o, err
	})
	if err != nil || len(objects) == 0 {
		return 0, false, err
	}
	for _, o := range objects {
		folded, parent, name := o.dn.Fold(), o.dn.Parent().Fold(), foldName(o.dn)
		if folded == o.folded && parent == o.parent && name == o.name {
			continue
		}
		_, err := tx.ExecContext(ctx, `UPDATE mirror SET folded = ?, parent_folded = ?, name_folded = ? WHERE id = ?`, folded, parent, name, o.id)
		if err != nil {
			return 0, false, err
		}
	}
	end = objects[len(objects)-1].id
	return end, true, refoldValues(ctx, tx, objects[0].id, end)
}

// refoldValues updates the values of the objects from first to last.
func refoldValues(ctx context.Context, tx *sql.Tx, first, last int64) error {
	type value struct {
		entry, position int64
		attribute       string
		value, folded   []byte
	}
	rows, err := tx.QueryContext(ctx, `SELECT entry, attribute, position, value, folded FROM mirror_values WHERE entry BETWEEN ? AND ?`,
		first, last)
	if err != nil {
		return err
	}
	values, err := collect(rows, func(row scanner) (v value, err error) {
		err = row.Scan(&v.entry, &v.attribute, &v.position, &v.value, &v.folded)
		return v, err
	})
	if err != nil {
		return err
	}
	for _, v := range values {
		folded := foldValue(v.attribute, string(v.value))
		if bytes.Equal(folded, v.folded) {
			continue
		}
		_, err := tx.ExecContext(ctx, `UPDATE mirror_values SET folded = ? WHERE entry = ? AND attribute = ? AND position = ?`,
			folded, v.entry, v.attribute, v.position)
		if err != nil {
			return err
		}
	}
	return nil
}
