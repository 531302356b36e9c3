package ident

import (
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// Values lists the kinds of objects.
func (ObjectKind) Values() []string { return []string{string(ObjectUser), string(ObjectGroup)} }

// On is a kind of change that an automation asks for.
type On struct {
	Kind EventKind
	// Attributes are those of EventModified, in lower case; none: any but those that
	// change without anybody having decided it.
	Attributes []string
}

// unasked are the attributes that change by themselves, with each logon for example,
// and userAccountControl, whose changes are of the kinds enabled and disabled. They
// count for an automation that asks for them by name.
var unasked = []string{
	"useraccountcontrol", "lockouttime", "pwdlastset", "lastlogontimestamp", "lastlogon", "lastlogoff", "logoncount", "badpwdcount",
	"badpasswordtime", "msds-lastsuccessfulinteractivelogontime", "msds-lastfailedinteractivelogontime",
	"msds-failedinteractivelogoncount", "msds-failedinteractivelogoncountatlastsuccessfullogon",
}

// OnlyNamed reports whether changes of an attribute, named in lower case, count only
// for who asks for it by name.
func OnlyNamed(attribute string) bool { return slices.Contains(unasked, attribute) }

// Takes reports whether a part of an event is what the automation asks for.
func (o On) Takes(p EventPart) bool {
	switch {
	case o.Kind != p.Kind:
		return false
	case p.Kind != EventModified:
		return true
	case len(o.Attributes) == 0:
		return !OnlyNamed(p.Attribute)
	}
	return slices.Contains(o.Attributes, p.Attribute)
}

// usual are the attributes that are looked at for an automation that asks for
// modified without naming any.
var usual = map[ObjectKind][]string{
	ObjectUser: {
		"c", "co", "company", "department", "description", "displayName", "division", "employeeID", "employeeNumber", "employeeType",
		"facsimileTelephoneNumber", "givenName", "homePhone", "info", "initials", "ipPhone", "l", "mail", "manager", "mobile",
		"otherTelephone", "pager", "physicalDeliveryOfficeName", "postalCode", "proxyAddresses", "sAMAccountName", "sn", "st",
		"streetAddress", "telephoneNumber", "title", "userPrincipalName", "wWWHomePage",
	},
	ObjectGroup: {"description", "displayName", "groupType", "info", "mail", "managedBy", "proxyAddresses", "sAMAccountName"},
}

// UsualAttributes returns the attributes that are looked at for an automation that
// asks for modified without naming any. So are those that are mirrored for other
// reasons.
func UsualAttributes(of ObjectKind) []string { return slices.Clone(usual[of]) }

// unseen maps the attributes whose changes no event shows to the reason.
var unseen = func() map[string]string {
	const (
		kept     = "the directory changes it with every write"
		computed = "the directory computes it when it is asked for"
		local    = "each domain controller has its own"
		name     = "a new name is of the kind renamed"
		members  = "memberships are of the kinds member_added and member_removed"
		class    = "it says what an object is, which stays"
		deletion = "that is of the kinds deleted and restored"
		secret   = "the directory shows it to nobody"
	)
	out := map[string]string{
		"cn": name, "name": name, "distinguishedname": name + ", and a new place of the kind moved", "member": members, "memberof": members,
		"objectguid": "it never changes", "objectsid": "it never changes",
	}
	for reason, attributes := range map[string][]string{
		kept: {"whenchanged", "usnchanged", "whencreated", "usncreated", "dscorepropagationdata", "replpropertymetadata"},
		computed: {
			"canonicalname", "directreports", "managedobjects", "msds-memberoftransitive", "msds-membertransitive", "msds-resultantpso",
			"msds-user-account-control-computed", "msds-userpasswordexpirytimecomputed", "primarygrouptoken", "tokengroups",
			"msds-principalname", "createtimestamp", "modifytimestamp", "allowedattributes", "allowedattributeseffective",
			"allowedchildclasses", "allowedchildclasseseffective", "parentguid", "sdrightseffective", "structuralobjectclass",
			"tokengroupsglobalanduniversal", "tokengroupsnogcacceptable", "msds-keyversionnumber",
		},
		class:    {"objectclass", "objectcategory", "instancetype"},
		deletion: {"isdeleted", "isrecycled", "lastknownparent"},
		secret:   {"unicodepwd", "dbcspwd", "ntpwdhistory", "lmpwdhistory", "supplementalcredentials"},
		local:    {"lastlogon", "lastlogoff", "logoncount", "badpwdcount", "badpasswordtime"},
	} {
		for _, attribute := range attributes {
			out[attribute] = reason
		}
	}
	return out
}()

// Unseen returns why no event of the kind modified shows changes of an attribute, named in
// lower case; "" when one can.
func Unseen(attribute string) string { return unseen[attribute] }

// Imaged returns why the image of an object that an event has does not hold an
// attribute, named in lower case; "" when it can.
func Imaged(attribute string) string {
	switch attribute {
	case "cn", "name", "distinguishedname", "objectguid", "objectsid", "whencreated",
		"objectclass", "objectcategory", "instancetype", "isdeleted", "isrecycled", "lastknownparent":
		return ""
	}
	return unseen[attribute]
}

// Mirrorable returns those of the attributes that a mirror can hold, in lower case,
// sorted, each once.
func Mirrorable(names []string) []string {
	out := make([]string, 0, len(names))
	for _, name := range names {
		if lower := text.Lower(name); Imaged(lower) == "" {
			out = append(out, lower)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
