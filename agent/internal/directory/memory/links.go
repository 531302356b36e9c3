package memory

import (
	"errors"
	"slices"

	"github.com/go-ldap/ldap/v3"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

func dnOf(text string) ident.DN { return ident.DN(text) }

// referred returns the object that a value of a DN attribute names.
func (d *Domain) referred(a *attributeRule, dn string) (*object, error) {
	if _, err := ident.ParseDN(dn); err != nil {
		return nil, refuse(ldap.LDAPResultInvalidDNSyntax, "could not parse %s as a DN", dn)
	}
	o := d.find(ident.DN(dn))
	if o != nil && !o.deleted {
		return o, nil
	}
	if a.name == "member" {
		return nil, refuse(ldap.LDAPResultNoSuchObject, "00000525: no such member %s", dn)
	}
	return nil, refuse(ldap.LDAPResultConstraintViolation, "000020B5: attribute '%s' names %s, which does not exist", a.name, dn)
}

// checkMessage refuses empty values, and values of a DN attribute that name no
// object. The server does so before it checks anything else. A value to be
// deleted may name an object that is gone.
func (d *Domain) checkMessage(attribute string, values []string, deleting bool) error {
	if slices.Contains(values, "") {
		return badValue(attribute)
	}
	a := d.schema.rule(attribute)
	if a == nil || !a.reference() || a.systemOnly {
		return nil
	}
	for _, v := range values {
		if _, err := d.referred(a, v); err != nil && (!deleting || isSyntax(err)) {
			return err
		}
	}
	return nil
}

func isSyntax(err error) bool {
	var r *refusal
	return errors.As(err, &r) && r.code == ldap.LDAPResultInvalidDNSyntax
}

// checkMembers refuses as members the accounts that have the group as primary
// group.
func (f *draft) checkMembers() error {
	_, rid := cutRID(f.object.first("objectsid"))
	for _, v := range f.values["member"] {
		if repeats(f.object.values["member"].values, v) {
			continue
		}
		if v.to.first("primarygroupid") == rid {
			return refuse(ldap.LDAPResultEntryAlreadyExists, "00000562: the group is the primary group of %s", v.to.dn())
		}
	}
	return nil
}

// changePrimaryGroup makes the account a member of its former primary group,
// and removes it from the members of the new one, of which it must be a member
// (MS-SAMR section 3.1.1.8.2).
func (f *draft) changePrimaryGroup() error {
	v, written := f.values["primarygroupid"]
	before := f.object.first("primarygroupid")
	if !written || before == "" || v[0].text == before {
		return nil
	}
	d, o := f.domain, f.object
	to, from := d.bySID(d.sid+"-"+v[0].text), d.bySID(d.sid+"-"+before)
	if to == nil || !slices.ContainsFunc(to.values["member"].values, func(m value) bool { return m.to == o }) {
		return unwilling("the primary group %s is not one that the account is in", v[0].text)
	}
	d.rewrite(to, "member", slices.DeleteFunc(slices.Clone(to.values["member"].values), func(m value) bool { return m.to == o }))
	if from != nil {
		d.rewrite(from, "member", append(slices.Clone(from.values["member"].values), value{string(o.dn()), o}))
	}
	return nil
}

// rewrite changes one attribute as a consequence of another write.
func (d *Domain) rewrite(o *object, name string, values []value) {
	d.touch(o)
	d.assign(o, name, values)
}

// groupsAbove returns the groups that an object is in, including nested ones
// and the primary one.
func (d *Domain) groupsAbove(o *object) []*object {
	var all []*object
	open := []*object{o}
	if rid := o.first("primarygroupid"); rid != "" {
		if group := d.bySID(d.sid + "-" + rid); group != nil {
			all, open = append(all, group), append(open, group)
		}
	}
	for len(open) > 0 {
		at := open[0]
		open = open[1:]
		for ref := range at.referrers {
			if ref.attribute == "member" && !slices.Contains(all, ref.from) {
				all, open = append(all, ref.from), append(open, ref.from)
			}
		}
	}
	return all
}

// primaryMembers reports whether a group is the primary group of an account.
func (d *Domain) primaryMembers(group *object) bool {
	domain, rid := cutRID(group.first("objectsid"))
	return domain == d.sid+"-" && slices.ContainsFunc(d.objects, func(o *object) bool {
		return !o.deleted && o.first("primarygroupid") == rid
	})
}
