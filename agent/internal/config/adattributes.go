package config

import (
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// otherNames maps the names that other systems and AD's own tools use to those
// of AD.
var otherNames = map[string]string{
	"address": "streetAddress", "cellphone": "mobile", "city": "l", "country": "co", "countrycode2": "c", "email": "mail",
	"emailaddress": "mail", "e-mail": "mail", "familyname": "sn", "fax": "facsimileTelephoneNumber", "firstname": "givenName",
	"fullname": "displayName", "jobtitle": "title", "lastname": "sn", "locality": "l", "login": "sAMAccountName",
	"logonname": "sAMAccountName", "mobilephone": "mobile", "name": "displayName", "office": "physicalDeliveryOfficeName",
	"organization": "company", "phone": "telephoneNumber", "phonenumber": "telephoneNumber", "position": "title", "state": "st",
	"surname": "sn", "telephone": "telephoneNumber", "upn": "userPrincipalName", "username": "sAMAccountName",
	"website": "wWWHomePage", "zip": "postalCode", "zipcode": "postalCode",
}

// warnStrangeAttribute warns when users have no attribute of that name in AD's
// own schema. It is not an error: a schema can be extended, and the directory has
// the last word once the agent is connected.
func (l *loader) warnStrangeAttribute(at path, name string, place Pos) {
	folded := text.Lower(name)
	if _, known := ident.UsualSchema()[folded]; known {
		return
	}
	hint := suggest(name, ident.WritableAttributes())
	if other, ok := otherNames[folded]; ok {
		hint = fmt.Sprintf("did you mean %q?", other)
	}
	if hint == "" {
		hint = "right if your schema has it: `rollcall validate --online` looks"
	} else {
		hint += " it is right if your schema has it"
	}
	l.warnings = append(l.warnings, Warning{
		Pos: place, Key: at.String(), Message: fmt.Sprintf("%s is no attribute that AD has for users by itself", name), Hint: hint,
	})
}
