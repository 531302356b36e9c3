package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// FormerObject is how the store knew an object of the directory when something
// last happened to it.
type FormerObject struct {
	GUID ident.GUID
	DN   ident.DN
	Name string
	At   time.Time
}

// identifying are the attributes by which people name an object, in lower case.
// Those that come first are unique.
var identifying = []string{"samaccountname", "userprincipalname", "mail", "proxyaddresses"}

// describing are those by which people know an object when nothing else has the
// name.
var describing = []string{"displayname", "cn"}

// EntriesNamed finds the objects of the mirror that a name stands for: a
// sAMAccountName, userPrincipalName, mail or proxy address, or else a display name
// or cn.
func (s *Store) EntriesNamed(ctx context.Context, name string) ([]ident.Entry, error) {
	for _, attributes := range [][]string{identifying, describing} {
		var found []ident.Entry
		for _, attribute := range attributes {
			value := name
			if attribute == "proxyaddresses" {
				value = "smtp:" + name
			}
			some, err := s.EntriesByValue(ctx, attribute, value)
			if err != nil {
				return nil, err
			}
			for _, e := range some {
				if !slices.ContainsFunc(found, func(f ident.Entry) bool { return f.GUID == e.GUID }) {
					found = append(found, e)
				}
			}
		}
		if len(found) > 0 {
			return found, nil
		}
	}
	return nil, nil
}

// FormerObjects finds the objects that something happened to under a name or a DN,
// whether they are still there or not. Names of deleted objects are also those
// that EntriesNamed takes. It reads the whole history.
func (s *Store) FormerObjects(ctx context.Context, name string) ([]FormerObject, error) {
	found := map[ident.GUID]FormerObject{}
	folded := ident.DN(name).Fold()
	add := func(o FormerObject) {
		if known, is := found[o.GUID]; !is || known.At.Before(o.At) {
			found[o.GUID] = o
		}
	}
	rows, err := s.reader.QueryContext(ctx, `SELECT guid, dn, name, at FROM outcomes WHERE guid <> ''
		UNION ALL SELECT guid, dn, name, created FROM instances WHERE guid <> ''
		UNION ALL SELECT guid, dn, name, at FROM events
		UNION ALL SELECT guid, from_dn, name, at FROM events WHERE from_dn <> ''`)
	if err != nil {
		return nil, s.fail("former objects", err)
	}
	err = eachRow(rows, func(row scanner) error {
		o, err := scanFormer(row)
		if err == nil && (text.Alike(o.Name, name) || o.DN.Fold() == folded) {
			add(o)
		}
		return err
	})
	if err != nil {
		return nil, s.fail("former objects", err)
	}
	if err := s.deletedUnder(ctx, name, add); err != nil {
		return nil, s.fail("former objects", err)
	}
	list := make([]FormerObject, 0, len(found))
	for _, o := range found {
		list = append(list, o)
	}
	slices.SortFunc(list, func(x, y FormerObject) int { return cmp.Or(x.At.Compare(y.At), cmp.Compare(x.GUID, y.GUID)) })
	return list, nil
}

// deletedUnder calls add for the deleted objects whose last attributes have a name.
func (s *Store) deletedUnder(ctx context.Context, name string, add func(FormerObject)) error {
	rows, err := s.reader.QueryContext(ctx, `SELECT guid, dn, name, at, image_json FROM events WHERE parts_json LIKE '%"kind":"deleted"%'`)
	if err != nil {
		return err
	}
	return eachRow(rows, func(row scanner) error {
		var image string
		o, err := scanFormer(row, &image)
		if err != nil {
			return err
		}
		attributes, err := ident.ParseImage(image)
		if err != nil {
			return err
		}
		for _, attribute := range slices.Concat(identifying, describing) {
			if slices.ContainsFunc(attributes.Values(attribute), func(v string) bool {
				return text.Alike(v, name) || attribute == "proxyaddresses" && text.Alike(v, "smtp:"+name)
			}) {
				add(o)
			}
		}
		return nil
	})
}

// LastKnown returns how the store knew an object when something last happened to
// it; false when nothing did.
func (s *Store) LastKnown(ctx context.Context, guid ident.GUID) (FormerObject, bool, error) {
	o, err := scanFormer(s.reader.QueryRowContext(ctx, `SELECT guid, dn, name, at FROM (
		SELECT guid, dn, name, at FROM events WHERE guid = ?1
		UNION ALL SELECT guid, dn, name, created FROM instances WHERE guid = ?1
		UNION ALL SELECT guid, dn, name, at FROM outcomes WHERE guid = ?1 AND guid <> '') q ORDER BY at DESC LIMIT 1`, guid))
	if errors.Is(err, sql.ErrNoRows) {
		return FormerObject{}, false, nil
	}
	return o, err == nil, s.fail("last known name", err)
}

func scanFormer(row scanner, more ...any) (o FormerObject, err error) {
	var at int64
	err = row.Scan(append([]any{&o.GUID, &o.DN, &o.Name, &at}, more...)...)
	o.At = moment(at)
	return o, err
}

// eachRow calls each for every row and closes them.
func eachRow(rows *sql.Rows, each func(scanner) error) error {
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// ObjectsOfKey lists the objects that a record belonged to, the present one first,
// then the last (see KeysOf).
func (s *Store) ObjectsOfKey(ctx context.Context, k RecordKey) ([]ident.GUID, error) {
	rows, err := s.reader.QueryContext(ctx, `SELECT guid, max(at) AS last FROM (
		SELECT guid, 9223372036854775807 AS at FROM links WHERE application = ?1 AND kind = ?2 AND key = ?3
		UNION ALL SELECT guid, at FROM link_changes WHERE application = ?1 AND kind = ?2 AND key = ?3
		UNION ALL SELECT guid, at FROM outcomes WHERE application = ?1 AND kind = ?2 AND key = ?3 AND key <> '' AND guid <> ''
			AND result = 'applied'
		) q GROUP BY guid ORDER BY last DESC, guid`, k.Space.Application(), k.Space.Kind(), k.Key)
	if err != nil {
		return nil, s.fail("objects of a key", err)
	}
	list, err := collect(rows, func(row scanner) (guid ident.GUID, err error) {
		var last int64
		err = row.Scan(&guid, &last)
		return guid, err
	})
	return list, s.fail("objects of a key", err)
}

// KnowsKey reports whether anything happened to a record, although no object may
// ever have belonged to it.
func (s *Store) KnowsKey(ctx context.Context, k RecordKey) (bool, error) {
	var known bool
	err := s.reader.QueryRowContext(ctx, `SELECT
		EXISTS (SELECT 1 FROM outcomes WHERE application = ?1 AND kind = ?2 AND key = ?3 AND key <> '')
		OR EXISTS (SELECT 1 FROM receipts WHERE application = ?1 AND records IN (?2, CASE ?2 WHEN 'user' THEN '' ELSE ?2 END) AND key = ?3)`,
		k.Space.Application(), k.Space.Kind(), k.Key).Scan(&known)
	return known, s.fail("what is known about a key", err)
}

// DeletedAt returns when an object was seen deleted; the zero time when it was not,
// or has come back. unsure says why that is not certain; "" when it is.
func (s *Store) DeletedAt(ctx context.Context, guid ident.GUID) (when time.Time, unsure string, err error) {
	var at int64
	err = s.reader.QueryRowContext(ctx, `SELECT at, unsure FROM mirror_deleted WHERE guid = ?`, guid).Scan(&at, &unsure)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, "", nil
	}
	return moment(at), unsure, s.fail("deleted object", err)
}
