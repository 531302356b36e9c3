package store

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// mirrorRow is a row of the table mirror. The id 0 means that there is none.
type mirrorRow struct {
	id      int64
	guid    ident.GUID
	dn      ident.DN
	parent  int64
	stale   bool
	written int64
	digest  []byte
}

const selectMirror = `SELECT id, guid, dn, coalesce(parent, 0), stale, written, digest FROM mirror`

func scanMirror(row scanner) (mirrorRow, error) {
	var r mirrorRow
	err := row.Scan(&r.id, &r.guid, &r.dn, &r.parent, &r.stale, &r.written, &r.digest)
	return r, err
}

func (b *mirrorBatch) one(query string, args ...any) (mirrorRow, error) {
	stmt, err := b.prepare(selectMirror + query)
	if err != nil {
		return mirrorRow{}, err
	}
	row, err := scanMirror(stmt.QueryRowContext(b.ctx, args...))
	if errors.Is(err, sql.ErrNoRows) {
		return mirrorRow{}, nil
	}
	return row, err
}

func (b *mirrorBatch) find(guid ident.GUID) (mirrorRow, error) {
	return b.one(` WHERE guid = ?`, guid)
}

// holder returns the object that is known to be at a DN now.
func (b *mirrorBatch) holder(folded string) (mirrorRow, error) {
	return b.one(` WHERE folded = ? AND stale = 0`, folded)
}

// place records that the directory reports guid at dn, and returns its row as it
// was before. When the row does not exist and create is set, place creates it.
func (b *mirrorBatch) place(guid ident.GUID, dn ident.DN, create bool) (mirrorRow, error) {
	row, err := b.find(guid)
	if err != nil {
		return row, err
	}
	if row.id == 0 {
		if !create {
			return row, nil
		}
		return b.insert(guid, dn)
	}
	if dn == "" {
		return row, nil
	}
	parent, err := b.holder(dn.Parent().Fold())
	if err != nil {
		return row, err
	}
	if dn == row.dn && !row.stale && parent.id == row.parent {
		return row, b.exec(`UPDATE mirror SET written = ? WHERE id = ?`, b.revision, row.id)
	}
	if err := b.setDN(row, dn, parent.id); err != nil {
		return row, err
	}
	return row, b.exec(`UPDATE mirror SET written = ? WHERE id = ?`, b.revision, row.id)
}

func (b *mirrorBatch) insert(guid ident.GUID, dn ident.DN) (mirrorRow, error) {
	folded, parentFolded := dn.Fold(), dn.Parent().Fold()
	parent, err := b.holder(parentFolded)
	if err != nil {
		return mirrorRow{}, err
	}
	if err := b.markStale(folded, 0); err != nil {
		return mirrorRow{}, err
	}
	stmt, err := b.prepare(`INSERT INTO mirror (guid, dn, folded, parent_folded, name_folded, parent, stale, written)
		VALUES (?, ?, ?, ?, ?, ?, 0, ?)`)
	if err != nil {
		return mirrorRow{}, err
	}
	result, err := stmt.ExecContext(b.ctx, guid, dn, folded, parentFolded, foldName(dn), nullID(parent.id), b.revision)
	if err != nil {
		return mirrorRow{}, err
	}
	id, err := result.LastInsertId()
	if err != nil {
		return mirrorRow{}, err
	}
	b.record.appeared(guid)
	return mirrorRow{id: id, guid: guid, dn: dn, parent: parent.id, written: b.revision}, b.gatherChildren(id, folded)
}

// setDN moves an object to dn below parent. The object that was thought to be
// there becomes stale: its own change has yet to be reported.
func (b *mirrorBatch) setDN(row mirrorRow, dn ident.DN, parent int64) error {
	b.noteMove(row, dn)
	if err := b.record.leaves(row); err != nil {
		return err
	}
	folded := dn.Fold()
	if err := b.markStale(folded, row.id); err != nil {
		return err
	}
	err := b.exec(`UPDATE mirror SET dn = ?, folded = ?, parent_folded = ?, name_folded = ?, parent = ?, stale = 0 WHERE id = ?`,
		dn, folded, dn.Parent().Fold(), foldName(dn), nullID(parent), row.id)
	if err != nil {
		return err
	}
	return b.gatherChildren(row.id, folded)
}

// markStale records that the object that was thought to be at a DN has left it.
// Its own change has yet to be reported.
func (b *mirrorBatch) markStale(folded string, except int64) error {
	there, err := b.holder(folded)
	if err == nil {
		err = b.record.takes(folded, there.guid)
	}
	if err != nil || there.id == 0 || there.id == except {
		return err
	}
	b.noteMove(there, there.dn) // its former place is still certain
	return b.exec(`UPDATE mirror SET stale = 1 WHERE id = ?`, there.id)
}

// gatherChildren attaches to an object the children that were reported before
// it.
func (b *mirrorBatch) gatherChildren(id int64, folded string) error {
	return b.exec(`UPDATE mirror SET parent = ? WHERE parent_folded = ? AND parent IS NULL`, id, folded)
}

func (b *mirrorBatch) noteMove(row mirrorRow, to ident.DN) {
	if m, ok := b.moves[row.id]; ok {
		m.to = to
		return
	}
	b.moves[row.id] = &move{from: b.before(row), to: to}
	b.order = append(b.order, row.id)
}

// before returns the place of an object when the transaction began; "" when it
// did not exist or its place is not certain.
func (b *mirrorBatch) before(row mirrorRow) ident.DN {
	if m, ok := b.moves[row.id]; ok {
		return m.from
	}
	if row.stale || row.id > b.newest {
		return ""
	}
	return row.dn
}

func foldName(dn ident.DN) string { return text.Name(dn.Name()) }

// followMoves updates the children of moved objects, and the references to them.
func (b *mirrorBatch) followMoves() error {
	moved := slices.Clone(b.order) // the walk adds more moves
	moved = slices.DeleteFunc(moved, func(id int64) bool { return b.moves[id] == nil })
	if err := b.moveTrees(moved); err != nil {
		return fmt.Errorf("move children: %w", err)
	}
	if err := b.keepLists(); err != nil {
		return fmt.Errorf("keep what was reported: %w", err)
	}
	if err := b.moveReferences(); err != nil {
		return fmt.Errorf("move references: %w", err)
	}
	return nil
}

// maxDepth is far deeper than any real tree. It keeps a cycle from hanging the
// agent.
const maxDepth = 1000

// moveTrees moves everything below the objects in tops along with them. Children
// that the directory has just reported are in doubt: they come last, when the
// places of all others are known.
func (b *mirrorBatch) moveTrees(tops []int64) error {
	for round := 0; ; round++ {
		for _, id := range tops {
			if err := b.moveChildren(id, 0); err != nil {
				return err
			}
		}
		if err := b.takePlaces(); err != nil {
			return err
		}
		if len(b.doubtful) == 0 {
			return nil
		}
		if round > maxDepth {
			return errTooDeep
		}
		var err error
		if tops, err = b.moveDoubtful(); err != nil {
			return err
		}
	}
}

var errTooDeep = errors.New("the tree is nested too deeply")

func (b *mirrorBatch) moveChildren(parent int64, depth int) error {
	if depth > maxDepth {
		return errTooDeep
	}
	top, err := b.one(` WHERE id = ?`, parent)
	if err != nil {
		return err
	}
	stmt, err := b.prepare(selectMirror + ` WHERE parent = ?`)
	if err != nil {
		return err
	}
	rows, err := stmt.QueryContext(b.ctx, parent)
	if err != nil {
		return err
	}
	children, err := collect(rows, scanMirror)
	if err != nil {
		return err
	}
	for _, child := range children {
		there := child.dn.Parent() == top.dn
		switch {
		case b.isFresh(child) && (top.stale || !there):
			b.doubtful = append(b.doubtful, child.id)
		case !there:
			if err := b.follow(child, top); err != nil {
				return err
			}
			if err := b.moveChildren(child.id, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// moveDoubtful finds the parents of children that were reported in the same
// transaction as the change of their parent. When another object is now at the
// former place of their parent, they were reported below that object. When none
// is, they were reported before their parent was renamed: they follow it, and
// are returned.
func (b *mirrorBatch) moveDoubtful() (followed []int64, err error) {
	doubtful := b.doubtful
	b.doubtful = nil
	for _, id := range doubtful {
		child, err := b.one(` WHERE id = ?`, id)
		if err != nil {
			return nil, err
		}
		holder, err := b.holder(child.dn.Parent().Fold())
		if err != nil {
			return nil, err
		}
		if holder.id != 0 {
			if err := b.exec(`UPDATE mirror SET parent = ? WHERE id = ?`, holder.id, id); err != nil {
				return nil, err
			}
			continue
		}
		parent, err := b.one(` WHERE id = ?`, child.parent)
		if err != nil {
			return nil, err
		}
		if parent.id == 0 || child.dn.Parent() == parent.dn {
			continue
		}
		if err := b.follow(child, parent); err != nil {
			return nil, err
		}
		followed = append(followed, id)
	}
	return followed, nil
}

// follow moves child to its place below parent.
func (b *mirrorBatch) follow(child, parent mirrorRow) error {
	dn := ident.DN(child.dn.RDN() + "," + string(parent.dn))
	b.noteMove(child, dn)
	if err := b.record.leaves(child); err != nil {
		return err
	}
	b.followed = append(b.followed, child.id)
	return b.exec(`UPDATE mirror SET dn = ?, folded = ?, parent_folded = ?, name_folded = ?, parent = ?, stale = 1 WHERE id = ?`,
		dn, dn.Fold(), parent.dn.Fold(), foldName(dn), parent.id, child.id)
}

// takePlaces makes the objects that followed their parents the holders of their
// new DNs, once all of them have left their old ones. Where the directory has
// just reported another object at such a DN, the object that followed has moved
// on by itself, which has yet to be reported.
func (b *mirrorBatch) takePlaces() error {
	for _, id := range b.followed {
		row, err := b.one(` WHERE id = ?`, id)
		if err != nil {
			return err
		}
		folded := row.dn.Fold()
		there, err := b.holder(folded)
		if err != nil {
			return err
		}
		if there.id != 0 && b.isFresh(there) {
			continue
		}
		if err := b.markStale(folded, id); err != nil {
			return err
		}
		if err := b.exec(`UPDATE mirror SET stale = 0 WHERE id = ?`, id); err != nil {
			return err
		}
		if err := b.gatherChildren(id, folded); err != nil {
			return err
		}
	}
	b.followed = nil
	return nil
}

// isFresh reports whether the directory has reported an object in this
// transaction, or in this sweep.
func (b *mirrorBatch) isFresh(row mirrorRow) bool {
	if b.sweep != 0 {
		return row.written >= b.sweep
	}
	return row.written == b.revision
}

// findParents finds the parents of all objects again. Objects that were reported
// below a parent that was renamed during the read follow it.
func (b *mirrorBatch) findParents() error {
	holder := `(SELECT h.id FROM mirror h WHERE h.folded = mirror.parent_folded AND h.stale = 0)`
	if err := b.exec(`UPDATE mirror SET parent = ` + holder + ` WHERE ` + holder + ` IS NOT NULL AND parent IS NOT ` + holder); err != nil {
		return err
	}
	rows, err := b.tx.QueryContext(b.ctx,
		`SELECT DISTINCT p.id FROM mirror c JOIN mirror p ON p.id = c.parent WHERE c.parent_folded <> p.folded`)
	if err != nil {
		return err
	}
	parents, err := collect(rows, func(row scanner) (id int64, err error) {
		err = row.Scan(&id)
		return id, err
	})
	if err != nil {
		return err
	}
	if err := b.moveTrees(parents); err != nil {
		return err
	}
	b.moves, b.order, b.removed = map[int64]*move{}, nil, nil // the references were read again as well
	return nil
}
