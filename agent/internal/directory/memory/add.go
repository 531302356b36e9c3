package memory

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// add creates an object (MS-ADTS section 3.1.1.5.2). It checks in the order of
// the server: the place, the right, the account, the attributes.
func (d *Domain) add(who *Account, dn ident.DN, attributes map[string][]string) error {
	if _, err := ident.ParseDN(string(dn)); err != nil || dn == "" {
		return refuse(ldap.LDAPResultInvalidDNSyntax, "00002032: invalid DN %s", dn)
	}
	for name, values := range attributes {
		if err := d.checkMessage(name, values, false); err != nil {
			return err
		}
	}
	above := d.find(dn.Parent())
	if above == nil || above.deleted {
		return noSuchObject(string(dn.Parent()))
	}
	c, err := newClass(attributes)
	if err != nil {
		return err
	}
	if err := placeable(c, above, dn); err != nil {
		return err
	}
	if !who.mayCreate(above, c) {
		return denied("no access to create %s", dn)
	}
	naming, _, _ := strings.Cut(dn.RDN(), "=")
	o := &object{
		naming: strings.ToUpper(strings.TrimSpace(naming)), name: dn.Name(), class: c, below: map[string]*object{},
		values: map[string]attribute{}, referrers: map[reference]bool{}, links: map[string]map[*object]int64{},
	}
	same := above.below[key(o.naming, o.name)]
	account := d.draft(o)
	account.same = same
	if err := account.preview(attributes); err != nil {
		return err
	}
	f := d.draft(o)
	if err := f.fillNew(attributes); err != nil {
		return err
	}
	if err := f.accountDefaults(); err != nil {
		return err
	}
	if same != nil {
		return nameExists(string(dn))
	}
	d.insert(f, above)
	return nil
}

// insert turns a checked draft into an object of the domain.
func (d *Domain) insert(f *draft, above *object) {
	o, c := f.object, f.object.class
	o.guid = d.newGUID()
	if c.account() && f.first("objectsid") == "" {
		f.set("objectsid", d.sid+"-"+strconv.Itoa(d.newRID()))
	}
	f.set("objectclass", c.chain...)
	f.fill("instancetype", "4")
	if category := d.find(ident.DN("CN=" + c.category + "," + string(d.schemaBase()))); category != nil {
		f.values["objectcategory"] = []value{{string(category.dn()), category}}
	}
	if c.name == "container" {
		f.fill("showinadvancedviewonly", "TRUE")
	}
	f.set("name", o.name)
	d.byGUID[o.guid] = o
	d.objects = append(d.objects, o)
	if above != nil {
		o.attach(above)
	}
	f.commit()
	o.created, o.whenMade = o.changed, o.whenChange
	if sid := o.first("objectsid"); sid != "" {
		d.sids[sid] = o
	}
}

// newClass returns the class that a new object is to have.
func newClass(attributes map[string][]string) (*class, error) {
	for name, values := range attributes {
		if !text.Same(name, "objectClass") {
			continue
		}
		if c := classOf(values); c != nil {
			return c, nil
		}
		return nil, refuse(ldap.LDAPResultNoSuchAttribute, "0000200A: objectClass %q is not known", values)
	}
	return nil, refuse(ldap.LDAPResultObjectClassViolation, "00002014: no objectClass is specified")
}

// placeable refuses a name whose kind does not fit the class, and a container
// that cannot hold the class.
func placeable(c *class, above *object, dn ident.DN) error {
	naming, _, _ := strings.Cut(dn.RDN(), "=")
	if !text.Same(strings.TrimSpace(naming), c.naming) {
		return refuse(ldap.LDAPResultNamingViolation, "00002037: RDN attribute of %s does not fit %s", dn, c.name)
	}
	if !above.class.holds() || c.name == "organizationalUnit" && above.class.name == "container" {
		return refuse(ldap.LDAPResultNamingViolation, "00002037: %s cannot be below %s", c.name, above.class.name)
	}
	return nil
}

// preview checks what makes an account before the other attributes: its names,
// then its flags, then its password.
func (f *draft) preview(attributes map[string][]string) error {
	given := map[string][]string{}
	for name, values := range attributes {
		given[text.Lower(name)] = values
	}
	for _, name := range []string{"samaccountname", "userprincipalname"} {
		f.set(name, given[name]...)
	}
	if err := f.unique(); err != nil {
		return err
	}
	if flags := given["useraccountcontrol"]; len(flags) == 1 {
		if err := f.settleFlags(flags[0]); err != nil {
			return err
		}
	}
	if password, ok := given["unicodepwd"]; ok {
		return f.setPassword(password)
	}
	return nil
}

// fillNew sets the attributes of a new object.
func (f *draft) fillNew(attributes map[string][]string) error {
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		key := text.Lower(name)
		switch {
		case key == "objectclass" || key == "name":
			continue
		case text.Same(name, f.object.naming):
			if len(attributes[name]) != 1 || fold(attributes[name][0]) != fold(f.object.name) {
				return refuse(ldap.LDAPResultInvalidDNSyntax, "00002032: RDN mismatch: %s is not %q", f.object.rdn(), attributes[name])
			}
			continue
		case key == "unicodepwd":
			if err := f.setPassword(attributes[name]); err != nil {
				return err
			}
			continue
		}
		a := f.domain.schema.rules[key]
		if a == nil {
			return unknownAttribute(name)
		}
		if key == "primarygroupid" {
			return unwilling("the primary group is not settable on add operations")
		}
		if err := f.writable(a); err != nil {
			return err
		}
		values, err := f.parse(a, attributes[name])
		if err != nil {
			return err
		}
		if err := f.belongs(a); err != nil {
			return err
		}
		if a.single && len(values) > 1 {
			return severalValues(name)
		}
		for i, v := range values {
			if repeats(values[:i], v) {
				return valueExists(a)
			}
		}
		if len(values) > 0 {
			f.values[key] = values
		}
	}
	return nil
}

// writable refuses attributes that only the directory itself writes.
func (f *draft) writable(a *attributeRule) error {
	switch {
	case a.flags&flagConstructed != 0 && !a.backLink():
		return refuse(ldap.LDAPResultUndefinedAttributeType, "0000200C: attribute '%s' is constructed", a.name)
	case a.backLink() || a.systemOnly || slices.Contains(ofAccounts, text.Lower(a.name)):
		return unwilling("attribute '%s' must not be written", a.name)
	}
	return nil
}

// belongs refuses attributes that the class does not have.
func (f *draft) belongs(a *attributeRule) error {
	if !strings.ContainsRune(a.classes, f.object.class.letter) {
		return refuse(ldap.LDAPResultObjectClassViolation,
			"00002014: attribute '%s' does not exist in the objectclass %s", a.name, f.object.class.name)
	}
	return nil
}
