package plan

import (
	"fmt"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Rekey plans that the account of one key belongs to another key from now on:
// somebody was hired again, or has another id in the application. The record
// of the new key must be delivered and in scope; if it is nil, cause says why.
// A *RefusedError says why the link cannot change its key.
func (b *Builder) Rekey(former, key ident.Key, rec *ident.Record, cause string) (HandMade, ident.Entry, error) {
	refused := func(next, format string, args ...any) (HandMade, ident.Entry, error) {
		return HandMade{}, ident.Entry{}, &RefusedError{fmt.Sprintf(format, args...), next}
	}
	link, linked, err := b.view.LinkByKey(former)
	switch {
	case err != nil:
		return HandMade{}, ident.Entry{}, err
	case !linked:
		return refused(ident.Command("link list", b.set.Space().String())+" shows the keys", "no account is linked to the key %s", former)
	case link.Automation != b.set.Automation:
		return refused("name that automation", "the link of the key %s belongs to the automation %s", former, link.Automation)
	}
	e, against, err := b.rekeyable(link, key)
	if err != nil {
		return HandMade{}, ident.Entry{}, err
	}
	if against.inTheWay() {
		return refused(against.byHand, "%s", against.cause)
	}
	if rec == nil {
		return refused("correct the new key", "%s", cause)
	}
	made, want, err := b.describe(*rec, e)
	if err != nil {
		return HandMade{}, ident.Entry{}, err
	}
	if len(made.Objections) > 0 {
		return refused("correct the record, or where", "%s", made.Objections[0])
	}
	made.Seen = true
	made.Change, err = b.rekeyed(link, key, e, want)
	return made, e, err
}

// rekeyable returns the account of a link whose key is to change, or says why
// the key cannot change.
func (b *Builder) rekeyable(link ident.Link, key ident.Key) (e ident.Entry, against obstacle, err error) {
	e, there, err := b.view.EntryByGUID(link.GUID)
	if err != nil {
		return e, against, err
	}
	if !there {
		return e, obstacle{
			cause:  fmt.Sprintf("the account %s of the key %s is not in the directory", link.GUID, link.Key),
			byHand: "restore it, or give it up: " + b.set.removeLink(link.Key),
		}, nil
	}
	other, taken, err := b.view.LinkByKey(key)
	if err != nil {
		return e, against, err
	}
	if taken {
		return e, obstacle{
			cause:  fmt.Sprintf("the key %s is linked to %s already", key, b.nameOf(other.GUID)),
			byHand: "choose which account the person keeps, and take the other link back first: " + b.set.removeLink("KEY"),
		}, nil
	}
	cause, err := b.dir.untouchable(e)
	if cause != "" || err != nil {
		return e, obstacle{cause: cause, byHand: "allow the account in [directory] if rollcall is to change it"}, err
	}
	if cause, next := b.set.badAnchor(key); cause != "" {
		return e, obstacle{cause: cause, byHand: next}, nil
	}
	have := e.Attributes.Values(b.set.Anchor)
	if b.set.Anchor != "" && len(have) > 0 && !slices.Equal(have, []string{b.set.anchorOf(link.Key)}) {
		against = b.match.foreignAnchor(key, e)
	}
	return e, against, nil
}

// rekeyed returns the change of the key, with what follows from it.
func (b *Builder) rekeyed(link ident.Link, key ident.Key, e ident.Entry, want ident.Desired) (ident.Change, error) {
	c := &change{key: key, entry: anchoredEntry(b.set, e, key), name: entryName(e)}
	op := writeAnchor(b.set, ident.ClassLink, key, e, fmt.Sprintf("the key %s is now %s", link.Key, key))
	op.FormerKey = link.Key
	c.add(op)
	link.Key = key
	if b.set.Action != ActionCreate {
		if err := b.diff.compare(c, want, link); err != nil {
			return ident.Change{}, err
		}
	}
	c.inOrder()
	newLimiter(b.set, b.hist, doubts{}, 0).change(c)
	return c.finish(), nil
}
