package store

import (
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/event"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// members notes which values a group has lost and gained. Who was lost is known
// now; who was gained is known at the end, when all objects have their places. A
// value that was gained before in the same read, which was cut off, and is lost
// again, is no difference.
func (r *recorder) members(group ident.GUID, lost, gained []string) error {
	if r == nil {
		return nil
	}
	for _, value := range lost {
		folded := ident.DN(value).Fold()
		n, err := r.b.batch.count(r.b.ctx, `DELETE FROM mirror_members WHERE group_guid = ? AND folded = ? AND added = 1`, group, folded)
		if err != nil {
			return err
		}
		if n > 0 {
			continue
		}
		who, err := recordedPlaces{r}.Before(ident.DN(value))
		if err != nil {
			return err
		}
		if err := r.noteMember(group, folded, value, who, false); err != nil {
			return err
		}
	}
	for _, value := range gained {
		if err := r.noteMember(group, ident.DN(value).Fold(), value, "", true); err != nil {
			return err
		}
	}
	return nil
}

func (r *recorder) noteMember(group ident.GUID, folded, dn string, target ident.GUID, added bool) error {
	if target == "" && !added {
		return nil // nobody that the mirror knows
	}
	return r.b.exec(`INSERT INTO mirror_members (group_guid, folded, dn, target, added) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (group_guid, folded, added) DO NOTHING`, group, folded, dn, target, added)
}

// groupDisappears notes that a group has lost all its members.
func (r *recorder) groupDisappears(row mirrorRow, e ident.Event) error {
	stored, err := r.b.membersOf(row.id)
	if err != nil {
		return err
	}
	lost := make([]string, len(stored))
	for i, m := range stored {
		lost[i] = m.value
	}
	r.groups[row.guid] = ident.EventGroup{GUID: row.guid, DN: row.dn, Name: e.Name}
	return r.members(row.guid, lost, nil)
}

// tellMembers makes the events of memberships.
func (r *recorder) tellMembers() error {
	rows, err := r.b.batch.query(r.b.ctx, `SELECT DISTINCT group_guid FROM mirror_members ORDER BY group_guid`)
	if err != nil {
		return err
	}
	groups, err := collect(rows, func(s scanner) (guid ident.GUID, err error) {
		err = s.Scan(&guid)
		return guid, err
	})
	if err != nil {
		return err
	}
	for _, guid := range groups {
		if err := r.tellGroup(guid); err != nil {
			return err
		}
	}
	return nil
}

// noteExchanged notes the values that name a DN which now belongs to somebody
// else: they are the same before and after, and mean different objects. Values
// that were not reported follow the objects instead.
func (r *recorder) noteExchanged() error {
	exchanged, err := r.exchanged()
	if err != nil {
		return err
	}
	for folded, before := range exchanged {
		if err := r.noteExchange(folded, before); err != nil {
			return err
		}
	}
	return nil
}

func (r *recorder) noteExchange(folded string, before ident.GUID) error {
	since := r.b.revision
	if r.durable {
		since = 0 // everything was reported
	}
	type value struct {
		row       mirrorRow
		attribute string
		dn        string
	}
	rows, err := r.b.batch.query(r.b.ctx, `SELECT m.id, m.guid, m.dn, v.attribute, v.value FROM mirror_values v JOIN mirror m ON m.id = v.entry
		WHERE v.attribute IN `+referenceList+` AND v.folded = ? AND v.written >= ?`, []byte(folded), since)
	if err != nil {
		return err
	}
	values, err := collect(rows, func(s scanner) (v value, err error) {
		err = s.Scan(&v.row.id, &v.row.guid, &v.row.dn, &v.attribute, &v.dn)
		return v, err
	})
	if err != nil {
		return err
	}
	for _, v := range values {
		if v.attribute != members {
			stored, err := r.values(v.row.id, `attribute = ?`, v.attribute)
			if err != nil {
				return err
			}
			r.note(v.row, v.attribute, stored[v.attribute])
			continue
		}
		var gained int
		err := r.b.batch.scan(r.b.ctx, []any{&gained},
			`SELECT count(*) FROM mirror_members WHERE group_guid = ? AND folded = ? AND added = 1`, v.row.guid, folded)
		if err == nil && gained == 0 {
			err = r.noteMember(v.row.guid, folded, v.dn, before, false)
		}
		if err == nil {
			err = r.noteMember(v.row.guid, folded, v.dn, "", true)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// followFormer corrects values that a full read reported before it reported that
// their object has another DN. Otherwise they would name nobody, and the next
// report of them would pass for a change.
func (r *recorder) followFormer() error {
	if !r.durable {
		return nil
	}
	type value struct {
		entry     int64
		attribute string
		position  int
		guid      ident.GUID
	}
	rows, err := r.b.batch.query(r.b.ctx, `SELECT v.entry, v.attribute, v.position, f.guid FROM mirror_former f
		JOIN mirror_values v ON v.attribute IN `+referenceList+` AND v.folded = CAST(f.folded AS BLOB)
		WHERE f.guid <> '' AND NOT EXISTS (SELECT 1 FROM mirror h WHERE h.folded = f.folded AND h.stale = 0)`)
	if err != nil {
		return err
	}
	values, err := collect(rows, func(s scanner) (v value, err error) {
		err = s.Scan(&v.entry, &v.attribute, &v.position, &v.guid)
		return v, err
	})
	if err != nil {
		return err
	}
	for _, v := range values {
		row, err := r.b.find(v.guid)
		if err != nil {
			return err
		}
		if row.id == 0 {
			continue
		}
		err = r.b.exec(`UPDATE mirror_values SET value = ?, folded = ? WHERE entry = ? AND attribute = ? AND position = ?`,
			[]byte(row.dn), foldValue(members, string(row.dn)), v.entry, v.attribute, v.position)
		if err == nil {
			err = r.b.exec(`UPDATE mirror SET digest = NULL WHERE id = ?`, v.entry)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// tellGroup makes the events of those who have left or joined a group.
func (r *recorder) tellGroup(guid ident.GUID) error {
	group, ok := r.groups[guid]
	if !ok {
		e, found, err := r.entry(guid)
		if err != nil || !found {
			return err
		}
		group = ident.EventGroup{GUID: guid, DN: e.DN, Name: event.Name(e)}
	}
	left, joined, err := r.differences(guid)
	if err != nil {
		return err
	}
	gone, come, err := r.doubtOfMembers(guid, left, joined)
	if err != nil {
		return err
	}
	for _, who := range left {
		if err := r.tellMember(who, group, ident.EventMemberRemoved, gone); err != nil {
			return err
		}
	}
	for _, who := range joined {
		if err := r.tellMember(who, group, ident.EventMemberAdded, come); err != nil {
			return err
		}
	}
	return nil
}

func (r *recorder) differences(group ident.GUID) (left, joined []ident.GUID, err error) {
	type member struct {
		dn     ident.DN
		target ident.GUID
		added  bool
	}
	rows, err := r.b.batch.query(r.b.ctx, `SELECT dn, target, added FROM mirror_members WHERE group_guid = ? ORDER BY folded`, group)
	if err != nil {
		return nil, nil, err
	}
	list, err := collect(rows, func(s scanner) (m member, err error) {
		err = s.Scan(&m.dn, &m.target, &m.added)
		return m, err
	})
	if err != nil {
		return nil, nil, err
	}
	for _, m := range list {
		if !m.added {
			left = append(left, m.target)
			continue
		}
		who, err := recordedPlaces{r}.After(m.dn)
		if err != nil {
			return nil, nil, err
		}
		joined = append(joined, who)
	}
	left, joined = event.Net(left, joined)
	return left, slices.DeleteFunc(joined, func(guid ident.GUID) bool { return guid == "" }), nil
}

// tellMember makes the event of one membership, which is as certain as what became of
// the group and of the member. Who is gone has no other event than that.
func (r *recorder) tellMember(guid ident.GUID, group ident.EventGroup, what ident.EventKind, unsure string) error {
	who, found, err := r.entry(guid)
	if err != nil || !found {
		return err
	}
	kind, ok := event.Kind(who.Attributes)
	if !ok {
		return nil
	}
	from, err := r.formerDN(guid, who.DN)
	if err != nil {
		return err
	}
	if unsure == "" {
		if unsure, err = r.doubtOfMember(guid, group.GUID, what); err != nil {
			return err
		}
	}
	return r.add(&ident.Event{
		Object: kind, GUID: guid, DN: who.DN, From: from, Group: &group, Image: who.Attributes, Unsure: unsure,
		Parts: []ident.EventPart{{Kind: what}},
	})
}
