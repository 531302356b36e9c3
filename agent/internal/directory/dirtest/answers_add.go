package dirtest

import (
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/dctest"
)

const (
	addSection = "MS-ADTS 3.1.1.5.2"
	measured   = "measurement on Samba 4.17"
)

var addAnswers = []answer{
	{"without a class", addSection, "", func(s *scene) error { return s.add(s.ou.Child("new"), "") }, 65},
	{"of an unknown class", measured, "", func(s *scene) error { return s.add(s.ou.Child("new"), "nonsense") }, 16},
	{"parent missing", addSection, "", func(s *scene) error { return s.add("CN=new,OU=no,"+s.ou, "user") }, 32},
	{"no DN", measured, "", func(s *scene) error { return s.add("new", "user") }, 34},
	{"two-valued RDN", "MS-ADTS 3.1.1.3.1.2.1", "", func(s *scene) error { return s.add("CN=new+OU=x,"+s.ou, "user") }, 34},
	{"a user with an RDN of units", addSection, "", func(s *scene) error { return s.add("OU=new,"+s.ou, "user") }, 64},
	{"below a user", addSection, "", func(s *scene) error { return s.add(s.user.Child("new"), "user") }, 64},
	{"a group below a user", addSection, "", func(s *scene) error { return s.add(s.user.Child("new"), "group") }, 64},
	{"a container below a group", addSection, "", func(s *scene) error { return s.add(s.group.Child("new"), "container") }, 64},
	{"a unit below a container", addSection, "", func(s *scene) error {
		return s.add("OU=new,CN=Users,"+s.domain.BaseDN, "organizationalUnit")
	}, 64},
	{"in another forest", addSection, "", func(s *scene) error { return s.add("CN=new,DC=other,DC=test", "user") }, 32},
	{"DN taken", addSection, "", func(s *scene) error { return s.add(s.user, "user") }, 68},
	{"DN taken, other case", addSection, "", func(s *scene) error { return s.add(s.ou.Child("USER"), "contact") }, 68},
	{"DN taken, two blanks for one", measured, "", func(s *scene) error {
		return s.then(s.add(s.ou.Child("Ann Lee"), "contact"), s.add(s.ou.Child("Ann  Lee"), "contact"))
	}, 68},
	{"name with an accent beside one without", measured, "", func(s *scene) error {
		return s.then(s.add(s.ou.Child("Müller"), "contact"), s.add(s.ou.Child("Muller"), "contact"))
	}, 0},
	{"long s beside s", "ACTIVE_DIRECTORY, DN comparison", "", func(s *scene) error {
		return s.then(s.add(s.ou.Child("staff"), "contact"), s.add(s.ou.Child("\u017ftaff"), "contact"))
	}, 0},
	{"account name taken", "MS-SAMR 3.1.1.8.4", "", func(s *scene) error {
		return s.newUser("sAMAccountName", strings.ToUpper(s.tag)+"U")
	}, 68},
	{"account name taken by a group", "MS-SAMR 3.1.1.8.4", "", func(s *scene) error {
		return s.newUser("sAMAccountName", "crm")
	}, 68},
	{"UPN taken", "MS-ADTS 3.1.1.5.1.3", "", func(s *scene) error {
		return s.newUser("userPrincipalName", strings.ToUpper(s.tag)+"@AD.test")
	}, 19},
	{"both taken", measured, "", func(s *scene) error {
		return s.newUser("sAMAccountName", s.tag+"u", "userPrincipalName", s.tag+"@ad.test")
	}, 68},
	{"implicit UPN of another account", "bugzilla.samba.org 14564", "", func(s *scene) error {
		return s.newUser("userPrincipalName", s.tag+"v@ad.test")
	}, 68},
	{"account name that is in somebody's UPN", "bugzilla.samba.org 14564", "", func(s *scene) error {
		return s.then(s.modify(s.other, instead("userPrincipalName", s.tag+"w@ad.test")), s.newUser("sAMAccountName", s.tag+"w"))
	}, 19},
	{"unknown attribute", addSection, "", func(s *scene) error { return s.newUser("shoeSize", "44") }, 16},
	{"attribute of another class", addSection, "", func(s *scene) error { return s.newUser("groupType", "2") }, 65},
	{"back link", addSection, "", func(s *scene) error { return s.newUser("memberOf", string(s.group)) }, 53},
	{"constructed attribute", measured, "", func(s *scene) error { return s.newUser("canonicalName", "x") }, 17},
	{"sAMAccountType", measured, "", func(s *scene) error { return s.newUser("sAMAccountType", "805306368") }, 53},
	{"primaryGroupID", measured, "", func(s *scene) error { return s.newUser("primaryGroupID", "513") }, 53},
	{"empty value", measured, "", func(s *scene) error { return s.newUser("title", "") }, 21},
	{"value too long", measured, "", func(s *scene) error { return s.newUser("initials", "abcdefg") }, 21},
	{"two values for one", "MS-ADTS 3.1.1.5.1.1", "", func(s *scene) error { return s.newUser("title", "a", "title", "b") }, 19},
	{"the same value twice", measured, "", func(s *scene) error { return s.newUser("url", "a", "url", "a") }, 20},
	{"two descriptions of a unit", measured, "", func(s *scene) error {
		return s.add("OU=new,"+s.ou, "organizationalUnit", "description", "a", "description", "b")
	}, 0},
	{"manager missing", measured, "", func(s *scene) error { return s.newUser("manager", "CN=no,"+string(s.ou)) }, 19},
	{"manager is no DN", measured, "", func(s *scene) error { return s.newUser("manager", "no") }, 34},
	{"secretary missing", measured, "", func(s *scene) error { return s.newUser("secretary", "CN=no,"+string(s.ou)) }, 19},
	{"member missing", measured, "", func(s *scene) error {
		return s.add(s.ou.Child("new"), "group", "member", "CN=no,"+string(s.ou))
	}, 32},
	{"member twice", measured, "", func(s *scene) error {
		return s.add(s.ou.Child("new"), "group", "member", string(s.user), "member", string(s.user))
	}, 68},
	{"no number", measured, "", func(s *scene) error { return s.newUser("countryCode", "abc") }, 21},
	{"no boolean", measured, "", func(s *scene) error { return s.newUser("msNPAllowDialin", "yes") }, 21},
	{"no time", measured, "", func(s *scene) error { return s.newUser("msTSExpireDate", "2020") }, 21},
	{"no large number", measured, "", func(s *scene) error { return s.newUser("accountExpires", "never") }, 21},
	{"weak password", "MS-SAMR 3.1.1.7.2", "", func(s *scene) error { return s.newUser("unicodePwd", dctest.Password("abc")) }, 19},
	{"an account that exists, with its name and a weak password", measured, "", func(s *scene) error {
		return s.add(s.user, "user", "sAMAccountName", s.tag+"u", "unicodePwd", dctest.Password("abc"))
	}, 19},
	{"password of two kinds of characters", "MS-SAMR 3.1.1.7.2", "", func(s *scene) error {
		return s.newUser("unicodePwd", dctest.Password("abcdefgh12"))
	}, 19},
	{"password that is not UTF-16", "MS-ADTS 3.1.1.3.1.5.1", "", func(s *scene) error { return s.newUser("unicodePwd", "abc") }, 53},
	{"password without quotes", "MS-ADTS 3.1.1.3.1.5.1", "", func(s *scene) error {
		return s.newUser("unicodePwd", "a\x00b\x00c\x00d\x00")
	}, 53},
	{"password and flags in one", "MS-ADTS 3.1.1.3.1.5.1", "", func(s *scene) error {
		return s.newUser("unicodePwd", dctest.Password("Never-In-A-Log-7"), "userAccountControl", "512", "pwdLastSet", "0")
	}, 0},
	{"pwdLastSet of some time", "MS-SAMR 3.1.1.8.8", "", func(s *scene) error { return s.newUser("pwdLastSet", "5") }, 80},
	{"pwdLastSet now", "MS-SAMR 3.1.1.8.8", "", func(s *scene) error { return s.newUser("pwdLastSet", "-1") }, 0},
	{"a user with the flag of a computer", "MS-SAMR 3.1.1.8.1", "", func(s *scene) error {
		return s.newUser("userAccountControl", "4096")
	}, 65},
	{"two types of account", "MS-SAMR 3.1.1.8.1", "", func(s *scene) error { return s.newUser("userAccountControl", "4608") }, 80},
	{"no type of account", measured, "", func(s *scene) error { return s.newUser("userAccountControl", "2") }, 0},
	{"cn of 65 characters", "Samba takes it, Windows does not", "", func(s *scene) error {
		return s.add(s.ou.Child(strings.Repeat("x", 65)), "user")
	}, 0},
	{"cn that is not the name", measured, "", func(s *scene) error { return s.newUser("cn", "other") }, 34},
	{"cn that is the name", measured, "", func(s *scene) error { return s.newUser("cn", "new") }, 0},
	{"name", measured, "", func(s *scene) error { return s.newUser("name", "other") }, 0},
}
