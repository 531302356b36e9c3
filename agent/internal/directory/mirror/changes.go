package mirror

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// maxChanges is the number of changed objects from which a full read is
// better. Changes are held in memory until all have arrived, because the store
// can only sort out objects that took each other's places if they come in one
// transaction.
const maxChanges = 20_000

// catchUp reads what has changed since the last cookie.
func (s *synchroniser) catchUp(ctx context.Context) error {
	c := s.last
	var changed changes
	for more := true; more; {
		page, err := s.dirSync(ctx, c.Way, c.Cookie)
		if refused(err) {
			return s.readWhole(ctx, "the domain controller refused to go on: "+err.Error())
		}
		if err != nil {
			return err
		}
		c.Cookie, more = page.Cookie, page.More
		if changed.add(page.Entries); len(changed.entries) > maxChanges {
			return s.readWhole(ctx, fmt.Sprintf("there are more than %d changes", maxChanges))
		}
	}
	c.USN, c.Unswept = s.usn, c.Blind
	shown := c.Blind && len(changed.gone) > 0 // from now on
	if shown || s.sweepDue(c) {
		return s.sweep(ctx, c, changed, shown)
	}
	return s.apply(ctx, c, changed, map[ident.GUID]*ident.Entry{})
}

// changes holds the objects of an incremental read, in the order of the
// server.
type changes struct {
	entries []ident.Entry
	gone    []ident.GUID
	doubts  map[ident.GUID]string // why it is not certain that some of gone were deleted
}

func (c *changes) add(page []conn.SyncEntry) {
	for _, e := range page {
		if e.Deleted {
			c.gone = append(c.gone, e.GUID)
		} else {
			c.entries = append(c.entries, ident.Entry{GUID: e.GUID, DN: e.DN, Attributes: e.Changed})
		}
	}
}

// errUnknown rolls back a transaction that met objects which are not in the
// mirror.
var errUnknown = errors.New("objects unknown to the mirror")

// apply stores changes and the cursor in one transaction. The server reports
// only what has changed, so objects that the mirror does not know are first
// read whole, unless they are new, and so are unfinished ones. whole holds the objects already
// read, or nil for one that no longer exists.
func (s *synchroniser) apply(ctx context.Context, c cursor, changed changes, whole map[ident.GUID]*ident.Entry) error {
	if len(changed.entries)+len(changed.gone)+len(whole) > 0 {
		if err := s.note(ctx); err != nil {
			return err
		}
	}
	state, err := s.state(c, true)
	if err != nil || s.tellsNothing(state, c, changed) {
		return err
	}
	ask := unfinished(changed.entries)
	for {
		if err := s.readInto(ctx, whole, ask); err != nil {
			return err
		}
		ask = nil
		err := s.store.UpdateMirror(ctx, func(tx store.MirrorTx) error {
			var err error
			if ask, err = s.applyTo(tx, changed, whole); err != nil {
				return err
			}
			if len(ask) > 0 {
				return errUnknown
			}
			return tx.SetState(state)
		})
		if !errors.Is(err, errUnknown) {
			return err
		}
	}
}

// keptAfter is how old the stored cursor may become while nothing of the mirror changes.
// On a busy domain controller the feed reads several times a second, mostly of what is not
// mirrored. Each commit would wait for the disk; and the older the cursor is, the more the
// domain controller has to look through.
const keptAfter = 10 * time.Second

// tellsNothing reports whether the changes need not be stored: there are none, and the
// cursor has only moved on. Reading on from the stored one shows the same again.
func (s *synchroniser) tellsNothing(state store.MirrorState, c cursor, changed changes) bool {
	if len(changed.entries)+len(changed.gone) > 0 || s.before.Awaits || s.before.Events != state.Events || s.before.Server != state.Server {
		return false
	}
	c.Cookie, c.USN = s.last.Cookie, s.last.USN
	if !reflect.DeepEqual(c, s.last) || s.dir.Server().URL != s.last.From.URL || !s.last.Behind.IsZero() {
		return false
	}
	age := s.began.Sub(s.before.Synced)
	return age >= 0 && age < keptAfter // the clock may have been set back
}

// readInto reads objects whole; nil stands for one that no longer exists.
func (s *synchroniser) readInto(ctx context.Context, whole map[ident.GUID]*ident.Entry, ask []ident.GUID) error {
	found, err := s.lookUp(ctx, ask)
	if err != nil {
		return err
	}
	for _, guid := range ask {
		whole[guid] = nil
		if e, ok := found[guid]; ok {
			whole[guid] = &e
		}
	}
	return nil
}

// applyTo stores the changes, or returns the objects that must be read whole
// first. Removals come first: a removed object may have been replaced by one
// with the same DN, which must not inherit values that name the old one.
func (s *synchroniser) applyTo(tx store.MirrorTx, changed changes, whole map[ident.GUID]*ident.Entry) (unknown []ident.GUID, err error) {
	s.record(tx)
	doubt(tx, changed.doubts)
	if err := s.removeFrom(tx, changed.gone); err != nil {
		return nil, err
	}
	s.report.Changed = 0
	for _, e := range changed.entries {
		if _, ok := whole[e.GUID]; ok {
			continue
		}
		e = s.clean(e)
		found, err := tx.Merge(e.GUID, e.DN, e.Attributes)
		if err != nil {
			return nil, err
		}
		switch {
		case !found && isWhole(e):
			err = tx.Put(withValues(e))
		case !found:
			unknown = append(unknown, e.GUID)
		}
		if err != nil {
			return nil, err
		}
		s.report.Changed++
	}
	for _, e := range whole {
		if e == nil {
			continue
		}
		if err := tx.Put(s.clean(*e)); err != nil {
			return nil, err
		}
		s.report.Changed++
	}
	return unknown, nil
}

func (s *synchroniser) removeFrom(tx store.MirrorTx, gone []ident.GUID) error {
	s.report.Removed = 0
	for _, guid := range gone {
		known, err := tx.Merge(guid, "", nil) // changes nothing
		if err != nil {
			return err
		}
		if !known {
			continue
		}
		if err := tx.Remove(guid); err != nil {
			return err
		}
		s.report.Removed++
	}
	return nil
}
