package plan

import (
	"fmt"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// matchAnchor looks for the account that carries the record's anchor. Only the
// exact value counts, because two keys may differ only in case.
func (m *matcher) matchAnchor(rec ident.Record) (result finding, done bool, err error) {
	if m.set.Anchor == "" {
		return finding{}, false, nil
	}
	anchor := m.set.anchorOf(rec.Key)
	found, err := m.anchoredBy(anchor)
	if rec.Number != "" && len(found) == 0 && err == nil {
		found, err = m.anchoredByFormer(rec)
	}
	if err != nil {
		return finding{}, false, err
	}
	switch len(found) {
	case 0:
		return finding{}, false, nil
	case 1:
		result, err = m.anchored(rec, found[0])
		return result, true, err
	}
	m.draft.setAside(rec.Key, recordName(rec),
		fmt.Sprintf("%d objects carry the anchor %s: %s", len(found), anchor, dnList(found)),
		fmt.Sprintf("clear %s on those that do not belong to this person", m.set.Anchor))
	return finding{}, true, nil
}

// anchored links a record to the one object that carries its anchor.
func (m *matcher) anchored(rec ident.Record, e ident.Entry) (finding, error) {
	anchor := m.set.anchorOf(rec.Key)
	where := fmt.Sprintf("%s of %s is %s", m.set.Anchor, e.DN, anchor)
	trusted := m.trusted
	against, err := m.unfit(rec.Key, e, trusted)
	if err != nil {
		return finding{}, err
	}
	if against.inTheWay() {
		m.draft.setAsideShared(rec.Key, recordName(rec), where+", but "+against.cause,
			fmt.Sprintf("the anchor in %s leads to an account, but %s", m.set.Anchor, shared(against.cause, rec.Key, string(e.DN))), against.next)
		return finding{}, nil
	}
	if !m.claim(rec, e) {
		return finding{}, nil
	}
	op := operation{Operation: ident.Operation{
		Class:  ident.ClassLink,
		Reason: where + ": the link is restored after a loss of the state",
	}}
	if !trusted {
		op = writeAnchor(m.set, ident.ClassAdopt, rec.Key, e, where+" although there is no link")
		op.hold = "held for review: somebody may have edited " + m.set.Anchor
	}
	return finding{link: &op, entry: e}, nil
}

// anchoredBy lists the objects that carry an anchor.
func (m *matcher) anchoredBy(anchor string) ([]ident.Entry, error) {
	found, err := m.view.EntriesByValue(m.set.Anchor, anchor)
	return slices.DeleteFunc(slices.Clone(found), func(e ident.Entry) bool {
		return !slices.Contains(e.Attributes.Values(m.set.Anchor), anchor)
	}), err
}

// anchoredByFormer lists the objects whose anchor spells a numeric key as
// earlier versions did: as it was sent, or with a fraction.
func (m *matcher) anchoredByFormer(rec ident.Record) ([]ident.Entry, error) {
	var all []ident.Entry
	for _, key := range slices.Compact([]string{rec.Number, string(rec.Key) + ".0"}) {
		found, err := m.anchoredBy(m.set.anchorOf(ident.Key(key)))
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}
