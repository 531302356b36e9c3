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

// LinkedAccounts calls each for every link of an application and a kind ("" is
// all of them), in the order of application, kind, and key as people read keys, 2 before
// 10.
// It stops at the first error of each. The account comes from the local image of
// the directory, or from the history when the image does not have it, as for
// accounts that the last run created. It is nil when nothing is known.
//
// A database cannot order keys like that, so all keys are kept in memory. The
// rest of the links is read in batches, and the store can be used in the
// meantime.
func (s *Store) LinkedAccounts(ctx context.Context, application, kind string, each func(ident.Link, *Account) error) error {
	order, err := s.linkOrder(ctx, application, kind)
	if err != nil {
		return s.fail("linked accounts", err)
	}
	made := map[ident.GUID]Account{}
	err = s.addAccounts(ctx, made, `SELECT o.guid, o.dn, o.name
		FROM outcomes o JOIN links l ON l.application = o.application AND l.kind = o.kind AND l.key = o.key AND l.guid = o.guid
		WHERE o.result = 'applied' AND ? IN ('', l.application) AND ? IN ('', l.kind)
			AND NOT EXISTS (SELECT 1 FROM mirror m WHERE m.guid = l.guid)
		ORDER BY o.id`, application, kind)
	if err != nil {
		return s.fail("linked accounts", err)
	}
	for len(order) > 0 {
		n := 1
		for n < min(linkBatch, len(order)) && order[n].space == order[0].space {
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
	space ident.Space
	key   ident.Key
}

func (s *Store) linkOrder(ctx context.Context, application, kind string) ([]linkName, error) {
	rows, err := s.reader.QueryContext(ctx, `SELECT application, kind, key FROM links
		WHERE ? IN ('', application) AND ? IN ('', kind)`, application, kind)
	if err != nil {
		return nil, err
	}
	var last ident.Space // all links of a space share its strings
	order, err := collect(rows, func(row scanner) (n linkName, err error) {
		var application, kind string
		if err := row.Scan(&application, &kind, &n.key); err != nil {
			return n, err
		}
		if space := ident.SpaceOf(application, kind); space != last {
			last = space
		}
		n.space = last
		return n, nil
	})
	slices.SortStableFunc(order, func(x, y linkName) int {
		return cmp.Or(x.space.Compare(y.space), x.key.Compare(y.key))
	})
	return order, err
}

// eachLinked reads the links of one batch, all of one space. It leaves out
// links that are gone by now.
func (s *Store) eachLinked(
	ctx context.Context, batch []linkName, made map[ident.GUID]Account, each func(ident.Link, *Account) error,
) error {
	args, place := []any{batch[0].space.Application(), batch[0].space.Kind()}, make(map[ident.Key]int, len(batch))
	for i, n := range batch {
		args, place[n.key] = append(args, n.key), i
	}
	among := ` IN (?` + strings.Repeat(`, ?`, len(batch)-1) + `)`
	rows, err := s.reader.QueryContext(ctx, selectLinks+` WHERE application = ? AND kind = ? AND key`+among, args...)
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
		WHERE l.application = ? AND l.kind = ? AND l.key`+among, args...)
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
