package store

import (
	"errors"
	"fmt"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/event"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// EventRules say how changes of the mirror become events.
type EventRules struct {
	Named []string // attributes that count although they usually do not, in lower case
	// Comparable lists the attributes that were mirrored before, in lower case; nil
	// stands for all. Others have no former values that could differ.
	Comparable map[string]bool
	// Undone says which events are in doubt because they undo earlier ones.
	Undone Undone
	// Recorded gets what was recorded when UpdateMirror has succeeded.
	Recorded *Recorded
}

// Recorded counts the events of a transaction.
type Recorded struct {
	Events int
	Newest int64 // the id of the last one; 0: there was none
}

// Record makes events of what the transaction changes from now on. It does
// nothing if events do not count yet (see MirrorState). The events are written at
// the end of the transaction. Between BeginSweep and Sweep, what changes is only
// noted, and Sweep makes the events: then it is known which object a DN names.
func (m MirrorTx) Record(rules EventRules) {
	if rules.Recorded == nil {
		rules.Recorded = &Recorded{}
	}
	*rules.Recorded = Recorded{}
	if !m.b.events {
		return
	}
	r := &recorder{
		b: m.b, rules: rules, durable: m.b.sweep != 0, touched: map[ident.GUID]*touched{}, former: map[string]former{},
		groups: map[ident.GUID]ident.EventGroup{}, doubts: map[ident.GUID]string{},
		vanished: map[lostAttribute]string{},
	}
	r.compare = event.Rules{Named: map[string]bool{}, Places: recordedPlaces{r}}
	for _, name := range rules.Named {
		r.compare.Named[name] = true
	}
	m.b.record = r
}

// Doubt says why it is not certain that an object was deleted that is going to be
// removed.
func (m MirrorTx) Doubt(guid ident.GUID, why string) {
	if m.b.record != nil {
		m.b.record.doubts[guid] = why
	}
}

// Differs reports, after Sweep, whether the full read differs in anything that Record
// notes from what the mirror had, besides the objects that Sweep forgot.
func (m MirrorTx) Differs() (bool, error) {
	if m.b.record == nil {
		return false, errors.New("compare a full read with the mirror: nothing is recorded")
	}
	err := m.b.record.keep()
	var differs bool
	if err == nil {
		err = m.b.batch.scan(m.b.ctx, []any{&differs}, `SELECT EXISTS (SELECT 1 FROM mirror_before) OR EXISTS (SELECT 1 FROM mirror_members)`)
	}
	if err != nil {
		return false, fmt.Errorf("compare a full read with the mirror: %w", err)
	}
	return differs, nil
}

// recorder notes what a transaction changes. A nil recorder notes nothing.
type recorder struct {
	b       *mirrorBatch
	rules   EventRules
	compare event.Rules
	durable bool                    // a full read is under way: what is noted must outlive the transaction
	touched map[ident.GUID]*touched // nil for what has come and gone
	order   []ident.GUID            // the keys of touched
	former  map[string]former       // unless durable
	groups  map[ident.GUID]ident.EventGroup
	doubts  map[ident.GUID]string // why it is not certain what happened to an object
	// vanished says why it is not certain that objects have lost an attribute.
	vanished map[lostAttribute]string
	doubted  *bool  // see remembersDoubts
	newest   *int64 // the id of the last event before this transaction; nil: not looked yet
}

// touched is an object that differs, as it was before.
type touched struct {
	dn  ident.DN         // "" for an object that was not there
	old ident.Attributes // of the attributes that changed; no values for an absent one
}

// former is who was at a place before.
type former struct {
	guid  ident.GUID // "" for nobody
	taken bool       // by somebody
}

func (r *recorder) touch(guid ident.GUID, dn ident.DN) *touched {
	t, met := r.touched[guid]
	if t != nil {
		return t
	}
	if !met {
		r.order = append(r.order, guid)
	}
	t = &touched{dn: dn, old: ident.Attributes{}}
	r.touched[guid] = t
	return t
}

// wholeRead notes that a full read begins.
func (r *recorder) wholeRead() {
	if r != nil {
		r.durable = true
	}
}

// appeared notes an object that is new to the mirror.
func (r *recorder) appeared(guid ident.GUID) {
	if r != nil {
		r.touch(guid, "")
	}
}

// leaves notes that an object changes its DN.
func (r *recorder) leaves(row mirrorRow) error {
	if r == nil {
		return nil
	}
	r.touch(row.guid, row.dn)
	if row.stale { // somebody else has its place already
		return nil
	}
	return r.notePlace(row.dn.Fold(), former{guid: row.guid})
}

// takes notes that an object comes to a place; there is who was there, or "".
func (r *recorder) takes(folded string, there ident.GUID) error {
	if r == nil {
		return nil
	}
	return r.notePlace(folded, former{guid: there, taken: true})
}

// replaces notes the values that an object has before all of them are replaced.
func (r *recorder) replaces(row mirrorRow, attributes ident.Attributes) error {
	if r == nil {
		return nil
	}
	stored, err := r.values(row.id, `attribute <> '`+members+`'`)
	if err != nil {
		return err
	}
	for name, values := range attributes {
		if _, ok := stored[name]; !ok && name != members && len(values) > 0 {
			stored[name] = nil
		}
	}
	for name, old := range stored {
		if !slices.Equal(old, attributes[name]) {
			r.note(row, name, old)
		}
	}
	return nil
}

// changes notes the values that an object has before some of them are replaced.
func (r *recorder) changes(row mirrorRow, attributes ident.Attributes) error {
	if r == nil {
		return nil
	}
	where, args := `attribute <> '`+members+`'`, []any(nil)
	if len(attributes) == 1 {
		for name := range attributes {
			where, args = `attribute = ? AND attribute <> '`+members+`'`, []any{name}
		}
	}
	stored, err := r.values(row.id, where, args...)
	if err != nil {
		return err
	}
	for name := range attributes {
		if name != members && !slices.Equal(stored[name], attributes[name]) {
			r.note(row, name, stored[name])
		}
	}
	return nil
}

// note keeps the first values of an attribute that the transaction meets.
func (r *recorder) note(row mirrorRow, name string, old []string) {
	if r.rules.Comparable != nil && !r.rules.Comparable[name] {
		return
	}
	t := r.touch(row.guid, row.dn)
	if _, known := t.old[name]; !known && t.dn != "" {
		t.old[name] = old
	}
}

func (r *recorder) values(entry int64, where string, args ...any) (ident.Attributes, error) {
	stmt, err := r.b.prepare(`SELECT attribute, value FROM mirror_values WHERE entry = ? AND ` + where + ` ORDER BY attribute, position`)
	if err != nil {
		return nil, err
	}
	rows, err := stmt.QueryContext(r.b.ctx, append([]any{entry}, args...)...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	found := ident.Attributes{}
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return nil, err
		}
		found[name] = append(found[name], value)
	}
	return found, rows.Err()
}

// unreferenced notes the values that name an object which is removed, other than
// memberships: the manager of somebody was deleted.
func (r *recorder) unreferenced() error {
	if r == nil {
		return nil
	}
	stmt, err := r.b.prepare(`SELECT DISTINCT m.id, m.guid, m.dn, v.attribute FROM mirror_values v JOIN mirror m ON m.id = v.entry
		WHERE v.attribute IN ` + referenceList + ` AND v.attribute <> '` + members + `' AND v.folded = ?`)
	if err != nil {
		return err
	}
	rows, err := stmt.QueryContext(r.b.ctx, removedMark)
	if err != nil {
		return err
	}
	type reference struct {
		row       mirrorRow
		attribute string
	}
	list, err := collect(rows, func(row scanner) (f reference, err error) {
		err = row.Scan(&f.row.id, &f.row.guid, &f.row.dn, &f.attribute)
		return f, err
	})
	if err != nil {
		return err
	}
	for _, f := range list {
		stored, err := r.values(f.row.id, `attribute = ?`, f.attribute)
		if err != nil {
			return err
		}
		r.note(f.row, f.attribute, stored[f.attribute])
	}
	return nil
}
