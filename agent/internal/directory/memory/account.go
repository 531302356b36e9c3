package memory

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/go-ldap/ldap/v3"

	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// Bits of userAccountControl (MS-ADTS section 2.2.16).
const (
	uacDisabled    = 0x2
	uacLockout     = 0x10
	uacNoPassword  = 0x20
	uacNormal      = 0x200
	uacTypes       = 0x100 | uacNormal | 0x800 | 0x1000 | 0x2000
	uacWorkstation = 0x1000
	uacNeverExpire = 0x10000
	uacExpired     = 0x800000
	uacComputed    = uacLockout | uacExpired
)

// Values of sAMAccountType (MS-ADTS section 2.2.15).
const (
	typeGroup     = "268435456"
	typeList      = "268435457"
	typeAlias     = "536870912"
	typeAliasList = "536870913"
	typeUser      = "805306368"
	typeMachine   = "805306369"
)

// never is the value of accountExpires for an account that does not expire.
const never = "9223372036854775807"

// accountDefaults sets the attributes that every new account gets (MS-SAMR
// section 3.1.1.8).
func (f *draft) accountDefaults() error {
	switch f.object.class.name {
	case "user", "computer":
		return f.userDefaults()
	case "group":
		f.fill("samaccountname", f.anyName())
		f.fill("grouptype", "-2147483646")
		f.set("samaccounttype", groupAccountType(f.first("grouptype")))
	}
	return nil
}

// anyName returns an account name for an account that was given none.
func (f *draft) anyName() string {
	return "$" + strings.ToUpper(strconv.FormatInt(0x10000000+int64(f.domain.serial), 16)) + "-MEMORY"
}

func groupAccountType(groupType string) string {
	n, _ := strconv.ParseInt(groupType, 10, 64)
	security, local := n < 0, n&0x4 != 0
	switch {
	case security && local:
		return typeAlias
	case security:
		return typeGroup
	case local:
		return typeAliasList
	}
	return typeList
}

func (f *draft) userDefaults() error {
	f.fill("samaccountname", f.anyName())
	for _, name := range []string{"badpwdcount", "codepage", "countrycode", "badpasswordtime", "lastlogoff", "lastlogon", "logoncount"} {
		f.fill(name, "0")
	}
	if len(f.values["useraccountcontrol"]) == 0 {
		uac := uacDisabled | uacNoPassword | uacNormal
		if f.object.class.name == "computer" {
			uac = uacDisabled | uacNoPassword | uacWorkstation
		}
		f.set("useraccountcontrol", strconv.Itoa(uac))
	}
	f.fill("accountexpires", never)
	if f.password == nil || f.first("pwdlastset") == "" {
		f.fill("pwdlastset", "0")
	}
	if f.object.class.name == "computer" {
		f.fill("iscriticalsystemobject", "FALSE")
	}
	return f.settleAccount()
}

// settleAccount converts the given userAccountControl and pwdLastSet to the
// stored form, and sets what follows from them.
func (f *draft) settleAccount() error {
	if v, written := f.values["useraccountcontrol"]; written {
		if err := f.settleFlags(v[0].text); err != nil {
			return err
		}
	}
	v, written := f.values["pwdlastset"]
	switch {
	case written && len(v) == 0:
		return unwilling("pwdLastSet cannot be cleared")
	case written && v[0].text == "-1":
		f.set("pwdlastset", f.domain.fileTime())
	case written && v[0].text != "0" && f.password == nil && v[0].text != f.object.first("pwdlastset"):
		return refuse(ldap.LDAPResultOther, "00000057: pwdLastSet must be 0 or -1 only!")
	}
	return nil
}

func (f *draft) settleFlags(given string) error {
	uac, err := strconv.ParseInt(given, 10, 32)
	if err != nil {
		return badValue("userAccountControl")
	}
	uac &^= uacComputed
	types := uac & uacTypes
	switch {
	case types == 0:
		uac |= uacNormal
	case types&(types-1) != 0:
		return refuse(ldap.LDAPResultOther, "userAccountControl %d has several account types", uac)
	case types != uacNormal && f.object.class.name != "computer":
		return refuse(ldap.LDAPResultObjectClassViolation, "0000217C: userAccountControl %d requires the class computer", uac)
	}
	f.set("useraccountcontrol", strconv.FormatInt(uac, 10))
	f.set("samaccounttype", typeUser)
	group := "513"
	if uac&uacTypes != uacNormal {
		f.set("samaccounttype", typeMachine)
		group = "515"
	}
	f.fill("primarygroupid", group)
	return nil
}

// setPassword reads unicodePwd, the password in quotes, UTF-16LE (MS-ADTS
// section 3.1.1.3.1.5.1), and checks it against the domain's policy.
func (f *draft) setPassword(values []string) error {
	if len(values) != 1 {
		return constraint("unicodePwd takes one value")
	}
	plain, ok := decodePassword(values[0])
	if !ok {
		return unwilling("the password must be in quotes and UTF-16LE")
	}
	name := f.first("samaccountname")
	if !strong(plain) || len(name) > 2 && strings.Contains(text.Lower(plain), text.Lower(name)) {
		return refuse(ldap.LDAPResultConstraintViolation, "0000052D: the password does not meet the complexity criteria")
	}
	f.password = &plain
	if v := f.values["pwdlastset"]; len(v) == 0 {
		f.set("pwdlastset", f.domain.fileTime())
	}
	return nil
}

func decodePassword(value string) (string, bool) {
	if len(value) < 4 || len(value)%2 != 0 {
		return "", false
	}
	units := make([]uint16, len(value)/2)
	for i := range units {
		units[i] = uint16(value[2*i]) | uint16(value[2*i+1])<<8
	}
	if units[0] != '"' || units[len(units)-1] != '"' {
		return "", false
	}
	return string(utf16.Decode(units[1 : len(units)-1])), true
}

// strong reports whether a password has seven characters of three kinds, as
// the default policy requires (MS-SAMR section 3.1.1.7.2).
func strong(password string) bool {
	kinds := map[string]bool{}
	for _, r := range password {
		switch {
		case unicode.IsLower(r):
			kinds["lower"] = true
		case unicode.IsUpper(r):
			kinds["upper"] = true
		case unicode.IsDigit(r):
			kinds["digit"] = true
		default:
			kinds["other"] = true
		}
	}
	const length, most = 7, 3
	return len([]rune(password)) >= length && len(kinds) >= most
}
