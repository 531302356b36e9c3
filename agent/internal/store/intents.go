package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/operation"
)

// Intent is a write to the directory that is about to happen. When an intent is
// found after a crash, the write may or may not have happened: check before
// trying again.
type Intent struct {
	ID          int64
	Run         int64
	Automation  string
	Application string // "" for a directory step, which writes about an object and not about a record
	Kind        string // of the record; "" is ident.UserKind
	Key         ident.Key
	GUID        ident.GUID // empty for a create
	DN          ident.DN
	Name        string // for people
	Server      string // the DC that the write goes to
	Anchor      string // the anchor that a create carries
	Operation   ident.Operation
	Link        *ident.Link // the link to write once the operation turns out to be applied; nil for a directory step
	By          string
	// Orchestration and Instance are those of a directory step; "" and 0 for the
	// write of a run.
	Orchestration string
	Instance      int64
	Approved      string // who approved the write; "" for nobody
	// Password is the sealed initial password of a create that hands it over, so
	// that whoever finds the account after a crash can still start what does.
	Password []byte
	HeldID   int64 // the held operation that this write carries out; 0 for none
	Created  time.Time
	// Origin and Database are for the echoes of the write and are not read back: where
	// it came from, and the domain controller as in MirrorState.Server.
	Origin   ident.Origin
	Database string
	// Unreadable says why Operation and Link could not be read; nil when they
	// could. Another version may have written them.
	Unreadable error
}

// Space returns the space of the record's key.
func (in Intent) Space() ident.Space { return ident.SpaceOf(in.Application, in.Kind) }

// OpenIntent records an intent, with the changes that will be read in the
// directory because of it, and returns its number. Both are on disk when it
// returns. After an error, the write must not happen:
//   - a *FencedError when the lease has ended;
//   - a *NotHeldError or *UnderWayError when the intent carries out a held
//     operation that the run has not claimed (see ClaimHeld);
//   - an *UnderWayError when another write about the same record is open, or about
//     the same object if one of the two is that of a directory step;
//   - a *LinkTakenError or *NotLinkedError when the link is not the expected
//     one: none for an operation that makes a link, that of the object for all
//     others. A directory step needs no link.
func (s *Store) OpenIntent(ctx context.Context, lease Lease, in Intent) (int64, error) {
	err := s.write(ctx, "open intent", func(tx *sql.Tx) error {
		if err := s.checkLive(ctx, tx, lease); err != nil {
			return err
		}
		for _, check := range []func(context.Context, *sql.Tx, Intent) error{checkClaim, checkAlone, checkLink} {
			if err := check(ctx, tx, in); err != nil {
				return err
			}
		}
		operation, err := toJSON(in.Operation)
		if err != nil {
			return err
		}
		link, err := toJSON(in.Link)
		if err != nil {
			return err
		}
		result, err := tx.ExecContext(ctx, `INSERT INTO intents
			(run, automation, application, kind, key, guid, dn, name, server, anchor, operation_json, link_json, password, opened_by, held_id,
			created, orchestration, instance, approved) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			in.Run, in.Automation, in.Application, in.Space().Kind(), in.Key, in.GUID, in.DN, in.Name, in.Server, in.Anchor, operation, link,
			in.Password, in.By, nullID(in.HeldID), stamp(s.orNow(in.Created)), in.Orchestration, in.Instance, in.Approved)
		if err != nil {
			return err
		}
		if in.ID, err = result.LastInsertId(); err != nil {
			return err
		}
		return expectEchoes(ctx, tx, in)
	})
	if err != nil {
		return 0, err
	}
	return in.ID, nil
}

// checkClaim makes sure that nobody else has decided about a held operation
// before it is carried out.
func checkClaim(ctx context.Context, tx *sql.Tx, in Intent) error {
	if in.HeldID == 0 {
		return nil
	}
	held, err := heldOutcome(ctx, tx, in.HeldID)
	if err != nil {
		return err
	}
	var claimer int64
	if err := tx.QueryRowContext(ctx, `SELECT coalesce(claimed_run, 0) FROM outcomes WHERE id = ?`, in.HeldID).Scan(&claimer); err != nil {
		return err
	}
	if claimer != in.Run {
		return &UnderWayError{Class: held.Operation.Class, Name: held.Name, Automation: held.Automation, Run: claimer}
	}
	return nil
}

// checkAlone refuses a second write about one record while it is not known
// whether the first was made. Directory steps know no record: they and all others
// go by the object.
func checkAlone(ctx context.Context, tx *sql.Tx, in Intent) error {
	open := UnderWayError{InDoubt: true}
	err := tx.QueryRowContext(ctx, `SELECT run, automation, name, orchestration, instance,
		CASE WHEN json_valid(operation_json) THEN operation_json ->> 'class' ELSE 'an operation' END
		FROM intents WHERE application <> '' AND application = ? AND kind = ? AND key = ?
			OR guid <> '' AND guid = ? AND (application = '' OR ? = '') LIMIT 1`,
		in.Application, in.Space().Kind(), in.Key, in.GUID, in.Application).
		Scan(&open.Run, &open.Automation, &open.Name, &open.Orchestration, &open.Instance, &open.Class)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return &open
}

// checkLink makes sure that the link has not changed since the operation was
// planned.
func checkLink(ctx context.Context, tx *sql.Tx, in Intent) error {
	if in.Application == "" {
		return nil
	}
	if in.Operation.FormerKey != "" {
		return checkFormerLink(ctx, tx, in)
	}
	makes := operation.MakesLink(in.Operation.Class)
	link, err := scanLink(tx.QueryRowContext(ctx, selectLinks+` WHERE application = ? AND kind = ? AND (key = ? OR ? AND guid = ?) LIMIT 1`,
		in.Application, in.Space().Kind(), in.Key, makes, in.GUID))
	none := errors.Is(err, sql.ErrNoRows)
	wanted := in.wanted()
	switch {
	case none && makes:
		return nil
	case none:
		return &NotLinkedError{Space: in.Space(), Key: in.Key}
	case err != nil:
		return err
	case makes || link.GUID != in.GUID:
		return &LinkTakenError{Wanted: wanted, Holder: link}
	}
	return nil
}

// wanted is the link that the operation needs.
func (in Intent) wanted() ident.Link {
	return ident.Link{Application: in.Application, Kind: in.Space().Kind(), Key: in.Key, GUID: in.GUID}
}

// checkFormerLink makes sure that the object is still linked to the former key,
// and the new key to nothing.
func checkFormerLink(ctx context.Context, tx *sql.Tx, in Intent) error {
	rows, err := tx.QueryContext(ctx, selectLinks+` WHERE application = ? AND kind = ? AND (key = ? OR guid = ?)`,
		in.Application, in.Space().Kind(), in.Key, in.GUID)
	if err != nil {
		return err
	}
	links, err := collect(rows, scanLink)
	if err != nil {
		return err
	}
	if len(links) == 0 {
		return &NotLinkedError{Space: in.Space(), Key: in.Operation.FormerKey}
	}
	for _, l := range links {
		if l.Key != in.Operation.FormerKey {
			return &LinkTakenError{Wanted: in.wanted(), Holder: l}
		}
	}
	return nil
}

// CloseIntent forgets an intent whose write did not happen as a whole. What did, which is
// the zero Operation for nothing, is known as the agent's own when it is read. It has no
// outcome: the next plan makes the rest. For a write that happened, Commit closes the
// intent.
func (s *Store) CloseIntent(ctx context.Context, lease Lease, id int64, wrote ident.Operation) error {
	return s.write(ctx, "close intent", func(tx *sql.Tx) error {
		if err := checkFence(ctx, tx, lease); err != nil {
			return err
		}
		if err := settleEchoes(ctx, tx, id, "", wrote); err != nil {
			return err
		}
		return closeIntent(ctx, tx, id)
	})
}

func closeIntent(ctx context.Context, tx *sql.Tx, id int64) error {
	result, err := tx.ExecContext(ctx, `DELETE FROM intents WHERE id = ?`, id)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return fmt.Errorf("there is no open intent %d", id)
}

const selectIntents = `SELECT id, run, automation, application, kind, key, guid, dn, name, server, anchor,
	operation_json, link_json, password, opened_by, coalesce(held_id, 0), created, orchestration, instance, approved FROM intents ORDER BY id`

// Intents returns the open intents of all automations, the oldest first. It
// includes intents that cannot be read, because one of them must not block the
// other automations.
func (s *Store) Intents(ctx context.Context) ([]Intent, error) {
	rows, err := s.reader.QueryContext(ctx, selectIntents)
	if err != nil {
		return nil, s.fail("intents", err)
	}
	list, err := collect(rows, scanIntent)
	return list, s.fail("intents", err)
}

func scanIntent(row scanner) (Intent, error) {
	var (
		in              Intent
		operation, link string
		created         int64
	)
	err := row.Scan(&in.ID, &in.Run, &in.Automation, &in.Application, &in.Kind, &in.Key, &in.GUID, &in.DN, &in.Name, &in.Server, &in.Anchor,
		&operation, &link, &in.Password, &in.By, &in.HeldID, &created, &in.Orchestration, &in.Instance, &in.Approved)
	if err != nil {
		return Intent{}, err
	}
	in.Created = moment(created)
	in.Unreadable = errors.Join(fromJSON(operation, &in.Operation), fromJSON(link, &in.Link))
	if in.Unreadable == nil && in.Link == nil && in.Application != "" {
		in.Unreadable = errors.New("it has no link")
	}
	return in, nil
}
