package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// matchRules looks for an existing account, using the first match attribute
// that finds any object.
func (m *matcher) matchRules(rec ident.Record, values map[string][]string) (result finding, done bool, err error) {
	if len(m.set.Match) == 0 {
		return finding{}, false, nil
	}
	for _, attribute := range m.set.Match {
		var found []ident.Entry
		for _, v := range values[attribute] {
			entries, err := m.view.EntriesByValue(attribute, v)
			if err != nil {
				return finding{}, false, err
			}
			found = append(found, entries...)
		}
		if found = oneEach(found); len(found) > 0 {
			rule := attribute + " = " + strings.Join(values[attribute], ", ")
			result, err = m.matchFound(rec, attribute, rule, found)
			return result, true, err
		}
	}
	done, err = m.lookalike(rec, values)
	return finding{}, done, err
}

// matchFound adopts the account that a match rule found, if it is the only
// one. Any obstacle puts the record into quarantine: an account is never
// created beside one that matches.
func (m *matcher) matchFound(rec ident.Record, attribute, rule string, found []ident.Entry) (finding, error) {
	for _, e := range found {
		m.draft.matched[e.GUID] = rec.Key
	}
	aside := func(cause, next string) {
		own := make([]string, len(found))
		for i, e := range found {
			own[i] = string(e.DN)
		}
		m.draft.setAsideShared(rec.Key, recordName(rec), rule+": "+cause, attribute+": "+shared(cause, rec.Key, own...), next)
	}
	users := slices.DeleteFunc(slices.Clone(found), func(e ident.Entry) bool { return !isUser(e) })
	switch {
	case len(users) == 0:
		aside(dnList(found)+" has this value and is no user account", "remove the value there, or correct it at the source")
		return finding{}, nil
	case len(users) > 1:
		aside(fmt.Sprintf("%d accounts match: %s", len(users), dnList(users)),
			"make the value unique, or choose the account: "+m.set.linkAdd(rec.Key))
		return finding{}, nil
	}
	e := users[0]
	against, err := m.unfit(rec.Key, e, false)
	if err != nil {
		return finding{}, err
	}
	if !against.inTheWay() {
		against = m.foreignAnchor(rec.Key, e)
	}
	if !against.inTheWay() && m.set.Adopt == AdoptNever {
		against = obstacle{
			cause: fmt.Sprintf("%s matches, and adopt is never", e.DN),
			next:  "link it: " + m.set.linkAdd(rec.Key) + `, or set adopt = "review"`,
		}
	}
	if against.inTheWay() {
		aside(against.cause, against.next)
		return finding{}, nil
	}
	if !m.claim(rec, e) {
		return finding{}, nil
	}
	op := writeAnchor(m.set, ident.ClassAdopt, rec.Key, e, rule+" matches the account "+string(e.DN))
	if m.set.Adopt == AdoptReview {
		op.hold = "held for review: rollcall did not create this account"
	}
	return finding{link: &op, entry: e}, nil
}

// lookalike sets a record aside if an account has a value that differs from
// the record's but is the same to the directory. Muller's account is not
// adopted for Müller, and Müller gets no second account either: they may be
// one person. An account that is already linked is known to belong to somebody
// else.
func (m *matcher) lookalike(rec ident.Record, values map[string][]string) (done bool, err error) {
	for _, attribute := range m.set.Match {
		for _, v := range values[attribute] {
			found, err := m.view.EntriesByName(attribute, v)
			if err != nil {
				return false, err
			}
			var unknown []ident.Entry
			for _, e := range found {
				_, linked, err := m.view.LinkByGUID(e.GUID)
				if err != nil {
					return false, err
				}
				if !linked {
					unknown = append(unknown, e)
				}
			}
			if len(unknown) == 0 {
				continue
			}
			m.draft.setAside(rec.Key, recordName(rec),
				fmt.Sprintf("%s = %s: %s has a value that differs in accents or the like only; "+
					"the directory may take the two for one, and nobody knows whether they are one person", attribute, v, dnList(unknown)),
				"if they are: "+m.set.linkAdd(rec.Key)+"; if not, correct one of the two values")
			return true, nil
		}
	}
	return false, nil
}

// claimValues reserves the match values of a record that is to get an account,
// and reports whether they were free. Two such records with the same value
// would get two accounts, and a later run would take these for one person's:
// both are set aside.
func (m *matcher) claimValues(rec ident.Record, values map[string][]string) bool {
	free := true
	for _, attribute := range m.set.Match {
		for _, v := range values[attribute] {
			id := text.Lower(attribute) + "\x00" + text.Name(v)
			other, taken := m.wanted[id]
			if !taken {
				m.wanted[id] = rec.Key
			}
			if !taken || other == rec.Key {
				continue
			}
			free = false
			cause := fmt.Sprintf("the keys %s and %s both have %s = %s: one person would get two accounts", other, rec.Key, attribute, v)
			next := "remove or correct one of them at the source"
			m.draft.setAside(other, "", cause, next)
			m.draft.setAside(rec.Key, recordName(rec), cause, next)
		}
	}
	return free
}

func oneEach(entries []ident.Entry) []ident.Entry {
	var out []ident.Entry
	for _, e := range entries {
		if !slices.ContainsFunc(out, func(o ident.Entry) bool { return o.GUID == e.GUID }) {
			out = append(out, e)
		}
	}
	return out
}

// dnList names up to five objects, sorted.
func dnList(entries []ident.Entry) string {
	var dns []string
	for _, e := range entries {
		dns = append(dns, string(e.DN))
	}
	slices.Sort(dns)
	if len(dns) > 5 {
		dns = append(dns[:5], fmt.Sprintf("and %d more", len(dns)-5))
	}
	return strings.Join(dns, "; ")
}
