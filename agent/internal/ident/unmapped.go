package ident

import "github.com/rollcall-agent/rollcall/agent/internal/text"

// Unmapped reports whether an attribute is never written as a value: it is set
// by other means, belongs to the system, or would grant rights. why says what
// sets it instead, if anything does.
func Unmapped(attribute string) (why string, unmapped bool) {
	why, unmapped = unmappedAttributes[text.Lower(attribute)]
	return why, unmapped
}

const (
	system = "AD sets it"
	rights = "it would hand out rights"
)

var unmappedAttributes = map[string]string{
	"name": "AD derives it from cn", "ou": "the automation's ou says where accounts are",
	"distinguishedname": "AD derives it from cn and the automation's ou",
	"objectguid":        "AD assigns it", "objectsid": "AD assigns it", "objectclass": "accounts are created as user",
	"objectcategory": system, "samaccounttype": "AD derives it", "instancetype": system, "admincount": system,
	"iscriticalsystemobject": system, "isdeleted": system, "isrecycled": system,
	"useraccountcontrol":   "actions enable and disable accounts",
	"unicodepwd":           "the automation's password says how passwords are made",
	"userpassword":         "the automation's password says how passwords are made",
	"clearpassword":        "the automation's password says how passwords are made",
	"dbcspwd":              "the automation's password says how passwords are made",
	"pwdlastset":           "the automation's password says must_change",
	"memberof":             "use the automation's groups",
	"member":               "use the automation's groups",
	"primarygroupid":       "use the automation's groups",
	"ntsecuritydescriptor": rights, "sidhistory": rights, "serviceprincipalname": rights, "altsecurityidentities": rights,
	"msds-keycredentiallink": rights, "msds-allowedtodelegateto": rights, "msds-allowedtoactonbehalfofotheridentity": rights,
}
