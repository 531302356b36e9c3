package store

import (
	"context"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Joined is everything that was delivered for a key of the run that leads a join.
type Joined struct {
	Staged
	// Partners holds what each partner has with the same key. Where one has nothing,
	// its Record has no key.
	Partners []Staged
}

// EachJoined calls each once for every key of a run, as EachStaged does, together
// with what other runs, the partners, have staged with the same key. It returns for
// each partner how many of its keys the run does not have. All of them are read once,
// in the order of the keys, so that only a few records are in memory.
func (s *Store) EachJoined(ctx context.Context, run int64, partners []int64, each func(Joined) error) (alone []int, err error) {
	readers := make([]*partnerReader, len(partners))
	for i, partner := range partners {
		readers[i] = &partnerReader{stagedReader: s.readStaged(partner)}
		if readers[i].more, err = readers[i].next(ctx); err != nil {
			return nil, err
		}
	}
	err = s.EachStaged(ctx, run, func(lead Staged) error {
		joined := Joined{Staged: lead, Partners: make([]Staged, len(partners))}
		for i, r := range readers {
			if err := r.pass(ctx, func(key ident.Key) bool { return key < lead.Record.Key }); err != nil {
				return err
			}
			if r.used = r.more && r.key.Record.Key == lead.Record.Key; r.used {
				joined.Partners[i] = r.key
			}
		}
		return each(joined)
	})
	if err != nil {
		return nil, err
	}
	for _, r := range readers {
		if err := r.pass(ctx, func(ident.Key) bool { return true }); err != nil {
			return nil, err
		}
		alone = append(alone, r.alone)
	}
	return alone, nil
}

// partnerReader reads a partner beside the run that leads.
type partnerReader struct {
	*stagedReader
	more  bool // there is a present key
	used  bool // the run has it too
	alone int  // how many keys the run did not have
}

// pass goes on while the present key is one to pass.
func (r *partnerReader) pass(ctx context.Context, past func(ident.Key) bool) (err error) {
	for r.more && past(r.key.Record.Key) && err == nil {
		if !r.used {
			r.alone++
		}
		r.used = false
		r.more, err = r.next(ctx)
	}
	return err
}
