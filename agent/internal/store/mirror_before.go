package store

import (
	"errors"
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// What a full read notes is kept in tables, because it spans several transactions
// and may be cut off and begun again. What is noted first stays: it is how things
// were at the end of the last complete read.

// keep writes down which objects differ.
func (r *recorder) keep() error {
	if r == nil {
		return nil
	}
	for _, guid := range r.order {
		t := r.touched[guid]
		if t == nil {
			continue
		}
		if err := r.keepOne(guid, *t); err != nil {
			return fmt.Errorf("keep how %s was before: %w", guid, err)
		}
	}
	r.touched, r.order = map[ident.GUID]*touched{}, nil
	return nil
}

func (r *recorder) keepOne(guid ident.GUID, t touched) error {
	known, found, err := r.kept(guid)
	if err != nil {
		return err
	}
	if found {
		for name, values := range known.old {
			t.old[name] = values
		}
		t.dn = known.dn
	}
	old, err := ident.EncodeImage(t.old)
	if err != nil {
		return err
	}
	return r.b.exec(`INSERT INTO mirror_before (guid, dn, old_json) VALUES (?, ?, ?)
		ON CONFLICT (guid) DO UPDATE SET old_json = excluded.old_json`, guid, t.dn, old)
}

// kept reads what was written down about an object.
func (r *recorder) kept(guid ident.GUID) (t touched, found bool, err error) {
	var old string
	err = r.b.batch.scan(r.b.ctx, []any{&t.dn, &old}, `SELECT dn, old_json FROM mirror_before WHERE guid = ?`, guid)
	if none(err) {
		return t, false, nil
	}
	if err == nil {
		t.old, err = ident.ParseImage(old)
	}
	return t, err == nil, err
}

// formerDN returns the DN that an object had before; "" when it was not there.
// now is its present one.
func (r *recorder) formerDN(guid ident.GUID, now ident.DN) (ident.DN, error) {
	if r.durable {
		if t, found, err := r.kept(guid); found || err != nil {
			return t.dn, err
		}
	}
	if t := r.touched[guid]; t != nil {
		return t.dn, nil
	}
	return now, nil
}

// forget drops what was noted about an object.
func (r *recorder) forget(guid ident.GUID) error {
	if _, met := r.touched[guid]; met {
		r.touched[guid] = nil
	}
	return r.b.exec(`DELETE FROM mirror_before WHERE guid = ?`, guid)
}

// eachTouched calls each for every object that differs, in the order in which
// they were met.
func (r *recorder) eachTouched(each func(ident.GUID, touched) error) error {
	if r.durable {
		if err := r.keep(); err != nil {
			return err
		}
		return r.eachKept(each)
	}
	for _, guid := range r.order {
		if t := r.touched[guid]; t != nil {
			if err := each(guid, *t); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *recorder) eachKept(each func(ident.GUID, touched) error) error {
	type row struct {
		id   int64
		guid ident.GUID
		dn   ident.DN
		old  string
	}
	for last := int64(0); ; {
		rows, err := r.b.batch.query(r.b.ctx,
			`SELECT id, guid, dn, old_json FROM mirror_before WHERE id > ? ORDER BY id LIMIT ?`, last, entryBatch)
		if err != nil {
			return err
		}
		list, err := collect(rows, func(s scanner) (o row, err error) {
			err = s.Scan(&o.id, &o.guid, &o.dn, &o.old)
			return o, err
		})
		if err != nil {
			return err
		}
		for _, o := range list {
			t := touched{dn: o.dn}
			if t.old, err = ident.ParseImage(o.old); err == nil {
				err = each(o.guid, t)
			}
			if err != nil {
				return err
			}
			last = o.id
		}
		if len(list) < entryBatch {
			return nil
		}
	}
}

// notePlace notes who was at a place, unless that is known already.
func (r *recorder) notePlace(folded string, f former) error {
	if r.durable {
		return r.b.exec(`INSERT INTO mirror_former (folded, guid, taken) VALUES (?, ?, ?)
			ON CONFLICT (folded) DO UPDATE SET taken = CASE WHEN excluded.taken = 1 THEN 1 ELSE mirror_former.taken END`, folded, f.guid, f.taken)
	}
	known, ok := r.former[folded]
	if !ok {
		r.former[folded] = f
	} else if f.taken && !known.taken {
		known.taken = true
		r.former[folded] = known
	}
	return nil
}

// at returns who was at a place before; false when nobody has left it or come.
func (r *recorder) at(folded string) (former, bool, error) {
	if !r.durable {
		f, ok := r.former[folded]
		return f, ok, nil
	}
	var f former
	err := r.b.batch.scan(r.b.ctx, []any{&f.guid, &f.taken}, `SELECT guid, taken FROM mirror_former WHERE folded = ?`, folded)
	if none(err) {
		return f, false, nil
	}
	return f, err == nil, err
}

// exchanged lists the places that now belong to somebody else, with who was there.
func (r *recorder) exchanged() (map[string]ident.GUID, error) {
	list := map[string]ident.GUID{}
	if !r.durable {
		for folded, f := range r.former {
			if f.taken && f.guid != "" {
				list[folded] = f.guid
			}
		}
	} else {
		rows, err := r.b.batch.query(r.b.ctx, `SELECT folded, guid FROM mirror_former WHERE taken = 1 AND guid <> ''`)
		if err != nil {
			return nil, err
		}
		_, err = collect(rows, func(s scanner) (none struct{}, err error) {
			var folded string
			var guid ident.GUID
			err = s.Scan(&folded, &guid)
			list[folded] = guid
			return none, err
		})
		if err != nil {
			return nil, err
		}
	}
	for folded, guid := range list {
		there, err := r.b.holder(folded)
		if err != nil {
			return nil, err
		}
		if there.id == 0 || there.guid == guid {
			delete(list, folded)
		}
	}
	return list, nil
}

// recordedPlaces says which object a DN names, for comparisons.
type recordedPlaces struct{ r *recorder }

// Before returns who was at a DN.
func (p recordedPlaces) Before(dn ident.DN) (ident.GUID, error) {
	folded := dn.Fold()
	if f, known, err := p.r.at(folded); known || err != nil {
		return f.guid, err
	}
	there, err := p.r.b.holder(folded)
	return there.guid, err
}

// After returns who is at a DN now. A DN that was reported before its object was
// renamed still means that object.
func (p recordedPlaces) After(dn ident.DN) (ident.GUID, error) {
	folded := dn.Fold()
	there, err := p.r.b.holder(folded)
	if err != nil || there.id != 0 {
		return there.guid, err
	}
	f, known, err := p.r.at(folded)
	if err != nil || !known || f.guid == "" {
		return "", err
	}
	row, err := p.r.b.find(f.guid)
	return row.guid, err
}

// forgetBefore empties the tables of a full read.
func (b *mirrorBatch) forgetBefore() error {
	err := errors.Join(b.exec(`DELETE FROM mirror_before`), b.exec(`DELETE FROM mirror_members`), b.exec(`DELETE FROM mirror_former`))
	if err != nil {
		return fmt.Errorf("forget how things were before: %w", err)
	}
	return nil
}
