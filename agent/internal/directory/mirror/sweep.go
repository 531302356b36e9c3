package mirror

import (
	"context"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// sweepDue reports whether it is time to search for removed objects that the
// server does not show to this account.
func (s *synchroniser) sweepDue(c cursor) bool {
	return c.Blind && c.Unswept && s.began.Sub(c.Swept) >= s.spec.SweepEvery
}

// sweep searches for removed objects and commits the removals with the changes
// and with c. shown means that the server now shows deletions, so this is the
// last sweep.
func (s *synchroniser) sweep(ctx context.Context, c cursor, changed changes, shown bool) error {
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
	whole := map[ident.GUID]*ident.Entry{}
	added, err := s.unknown(ctx, changed.entries)
	if err != nil {
		return err
	}
	// Equal numbers mean equal sets, because the changes contain everything
	// added. Objects added while this runs come with the next changes, and
	// then the numbers differ.
	if known+added != len(seen) {
		there, gone, err := s.unseen(ctx, seen)
		if err != nil {
			return err
		}
		for _, e := range there {
			whole[e.GUID] = &e
		}
		if changed.doubts, err = s.doubts(ctx, gone); err != nil {
			return err
		}
		changed.gone = append(changed.gone, gone...)
	}
	c.Blind, c.Unswept, c.Swept = !shown, false, s.began
	return s.apply(ctx, c, changed, whole)
}

// unknown counts the objects that the mirror does not have.
func (s *synchroniser) unknown(ctx context.Context, entries []ident.Entry) (int, error) {
	n := 0
	for _, e := range entries {
		_, ok, err := s.store.EntryByGUID(ctx, e.GUID)
		if err != nil {
			return 0, err
		}
		if !ok {
			n++
		}
	}
	return n, nil
}

// unseen compares the mirror with the objects seen by a read of the directory.
// It asks the directory about each object that only one side has, because a
// search that runs while objects move may miss one.
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
