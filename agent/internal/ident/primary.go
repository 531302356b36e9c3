package ident

import "strings"

// PrimaryGroup returns the SID of the group that an account is in without being
// among its members: memberOf leaves it out, and AD refuses to add it. "" when
// it is not known.
func PrimaryGroup(account Entry) string {
	rid, sid := account.Attributes.First("primaryGroupID"), account.Attributes.First("objectSid")
	if rid == "" || sid == "" {
		return ""
	}
	return sid[:strings.LastIndexByte(sid, '-')+1] + rid
}

// IsDomainUsers tells whether a SID is that of the group Domain Users (MS-DTYP
// section 2.4.2.4), the primary group of every account that is made.
func IsDomainUsers(sid string) bool {
	return strings.HasPrefix(sid, "S-1-5-21-") && strings.HasSuffix(sid, "-513")
}
