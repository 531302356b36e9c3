package plan

import (
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// obstacle says why an account cannot be linked to a key, and what to do about
// it. The zero obstacle is none.
type obstacle struct {
	cause  string
	next   string // if the record found the account by its anchor or a match rule
	byHand string // if a person chose the account
}

func (o obstacle) inTheWay() bool { return o.cause != "" }

// unfit says which rule of adoption forbids linking an account. A link
// restored by its anchor may belong to a disabled account (disabledToo).
func (m *matcher) unfit(key ident.Key, e ident.Entry, disabledToo bool) (obstacle, error) {
	link, linked, err := m.view.LinkByGUID(e.GUID)
	if err != nil {
		return obstacle{}, err
	}
	if linked {
		m.draft.matched[e.GUID] = key
		both := m.set.samePerson(link, key)
		return obstacle{fmt.Sprintf("%s is linked to the key %s", e.DN, link.Key), "correct the value at the source, or " + both, both}, nil
	}
	if !isUser(e) {
		return obstacle{fmt.Sprintf("%s is no user account", e.DN), "clear the value there", "name a user account"}, nil
	}
	cause, err := m.dir.untouchable(e)
	if err != nil {
		return obstacle{}, err
	}
	if cause != "" {
		const allow = "allow the account in [directory]"
		return obstacle{cause, "leave this person out with where, or " + allow, allow + " if rollcall is to change it"}, nil
	}
	disabled, known := e.Disabled()
	switch {
	case !known:
		const right = "give the bind account the right to read it"
		return obstacle{fmt.Sprintf("userAccountControl of %s cannot be read", e.DN), right, right}, nil
	case disabled && !disabledToo:
		const enable = "enable it first if it belongs to this person"
		return obstacle{fmt.Sprintf("%s is disabled", e.DN), enable, enable}, nil
	}
	return obstacle{}, nil
}

// foreignAnchor prevents an account from being linked if its anchor attribute
// holds something else.
func (m *matcher) foreignAnchor(key ident.Key, e ident.Entry) obstacle {
	if m.set.Anchor == "" {
		return obstacle{}
	}
	if cause, next := m.set.badAnchor(key); cause != "" {
		return obstacle{cause, next, next}
	}
	have := e.Attributes.First(m.set.Anchor)
	if have == "" || have == m.set.anchorOf(key) || m.draft.formerAnchor(key, have) {
		return obstacle{}
	}
	if !isAnchor(have) {
		m.foreign[key] = e
	}
	free := fmt.Sprintf("clear %s there if the account belongs to this person", m.set.Anchor)
	return obstacle{fmt.Sprintf("%s of %s is already %s", m.set.Anchor, e.DN, have), free, free}
}
