package memory

import (
	"slices"
	"strconv"

	"github.com/go-ldap/ldap/v3"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// modify changes attributes of an object, all of them or none (MS-ADTS section
// 3.1.1.5.3).
func (d *Domain) modify(who *Account, o *object, mods []conn.Mod, permissive bool) error {
	f := d.draft(o)
	for _, m := range mods {
		if err := f.permit(who, m.Attribute); err != nil {
			return err
		}
	}
	mods, err := f.accountFlags(mods)
	if err != nil {
		return err
	}
	if err := f.checkValues(mods); err != nil {
		return err
	}
	for _, m := range mods {
		if err := f.apply(m, permissive); err != nil {
			return err
		}
	}
	if o.class.account() {
		if err := f.checkAccount(); err != nil {
			return err
		}
	}
	if err := f.unique(); err != nil {
		return err
	}
	if err := f.checkResult(mods); err != nil {
		return err
	}
	if o.class.account() && o.class.name != "group" {
		if err := f.changePrimaryGroup(); err != nil {
			return err
		}
	}
	f.commit()
	return nil
}

// accountFlags checks what is written to userAccountControl; the server does so
// before all else. Samba takes a value that is no number for 0, the flags of an
// ordinary account, and ignores it if the account has those already.
func (f *draft) accountFlags(mods []conn.Mod) ([]conn.Mod, error) {
	left := make([]conn.Mod, 0, len(mods))
	for _, m := range mods {
		if !text.Same(m.Attribute, "userAccountControl") {
			left = append(left, m)
			continue
		}
		switch have := f.object.first("useraccountcontrol"); {
		case len(m.Values) == 0:
			return nil, unwilling("userAccountControl cannot be cleared")
		case have == "":
			return nil, refuse(ldap.LDAPResultOperationsError, "00002020: %s has no userAccountControl", f.object.dn())
		case have == strconv.Itoa(uacNormal) && badNumber(m.Values[0]):
			continue
		}
		left = append(left, m)
	}
	return left, nil
}

// neutral lists attributes that have a neutral value instead of none where the
// class has them, also in objects that have no value.
var neutral = []string{"accountexpires", "countrycode", "codepage"}

func badNumber(s string) bool {
	_, err := strconv.ParseInt(s, 10, 32)
	return err != nil
}

// checkResult refuses attributes that the class lacks, and neutral ones that
// are gone. The server looks at the object as all changes left it.
func (f *draft) checkResult(mods []conn.Mod) error {
	for _, m := range mods {
		key := text.Lower(m.Attribute)
		if len(f.get(key)) == 0 && slices.Contains(neutral, key) && f.belongs(f.domain.schema.rules[key]) == nil {
			return unwilling("attribute '%s' cannot be cleared", m.Attribute)
		}
	}
	for _, m := range mods {
		if key := text.Lower(m.Attribute); len(f.values[key]) > 0 {
			if err := f.belongs(f.domain.schema.rules[key]); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkValues checks all values before any is written. Only then does the
// server refuse to write the name.
func (f *draft) checkValues(mods []conn.Mod) error {
	for _, m := range mods {
		a := f.domain.schema.rule(m.Attribute)
		if text.Same(m.Attribute, "unicodePwd") || m.Kind == conn.DeleteValues && a.reference() {
			continue
		}
		if _, err := f.parse(a, m.Values); err != nil {
			return err
		}
	}
	for _, m := range mods {
		if text.Same(m.Attribute, f.object.naming) || text.Same(m.Attribute, "name") {
			return refuse(ldap.LDAPResultNotAllowedOnRDN, "00002016: Modify of RDN '%s' not allowed", m.Attribute)
		}
	}
	return nil
}

// permit refuses attributes that cannot be modified at all, or not by this
// account.
func (f *draft) permit(who *Account, name string) error {
	a := f.domain.schema.rule(name)
	switch {
	case text.Same(name, "unicodePwd"):
		if !who.mayWrite(f.object, name) {
			return denied("no access to write %s", name)
		}
		return nil
	case a == nil:
		return unknownAttribute(name)
	case text.Same(name, "objectClass"):
		return refuse(ldap.LDAPResultObjectClassViolation, "00002014: the class of an object cannot be changed")
	case !who.mayWrite(f.object, name):
		return denied("no access to write %s", name)
	case text.Same(name, f.object.naming) || text.Same(name, "name"):
		return nil // checkValues refuses it
	}
	if !a.backLink() && (a.systemOnly || a.flags&flagConstructed != 0) && !slices.Contains(ofAccounts, text.Lower(name)) {
		return constraint("attribute '%s' is written by the system only", a.name)
	}
	return f.writable(a)
}

// ofAccounts lists attributes that, according to the server, only the server
// sets.
var ofAccounts = []string{"objectsid", "samaccounttype"}

func (f *draft) apply(m conn.Mod, permissive bool) error {
	key := text.Lower(m.Attribute)
	if key == "unicodepwd" {
		return f.setPassword(m.Values)
	}
	a := f.domain.schema.rules[key]
	have := slices.Clone(f.get(key))
	var err error
	switch m.Kind {
	case conn.AddValues:
		have, err = f.added(a, have, m.Values, permissive)
	case conn.DeleteValues:
		have, err = f.without(a, have, m.Values, permissive)
	case conn.ReplaceValues:
		have, err = f.replaced(a, m.Values)
		f.renewed[key] = a.linked() // Samba writes also the links that are there already
	}
	if err == nil {
		f.values[key] = have
	}
	return err
}

func (f *draft) replaced(a *attributeRule, texts []string) ([]value, error) {
	values, err := f.parse(a, texts)
	if err != nil {
		return nil, err
	}
	if f.single(a) && len(values) > 1 {
		return nil, f.second(a, true)
	}
	for i, v := range values {
		if repeats(values[:i], v) {
			return nil, valueExists(a)
		}
	}
	if len(values) == 0 && text.Same(a.name, "userPrincipalName") { // Samba requires a deletion instead
		return nil, refuse(ldap.LDAPResultObjectClassViolation, "00002014: no new value for userPrincipalName")
	}
	return values, nil
}

// second refuses another value of a single-valued attribute. For references,
// Samba's answer depends on whether the values come at once or one after
// another.
func (f *draft) second(a *attributeRule, atOnce bool) error {
	if a.reference() && a.linked() && atOnce {
		return severalValues(a.name)
	}
	return refuse(ldap.LDAPResultAttributeOrValueExists, "0000200D: SINGLE-VALUE attribute %s specified more than once", a.name)
}

func (f *draft) added(a *attributeRule, have []value, texts []string, permissive bool) ([]value, error) {
	values, err := f.parse(a, texts)
	if err != nil {
		return nil, err
	}
	for _, v := range values {
		if repeats(have, v) {
			if permissive && !f.single(a) && !a.linked() {
				continue
			}
			return nil, valueExists(a)
		}
		have = append(have, v)
	}
	if f.single(a) && len(have) > 1 {
		return nil, f.second(a, false)
	}
	return have, nil
}

func valueExists(a *attributeRule) error {
	if text.Same(a.name, "member") {
		return refuse(ldap.LDAPResultEntryAlreadyExists, "00000562: attribute '%s' has that value already", a.name)
	}
	return refuse(ldap.LDAPResultAttributeOrValueExists, "0000200D: attribute '%s' has that value already", a.name)
}

// linkedOnce reports whether a link has values, or had values that were removed:
// Samba keeps those, and its answers depend on them.
func (f *draft) linkedOnce(a *attributeRule) bool {
	key := text.Lower(a.name)
	return a.linked() && (len(f.get(key)) > 0 || len(f.object.links[key]) > 0)
}

func (f *draft) without(a *attributeRule, have []value, texts []string, permissive bool) ([]value, error) {
	if len(texts) == 0 {
		if len(have) == 0 && !permissive && !f.linkedOnce(a) {
			return nil, noValue(a.name)
		}
		return nil, nil
	}
	for _, t := range texts {
		gone := value{text: t}
		if a.reference() {
			if gone.to = f.domain.find(dnOf(t)); gone.to == nil {
				if f.linkedOnce(a) && !text.Same(a.name, "member") {
					return nil, noSuchObject(t)
				}
				gone.to = &object{} // equal to no object
			}
		}
		i := slices.IndexFunc(have, func(h value) bool { return a.equal(h, gone) })
		switch {
		case i >= 0:
			have = slices.Delete(have, i, i+1)
		case text.Same(a.name, "member") && f.linkedOnce(a):
			return nil, unwilling("attribute '%s' has no such value", a.name)
		case !permissive:
			return nil, noValue(a.name)
		}
	}
	return have, nil
}

// needed lists attributes that an account always has.
var needed = []string{"accountexpires", "countrycode", "codepage", "samaccountname", "primarygroupid"}

func (f *draft) checkAccount() error {
	for _, name := range needed {
		if v, written := f.values[name]; written && len(v) == 0 && len(f.object.values[name].values) > 0 {
			return unwilling("attribute '%s' cannot be cleared", name)
		}
	}
	if f.object.class.name == "group" {
		return f.checkMembers()
	}
	return f.settleAccount()
}
