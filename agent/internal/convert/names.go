package convert

import (
	"regexp"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// attributeNames maps what ADManager calls an attribute, in lower case, to its LDAP
// name, where these differ.
var attributeNames = map[string]string{
	"firstname": "givenName", "lastname": "sn", "fullname": "cn", "name": "cn", "logonname": "userPrincipalName",
	"email": "mail", "emailaddress": "mail", "telephone": "telephoneNumber", "phone": "telephoneNumber",
	"jobtitle": "title", "office": "physicalDeliveryOfficeName", "city": "l", "state": "st", "zipcode": "postalCode",
	"street": "streetAddress", "fax": "facsimileTelephoneNumber", "webpage": "wWWHomePage", "notes": "info",
	"country": "co", "ou_dn_name": "ou", "distinguishedname": "dn",
}

// furtherAttributes are attributes that are in use, besides those that automations
// look at by themselves.
var furtherAttributes = []string{
	"accountExpires", "assistant", "cn", "countryCode", "homeDirectory", "homeDrive", "ipPhone", "lastLogonTimestamp", "mailNickname",
	"memberOf", "middleName", "objectGUID", "objectSid", "otherMobile", "profilePath", "pwdLastSet", "scriptPath", "targetAddress",
	"userAccountControl", "whenCreated",
}

// attributeOf returns the LDAP name of what ADManager calls name; false when AD has
// no such attribute by itself.
func attributeOf(name string) (string, bool) {
	if own, ok := attributeNames[text.Lower(name)]; ok {
		return own, true
	}
	for _, list := range [][]string{ident.UsualAttributes(ident.ObjectUser), furtherAttributes} {
		for _, known := range list {
			if text.Same(known, name) {
				return known, true
			}
		}
	}
	return name, false
}

// formatWords are the parts of a naming format that are no attributes, in lower
// case without spaces, and what they stand for.
var formatWords = map[string]string{"dot": ".", "underscore": "_", "hyphen": "-", "space": " "}

// dialogNames are what the dialog of naming formats calls attributes, in lower case;
// macros have LDAP names.
var dialogNames = []string{"firstname", "lastname", "middlename", "fullname", "logonname"}

func isFormatWord(name string) bool {
	_, ok := formatWords[text.Lower(name)]
	return ok || isRandom(name) || name != "middleName" && slices.Contains(dialogNames, text.Lower(name))
}

func isRandom(name string) bool { return text.Same(name, "RandomNumber") }

var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// member writes root.name, or root['name'] where a name would be read as something
// else.
func member(root, name string) string {
	if plainName.MatchString(name) {
		return root + "." + name
	}
	return root + "[" + quote(name) + "]"
}

// value turns the name of a value, and what is to be taken of it, into an
// expression.
func (c *converter) value(m *macro) (result, *Without) {
	if with, ok := formatWords[text.Lower(m.name)]; ok && m.prefix == "" {
		return result{text: with, literal: true}, nil
	}
	if isRandom(m.name) && m.prefix == "" {
		return c.random(m)
	}
	if isChoice(m.name) && m.prefix == "" {
		return without(m, m.name+" says what is taken of an attribute, and names none", "%givenName:first:3%")
	}
	if text.Same(m.name, "password") || text.Same(m.name, "unicodePwd") {
		return without(m, "AD shows a password to nobody",
			"the first one is `password`, only in the orchestration that password.deliver of an automation names")
	}
	name, inAD := attributeOf(m.name)
	e, fault := c.reference(m, name, inAD)
	if fault != nil {
		return result{}, fault
	}
	if text.Same(m.name, "logonName") {
		c.note("LogonName is taken as userPrincipalName with its domain; the part before the @ is item(split(" + e + ", '@'), 1).")
	}
	if c.empty {
		e = "default(" + e + ", '')"
	}
	return c.choose(m, e)
}

// reference names a value at the place of the template.
func (c *converter) reference(m *macro, name string, inAD bool) (string, *Without) {
	if c.place == Outbound {
		if !inAD {
			c.note(m.text + " is taken as an attribute of AD. If it is an environment variable of ADManager, write its value.")
		}
		return member("ad", name), nil
	}
	switch name {
	case "dn", "ou", "memberOf", "objectSid", "whenCreated", "lastLogonTimestamp", "pwdLastSet":
		_, fault := without(m, "a mapping makes "+m.name+", or AD does; it cannot use it",
			"`ou` and `groups` of the automation say where accounts are and what they belong to")
		return "", fault
	case "objectGUID":
		return "link.guid", nil
	}
	if inAD || m.prefix == "ad" {
		c.note("attributes.NAME is what the mapping gives that attribute: map it too, or name the field of the application, as user.NAME.")
		return member("attributes", name), nil
	}
	return member("user", name), nil
}
