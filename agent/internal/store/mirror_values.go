package store

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

const members = "member"

// replaceValues makes attributes all that an object has.
func (b *mirrorBatch) replaceValues(row mirrorRow, attributes ident.Attributes) error {
	if err := b.exec(`DELETE FROM mirror_values WHERE entry = ? AND attribute <> '`+members+`'`, row.id); err != nil {
		return err
	}
	others := maps.Clone(attributes)
	delete(others, members)
	if err := b.insertValues(row.id, others); err != nil {
		return err
	}
	return b.changeMembers(row, attributes[members])
}

// changeValues replaces the values of some attributes of an object.
func (b *mirrorBatch) changeValues(row mirrorRow, attributes ident.Attributes) error {
	others := maps.Clone(attributes)
	delete(others, members)
	for name := range others {
		if err := b.exec(`DELETE FROM mirror_values WHERE entry = ? AND attribute = ?`, row.id, name); err != nil {
			return err
		}
	}
	if err := b.insertValues(row.id, others); err != nil {
		return err
	}
	if list, ok := attributes[members]; ok {
		return b.changeMembers(row, list)
	}
	return nil
}

// memberRow is a member as it is stored.
type memberRow struct {
	position int
	value    string
}

// changeMembers replaces the members of a group. It writes only the difference,
// because a list may have many thousands of them.
func (b *mirrorBatch) changeMembers(row mirrorRow, list []string) error {
	stored, err := b.membersOf(row.id)
	if err != nil || len(stored)+len(list) == 0 {
		return err
	}
	next := 0
	isStored := make(map[string]bool, len(stored))
	for _, m := range stored {
		isStored[m.value] = true
		next = m.position + 1
	}
	stays := make(map[string]bool, len(list))
	var lost, gained []string
	for _, v := range list {
		stays[v] = true
		if !isStored[v] {
			gained = append(gained, v)
		}
	}
	for _, m := range stored {
		if stays[m.value] {
			continue
		}
		lost = append(lost, m.value)
		err := b.exec(`DELETE FROM mirror_values WHERE entry = ? AND attribute = '`+members+`' AND position = ?`, row.id, m.position)
		if err != nil {
			return err
		}
	}
	b.reported = append(b.reported, row.id)
	if err := b.record.members(row.guid, lost, gained); err != nil {
		return err
	}
	return b.insertAll(row.id, ident.Attributes{members: gained}, next)
}

func (b *mirrorBatch) membersOf(entry int64) ([]memberRow, error) {
	stmt, err := b.prepare(`SELECT position, value FROM mirror_values WHERE entry = ? AND attribute = '` + members + `' ORDER BY position`)
	if err != nil {
		return nil, err
	}
	rows, err := stmt.QueryContext(b.ctx, entry)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(row scanner) (m memberRow, err error) {
		err = row.Scan(&m.position, &m.value)
		return m, err
	})
}

// keepLists marks the members that were reported in this transaction, so that
// they do not follow the moves that have come with them.
func (b *mirrorBatch) keepLists() error {
	if len(b.removed) == 0 && len(b.moves) == 0 {
		return nil
	}
	for _, entry := range b.reported {
		err := b.exec(`UPDATE mirror_values SET written = ? WHERE entry = ? AND attribute = '`+members+`' AND written < ?`,
			b.revision, entry, b.revision)
		if err != nil {
			return err
		}
	}
	return nil
}

// valuesAtOnce is how many values one statement inserts. That is much faster
// than one by one, and few enough to keep a prepared statement for each number.
const valuesAtOnce = 32

func (b *mirrorBatch) insertValues(entry int64, attributes ident.Attributes) error {
	return b.insertAll(entry, attributes, 0)
}

// insertAll inserts values with positions from first on.
func (b *mirrorBatch) insertAll(entry int64, attributes ident.Attributes, first int) error {
	const columns = 6
	args := make([]any, 0, valuesAtOnce*columns)
	flush := func() error {
		if len(args) == 0 {
			return nil
		}
		rows := strings.Repeat(", (?, ?, ?, ?, ?, ?)", len(args)/columns)
		err := b.exec(`INSERT INTO mirror_values (entry, attribute, position, value, folded, written) VALUES `+rows[2:], args...)
		args = args[:0]
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		var written any
		if isReference(name) && len(attributes[name]) > 0 {
			written = b.revision
			b.referred = true
		}
		for i, v := range attributes[name] {
			args = append(args, entry, name, first+i, []byte(v), foldValue(name, v), written)
			if len(args) == cap(args) {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
	return flush()
}

// foldValue returns what all values share that are the same name; nil for a
// value that is too long for the index.
func foldValue(attribute, value string) []byte {
	switch {
	case isReference(attribute) && len(value) <= indexedBytes:
		return []byte(ident.DN(value).Fold())
	case isReference(attribute), len(value) > foldedBytes:
		return nil
	}
	folded := text.Name(value)
	if len(folded) > indexedBytes {
		return nil
	}
	return []byte(folded)
}

func lowerNames(a ident.Attributes) ident.Attributes {
	lower := make(ident.Attributes, len(a))
	for name, values := range a {
		lower[text.Lower(name)] = values
	}
	return lower
}

// digestOf returns a digest of attributes, which shows whether they are the
// stored ones. It depends on their order.
func digestOf(a ident.Attributes) []byte {
	h := sha256.New()
	var length [8]byte
	add := func(s string) {
		binary.LittleEndian.PutUint64(length[:], uint64(len(s)))
		h.Write(length[:])
		h.Write([]byte(s))
	}
	for _, name := range slices.Sorted(maps.Keys(a)) {
		if len(a[name]) == 0 {
			continue
		}
		add(name)
		binary.LittleEndian.PutUint64(length[:], uint64(len(a[name])))
		h.Write(length[:])
		for _, v := range a[name] {
			add(v)
		}
	}
	return h.Sum(nil)[:16]
}
