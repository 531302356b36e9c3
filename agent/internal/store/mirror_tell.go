package store

import (
	"database/sql"
	"fmt"
	"maps"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/event"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// disappears makes the event of an object that is removed. An object that came
// since the last complete read has none.
func (r *recorder) disappears(row mirrorRow) error {
	if r == nil {
		return nil
	}
	if !row.stale {
		if err := r.notePlace(row.dn.Fold(), former{guid: row.guid}); err != nil {
			return err
		}
	}
	from, err := r.formerDN(row.guid, row.dn)
	if err != nil {
		return err
	}
	if err := r.forget(row.guid); err != nil {
		return err
	}
	if err := r.b.exec(`DELETE FROM mirror_doubts WHERE guid = ?`, row.guid); err != nil {
		return err
	}
	if from == "" {
		return r.b.exec(`DELETE FROM mirror_members WHERE group_guid = ?`, row.guid)
	}
	image, err := r.values(row.id, `attribute <> '`+members+`'`)
	if err != nil {
		return err
	}
	kind, ok := event.Kind(image)
	if !ok {
		return nil
	}
	e := ident.Event{
		Object: kind, GUID: row.guid, DN: row.dn, From: from, Image: image, Unsure: r.doubts[row.guid],
		Parts: []ident.EventPart{{Kind: ident.EventDeleted}},
	}
	if err := r.add(&e); err != nil {
		return err
	}
	if e.Unsure == "" {
		delete(r.doubts, row.guid) // the agent itself has deleted it
	}
	err = r.b.exec(`INSERT INTO mirror_deleted (guid, at, unsure) VALUES (?, ?, ?)
		ON CONFLICT (guid) DO UPDATE SET at = excluded.at, unsure = excluded.unsure`, row.guid, stamp(r.b.now), e.Unsure)
	if err != nil || kind != ident.ObjectGroup {
		return err
	}
	return r.groupDisappears(row, e)
}

// sweep makes the events of the objects that a full read has not seen.
func (r *recorder) sweep() error {
	if r == nil {
		return nil
	}
	rows, err := r.b.tx.QueryContext(r.b.ctx, `SELECT id FROM mirror WHERE written < ? ORDER BY id`, r.b.sweep)
	if err != nil {
		return err
	}
	ids, err := collect(rows, func(row scanner) (id int64, err error) {
		err = row.Scan(&id)
		return id, err
	})
	if err != nil {
		return err
	}
	for _, id := range ids {
		row, err := r.b.one(` WHERE id = ?`, id)
		if err == nil {
			err = r.disappears(row)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// finish makes the events of all objects that differ, and of the memberships.
func (r *recorder) finish() error {
	if r == nil {
		return nil
	}
	err := r.noteExchanged()
	if err == nil {
		err = r.findVanished()
	}
	if err == nil {
		err = r.eachTouched(r.tell)
	}
	if err == nil {
		err = r.tellMembers()
	}
	if err == nil && r.durable {
		err = r.b.exec(`DELETE FROM mirror_doubts WHERE attribute = '` + groupsOf + `'`)
	}
	if err == nil {
		err = r.followFormer()
	}
	if err == nil {
		err = r.b.forgetBefore()
	}
	if err != nil {
		return fmt.Errorf("events: %w", err)
	}
	return nil
}

// tell makes the event of an object that differs, unless nothing that counts does.
func (r *recorder) tell(guid ident.GUID, t touched) error {
	after, found, err := r.entry(guid)
	if err != nil || !found {
		return err // what is gone has its event
	}
	kind, ok := event.Kind(after.Attributes)
	if !ok {
		return nil
	}
	e := ident.Event{Object: kind, GUID: guid, DN: after.DN, From: t.dn, Image: after.Attributes}
	if t.dn == "" {
		return r.tellNew(&e)
	}
	parts, err := event.Compare(t.before(after), after, slices.Collect(maps.Keys(t.old)), r.compare)
	if err != nil {
		return err
	}
	return r.addParts(e, parts)
}

// inSightAgain is why it is not certain that an object was restored whose deletion
// was not certain.
const inSightAgain = "its deletion was not certain: it was restored, or the bind account is shown again what was there all the time"

// tellNew makes the event of an object that was not there. If it is not certain that
// it was deleted before, what follows from its return is not either.
func (r *recorder) tellNew(e *ident.Event) error {
	var unsure string
	err := r.b.batch.scan(r.b.ctx, []any{&unsure}, `SELECT unsure FROM mirror_deleted WHERE guid = ?`, e.GUID)
	if none(err) {
		e.Parts = event.New(false)
		return r.add(e)
	}
	if err == nil {
		err = r.b.exec(`DELETE FROM mirror_deleted WHERE guid = ?`, e.GUID)
	}
	if err != nil {
		return err
	}
	if unsure != "" {
		e.Unsure, r.doubts[e.GUID] = inSightAgain, inSightAgain
		if err := r.noteDoubt(e.GUID, groupsOf); err != nil {
			return err
		}
	}
	e.Parts = event.New(true)
	return r.add(e)
}

// before returns the object as it was.
func (t touched) before(after ident.Entry) ident.Entry {
	before := ident.Entry{GUID: after.GUID, DN: t.dn, Attributes: ident.Attributes{}}
	for name, values := range after.Attributes {
		before.Attributes[name] = values
	}
	for name, values := range t.old {
		delete(before.Attributes, name)
		if len(values) > 0 {
			before.Attributes[name] = values
		}
	}
	return before
}

// entry returns an object without its members; false when it is not there.
func (r *recorder) entry(guid ident.GUID) (ident.Entry, bool, error) {
	stmt, err := r.b.prepare(`SELECT m.dn, v.attribute, v.value FROM mirror m
		LEFT JOIN mirror_values v ON v.entry = m.id AND v.attribute <> '` + members + `'
		WHERE m.guid = ? ORDER BY v.attribute, v.position`)
	if err != nil {
		return ident.Entry{}, false, err
	}
	rows, err := stmt.QueryContext(r.b.ctx, guid)
	if err != nil {
		return ident.Entry{}, false, err
	}
	defer func() { _ = rows.Close() }()
	e := ident.Entry{GUID: guid, Attributes: ident.Attributes{}}
	for rows.Next() {
		var name, value sql.NullString
		if err := rows.Scan(&e.DN, &name, &value); err != nil {
			return ident.Entry{}, false, err
		}
		if name.Valid {
			e.Attributes[name.String] = append(e.Attributes[name.String], value.String)
		}
	}
	return e, e.DN != "", rows.Err()
}

func (r *recorder) add(e *ident.Event) error {
	e.At = r.b.now
	e.Name = event.Name(ident.Entry{DN: e.DN, Attributes: e.Image})
	if undoes, err := r.undoes(e); err != nil {
		return err
	} else if undoes && e.Unsure == "" {
		e.Unsure = r.rules.Undone.Why
	}
	if err := r.b.addEvent(e); err != nil {
		return err
	}
	r.rules.Recorded.Events++
	r.rules.Recorded.Newest = e.ID
	return nil
}
