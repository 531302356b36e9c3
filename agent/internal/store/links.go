package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

const selectLinks = `SELECT application, kind, key, guid, automation, origin, created, placed, ou, missing_since, unseen,
	left_from, left_ou, delivered, applied_json, orchestration, off, stripped_json FROM links`

// linkBatch is how many links one query of Links reads.
const linkBatch = 1000

// LinkByKey finds the link of a record; false when there is none.
func (s *Store) LinkByKey(ctx context.Context, space ident.Space, key ident.Key) (ident.Link, bool, error) {
	return s.oneLink("link by key", s.stmts.linkByKey.QueryRowContext(ctx, space.Application(), space.Kind(), key))
}

// LinkByGUID finds the link of an object within a space; false when there is
// none.
func (s *Store) LinkByGUID(ctx context.Context, space ident.Space, guid ident.GUID) (ident.Link, bool, error) {
	return s.oneLink("link by object", s.stmts.linkByGUID.QueryRowContext(ctx, space.Application(), space.Kind(), guid))
}

// LinksOf lists the links of an object, in the order of application and kind.
func (s *Store) LinksOf(ctx context.Context, guid ident.GUID) ([]ident.Link, error) {
	rows, err := s.stmts.linksOf.QueryContext(ctx, guid)
	if err != nil {
		return nil, s.fail("links of an object", err)
	}
	list, err := collect(rows, scanLink)
	return list, s.fail("links of an object", err)
}

func (s *Store) oneLink(operation string, row *sql.Row) (ident.Link, bool, error) {
	link, err := scanLink(row)
	if errors.Is(err, sql.ErrNoRows) {
		return ident.Link{}, false, nil
	}
	return link, err == nil, s.fail(operation, err)
}

// Links calls each for every link of an application ("" is all of them), in the
// order of application, kind and key. It stops at the first error of each.
func (s *Store) Links(ctx context.Context, application string, each func(ident.Link) error) error {
	var last ident.Link
	for {
		batch, err := s.linksAfter(ctx, application, last)
		if err != nil {
			return s.fail("links", err)
		}
		for _, link := range batch {
			if err := each(link); err != nil {
				return err
			}
		}
		if len(batch) < linkBatch {
			return nil
		}
		last = batch[len(batch)-1]
	}
}

func (s *Store) linksAfter(ctx context.Context, application string, last ident.Link) ([]ident.Link, error) {
	query, args := selectLinks+` WHERE (application, kind, key) > (?, ?, ?)`, []any{last.Application, last.Kind, last.Key}
	if application != "" {
		query, args = selectLinks+` WHERE application = ? AND (kind, key) > (?, ?)`, []any{application, last.Kind, last.Key}
	}
	rows, err := s.reader.QueryContext(ctx, query+` ORDER BY application, kind, key LIMIT ?`, append(args, linkBatch)...)
	if err != nil {
		return nil, err
	}
	return collect(rows, scanLink)
}

// CountLinks counts the links of an automation.
func (s *Store) CountLinks(ctx context.Context, automation string) (int, error) {
	var n int
	err := s.reader.QueryRowContext(ctx, `SELECT count(*) FROM links WHERE automation = ?`, automation).Scan(&n)
	return n, s.fail("count links", err)
}

// LinkOwner is an automation, by whose name links were made, and a kind of them.
type LinkOwner struct {
	Automation, Kind string
}

// Compare orders owners by automation, then by kind.
func (o LinkOwner) Compare(other LinkOwner) int {
	return cmp.Or(cmp.Compare(o.Automation, other.Automation), cmp.Compare(o.Kind, other.Kind))
}

// LinkOwners counts the links of an application by who made them and by kind.
func (s *Store) LinkOwners(ctx context.Context, application string) (map[LinkOwner]int, error) {
	rows, err := s.reader.QueryContext(ctx,
		`SELECT automation, kind, count(*) FROM links WHERE application = ? GROUP BY automation, kind`, application)
	if err != nil {
		return nil, s.fail("count links", err)
	}
	owners := map[LinkOwner]int{}
	_, err = collect(rows, func(row scanner) (owner LinkOwner, err error) {
		var n int
		if err = row.Scan(&owner.Automation, &owner.Kind, &n); err == nil {
			owners[owner] = n
		}
		return owner, err
	})
	return owners, s.fail("count links", err)
}

// KeysLikeNumbers returns the keys of a space that may spell a number otherwise
// than abi.NumberKey does.
func (s *Store) KeysLikeNumbers(ctx context.Context, space ident.Space) ([]ident.Key, error) {
	rows, err := s.reader.QueryContext(ctx, `SELECT key FROM links WHERE application = ? AND kind = ?
		AND (key LIKE '%.%' OR key LIKE '%e%' OR key LIKE '%E%' OR key LIKE '-0%' OR key LIKE '+%')`, space.Application(), space.Kind())
	if err != nil {
		return nil, s.fail("keys like numbers", err)
	}
	keys, err := collect(rows, func(row scanner) (key ident.Key, err error) {
		err = row.Scan(&key)
		return key, err
	})
	return keys, s.fail("keys like numbers", err)
}

// PutLink adds a link, or changes what it remembers, on behalf of by, and notes
// it in the journal. It returns a *LinkTakenError when the key or the object is
// linked to something else: a link is never redirected.
func (s *Store) PutLink(ctx context.Context, link ident.Link, by string) error {
	return s.write(ctx, "put link", func(tx *sql.Tx) error {
		if err := s.putLink(ctx, tx, &link, linkCause{by: by}); err != nil {
			return err
		}
		return s.journal(ctx, tx, JournalLine{Kind: JournalLink, Automation: link.Automation, Application: link.Application, By: by, Link: &link})
	})
}

// Unlinked is a link that was removed by hand.
type Unlinked struct {
	ident.Link
	Dropped []Held `json:"dropped"` // what was held about the record, and is dropped now
}

// DeleteLink removes the link of a record on behalf of by, drops what is held
// about the record, and notes it in the journal. It returns a *NotLinkedError
// when there is no link. While an operation about the record is being carried
// out or in doubt, it returns an *UnderWayError and changes nothing.
func (s *Store) DeleteLink(ctx context.Context, lease Lease, space ident.Space, key ident.Key, by string) (Unlinked, error) {
	var gone Unlinked
	err := s.write(ctx, "delete link", func(tx *sql.Tx) error {
		if err := checkFence(ctx, tx, lease); err != nil {
			return err
		}
		if err := checkAlone(ctx, tx, Intent{Application: space.Application(), Kind: space.Kind(), Key: key}); err != nil {
			return err
		}
		link, err := s.deleteLink(ctx, tx, space, key, linkCause{by: by})
		if err != nil {
			return err
		}
		if link == nil {
			return &NotLinkedError{Space: space, Key: key}
		}
		gone.Link = *link
		if gone.Dropped, err = s.dropAbout(ctx, tx, space, key, by); err != nil {
			return err
		}
		line := JournalLine{Kind: JournalUnlink, Automation: link.Automation, Application: link.Application, By: by, Link: link}
		return s.journal(ctx, tx, line)
	})
	if err != nil {
		return Unlinked{}, err
	}
	return gone, nil
}

// dropAbout ends what is held about a record: it was planned for an account that
// no longer belongs to the record.
func (s *Store) dropAbout(ctx context.Context, tx *sql.Tx, space ident.Space, key ident.Key, by string) ([]Held, error) {
	rows, err := tx.QueryContext(ctx, selectOutcomes+` WHERE result = 'held' AND application = ? AND kind = ? AND key = ? ORDER BY id`,
		space.Application(), space.Kind(), key)
	if err != nil {
		return nil, err
	}
	list, err := collect(rows, scanOutcome)
	if err != nil {
		return nil, err
	}
	for _, held := range list {
		if err := checkIdle(ctx, tx, held); err != nil {
			return nil, err
		}
		if err := s.decide(ctx, tx, held, decision{result: ident.ResultDropped, cause: "the link was removed by " + by, by: by}); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (s *Store) putLink(ctx context.Context, tx *sql.Tx, link *ident.Link, cause linkCause) error {
	if link.Application == "" || link.Key == "" || link.GUID == "" {
		return errors.New("a link needs an application, a key and an objectGUID")
	}
	link.Kind = link.Space().Kind()
	rows, err := tx.QueryContext(ctx, selectLinks+` WHERE application = ? AND kind = ? AND (key = ? OR guid = ?)`,
		link.Application, link.Kind, link.Key, link.GUID)
	if err != nil {
		return err
	}
	holders, err := collect(rows, scanLink)
	if err != nil {
		return err
	}
	for _, h := range holders {
		if h.Key != link.Key || h.GUID != link.GUID {
			return &LinkTakenError{Wanted: *link, Holder: h}
		}
	}
	link.Created = s.orNow(link.Created)
	applied, err := toJSON(link.Applied)
	if err != nil {
		return err
	}
	stripped, err := toJSON(link.Stripped)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO links
		(application, kind, key, guid, automation, origin, created, placed, ou, missing_since, unseen, left_from, left_ou, delivered,
			applied_json, orchestration, off, stripped_json)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (application, kind, key) DO UPDATE SET automation = excluded.automation, origin = excluded.origin, created = excluded.created,
			placed = excluded.placed, ou = excluded.ou, missing_since = excluded.missing_since, unseen = excluded.unseen,
			left_from = excluded.left_from, left_ou = excluded.left_ou, delivered = excluded.delivered, applied_json = excluded.applied_json,
			orchestration = excluded.orchestration, off = excluded.off, stripped_json = excluded.stripped_json`,
		link.Application, link.Kind, link.Key, link.GUID, link.Automation, link.Origin, stamp(link.Created), link.Placed, link.OU,
		stampOf(link.MissingSince), link.Unseen, link.Left, link.LeftOU, link.Delivered, applied, link.Orchestration, link.Off, stripped)
	if err != nil || len(holders) > 0 {
		return err
	}
	return s.noteLink(ctx, tx, *link, true, cause)
}

// deleteLink removes a link. It returns the removed link, or nil.
func (s *Store) deleteLink(ctx context.Context, tx *sql.Tx, space ident.Space, key ident.Key, cause linkCause) (*ident.Link, error) {
	link, err := scanLink(tx.QueryRowContext(ctx, selectLinks+` WHERE application = ? AND kind = ? AND key = ?`,
		space.Application(), space.Kind(), key))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM links WHERE application = ? AND kind = ? AND key = ?`, space.Application(), space.Kind(), key)
	if err != nil {
		return nil, err
	}
	return &link, s.noteLink(ctx, tx, link, false, cause)
}

func scanLink(row scanner) (ident.Link, error) {
	var (
		l                ident.Link
		created, missing int64
		applied          string
		stripped         string
	)
	err := row.Scan(&l.Application, &l.Kind, &l.Key, &l.GUID, &l.Automation, &l.Origin, &created, &l.Placed, &l.OU, &missing,
		&l.Unseen, &l.Left, &l.LeftOU, &l.Delivered, &applied, &l.Orchestration, &l.Off, &stripped)
	if err != nil {
		return ident.Link{}, err
	}
	l.Created, l.MissingSince = moment(created), momentOf(missing)
	return l, errors.Join(fromJSON(applied, &l.Applied), fromJSON(stripped, &l.Stripped))
}

// MarkDelivered remembers which keys of a space the last delivery
// contained, and which it did not. The journal says nothing about it, because no
// link changes by what a source delivers.
func (s *Store) MarkDelivered(ctx context.Context, lease Lease, space ident.Space, delivered, absent []ident.Key) error {
	if len(delivered)+len(absent) == 0 {
		return nil
	}
	return s.write(ctx, "mark delivered keys", func(tx *sql.Tx) error {
		if err := checkFence(ctx, tx, lease); err != nil {
			return err
		}
		mark, err := tx.PrepareContext(ctx, `UPDATE links SET delivered = ? WHERE application = ? AND kind = ? AND key = ?`)
		if err != nil {
			return err
		}
		defer func() { _ = mark.Close() }()
		for _, set := range []struct {
			to   bool
			keys []ident.Key
		}{{true, delivered}, {false, absent}} {
			for _, key := range set.keys {
				if _, err := mark.ExecContext(ctx, set.to, space.Application(), space.Kind(), key); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

const day = 24 * time.Hour

// NoteLinks remembers the highest number of links that an automation had
// today (UTC).
func (s *Store) NoteLinks(ctx context.Context, automation string, count int) error {
	return s.exec(ctx, "note links", `INSERT INTO link_peaks (automation, day, links) VALUES (?, ?, ?)
		ON CONFLICT (automation, day) DO UPDATE SET links = max(links, excluded.links)`, automation, dayOf(s.now()), count)
}

// PeakLinks returns the highest number noted on the day of since (UTC) or
// later; 0 when none was.
func (s *Store) PeakLinks(ctx context.Context, automation string, since time.Time) (int, error) {
	var n int
	err := s.reader.QueryRowContext(ctx, `SELECT coalesce(max(links), 0) FROM link_peaks WHERE automation = ? AND day >= ?`,
		automation, dayOf(since)).Scan(&n)
	return n, s.fail("peak of links", err)
}

func dayOf(t time.Time) int64 { return t.Unix() / int64(day/time.Second) }
