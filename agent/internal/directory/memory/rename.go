package memory

import (
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// rename gives an object another name, another container, or both (MS-ADTS
// section 3.1.1.5.4).
func (d *Domain) rename(who *Account, o *object, rdn string, above *object) error {
	naming, rest, named := strings.Cut(rdn, "=")
	name := ident.DN(rdn).Name()
	_, parseErr := ident.ParseDN(rdn)
	switch {
	case named && strings.TrimSpace(rest) == "":
		return refuse(ldap.LDAPResultNamingViolation, "empty RDN value on %s not permitted!", o.dn())
	case !named || parseErr != nil:
		return refuse(ldap.LDAPResultOther, "00002095: %q is not a name", rdn)
	case !text.Same(strings.TrimSpace(naming), o.naming):
		return unwilling("invalid RDN '%s' for objectclass '%s'", naming, o.class.name)
	case above.inside(o):
		return unwilling("cannot rename %s to be a child of itself", o.dn())
	case o.fixed:
		return unwilling("cannot rename %s", o.dn())
	}
	if err := placeable(o.class, above, ident.DN(rdn)); err != nil {
		return err
	}
	if !who.mayRename(o, above) {
		return denied("access denied renaming %s", o.dn())
	}
	if other := above.below[key(o.naming, name)]; other != nil && other != o {
		return nameExists(string(other.dn()))
	}
	o.detach()
	o.name = name
	o.attach(above)
	d.touch(o)
	d.assign(o, "name", []value{{text: name}})
	return nil
}

// newParent finds the container that an object is to have; if to is empty, it
// is the present one. This is checked before the object.
func (d *Domain) newParent(dn, to ident.DN) (*object, error) {
	if _, err := ident.ParseDN(string(to)); err != nil {
		return nil, refuse(ldap.LDAPResultInvalidDNSyntax, "00002032: invalid new DN")
	}
	if to == "" {
		to = dn.Parent()
	}
	above := d.find(to)
	if above == nil || above.deleted {
		return nil, refuse(ldap.LDAPResultOther, "00002095: cannot rename %s, parent does not exist!", dn)
	}
	return above, nil
}

// remove makes a tombstone of an object (MS-ADTS section 3.1.1.5.5) and, with
// tree, of everything below it.
func (d *Domain) remove(who *Account, o *object, tree bool) error {
	switch {
	case o.fixed || o.above == nil:
		return unwilling("cannot delete %s, it isn't permitted!", o.dn())
	case !who.mayDelete(o):
		return denied("no access to delete %s", o.dn())
	case o.class.account() && o.builtIn():
		return refuse(ldap.LDAPResultOther, "%s is built in", o.dn())
	case len(o.below) > 0 && !tree:
		return refuse(ldap.LDAPResultNotAllowedOnNonLeaf, "00002015: unable to delete a non-leaf node (it has %d children)!", len(o.below))
	case o.class.name == "group" && d.primaryMembers(o):
		return refuse(ldap.LDAPResultEntryAlreadyExists, "00002071: %s is still a primary group", o.dn())
	}
	var all []*object
	o.each(func(o *object) { all = append(all, o) })
	for i := len(all) - 1; i >= 0; i-- {
		d.bury(all[i])
	}
	return nil
}

// kept lists the attributes that a tombstone keeps.
var kept = map[string]bool{
	"objectclass": true, "objectsid": true, "samaccountname": true, "useraccountcontrol": true, "instancetype": true,
}

// bury makes a tombstone. Linked references to the object vanish where they
// were, and nothing reports that: neither the USN of the referring object nor
// DirSync.
func (d *Domain) bury(o *object) {
	d.touch(o)
	o.deleted = true
	for ref := range o.referrers {
		if a := d.schema.rules[ref.attribute]; a.linked() {
			left := ref.from.values[ref.attribute]
			left.values = without(left.values, o)
			ref.from.values[ref.attribute] = left
			delete(ref.from.links[ref.attribute], o)
			delete(o.referrers, ref)
		}
	}
	d.assign(o, "lastknownparent", []value{{string(o.above.dn()), o.above}})
	for name, a := range o.values {
		if !kept[name] && name != "lastknownparent" && len(a.values) > 0 {
			d.assign(o, name, nil)
		}
		if d.schema.rules[name].linked() { // not reported either
			delete(o.values, name)
		}
	}
	clear(o.links)
	sam := o.values["samaccountname"]
	d.assign(o, "samaccountname", nil) // removes it from the index
	o.values["samaccountname"] = sam
	delete(d.sids, o.first("objectsid"))
	o.detach()
	o.name += "\nDEL:" + string(o.guid)
	o.attach(d.deleted)
	d.assign(o, "name", []value{{text: o.name}})
	d.assign(o, "isdeleted", []value{{text: "TRUE"}})
	d.assign(o, "isrecycled", []value{{text: "TRUE"}})
}

func without(values []value, gone *object) []value {
	var left []value
	for _, v := range values {
		if v.to != gone {
			left = append(left, v)
		}
	}
	return left
}
