package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// MirrorTx changes the local image of the directory within one transaction. It
// must not be used after the function that received it has returned, nor by
// several goroutines.
//
// DNs are passed as the directory reports them. When the DN of a known object
// changes, the objects below it and the values that name it (member, manager and
// the like) follow at the end of the transaction, because AD's change feed does
// not mention them. Objects and values that the directory has reported in the
// same transaction stay as reported. Parents need not come before their
// children.
type MirrorTx struct{ b *mirrorBatch }

// mirrorBatch is the work of one transaction, so it may carry a context.
type mirrorBatch struct {
	ctx      context.Context
	tx       *sql.Tx
	batch    *batch // of tx, for what is not of the mirror
	prepared map[string]*sql.Stmt
	revision int64
	sweep    int64 // the revision in which the present sweep began; 0 when there is none
	newest   int64 // the last row that was there when the transaction began
	moves    map[int64]*move
	order    []int64 // the keys of moves
	followed []int64 // children that moved with their parents and have not taken their new places yet
	doubtful []int64 // children that were reported where their parent used to be
	reported []int64 // entries whose member was reported and is not written as a whole
	referred bool    // DNs of other objects were reported
	removed  []ident.DN
	read     *MirrorState // of a read that is complete with this transaction
	record   *recorder    // nil: events do not count
	events   bool         // whether they count, in the state
	echoing  *bool        // whether echoes are expected; nil: not known yet
	now      time.Time
}

// move holds the place of an object when the transaction began ("" when that is
// not certain), and its place now.
type move struct{ from, to ident.DN }

// UpdateMirror runs update in one transaction: the image and its state change
// together, or not at all when update returns an error. All changes from one
// exchange with the change feed belong in one transaction. A full read may take
// several, between BeginSweep and Sweep.
func (s *Store) UpdateMirror(ctx context.Context, update func(MirrorTx) error) error {
	return s.write(ctx, "update mirror", func(tx *sql.Tx) error {
		b := &mirrorBatch{
			ctx: ctx, tx: tx, batch: s.newBatch(tx), prepared: map[string]*sql.Stmt{}, moves: map[int64]*move{}, now: s.orNow(time.Time{}),
		}
		err := tx.QueryRowContext(ctx, `UPDATE mirror_state SET revision = revision + 1 RETURNING revision, sweep, events`).
			Scan(&b.revision, &b.sweep, &b.events)
		if err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, `SELECT coalesce(max(id), 0) FROM mirror`).Scan(&b.newest); err != nil {
			return err
		}
		if err := update(MirrorTx{b}); err != nil {
			return err
		}
		// What is left when a read is under way comes with Sweep, at once.
		if b.sweep != 0 {
			err = b.record.keep()
		} else if err = b.followMoves(); err == nil {
			err = b.record.finish()
		}
		if err != nil || b.read == nil {
			return err
		}
		return b.forgetEchoes(*b.read)
	})
}

// Put adds an object, or replaces everything that is known about it.
func (m MirrorTx) Put(e ident.Entry) error {
	if e.GUID == "" || e.DN == "" {
		return fmt.Errorf("mirror %q: an entry needs an objectGUID and a DN", e.DN)
	}
	row, err := m.b.place(e.GUID, e.DN, true)
	if err != nil {
		return fmt.Errorf("mirror %q: %w", e.DN, err)
	}
	attributes := lowerNames(e.Attributes)
	digest := digestOf(attributes)
	if slices.Equal(row.digest, digest) {
		return nil
	}
	err = m.b.record.replaces(row, attributes)
	if err == nil {
		err = m.b.replaceValues(row, attributes)
	}
	if err == nil {
		err = m.b.exec(`UPDATE mirror SET digest = ? WHERE id = ?`, digest, row.id)
	}
	if err != nil {
		return fmt.Errorf("mirror %q: %w", e.DN, err)
	}
	return nil
}

// Merge changes only the given attributes; it removes an attribute without
// values. An empty dn leaves the DN as it is. When the mirror does not have the
// object, Merge returns false and does nothing.
func (m MirrorTx) Merge(guid ident.GUID, dn ident.DN, changed ident.Attributes) (found bool, err error) {
	row, err := m.b.place(guid, dn, false)
	if err != nil {
		return false, fmt.Errorf("mirror %q: %w", dn, err)
	}
	if row.id == 0 {
		return false, nil
	}
	if len(changed) == 0 {
		return true, nil
	}
	attributes := lowerNames(changed)
	err = m.b.record.changes(row, attributes)
	if err == nil {
		err = m.b.changeValues(row, attributes)
	}
	if err == nil {
		err = m.b.exec(`UPDATE mirror SET digest = NULL WHERE id = ?`, row.id)
	}
	if err != nil {
		return false, fmt.Errorf("mirror %q: %w", dn, err)
	}
	return true, nil
}

// Remove forgets an object and the values that name it. An unknown object is not
// an error.
func (m MirrorTx) Remove(guid ident.GUID) error {
	row, err := m.b.find(guid)
	if err != nil || row.id == 0 {
		return err
	}
	if err := m.b.record.disappears(row); err != nil {
		return fmt.Errorf("mirror %q: %w", row.dn, err)
	}
	if from := m.b.before(row); from != "" {
		m.b.removed = append(m.b.removed, from)
	}
	delete(m.b.moves, row.id)
	orphans := `UPDATE mirror SET parent = (SELECT h.id FROM mirror h
			WHERE h.folded = mirror.parent_folded AND h.stale = 0 AND h.id <> ?)
		WHERE parent = ?`
	if err := m.b.exec(orphans, row.id, row.id); err != nil {
		return err
	}
	return m.b.exec(`DELETE FROM mirror WHERE id = ?`, row.id)
}

// Clear forgets all objects and the state.
func (m MirrorTx) Clear() error {
	m.b.moves, m.b.order, m.b.removed = map[int64]*move{}, nil, nil
	m.b.record, m.b.events = nil, false
	for _, table := range []string{"mirror_values", "mirror", "mirror_doubts"} {
		if err := m.b.exec(`DELETE FROM ` + table); err != nil {
			return fmt.Errorf("clear mirror: %w", err)
		}
	}
	return m.SetState(MirrorState{})
}

// BeginSweep begins a full read, which may span several transactions and ends
// with Sweep. After a full read that was cut off, the next BeginSweep starts
// again.
func (m MirrorTx) BeginSweep() error {
	m.b.sweep = m.b.revision
	m.b.record.wholeRead()
	return m.b.exec(`UPDATE mirror_state SET sweep = ?`, m.b.sweep)
}

// Sweep ends a full read: it forgets the objects that since BeginSweep were
// neither passed to Put nor to Merge with their DN. It returns how many it
// forgot.
func (m MirrorTx) Sweep() (removed int, err error) {
	if m.b.sweep == 0 {
		return 0, errors.New("sweep mirror: no full read was begun")
	}
	if err := m.b.record.sweep(); err != nil {
		return 0, fmt.Errorf("sweep mirror: %w", err)
	}
	result, err := m.b.tx.ExecContext(m.b.ctx, `DELETE FROM mirror WHERE written < ?`, m.b.sweep)
	if err != nil {
		return 0, fmt.Errorf("sweep mirror: %w", err)
	}
	n, err := result.RowsAffected()
	if err == nil {
		err = m.b.findParents()
	}
	if err == nil {
		err = m.b.exec(`UPDATE mirror_state SET sweep = 0`)
	}
	if err != nil {
		return 0, fmt.Errorf("sweep mirror: %w", err)
	}
	m.b.sweep = 0
	return int(n), nil
}

// SetState replaces the state of the mirror. If events do not count in it, what a
// whole read that was cut off has found is forgotten.
func (m MirrorTx) SetState(state MirrorState) error {
	cookie := state.Cookie
	if cookie == nil {
		cookie = []byte{}
	}
	if m.b.read = nil; state.Full {
		m.b.read = &state
	}
	if !state.Events {
		m.b.record = nil
		if err := m.b.forgetBefore(); err != nil {
			return err
		}
	}
	return m.b.exec(`UPDATE mirror_state SET cookie = ?, server = ?, spec = ?, complete = ?, synced = ?, events = ?`,
		cookie, state.Server, state.Spec, state.Full, stamp(state.Synced), state.Events)
}

func (b *mirrorBatch) prepare(query string) (*sql.Stmt, error) {
	if stmt, ok := b.prepared[query]; ok {
		return stmt, nil
	}
	stmt, err := b.tx.PrepareContext(b.ctx, query) // closed with the transaction
	if err == nil {
		b.prepared[query] = stmt
	}
	return stmt, err
}

func (b *mirrorBatch) exec(query string, args ...any) error {
	stmt, err := b.prepare(query)
	if err != nil {
		return err
	}
	_, err = stmt.ExecContext(b.ctx, args...)
	return err
}
