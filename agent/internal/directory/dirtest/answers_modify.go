package dirtest

import (
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

const modifySection = "MS-ADTS 3.1.1.5.3"

// on modifies the user of a scene, each modification as a request of its own.
func on(mods ...conn.Mod) func(*scene) error {
	return func(s *scene) error {
		answers := make([]error, len(mods))
		for i, m := range mods {
			answers[i] = s.modify(s.user, m)
		}
		return s.then(answers...)
	}
}

// atOnce modifies the user of a scene in one request.
func atOnce(mods ...conn.Mod) func(*scene) error {
	return func(s *scene) error { return s.modify(s.user, mods...) }
}

// permissively is like on, with the control that accepts modifications already
// done.
func permissively(mods ...conn.Mod) func(*scene) error {
	return func(s *scene) error {
		answers := make([]error, len(mods))
		for i, m := range mods {
			answers[i] = s.Modify(s.ctx, conn.ByDN(s.user), []conn.Mod{m}, true)
		}
		return s.then(answers...)
	}
}

var modifyAnswers = []answer{
	{"nobody", modifySection, "", func(s *scene) error { return s.modify(s.ou.Child("no"), instead("title", "x")) }, 32},
	{"add", modifySection, "", on(plus("title", "a")), 0},
	{"add the same", "RFC 4511 4.6", "", on(plus("title", "a"), plus("title", "a")), 20},
	{"add a second value for one", "MS-ADTS 3.1.1.5.1.1", "", on(plus("title", "a"), plus("title", "b")), 20},
	{"add two values for one", "MS-ADTS 3.1.1.5.1.1", "", on(plus("title", "a", "b")), 20},
	{"replace by two values for one", "MS-ADTS 3.1.1.5.1.1", "", on(instead("title", "a", "b")), 20},
	{"a second description of an account", "MS-ADTS 3.1.1.5.3.2", "", on(plus("description", "a"), plus("description", "b")), 20},
	{"two descriptions of an account", "MS-ADTS 3.1.1.5.3.2", "", on(instead("description", "a", "b")), 20},
	{"a value that is there", "RFC 4511 4.6", "", on(plus("url", "a"), plus("url", "a", "b")), 20},
	{"a value that is there in another case", measured, "", on(plus("url", "a"), plus("url", "A")), 0},
	{"delete a value in another case", measured, "", on(plus("url", "a"), minus("url", "A")), 0},
	{"delete a value that is not there", "RFC 4511 4.6", "", on(plus("url", "a"), minus("url", "b")), 16},
	{"delete what is absent", "RFC 4511 4.6", "", on(minus("department")), 16},
	{"delete a value of what is absent", "RFC 4511 4.6", "", on(minus("department", "x")), 16},
	{"replace what is absent by nothing", "RFC 4511 4.6", "", on(instead("department")), 0},
	{"replace by the same value twice", measured, "", on(instead("url", "a", "a")), 20},
	{"delete one value and add another", "RFC 4511 4.6", "", func(s *scene) error {
		return s.then(s.modify(s.user, plus("title", "a")), s.modify(s.user, minus("title", "A"), plus("title", "b")))
	}, 0},
	{"delete another value and add one", "RFC 4511 4.6", "", func(s *scene) error {
		return s.then(s.modify(s.user, plus("title", "a")), s.modify(s.user, minus("title", "x"), plus("title", "b")))
	}, 16},
	{"permissive: delete what is absent", "MS-ADTS 3.1.1.3.4.1.8", "", permissively(minus("department")), 0},
	{"permissive: delete a value that is not there", "MS-ADTS 3.1.1.3.4.1.8", "", permissively(plus("url", "a"), minus("url", "b")), 0},
	{"permissive: add a value that is there", "MS-ADTS 3.1.1.3.4.1.8", "", permissively(plus("url", "a"), plus("url", "a")), 0},
	{"permissive: add a second value for one", measured, "", permissively(plus("title", "a"), plus("title", "b")), 20},
	{"permissive: add the only value", measured, "", permissively(plus("title", "a"), plus("title", "a")), 20},
	{"empty value", measured, "", on(instead("title", "")), 21},
	{"value too long", measured, "", on(instead("initials", "abcdefg")), 21},
	{"unknown attribute", modifySection, "", on(instead("shoeSize", "4")), 16},
	{"attribute of another class", modifySection, "", func(s *scene) error {
		return s.modify(s.ou, instead("employeeID", "1"))
	}, 65},
	{"cn", modifySection, "", on(instead("cn", "x")), 67},
	{"name", modifySection, "", on(instead("name", "x")), 67},
	{"ou of a unit", modifySection, "", func(s *scene) error { return s.modify(s.ou, instead("ou", "x")) }, 67},
	{"whenCreated", modifySection, "", on(instead("whenCreated", "20200101000000.0Z")), 19},
	{"objectGUID", modifySection, "", on(instead("objectGUID", "1234567890123456")), 19},
	{"objectSid", modifySection, "", on(instead("objectSid", "xx")), 53},
	{"sAMAccountType", modifySection, "", on(instead("sAMAccountType", "805306368")), 53},
	{"canonicalName", modifySection, "", on(instead("canonicalName", "x")), 19},
	{"isDeleted", modifySection, "", on(instead("isDeleted", "TRUE")), 19},
	{"instanceType", modifySection, "", on(instead("instanceType", "4")), 19},
	{"objectClass", modifySection, "", on(instead("objectClass", "contact")), 65},
}

// self, there and nowhere stand for DNs of the scene in references.
func referring(kind conn.ModKind, attribute string, to ...func(*scene) ident.DN) func(*scene) error {
	return func(s *scene) error {
		return s.modify(s.user, conn.Mod{Kind: kind, Attribute: attribute, Values: dns(s, to)})
	}
}

func dns(s *scene, to []func(*scene) ident.DN) []string {
	var list []string
	for _, f := range to {
		list = append(list, string(f(s)))
	}
	return list
}

func toUser(s *scene) ident.DN   { return s.user }
func toOther(s *scene) ident.DN  { return s.other }
func toGroup(s *scene) ident.DN  { return s.group }
func toOU(s *scene) ident.DN     { return s.ou }
func toNobody(s *scene) ident.DN { return s.ou.Child("no") }
func toNothing(*scene) ident.DN  { return "no" }

// members changes those of the scene's group, one request for each.
func members(steps ...func(*scene) conn.Mod) func(*scene) error {
	return func(s *scene) error {
		answers := make([]error, len(steps))
		for i, step := range steps {
			answers[i] = s.modify(s.group, step(s))
		}
		return s.then(answers...)
	}
}

func member(kind conn.ModKind, who ...func(*scene) ident.DN) func(*scene) conn.Mod {
	return func(s *scene) conn.Mod { return conn.Mod{Kind: kind, Attribute: "member", Values: dns(s, who)} }
}

var referenceAnswers = []answer{
	{"manager missing", measured, "", referring(conn.ReplaceValues, "manager", toNobody), 19},
	{"manager is no DN", measured, "", referring(conn.ReplaceValues, "manager", toNothing), 34},
	{"manager is oneself", "MS-ADTS 3.1.1.1.6", "", referring(conn.ReplaceValues, "manager", toUser), 0},
	{"two managers", measured, "", referring(conn.ReplaceValues, "manager", toUser, toOther), 19},
	{"a second manager", measured, "", func(s *scene) error {
		return s.then(referring(conn.ReplaceValues, "manager", toUser)(s), referring(conn.AddValues, "manager", toOther)(s))
	}, 20},
	{"the manager again", measured, "", func(s *scene) error {
		return s.then(referring(conn.ReplaceValues, "manager", toUser)(s), referring(conn.AddValues, "manager", toUser)(s))
	}, 20},
	{"delete another manager", measured, "", func(s *scene) error {
		return s.then(referring(conn.ReplaceValues, "manager", toUser)(s), referring(conn.DeleteValues, "manager", toOther)(s))
	}, 16},
	{"delete a manager where none ever was", measured, "", referring(conn.DeleteValues, "manager"), 16},
	{"delete a manager where one was", measured, "", func(s *scene) error {
		clearManager := referring(conn.DeleteValues, "manager")
		return s.then(referring(conn.ReplaceValues, "manager", toOther)(s), clearManager(s), clearManager(s))
	}, 0},
	{"secretary missing", measured, "", referring(conn.ReplaceValues, "secretary", toNobody), 19},
	{"secretary again", measured, "", func(s *scene) error {
		return s.then(referring(conn.ReplaceValues, "secretary", toOther)(s), referring(conn.AddValues, "secretary", toOther)(s))
	}, 20},
	{"delete another secretary", measured, "", func(s *scene) error {
		return s.then(referring(conn.ReplaceValues, "secretary", toOther)(s), referring(conn.DeleteValues, "secretary", toUser)(s))
	}, 16},
	{"memberOf", modifySection, "", referring(conn.AddValues, "memberOf", toGroup), 53},
	{"directReports", modifySection, "", referring(conn.AddValues, "directReports", toOther), 53},
	{"member", "MS-ADTS 3.1.1.1.6", "", members(member(conn.AddValues, toUser)), 0},
	{"member again", measured, "", members(member(conn.AddValues, toUser), member(conn.AddValues, toUser)), 68},
	{"member missing", measured, "", members(member(conn.AddValues, toNobody)), 32},
	{"member is no DN", measured, "", members(member(conn.AddValues, toNothing)), 34},
	{"members replaced by a missing one", measured, "", members(member(conn.ReplaceValues, toNobody)), 32},
	{"members replaced by one twice", measured, "", members(member(conn.ReplaceValues, toUser, toUser)), 68},
	{"delete who is no member", measured, "", members(member(conn.AddValues, toUser), member(conn.DeleteValues, toOther)), 53},
	{"delete a missing manager", measured, "", func(s *scene) error {
		return s.then(s.modify(s.user, instead("manager", string(s.other))), s.modify(s.user, minus("manager", string(s.ou.Child("no")))))
	}, 32},
	{"delete a missing manager where none ever was", measured, "", func(s *scene) error {
		return s.modify(s.other, minus("manager", string(s.ou.Child("no"))))
	}, 16},
	{"delete a missing member", measured, "", members(member(conn.AddValues, toUser), member(conn.DeleteValues, toNobody)), 53},
	{"delete a member where none ever was", measured, "", members(member(conn.DeleteValues, toOther)), 16},
	{"delete a member", "MS-ADTS 3.1.1.1.6", "", members(member(conn.AddValues, toUser), member(conn.DeleteValues, toUser)), 0},
	{"delete members where none ever were", measured, "", members(member(conn.DeleteValues)), 16},
	{"delete members where some were", measured, "", members(
		member(conn.AddValues, toUser), member(conn.DeleteValues, toUser), member(conn.DeleteValues),
	), 0},
	{"replace no members by none", measured, "", members(member(conn.ReplaceValues)), 0},
	{"a group in itself", measured, "", members(member(conn.AddValues, toGroup)), 0},
	{"a unit as a member", measured, "", members(member(conn.AddValues, toOU)), 0},
	{"a member by its primary group", "MS-SAMR 3.1.1.8.2", "", func(s *scene) error {
		return s.modify("CN=Domain Users,CN=Users,"+s.domain.BaseDN, plus("member", string(s.user)))
	}, 68},
}

var accountAnswers = []answer{
	{"account name taken", "MS-SAMR 3.1.1.8.4", "", on(instead("sAMAccountName", "HMADE")), 68},
	{"own account name in another case", measured, "", func(s *scene) error {
		return s.modify(s.user, instead("sAMAccountName", strings.ToUpper(s.tag)+"U"))
	}, 0},
	{"account name cleared", measured, "", on(minus("sAMAccountName")), 53},
	{"account name of 21 characters", "Samba takes it, Windows does not", "", func(s *scene) error {
		return s.modify(s.user, instead("sAMAccountName", s.tag+strings.Repeat("q", 21-len(s.tag))))
	}, 0},
	{"UPN taken", "MS-ADTS 3.1.1.5.1.3", "", on(instead("userPrincipalName", "hmade@ad.test")), 19},
	{"UPN deleted", modifySection, "", on(minus("userPrincipalName")), 0},
	{"UPN replaced by nothing", measured, "", on(instead("userPrincipalName")), 65},
	{"accountExpires deleted", "ACTIVE_DIRECTORY, accountExpires", "", on(minus("accountExpires")), 53},
	{"accountExpires replaced by nothing", "ACTIVE_DIRECTORY, accountExpires", "", on(instead("accountExpires")), 53},
	{"countryCode cleared", "ACTIVE_DIRECTORY, accountExpires", "", on(instead("countryCode")), 53},
	{"countryCode of a contact cleared", measured, "", func(s *scene) error {
		contact := s.ou.Child("contact")
		return s.then(s.add(contact, "contact"), s.modify(contact, instead("countryCode")))
	}, 53},
	{"countryCode of a group deleted", measured, "", func(s *scene) error { return s.modify(s.group, minus("countryCode")) }, 16},
	{"accountExpires of a group cleared", measured, "", func(s *scene) error { return s.modify(s.group, instead("accountExpires")) }, 0},
	{"codePage of a group cleared", measured, "", func(s *scene) error { return s.modify(s.group, instead("codePage")) }, 0},
	{"codePage cleared", "ACTIVE_DIRECTORY, accountExpires", "", on(instead("codePage")), 53},
	{"userAccountControl cleared", measured, "", on(instead("userAccountControl")), 53},
	{"userAccountControl without a type", measured, "", on(instead("userAccountControl", "2")), 0},
	{"userAccountControl with computed bits", "MS-ADTS 2.2.16", "", on(instead("userAccountControl", "8389120")), 0},
	{"userAccountControl of two types", "MS-SAMR 3.1.1.8.1", "", on(instead("userAccountControl", "4608")), 80},
	{"userAccountControl that is no number", measured, "", on(instead("userAccountControl", "abc")), 21},
	{"userAccountControl that is no number, of an ordinary account", measured, "", func(s *scene) error {
		return s.then(s.modify(s.user, instead("userAccountControl", "512")), s.modify(s.user, instead("userAccountControl", "abc")))
	}, 0},
	{"userAccountControl of a group", measured, "", func(s *scene) error {
		return s.modify(s.group, instead("userAccountControl", "512"))
	}, 1},
	{"userAccountControl of a group cleared", measured, "", func(s *scene) error {
		return s.modify(s.group, instead("userAccountControl"))
	}, 53},
	{"the name and a bad value", measured, "", func(s *scene) error {
		return s.modify(s.user, instead("cn", "z"), instead("countryCode", "b"))
	}, 21},
	{"the name and an unknown attribute", measured, "", func(s *scene) error {
		return s.modify(s.user, instead("cn", "z"), instead("noSuchThing", "b"))
	}, 16},
	{"countryCode cleared and a bad value", measured, "", atOnce(instead("countryCode"), instead("initials", "longer than six")), 21},
	{"countryCode cleared and a missing value", measured, "", atOnce(instead("countryCode"), minus("url")), 16},
	{"countryCode cleared and two values for one", measured, "", atOnce(instead("countryCode"), plus("initials", "a", "b")), 20},
	{"countryCode cleared and the name", measured, "", atOnce(instead("countryCode"), instead("cn", "z")), 67},
	{"accountExpires of a contact cleared", measured, "", func(s *scene) error {
		contact := s.ou.Child("contact")
		return s.then(s.add(contact, "contact"), s.modify(contact, instead("accountExpires")))
	}, 0},
	{"an attribute that the class lacks and a missing value", measured, "", func(s *scene) error {
		return s.modify(s.group, instead("title", "b"), minus("url"))
	}, 16},
	{"pwdLastSet 0", "MS-SAMR 3.1.1.8.8", "", on(instead("pwdLastSet", "0")), 0},
	{"pwdLastSet now", "MS-SAMR 3.1.1.8.8", "", on(instead("pwdLastSet", "-1")), 0},
	{"pwdLastSet of some time", "MS-SAMR 3.1.1.8.8", "", on(instead("pwdLastSet", "5")), 80},
	{"pwdLastSet cleared", measured, "", on(instead("pwdLastSet")), 53},
	{"lockoutTime 0", "MS-SAMR 3.1.1.8", "", on(instead("lockoutTime", "0")), 0},
	{"primary group of strangers", "MS-SAMR 3.1.1.8.2", "", on(instead("primaryGroupID", "512")), 53},
	{"primary group missing", "MS-SAMR 3.1.1.8.2", "", on(instead("primaryGroupID", "9999")), 53},
	{"primary group cleared", measured, "", on(instead("primaryGroupID")), 53},
	{"primary group as it is", measured, "", on(instead("primaryGroupID", "513")), 0},
}
