package ident

import "strconv"

// AccountDisable is ADS_UF_ACCOUNTDISABLE, the bit of userAccountControl that
// says an account is disabled (MS-ADTS section 2.2.16).
const AccountDisable = 0x2

// NormalUser is the sAMAccountType of user accounts, which groups, computers
// and trusts do not have (MS-SAMR section 2.2.1.9, SAM_NORMAL_USER_ACCOUNT).
const NormalUser = "805306368"

// Off says why an account is kept disabled although the record of its person is
// delivered and in scope. The words are the keys of the configuration that say so.
type Off string

// The reasons.
const (
	OffNotYet Off = "enable_when"  // it does not hold yet
	OffEnded  Off = "disable_when" // it holds
)

// Disabled reports whether an account is disabled, and whether that is known. It
// is not known when userAccountControl was not read or is not a number; disabled
// is false then.
func (e Entry) Disabled() (disabled, known bool) {
	flags, err := strconv.ParseInt(e.Attributes.First("userAccountControl"), 10, 64)
	if err != nil {
		return false, false
	}
	return flags&AccountDisable != 0, true
}
