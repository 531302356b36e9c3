package store

import (
	"fmt"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

var referenceList = `('` + strings.Join(ident.Following(), `', '`) + `')`

func isReference(attribute string) bool { return ident.Follows(attribute) }

// moveReferences updates the values that name moved objects. It takes two steps,
// so that objects may swap places. Values that the directory has reported in
// this transaction stay as they are, unless nobody is at their DN any more: then
// they were reported before the object moved.
func (b *mirrorBatch) moveReferences() error {
	for _, from := range b.removed {
		if err := b.markReferences(from, removedMark, b.revision); err != nil {
			return err
		}
	}
	for id, m := range b.moves {
		if m.from == "" || m.from == m.to {
			continue
		}
		before, err := b.movedBefore(m.from)
		if err != nil {
			return err
		}
		if err := b.markReferences(m.from, movedMark(id), before); err != nil {
			return err
		}
	}
	if len(b.removed) > 0 {
		if err := b.record.unreferenced(); err != nil {
			return err
		}
		if err := b.exec(`DELETE FROM mirror_values WHERE attribute IN `+referenceList+` AND folded = ?`, removedMark); err != nil {
			return err
		}
	}
	for id, m := range b.moves {
		err := b.exec(`UPDATE mirror_values SET value = ?, folded = ? WHERE attribute IN `+referenceList+` AND folded = ?`,
			[]byte(m.to), foldValue("member", string(m.to)), movedMark(id))
		if err != nil {
			return err
		}
	}
	return nil
}

// movedBefore returns the revision before which values that name a place must
// have been written in order to mean the object that left it.
func (b *mirrorBatch) movedBefore(from ident.DN) (int64, error) {
	if !b.referred {
		return b.revision, nil
	}
	there, err := b.holder(from.Fold())
	if err != nil || there.id != 0 {
		return b.revision, err
	}
	return b.revision + 1, nil
}

// markReferences replaces the values that name the object at from by mark, if they
// were written before a revision.
func (b *mirrorBatch) markReferences(from ident.DN, mark []byte, before int64) error {
	err := b.exec(`UPDATE mirror_values SET folded = ? WHERE attribute IN `+referenceList+` AND folded = ? AND written < ?`,
		mark, []byte(from.Fold()), before)
	if err != nil {
		return err
	}
	return b.exec(`UPDATE mirror SET digest = NULL WHERE id IN
		(SELECT entry FROM mirror_values WHERE attribute IN `+referenceList+` AND folded = ?)`, mark)
}

// removedMark stands in for the DN of an object that is gone.
var removedMark = []byte("\x00removed")

// movedMark stands in for the DN of an object that is being moved. No DN folds
// to it.
func movedMark(id int64) []byte { return fmt.Appendf(nil, "\x00moved %d", id) }
