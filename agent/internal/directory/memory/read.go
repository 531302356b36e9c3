package memory

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// references returns the objects that an attribute of o refers to. For a back
// link, they are the objects that refer to o.
func (d *Domain) references(o *object, a *attributeRule) []*object {
	var list []*object
	if !a.backLink() {
		for _, v := range o.values[text.Lower(a.name)].values {
			list = append(list, v.to)
		}
		return list
	}
	forward := d.schema.links[a.link-1]
	for ref := range o.referrers {
		if ref.attribute == forward && !ref.from.deleted {
			list = append(list, ref.from)
		}
	}
	slices.SortFunc(list, func(x, y *object) int { return strings.Compare(string(x.guid), string(y.guid)) })
	return list
}

// texts returns the values of an attribute as a search shows them. It leaves
// out attributes that are computed for the account that asks.
func (d *Domain) texts(o *object, name string) []string {
	name = text.Lower(name)
	switch name {
	case "objectguid":
		return []string{string(o.guid)}
	case "distinguishedname":
		return []string{string(o.dn())}
	case text.Lower(o.naming):
		return []string{o.name}
	case "whencreated":
		return []string{o.whenMade}
	case "whenchanged":
		return []string{o.whenChange}
	case "usncreated":
		return []string{strconv.FormatInt(o.created, 10)}
	case "usnchanged":
		return []string{strconv.FormatInt(o.changed, 10)}
	}
	a := d.schema.rules[name]
	if a == nil || name == "unicodepwd" {
		return nil
	}
	var list []string
	if a.reference() {
		for _, to := range d.references(o, a) {
			list = append(list, string(to.dn()))
		}
		return list
	}
	for _, v := range o.values[name].values {
		list = append(list, v.text)
	}
	return list
}

// stored lists the attributes that a search for "*" shows.
func (d *Domain) stored(o *object) []string {
	names := []string{"objectguid", "distinguishedname", text.Lower(o.naming), "whencreated", "whenchanged", "usncreated", "usnchanged"}
	names = slices.AppendSeq(names, maps.Keys(o.values))
	for ref := range o.referrers {
		if back, ok := d.schema.links[d.schema.rules[ref.attribute].link+1]; ok && !slices.Contains(names, back) {
			names = append(names, back)
		}
	}
	return names
}

// entry returns an object as a search shows it.
func (d *Domain) entry(who *Account, o *object, attributes []string) ident.Entry {
	e := ident.Entry{GUID: o.guid, DN: o.dn(), Attributes: ident.Attributes{}}
	names := attributes
	if len(attributes) == 0 || slices.Contains(attributes, "*") {
		names = append(d.stored(o), attributes...)
	}
	for _, name := range append(slices.Clone(names), "objectGUID") {
		name = text.Lower(name)
		if !who.mayRead(name) || name == "*" {
			continue
		}
		values, computed := d.computed(who, o, name)
		if !computed {
			values = d.texts(o, name)
		}
		if len(values) > 0 {
			e.Attributes[name] = values
		}
	}
	return e
}

// computed returns the values of an attribute that is computed on request
// (MS-ADTS section 3.1.1.4.5).
func (d *Domain) computed(who *Account, o *object, name string) ([]string, bool) {
	switch name {
	case "tokengroups":
		return d.tokenGroups(o), true
	case "canonicalname":
		return []string{canonical(o)}, true
	case "primarygrouptoken":
		if o.class.name != "group" {
			return nil, true
		}
		_, rid := cutRID(o.first("objectsid"))
		return []string{rid}, true
	case "allowedattributes":
		return d.schema.lists[o.class.letter], true
	case "allowedattributeseffective":
		return d.effective(who, o), true
	case "allowedchildclasses":
		return childClasses(o, func(*class) bool { return true }), true
	case "allowedchildclasseseffective":
		return childClasses(o, func(c *class) bool { return who.mayCreate(o, c) }), true
	}
	return nil, false
}

func (d *Domain) effective(who *Account, o *object) []string {
	var list []string
	for _, name := range d.schema.lists[o.class.letter] {
		a := d.schema.rule(name)
		if !a.systemOnly && a.flags&flagConstructed == 0 && who.mayWrite(o, name) {
			list = append(list, name)
		}
	}
	return list
}

func childClasses(o *object, may func(*class) bool) []string {
	var list []string
	for i := range classes[:6] { // the classes of objects that people create
		c := &classes[i]
		if o.class.holds() && placeable(c, o, ident.DN(c.naming+"=x")) == nil && may(c) {
			list = append(list, c.name)
		}
	}
	return list
}

// tokenGroups returns the SIDs of the security groups of an account.
func (d *Domain) tokenGroups(o *object) []string {
	if o.class.name != "user" && o.class.name != "computer" {
		return nil
	}
	var list []string
	for _, g := range d.groupsAbove(o) {
		if strings.HasPrefix(g.first("grouptype"), "-") { // the sign is the bit of security groups
			list = append(list, g.first("objectsid"))
		}
	}
	return list
}

func canonical(o *object) string {
	if o.above == nil {
		return o.head.Domain() + "/"
	}
	above := canonical(o.above)
	if !strings.HasSuffix(above, "/") {
		above += "/"
	}
	return above + ident.EscapeValue(o.name)
}

// sidOf reads a SID that a filter contains as text or as bytes.
func sidOf(want string) string {
	if strings.HasPrefix(want, "S-") || len(want) < 8 || len(want) != 8+4*int(want[1]) {
		return want
	}
	sid := "S-" + strconv.Itoa(int(want[0])) + "-" + strconv.Itoa(int(want[7]))
	for part := want[8:]; part != ""; part = part[4:] {
		n := uint64(part[0]) | uint64(part[1])<<8 | uint64(part[2])<<16 | uint64(part[3])<<24
		sid += "-" + strconv.FormatUint(n, 10)
	}
	return sid
}
