package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Commit is the record of one operation. It is written as a whole or not at all.
type Commit struct {
	Outcome     ident.Outcome // At is set to the time of the call when it is zero
	Automation  string
	Application string
	Kind        string // of the record; "" is ident.UserKind
	By          string // the person or trigger that started the run; for the journal
	// Orchestrated is the instance whose directory step this is; nil for what a
	// run does.
	Orchestrated *Orchestrated
	// HeldID is the held operation whose final result this is; 0 for an
	// operation that was not held.
	HeldID int64
	// Intent is the intent that this settles; 0 for none.
	Intent int64
	// Wrote is what was carried out of an operation of the intent that failed; the
	// zero Operation for nothing.
	Wrote ident.Operation
	// Link is added or changed when it is not nil.
	Link *ident.Link
	// Unlink removes the link of Outcome.Key.
	Unlink bool
	// Start begins orchestrations together with the outcome.
	Start []NewInstance
}

func (c Commit) space() ident.Space { return ident.SpaceOf(c.Application, c.Kind) }

// Commit records one operation. It returns a *FencedError when the lease was
// released or taken over, and a *LinkTakenError or a *NotHeldError when the link
// or the held operation does not allow it. On an error nothing is written.
func (s *Store) Commit(ctx context.Context, lease Lease, c Commit) error {
	return s.CommitAll(ctx, lease, []Commit{c})
}

// CommitAll records several operations in one transaction, all or none, with
// the errors of Commit.
func (s *Store) CommitAll(ctx context.Context, lease Lease, list []Commit) error {
	write := s.write
	if slices.ContainsFunc(list, func(c Commit) bool { return len(c.Start) > 0 }) {
		write = s.writeDue
	}
	return write(ctx, "record outcome", func(tx *sql.Tx) error {
		if err := checkFence(ctx, tx, lease); err != nil {
			return err
		}
		for _, c := range list {
			if err := s.commitOne(ctx, tx, c); err != nil {
				return fmt.Errorf("%s of %s: %w", c.Outcome.Operation.Class, ident.Anchor(c.space(), c.Outcome.Key), err)
			}
		}
		return nil
	})
}

func (s *Store) commitOne(ctx context.Context, tx *sql.Tx, c Commit) error {
	c.Outcome.At = s.orNow(c.Outcome.At)
	if err := recordOutcome(ctx, tx, c); err != nil {
		return err
	}
	unlinked, err := s.changeLink(ctx, tx, c)
	if err != nil {
		return err
	}
	if c.Intent != 0 {
		if err := settleEchoes(ctx, tx, c.Intent, c.Outcome.GUID, c.wrote()); err != nil {
			return err
		}
		if err := closeIntent(ctx, tx, c.Intent); err != nil {
			return err
		}
	}
	link := c.Link
	if link == nil {
		link = unlinked
	}
	c.Outcome.Operation = c.Outcome.Operation.Brief()
	err = s.journal(ctx, tx, JournalLine{
		Orchestrated: c.Orchestrated,
		Kind:         JournalOutcome, Automation: c.Automation, Application: c.Application, By: c.By,
		Run: c.Outcome.Run, HeldID: c.HeldID, Outcome: &c.Outcome, Link: link, Unlinked: unlinked != nil,
	})
	if err == nil && len(c.Start) > 0 {
		_, err = s.startAll(ctx, s.newBatch(tx), c.Start)
	}
	return err
}

// wrote is what was written to the directory.
func (c Commit) wrote() ident.Operation {
	if c.Outcome.Result == ident.ResultApplied {
		return c.Outcome.Operation
	}
	return c.Wrote
}

func recordOutcome(ctx context.Context, tx *sql.Tx, c Commit) error {
	if c.HeldID == 0 {
		return insertOutcome(ctx, tx, c)
	}
	if c.Outcome.Result == ident.ResultHeld {
		return fmt.Errorf("operation %d is held already", c.HeldID)
	}
	held, err := heldOutcome(ctx, tx, c.HeldID)
	if err != nil {
		return err
	}
	return updateOutcome(ctx, tx, held, c.Outcome)
}

// changeLink writes or removes the link. It returns the removed link, or nil.
func (s *Store) changeLink(ctx context.Context, tx *sql.Tx, c Commit) (*ident.Link, error) {
	cause := linkCause{run: c.Outcome.Run, by: c.By}
	switch {
	case c.Unlink && c.Link != nil:
		return nil, errors.New("a link cannot be written and removed at once")
	case c.Unlink:
		return s.deleteLink(ctx, tx, c.space(), c.Outcome.Key, cause)
	case c.Link != nil:
		link := *c.Link
		if former := c.Outcome.Operation.FormerKey; former != "" && c.Outcome.Result == ident.ResultApplied {
			if _, err := s.deleteLink(ctx, tx, c.space(), former, cause); err != nil {
				return nil, err
			}
		}
		return nil, s.putLink(ctx, tx, &link, cause)
	}
	return nil, nil
}
