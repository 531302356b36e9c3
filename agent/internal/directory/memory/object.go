package memory

import (
	"maps"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// object is one object, live or a tombstone.
type object struct {
	guid      ident.GUID
	above     *object            // nil for the head of a naming context
	head      ident.DN           // DN of the head of a naming context
	naming    string             // "CN"
	name      string             // without escapes
	below     map[string]*object // by key
	class     *class
	values    map[string]attribute // by name in lower case
	password  string
	deleted   bool
	fixed     bool  // it came with the domain and cannot be renamed or deleted
	created   int64 // USN
	changed   int64 // USN
	referrers map[reference]bool
	// links holds for each linked attribute, by name in lower case, the objects
	// that it links to or once linked to, with the USN at which each link was
	// last written or removed. A link that is removed stays here, also when the
	// other object is deleted later; one that ends by that deletion does not.
	links      map[string]map[*object]int64
	whenMade   string
	whenChange string
}

// attribute holds values, and the USN of their last change. A cleared
// attribute has no values.
type attribute struct {
	values []value
	usn    int64
}

// value is one value. For an attribute that holds DNs it is a reference: the
// object, and the DN that it had when the value was written.
type value struct {
	text string
	to   *object
}

// reference is a place that refers to an object.
type reference struct {
	from      *object
	attribute string // in lower case
}

// key returns the form of a name that must be unique among the children of a
// container: the server ignores case, and treats several blanks as one.
func key(naming, name string) string { return text.Lower(naming) + "=" + fold(name) }

// fold converts a text to the form that is compared.
func fold(s string) string { return strings.Join(strings.FieldsFunc(text.Lower(s), blank), " ") }

func blank(r rune) bool { return r == ' ' }

func (o *object) rdn() string { return o.naming + "=" + ident.EscapeValue(o.name) }

func (o *object) dn() ident.DN {
	if o.above == nil {
		return o.head
	}
	return ident.DN(o.rdn() + "," + string(o.above.dn()))
}

// inside reports whether o is other or lies below it.
func (o *object) inside(other *object) bool {
	for at := o; at != nil; at = at.above {
		if at == other {
			return true
		}
	}
	return false
}

func (o *object) first(name string) string {
	if v := o.values[name].values; len(v) > 0 {
		return v[0].text
	}
	return ""
}

// each calls f for o and everything below it, parents first.
func (o *object) each(f func(*object)) {
	f(o)
	for _, k := range slices.Sorted(maps.Keys(o.below)) {
		o.below[k].each(f)
	}
}

func (o *object) attach(to *object) {
	o.above = to
	to.below[key(o.naming, o.name)] = o
}

func (o *object) detach() { delete(o.above.below, key(o.naming, o.name)) }

// find returns the object that a DN names, also in the forms <GUID=...> and
// <SID=...>; nil if there is none.
func (d *Domain) find(dn ident.DN) *object {
	if form, ok := strings.CutPrefix(string(dn), "<GUID="); ok {
		return d.byGUID[ident.GUID(text.Lower(strings.TrimSuffix(form, ">")))]
	}
	if form, ok := strings.CutPrefix(string(dn), "<SID="); ok {
		return d.bySID(strings.TrimSuffix(form, ">"))
	}
	if _, err := ident.ParseDN(string(dn)); err != nil {
		return nil
	}
	var best *object
	for _, head := range d.heads {
		if dn.Under(head.head) && (best == nil || len(head.head) > len(best.head)) {
			best = head
		}
	}
	if best == nil {
		return nil
	}
	return best.descend(dn)
}

// descend follows a DN down from the head of its naming context.
func (o *object) descend(dn ident.DN) *object {
	if dn.EqualFold(o.head) {
		return o
	}
	above := o.descend(dn.Parent())
	if above == nil {
		return nil
	}
	naming, _, _ := strings.Cut(dn.RDN(), "=")
	return above.below[key(strings.TrimSpace(naming), dn.Name())]
}

func (d *Domain) bySID(sid string) *object { return d.sids[sid] }
