package ident

import "testing"

func TestPrivilegedSID(t *testing.T) {
	const domain = "S-1-5-21-1004336348-1177238915-682003330"
	for sid, want := range map[string]string{
		"S-1-5-32-544": "Administrators", "S-1-5-32-548": "Account Operators", "S-1-5-32-549": "Server Operators",
		"S-1-5-32-550": "Print Operators", "S-1-5-32-551": "Backup Operators", "S-1-5-32-552": "Replicator",
		"S-1-5-32-555": "Remote Desktop Users", "S-1-5-32-557": "Incoming Forest Trust Builders",
		"S-1-5-32-562": "Distributed COM Users", "S-1-5-32-569": "Cryptographic Operators",
		"S-1-5-32-574": "Certificate Service DCOM Access", "S-1-5-32-578": "Hyper-V Administrators",
		"S-1-5-32-580":  "Remote Management Users",
		domain + "-498": "Enterprise Read-only Domain Controllers", domain + "-512": "Domain Admins",
		domain + "-516": "Domain Controllers", domain + "-517": "Cert Publishers", domain + "-518": "Schema Admins",
		domain + "-519": "Enterprise Admins", domain + "-520": "Group Policy Creator Owners",
		domain + "-521": "Read-only Domain Controllers", domain + "-526": "Key Admins", domain + "-527": "Enterprise Key Admins",
		// Everybody is in these.
		"S-1-5-32-545": "", "S-1-5-32-546": "", "S-1-5-32-554": "", domain + "-513": "", domain + "-514": "", domain + "-515": "",
		// The same numbers elsewhere mean nothing.
		"S-1-5-32-512": "", domain + "-544": "", domain + "-1512": "", "S-1-1-0": "", "S-1-5-11": "", "": "",
	} {
		if got := PrivilegedSID(sid); got != want {
			t.Errorf("%s is %q, want %q", sid, got, want)
		}
	}
	for _, g := range PrivilegedGroups {
		if sid := g.SID(domain); sid != "" && PrivilegedSID(sid) != g.Name {
			t.Errorf("%s has the SID %s, which is %q", g.Name, sid, PrivilegedSID(sid))
		}
	}
}

func TestPrivilegedName(t *testing.T) {
	for name, want := range map[string]bool{
		"DnsAdmins": true, "dnsadmins": true, "Organization Management": true, "Exchange Windows Permissions": true,
		"Exchange Trusted Subsystem": true, "Domain Admins": true, "Domain Users": false, "": false,
	} {
		if got := PrivilegedName(name); got != want {
			t.Errorf("%q: %t", name, got)
		}
	}
}
