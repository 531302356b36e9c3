package plan

import (
	"errors"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// names finds out which names are in use: in the directory, or promised to
// another record of this plan. It keeps the first error of the View, because
// an error that came through the mapping would look like a fault of the
// record.
type names struct {
	view      nameView
	elsewhere elsewhere
	domain    string // the DNS name of the domain; "" knows no implicit names
	reserved  map[string]ident.Key
	inOrder   []string            // the reservations, oldest first
	begun     int                 // index of the first reservation of the present record
	holders   []ident.Key         // keys that had reserved what the present record asked for
	folded    map[ident.DN]string // folded containers, cached because folding takes time and there are few
	// freed reports whether an object gives up a value in time for the record
	// with a key. If it is nil, nobody gives up anything.
	freed func(e ident.Entry, p place, key ident.Key, attribute, value string) (bool, error)
	err   error
}

// nameView is the part of View that names reads.
type nameView interface {
	EntriesByName(attribute, value string) ([]ident.Entry, error)
	ChildrenByName(parent ident.DN, cn string) ([]ident.Entry, error)
}

func newNames(view nameView) *names {
	return &names{view: view, elsewhere: newElsewhere(view), reserved: map[string]ident.Key{}, folded: map[ident.DN]string{}}
}

var _ mapping.Names = (*names)(nil)

// place is an attribute and a value that may be in use.
type place struct{ attribute, value string }

// places lists where to look for a value. An address that must be unique in the
// forest must not be in use as anybody's address in any attribute that leads
// mail to people, nor as their user principal name: the DC does not check that.
func places(attribute, value string, unique mapping.Unique) []place {
	address, isAddress := addressIn(attribute, value)
	if !isAddress || unique != mapping.UniqueForest {
		return []place{{attribute, value}}
	}
	return []place{
		{"mail", address},
		{"proxyAddresses", "smtp:" + address},
		{"userPrincipalName", address},
		{"targetAddress", "smtp:" + address},
		{"targetAddress", address}, // Exchange writes the prefix, other tools leave it out
	}
}

// addressIn returns the mail address that a value of an attribute stands for,
// without its prefix; false when it stands for none, as sip: or X500: do.
func addressIn(attribute, value string) (string, bool) {
	const prefix = "smtp:"
	prefixed := len(value) >= len(prefix) && text.Same(value[:len(prefix)], prefix)
	switch text.Lower(attribute) {
	case "mail", "userprincipalname":
		return value, true
	case "proxyaddresses", "targetaddress":
		if prefixed {
			return value[len(prefix):], true
		}
		return value, text.Same(attribute, "targetAddress") && !strings.Contains(value, ":")
	}
	return "", false
}

// implicit lists further places where a domain controller finds a name in use.
// An account's sAMAccountName before the name of the domain is a user
// principal name of that account, whatever its userPrincipalName is (MS-ADTS
// section 5.1.1.1.1; bugzilla.samba.org 14564).
func (n *names) implicit(attribute, value string, unique mapping.Unique) []place {
	if n.domain == "" || unique == mapping.UniqueContainer {
		return nil
	}
	switch text.Lower(attribute) {
	case "samaccountname":
		return []place{{"userPrincipalName", value + "@" + n.domain}}
	case "userprincipalname":
		if i := strings.LastIndexByte(value, '@'); i > 0 && text.Same(value[i+1:], n.domain) {
			return []place{{"sAMAccountName", value[:i]}}
		}
	}
	return nil
}

// Holder implements mapping.Names.
func (n *names) Holder(
	attribute, value string, unique mapping.Unique, parent ident.DN, self ident.GUID, key ident.Key,
) (holder string, taken bool, err error) {
	holder, taken, own, err := n.holderHere(attribute, value, unique, parent, self, key)
	if taken || own || err != nil {
		return holder, taken, err
	}
	holder, err = n.elsewhere.holder(n.asked(attribute, value, unique))
	var unknown *mapping.UnknownHolder
	if err != nil && !errors.As(err, &unknown) && n.err == nil {
		n.err = err
	}
	return holder, holder != "", err
}

// holderHere looks in the mirror and among the reservations. own says that the
// account itself has the value already.
func (n *names) holderHere(
	attribute, value string, unique mapping.Unique, parent ident.DN, self ident.GUID, key ident.Key,
) (holder string, taken, own bool, err error) {
	for _, p := range append(places(attribute, value, unique), n.implicit(attribute, value, unique)...) {
		if other, taken := n.reserved[n.reservation(p, unique, parent)]; taken && other != key {
			n.holders = append(n.holders, other)
			return holderOfThisRun(other), true, own, nil
		}
		holder, its, err := n.inDirectory(p, unique, parent, self, n.asks(key, attribute, value))
		if err != nil && n.err == nil {
			n.err = err
		}
		if holder != "" || err != nil {
			return holder, holder != "", own, err
		}
		own = own || its
	}
	return "", false, own, nil
}

// asks returns a function that reports whether an object gives up a value in
// time for the record with key.
func (n *names) asks(key ident.Key, attribute, value string) func(ident.Entry, place) (bool, error) {
	return func(e ident.Entry, p place) (bool, error) {
		if n.freed == nil {
			return false, nil
		}
		return n.freed(e, p, key, attribute, value)
	}
}

// inDirectory returns who has a value in the mirror, and whether the account
// itself has it.
func (n *names) inDirectory(
	p place, unique mapping.Unique, parent ident.DN, self ident.GUID, freed func(ident.Entry, place) (bool, error),
) (holder string, own bool, err error) {
	found, err := n.sameName(p, unique, parent)
	if err != nil {
		return "", false, err
	}
	for _, e := range found { // if there are several, the first by DN, so that the plan is always the same
		if e.GUID == self {
			own = true
			continue
		}
		if free, err := freed(e, p); free || err != nil {
			if err != nil {
				return "", false, err
			}
			continue
		}
		if holder == "" || string(e.DN) < holder {
			holder = string(e.DN)
		}
	}
	return holder, own, nil
}

// sameName finds the objects that prevent another one from getting a value.
func (n *names) sameName(p place, unique mapping.Unique, parent ident.DN) ([]ident.Entry, error) {
	if unique == mapping.UniqueContainer && text.Same(p.attribute, "cn") {
		return n.view.ChildrenByName(parent, p.value)
	}
	found, err := n.view.EntriesByName(p.attribute, p.value)
	if unique == mapping.UniqueContainer {
		found = slices.DeleteFunc(slices.Clone(found), func(e ident.Entry) bool { return !sameDN(e.DN.Parent(), parent) })
	}
	return found, err
}

// Reserve implements mapping.Names.
func (n *names) Reserve(attribute, value string, unique mapping.Unique, parent ident.DN, key ident.Key) {
	id := n.reservation(place{attribute, value}, unique, parent)
	if _, taken := n.reserved[id]; !taken {
		n.reserved[id] = key
		n.inOrder = append(n.inOrder, id)
	}
}

func (n *names) reservation(p place, unique mapping.Unique, parent ident.DN) string {
	id := text.Lower(p.attribute) + "\x00" + text.Name(p.value)
	if unique != mapping.UniqueContainer {
		return id
	}
	container, known := n.folded[parent]
	if !known {
		container = parent.Fold()
		n.folded[parent] = container
	}
	return id + "\x00" + container
}

// begin starts the next record.
func (n *names) begin() { n.begun, n.holders = len(n.inOrder), nil }

// release frees what the present record has reserved: it gets no account, so
// it needs no names.
func (n *names) release(key ident.Key) {
	for _, id := range n.inOrder[n.begun:] {
		if n.reserved[id] == key {
			delete(n.reserved, id)
		}
	}
}

// releaseAll frees everything that a record has reserved, even if it was
// planned long ago.
func (n *names) releaseAll(key ident.Key) {
	for _, id := range n.inOrder {
		if n.reserved[id] == key {
			delete(n.reserved, id)
		}
	}
}
