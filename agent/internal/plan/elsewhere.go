package plan

import (
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// Name is a value of an attribute that somebody is to get.
type Name struct {
	Attribute, Value string
	Forest           bool // nobody in the forest may have it, not in the domain alone
}

// Elsewhere says who has a name; the zero value says that nobody has.
type Elsewhere struct {
	Holder  string
	Unknown *mapping.UnknownHolder // when this cannot be found out for now
}

// NameFinder is a View that also knows who has a name outside of the mirror, such
// as deleted accounts that can be restored. Each call costs an exchange with the
// server, so it is asked for many names at once, and only for new ones.
type NameFinder interface {
	// HoldersElsewhere says who has each of the names.
	HoldersElsewhere(names []Name) ([]Elsewhere, error)
}

// elsewhere remembers who has names outside of the mirror.
type elsewhere struct {
	finder NameFinder // nil if the View is none
	known  map[Name]Elsewhere
	// ahead lists names that are likely to be asked for next. It is called at the
	// first name that is not known, so that a plan without new names asks nothing.
	ahead func() []Name
}

func newElsewhere(view nameView) elsewhere {
	finder, _ := view.(NameFinder)
	return elsewhere{finder: finder, known: map[Name]Elsewhere{}}
}

// folded returns the form of a name in which it is remembered.
func (n Name) folded() Name { return Name{text.Lower(n.Attribute), text.Name(n.Value), n.Forest} }

// holder says who has one of the names; "" if nobody has. When that is not known,
// the error is an *mapping.UnknownHolder.
func (w *elsewhere) holder(wanted []Name) (string, error) {
	if w.finder == nil {
		return "", nil
	}
	if slices.ContainsFunc(wanted, w.unknown) {
		ask := wanted
		if ahead := w.ahead; ahead != nil {
			w.ahead = nil
			ask = slices.Concat(wanted, ahead())
		}
		if err := w.find(ask); err != nil {
			return "", err
		}
	}
	var unknown error
	for _, name := range wanted {
		switch found := w.known[name.folded()]; {
		case found.Holder != "":
			return found.Holder, nil
		case found.Unknown != nil && unknown == nil:
			unknown = found.Unknown
		}
	}
	return "", unknown
}

func (w *elsewhere) unknown(name Name) bool { _, known := w.known[name.folded()]; return !known }

// find asks for those names that are not known yet.
func (w *elsewhere) find(names []Name) error {
	var ask []Name
	seen := map[Name]bool{}
	for _, name := range names {
		if f := name.folded(); w.unknown(name) && !seen[f] {
			seen[f] = true
			ask = append(ask, name)
		}
	}
	if w.finder == nil || len(ask) == 0 {
		return nil
	}
	holders, err := w.finder.HoldersElsewhere(ask)
	if err != nil {
		return err
	}
	for i, name := range ask {
		w.known[name.folded()] = holders[i]
	}
	return nil
}

// asked lists the names to look for outside of the mirror before somebody gets a
// value. A name that is unique in its container is free once its object is gone:
// whoever restores an object says where to.
func (n *names) asked(attribute, value string, unique mapping.Unique) []Name {
	if unique == mapping.UniqueContainer {
		return nil
	}
	var out []Name
	for _, p := range places(attribute, value, unique) {
		out = append(out, Name{p.attribute, p.value, unique == mapping.UniqueForest})
	}
	for _, p := range n.implicit(attribute, value, unique) {
		out = append(out, Name{p.attribute, p.value, false}) // it names the domain
	}
	return out
}

// collector notes what the mapping of a record asks for, and reserves nothing.
type collector struct {
	*names
	found []Name
}

// Holder implements mapping.Names.
func (c *collector) Holder(
	attribute, value string, unique mapping.Unique, parent ident.DN, self ident.GUID, key ident.Key,
) (holder string, taken bool, err error) {
	holder, taken, _, err = c.names.holderHere(attribute, value, unique, parent, self, key)
	if !taken {
		c.found = append(c.found, c.names.asked(attribute, value, unique)...)
	}
	return holder, taken, err
}

// Reserve implements mapping.Names.
func (c *collector) Reserve(string, string, mapping.Unique, ident.DN, ident.Key) {}

// Upcoming says which records are added next. It decides nothing: the names that
// new ones of them are likely to get are then looked for all at once.
func (b *Builder) Upcoming(records []ident.Record) {
	n := b.draft.names
	n.elsewhere.ahead = func() []Name {
		quiet := *n // what is wrong here is found again in its turn, and nobody is asked to give up a name
		quiet.freed = nil
		c := &collector{names: &quiet}
		for _, rec := range records {
			if rec.Problem == "" {
				b.collect(rec, c)
			}
		}
		return c.found
	}
}

// collect maps a record that has no account yet, for the names alone.
func (b *Builder) collect(rec ident.Record, c *collector) {
	defer func() { _ = recover() }() // it is reported when the record is planned
	if _, linked, err := b.view.LinkByKey(rec.Key); linked || err != nil {
		return
	}
	rec, err := b.mapper.Derive(rec)
	if err != nil {
		return
	}
	if in, err := b.mapper.InScope(rec); in && err == nil {
		_, _ = b.mapper.Map(rec, nil, nil, c)
	}
}
