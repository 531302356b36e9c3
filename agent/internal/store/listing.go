package store

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Account holds the names by which people know an object.
type Account struct {
	Name string   `json:"name"` // the display name, or else the name in the DN
	DN   ident.DN `json:"dn"`
}

// LinkedAccounts calls each for every link of an application ("" is all of
// them), in the order of application and key as people read keys, 2 before 10.
// It stops at the first error of each. The account comes from the local image of
// the directory, or from the history when the image does not have it, as for
// accounts that the last run created. It is nil when nothing is known.
//
// A database cannot order keys like that, so all keys are kept in memory. The
// rest of the links is read in batches, and the store can be used in the
// meantime.
func (s *Store) LinkedAccounts(ctx context.Context, application string, each func(ident.Link, *Account) error) error {
	order, err := s.linkOrder(ctx, application)
	if err != nil {
		return s.fail("linked accounts", err)
	}
	made := map[ident.GUID]Account{}
	err = s.addAccounts(ctx, made, `SELECT o.guid, o.dn, o.name
		FROM outcomes o JOIN links l ON l.application = o.application AND l.key = o.key AND l.guid = o.guid
		WHERE o.result = 'applied' AND ? IN ('', l.application) AND NOT EXISTS (SELECT 1 FROM mirror m WHERE m.guid = l.guid)
		ORDER BY o.id`, application)
	if err != nil {
		return s.fail("linked accounts", err)
	}
	for len(order) > 0 {
		n := 1
		for n < min(linkBatch, len(order)) && order[n].application == order[0].application {
			n++
		}
		if err := s.eachLinked(ctx, order[:n], made, each); err != nil {
			return err
		}
		order = order[n:]
	}
	return nil
}

// linkName identifies a link.
type linkName struct {
	application string
	key         ident.Key
}

func (s *Store) linkOrder(ctx context.Context, application string) ([]linkName, error) {
	rows, err := s.reader.QueryContext(ctx, `SELECT application, key FROM links WHERE ? IN ('', application)`, application)
	if err != nil {
		return nil, err
	}
	last := "" // all links of an application share one string
	order, err := collect(rows, func(row scanner) (n linkName, err error) {
		if err := row.Scan(&n.application, &n.key); err != nil {
			return n, err
		}
		if n.application == last {
			n.application = last
		}
		last = n.application
		return n, nil
	})
	slices.SortStableFunc(order, func(x, y linkName) int {
		return cmp.Or(cmp.Compare(x.application, y.application), x.key.Compare(y.key))
	})
	return order, err
}

// eachLinked reads the links of one batch, all of one application. It leaves out
// links that are gone by now.
func (s *Store) eachLinked(
	ctx context.Context, batch []linkName, made map[ident.GUID]Account, each func(ident.Link, *Account) error,
) error {
	args, place := []any{batch[0].application}, make(map[ident.Key]int, len(batch))
	for i, n := range batch {
		args, place[n.key] = append(args, n.key), i
	}
	among := ` IN (?` + strings.Repeat(`, ?`, len(batch)-1) + `)`
	rows, err := s.reader.QueryContext(ctx, selectLinks+` WHERE application = ? AND key`+among, args...)
	if err != nil {
		return s.fail("linked accounts", err)
	}
	links, err := collect(rows, scanLink)
	if err != nil {
		return s.fail("linked accounts", err)
	}
	slices.SortFunc(links, func(x, y ident.Link) int { return cmp.Compare(place[x.Key], place[y.Key]) })
	accounts := map[ident.GUID]Account{}
	err = s.addAccounts(ctx, accounts, `SELECT l.guid, m.dn, coalesce(v.value, '') FROM links l JOIN mirror m ON m.guid = l.guid
		LEFT JOIN mirror_values v ON v.entry = m.id AND v.attribute = 'displayname' AND v.position = 0
		WHERE l.application = ? AND l.key`+among, args...)
	if err != nil {
		return s.fail("linked accounts", err)
	}
	for _, l := range links {
		account, known := accounts[l.GUID]
		if !known {
			account, known = made[l.GUID]
		}
		shown := &account
		if !known {
			shown = nil
		}
		if err := each(l, shown); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) addAccounts(ctx context.Context, to map[ident.GUID]Account, query string, args ...any) error {
	rows, err := s.reader.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var (
			guid ident.GUID
			a    Account
		)
		if err := rows.Scan(&guid, &a.DN, &a.Name); err != nil {
			return err
		}
		if a.Name == "" {
			a.Name = a.DN.Name()
		}
		to[guid] = a
	}
	return rows.Err()
}
