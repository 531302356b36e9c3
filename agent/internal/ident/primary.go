package ident

import "strings"

// PrimaryGroup returns the SID of an account's primary group; "" when it is not
// known. The account is in that group without being among its members: memberOf
// leaves it out, and AD refuses to add the account to it.
func PrimaryGroup(account Entry) string {
	rid, sid := account.Attributes.First("primaryGroupID"), account.Attributes.First("objectSid")
	if rid == "" || sid == "" {
		return ""
	}
	return sid[:strings.LastIndexByte(sid, '-')+1] + rid
}

// IsDomainUsers reports whether a SID is that of the group Domain Users (MS-DTYP
// section 2.4.2.4), the primary group of every new account.
func IsDomainUsers(sid string) bool {
	return strings.HasPrefix(sid, "S-1-5-21-") && strings.HasSuffix(sid, "-513")
}
