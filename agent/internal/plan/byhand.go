package plan

import (
	"errors"
	"fmt"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// HandMade is a link that a person has asked for, before anything is written.
type HandMade struct {
	Change ident.Change // the adoption, and what follows from it
	Name   string       // of the person that the record describes
	Mail   string
	Seen   bool // the key was delivered, its record is in scope and can be mapped
	// Objections say what speaks against this link. A person may overrule
	// them.
	Objections []string
}

// RefusedError says why the rules forbid a link by hand. Nobody can overrule
// it.
type RefusedError struct{ Cause, Next string }

func (e *RefusedError) Error() string { return e.Cause + "; next: " + e.Next }

// ByHand plans the link of a key to an account that a person has chosen, under
// the rules of an adoption. If the source did not deliver a usable record, rec
// is nil and cause says why. A *RefusedError says why the account or the key
// cannot be linked at all.
func (b *Builder) ByHand(key ident.Key, rec *ident.Record, cause string, e ident.Entry) (HandMade, error) {
	link, linked, err := b.view.LinkByKey(key)
	if err != nil {
		return HandMade{}, err
	}
	if linked {
		return HandMade{}, &RefusedError{
			fmt.Sprintf("the key %s is linked to %s already", key, b.nameOf(link.GUID)),
			b.set.removeLink(key) + ", if that is the wrong account",
		}
	}
	against, err := b.match.unfit(key, e, false)
	if err != nil {
		return HandMade{}, err
	}
	if !against.inTheWay() {
		against = b.match.foreignAnchor(key, e)
	}
	if against.inTheWay() {
		return HandMade{}, &RefusedError{against.cause, against.byHand}
	}
	made, want := HandMade{Objections: []string{cause}}, ident.Desired{}
	if rec != nil {
		if made, want, err = b.describe(*rec, e); err != nil {
			return HandMade{}, err
		}
	}
	made.Seen = len(made.Objections) == 0
	c := &change{key: key, entry: anchoredEntry(b.set, e, key), name: entryName(e)}
	c.add(writeAnchor(b.set, ident.ClassAdopt, key, e, "linked by hand"))
	if made.Seen && b.set.Action != ActionCreate {
		if err := b.diff.compare(c, want, *prospect(b.set, key, e)); err != nil {
			return HandMade{}, err
		}
	}
	c.inOrder()
	lim := newLimiter(b.set, b.hist, doubts{}, 0)
	lim.change(c)
	lim.references(c)
	made.Change = c.finish()
	return made, nil
}

// describe names the person that a record is about, and says what their
// account should look like, or why the record does not ask for an account.
func (b *Builder) describe(rec ident.Record, e ident.Entry) (HandMade, ident.Desired, error) {
	made := HandMade{Name: recordName(rec), Mail: recordMail(rec)}
	objection, want, err := b.look(rec, e)
	if err != nil {
		return made, want, err
	}
	if objection != "" {
		made.Objections = []string{objection}
		return made, want, nil
	}
	if name := desiredName(want); name != "" {
		made.Name = name
	}
	if mail, ok := want.Attribute("mail"); ok && len(mail.Values) > 0 {
		made.Mail = mail.Values[0]
	}
	return made, want, nil
}

// look maps a record in scope for an account; objection says why that is
// impossible.
func (b *Builder) look(rec ident.Record, e ident.Entry) (objection string, want ident.Desired, err error) {
	aside := func(err error) (string, ident.Desired, error) {
		return fmt.Sprintf("the record of the key %s goes into quarantine: %v", rec.Key, err), want, nil
	}
	if rec.Problem != "" {
		return aside(errors.New(rec.Problem))
	}
	derived, err := b.mapper.Derive(rec)
	if err != nil {
		return aside(err)
	}
	switch in, err := b.mapper.InScope(derived); {
	case err != nil:
		return aside(err)
	case !in:
		return fmt.Sprintf("the record of the key %s is not %s", rec.Key, notAsked(b.excluding(derived))), want, nil
	}
	want, err = b.mapper.Map(derived, &e, prospect(b.set, rec.Key, e), b.draft.names)
	if b.draft.names.err != nil {
		return "", want, b.draft.names.err
	}
	if err != nil {
		return aside(err)
	}
	return "", want, nil
}

// nameOf names an object, even one that is no longer in the directory.
func (b *Builder) nameOf(guid ident.GUID) string {
	if e, there, err := b.view.EntryByGUID(guid); err == nil && there {
		return string(e.DN)
	}
	return string(guid)
}

// recordMail returns the mail address of a person from the unmapped record.
func recordMail(rec ident.Record) string {
	for _, field := range []string{"email", "mail"} {
		if s, ok := rec.Fields[field].(string); ok && !text.Blank(s) {
			return text.Trim(s)
		}
	}
	return ""
}

// SameHuman reports whether the name, or one of the addresses, shows that a
// record and an account belong to one person.
func SameHuman(name, mail string, e ident.Entry) (sameName, sameMail bool) {
	same := func(want string, have ...string) bool {
		return want != "" && slices.ContainsFunc(have, func(h string) bool { return text.SameName(h, want) })
	}
	addresses := slices.Clone(e.Attributes.Values("mail"))
	for _, a := range e.Attributes.Values("proxyaddresses") {
		if len(a) > 5 && text.Same(a[:5], "smtp:") {
			addresses = append(addresses, a[5:])
		}
	}
	return same(name, entryName(e), commonName(e)), same(mail, addresses...)
}
