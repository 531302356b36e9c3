package plan

import (
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// Name is a value of an attribute that somebody is to get.
type Name struct{ Attribute, Value string }

// NameFinder is a View that also knows who has a name outside of the mirror, such
// as deleted accounts that can be restored. Each call costs an exchange with the
// server, so it is asked for many names at once, and only for new ones.
type NameFinder interface {
	// HoldersElsewhere says who has each of the names; "" if nobody has.
	HoldersElsewhere(names []Name) ([]string, error)
}

// elsewhere remembers who has names outside of the mirror.
type elsewhere struct {
	finder NameFinder // nil if the View is none
	known  map[Name]string
	// ahead lists names that are likely to be asked for next. It is called at the
	// first name that is not known, so that a plan without new names asks nothing.
	ahead func() []Name
}

func newElsewhere(view nameView) elsewhere {
	finder, _ := view.(NameFinder)
	return elsewhere{finder: finder, known: map[Name]string{}}
}

// folded returns the form of a name in which it is remembered.
func (n Name) folded() Name { return Name{text.Lower(n.Attribute), text.Name(n.Value)} }

// holder says who has one of the names; "" if nobody has.
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
	for _, name := range wanted {
		if holder := w.known[name.folded()]; holder != "" {
			return holder, nil
		}
	}
	return "", nil
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
	for _, p := range slices.Concat(places(attribute, value, unique), n.implicit(attribute, value, unique)) {
		out = append(out, Name{p.attribute, p.value})
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
			if _, done := b.draft.keys.seen[rec.Key]; !done && rec.Problem == "" {
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
