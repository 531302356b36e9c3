package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// namings holds what a plan knows about the accounts that others name.
type namings struct {
	known  map[ident.Key]account // accounts of links; a part of them
	late   map[ident.Key]lateReferences
	linked map[ident.Key]bool // keys that are linked only if this plan is carried out
	opened map[openReference]*openTally
	// partial are the references that may name a part of whom they are to name, with
	// whether they are emptied if there is none.
	partial map[partialReference]bool
}

// partialReference is an attribute of the account of a key.
type partialReference struct {
	key       ident.Key
	attribute string
}

// account is the account of a key, where it is now.
type account struct {
	ident.Named
	dn ident.DN
}

// lateReferences are references of one account that were put off.
type lateReferences struct {
	guid       ident.GUID // "" for an account that is yet to be made
	name       string
	attributes []ident.DesiredAttribute
}

// unnamed is a key that no account can be named for.
type unnamed struct {
	key   ident.Key
	cause string
}

// openReference is a cause for which an attribute cannot name somebody, and openTally
// how often that is so, with some examples.
type openReference struct{ attribute, cause string }

type openTally struct {
	count    int
	examples []string
}

// The causes.
const (
	noAccount   = "no account is linked to that key"
	goneAccount = "the linked account is not in the directory"
	asideRecord = "the record of that key is in quarantine"
	notLinked   = "this run does not make or adopt its account"
)

// mostKnown bounds how many accounts are remembered: many people have few managers.
const mostKnown = 4096

// willBe returns the account that the plan makes or adopts for a key.
func (d *draft) willBe(key ident.Key) (t account, why string) {
	if _, aside := d.quarantined[key]; aside {
		return t, asideRecord
	}
	c := d.changes[key]
	if c == nil || c.linking() == nil {
		return t, noAccount
	}
	if d.references.linked == nil {
		d.references.linked = map[ident.Key]bool{}
	}
	d.references.linked[key] = true
	if op := c.linking(); op.Class == ident.ClassCreate {
		return account{ident.Named{Key: key}, op.parent.Child(op.cn)}, ""
	}
	return account{ident.Named{Key: key, GUID: c.entry.GUID}, c.entry.DN}, ""
}

// putOff keeps references of an account until all records have come.
func (r *namings) putOff(c *change, attributes []ident.DesiredAttribute) {
	if len(attributes) == 0 {
		return
	}
	if r.late == nil {
		r.late = map[ident.Key]lateReferences{}
	}
	r.late[c.key] = lateReferences{c.entry.GUID, c.name, attributes}
}

// allowPart remembers that an attribute may name a part of whom it is to name.
func (r *namings) allowPart(key ident.Key, a ident.DesiredAttribute) {
	if r.partial == nil {
		r.partial = map[partialReference]bool{}
	}
	r.partial[partialReference{key, a.Name}] = a.Empties
}

// keys returns the keys of the accounts with references that were put off, in order.
func (r *namings) keys() []ident.Key { return slices.Sorted(maps.Keys(r.late)) }

// open counts a reference that stays open.
func (r *namings) open(attribute string, to unnamed, from ident.Key) {
	if r.opened == nil {
		r.opened = map[openReference]*openTally{}
	}
	what := openReference{attribute, to.cause}
	n := r.opened[what]
	if n == nil {
		n = &openTally{}
		r.opened[what] = n
	}
	const mostExamples = 3
	if n.count++; len(n.examples) < mostExamples {
		n.examples = append(n.examples, fmt.Sprintf("%s (of the key %s)", to.key, from))
	}
}

// noteOpen tells how many references are open, once for each attribute and cause.
func (d *draft) noteOpen() {
	r := &d.references
	order := slices.SortedFunc(maps.Keys(r.opened), func(x, y openReference) int {
		return cmp.Or(cmp.Compare(x.attribute, y.attribute), cmp.Compare(x.cause, y.cause))
	})
	for _, what := range order {
		n := r.opened[what]
		d.note("", "", "%s: %s, as %s; it is written once there is one: %s", what.attribute,
			count(n.count, "reference is open", "references are open"), what.cause, strings.Join(n.examples, ", "))
	}
}
