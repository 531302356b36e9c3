package mirror

import (
	"context"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// sweepDue tells whether it is time to look for objects that are gone, which
// the server does not show to this account.
func (s *synchroniser) sweepDue(c cursor) bool {
	return c.Blind && c.Unswept && s.began.Sub(c.Swept) >= s.spec.SweepEvery
}

// sweep removes the objects that are gone, and commits c with it.
func (s *synchroniser) sweep(ctx context.Context, c cursor) error {
	seen := map[ident.GUID]struct{}{}
	err := s.search(ctx, filter, []string{objectGUID}, func(e ident.Entry) error {
		seen[e.GUID] = struct{}{}
		return nil
	})
	if err != nil {
		return err
	}
	known, err := s.store.CountEntries(ctx)
	if err != nil {
		return err
	}
	if err := s.checkSize(known, len(seen)); err != nil {
		return err
	}
	var there []ident.Entry
	var gone []ident.GUID
	// Equal numbers are equal sets: the changes before this moment are in the
	// mirror. What slips in between comes with the next changes and makes the
	// numbers differ.
	if known != len(seen) {
		if there, gone, err = s.unseen(ctx, seen); err != nil {
			return err
		}
	}
	c.Unswept, c.Swept = false, s.began
	return s.commit(ctx, c, there, gone)
}

func (s *synchroniser) commit(ctx context.Context, c cursor, there []ident.Entry, gone []ident.GUID) error {
	state, err := s.state(c, true)
	if err != nil {
		return err
	}
	err = s.store.UpdateMirror(ctx, func(tx store.MirrorTx) error {
		for _, guid := range gone {
			if err := tx.Remove(guid); err != nil {
				return err
			}
		}
		for _, e := range there {
			if err := tx.Put(s.clean(e)); err != nil {
				return err
			}
		}
		return tx.SetState(state)
	})
	if err == nil {
		s.report.Changed += len(there)
		s.report.Removed += len(gone)
	}
	return err
}

// unseen compares the mirror with the objects that a read of the directory has
// seen, and asks the directory about each that only one side has: a search
// that runs while objects move may miss one.
func (s *synchroniser) unseen(ctx context.Context, seen map[ident.GUID]struct{}) (there []ident.Entry, gone []ident.GUID, err error) {
	var ask []ident.GUID
	mirrored := make(map[ident.GUID]struct{}, len(seen))
	err = s.store.EachEntry(ctx, func(e ident.Entry) error {
		mirrored[e.GUID] = struct{}{}
		if _, ok := seen[e.GUID]; !ok {
			ask = append(ask, e.GUID)
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	for guid := range seen {
		if _, ok := mirrored[guid]; !ok {
			ask = append(ask, guid)
		}
	}
	found, err := s.lookUp(ctx, ask)
	if err != nil {
		return nil, nil, err
	}
	for _, guid := range ask {
		if e, ok := found[guid]; ok {
			there = append(there, e)
		} else if _, ok := mirrored[guid]; ok {
			gone = append(gone, guid)
		}
	}
	return there, gone, nil
}
