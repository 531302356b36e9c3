package plan

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// matcher finds the account that belongs to a record without a link, or
// decides that there is none. It compares no attributes, and plans only the
// operation that makes the link.
type matcher struct {
	set     *Settings
	view    matchView
	mapper  matchMapper
	dir     *directory
	draft   *draft
	trusted bool // an anchor restores its link without review

	claims  map[ident.GUID]ident.Key  // unlinked objects, each with the key that matched it
	wanted  map[string]ident.Key      // match values of records that are to get an account
	foreign map[ident.Key]ident.Entry // accounts whose anchor attribute holds something else
}

// matchView is the part of View that a matcher reads. The View may also be an
// AnchorLister and an AnchorAdviser.
type matchView interface {
	EntriesByValue(attribute, value string) ([]ident.Entry, error)
	EntriesByName(attribute, value string) ([]ident.Entry, error)
	LinkByGUID(ident.GUID) (ident.Link, bool, error)
}

// matchMapper is the part of Mapper that a matcher uses.
type matchMapper interface {
	MatchValues(rec ident.Record, attributes []string) (map[string][]string, error)
}

func newMatcher(set *Settings, view matchView, mapper matchMapper, dir *directory, d *draft, trusted bool) *matcher {
	return &matcher{
		set: set, view: view, mapper: mapper, dir: dir, draft: d, trusted: trusted,
		claims: map[ident.GUID]ident.Key{}, wanted: map[string]ident.Key{}, foreign: map[ident.Key]ident.Entry{},
	}
}

// finding is the result of the match for a record in scope without a link. The
// zero finding means that nothing is to be done: the record was set aside, or
// the automation makes no accounts.
type finding struct {
	link   *operation  // links the record to the account; nil if none belongs to it
	entry  ident.Entry // the account
	create bool        // no account belongs to the record, and one is to be created
}

// unlinked looks for the account of a record in scope that has no link: by the
// anchor, then by the match rules. Only if both find nothing is an account to
// be created.
func (m *matcher) unlinked(rec ident.Record) (finding, error) {
	if cause, next := m.set.badAnchor(rec.Key); cause != "" {
		m.draft.setAsideShared(rec.Key, recordName(rec), cause, strings.ReplaceAll(cause, strconv.Quote(m.set.anchorOf(rec.Key)), "it"), next)
		return finding{}, nil
	}
	found, done, err := m.matchAnchor(rec)
	if done || err != nil {
		return found, err
	}
	values, err := m.mapper.MatchValues(rec, m.set.Match)
	var fault *mapping.Error
	if errors.As(err, &fault) {
		byHand := *fault
		byHand.Next += "; or link its account: " + m.set.linkAdd(rec.Key)
		err = &byHand
	}
	if err != nil {
		m.draft.quarantineError(rec, err)
		return finding{}, nil
	}
	found, done, err = m.matchRules(rec, values)
	if done || err != nil {
		return found, err
	}
	if m.set.Action == ActionUpdate {
		m.draft.tally.unmatched++
		return finding{}, nil
	}
	return finding{create: m.claimValues(rec, values)}, nil
}

// claim reserves an object for a record. If two records match the same object,
// both are set aside, because the order of their keys does not show which one
// is right.
func (m *matcher) claim(rec ident.Record, e ident.Entry) bool {
	other, taken := m.claims[e.GUID]
	if !taken {
		m.claims[e.GUID] = rec.Key
		return true
	}
	cause := fmt.Sprintf("the keys %s and %s both match the account %s", other, rec.Key, e.DN)
	const next = "correct one of them at the source, or choose: "
	m.draft.setAside(other, "", cause, next+m.set.linkAdd(other))
	m.draft.setAside(rec.Key, recordName(rec), cause, next+m.set.linkAdd(rec.Key))
	return false
}

// isUser reports whether an object is a user account and not a contact, group
// or computer. An object of unknown kind counts as a user; if it is none,
// reading its state reveals that.
func isUser(e ident.Entry) bool {
	has := func(class string) bool {
		return slices.ContainsFunc(e.Attributes.Values("objectclass"), func(v string) bool { return text.Same(v, class) })
	}
	if len(e.Attributes.Values("objectclass")) > 0 {
		return has("user") && !has("computer")
	}
	kind := e.Attributes.First("samaccounttype")
	return kind == "" || kind == ident.NormalUser
}
