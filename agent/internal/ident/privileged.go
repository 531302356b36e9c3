package ident

import (
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// PrivilegedGroup is a group whose members control the domain, or can gain
// control of it.
type PrivilegedGroup struct {
	Name string // in English; Windows translates it and people rename it
	// RID is the last part of the group's SID and the same in every domain; ""
	// for a group that is only known by its name.
	RID string
	// Builtin distinguishes a group of S-1-5-32 from one of the domain.
	Builtin bool
}

// PrivilegedGroups lists the groups whose members must never be touched, and
// which nobody is ever added to. Where they come from:
//
//   - the groups that SDProp guards: MS-ADTS section 3.1.1.6.1;
//   - the SIDs: MS-DTYP section 2.4.2.4 and "Active Directory security groups"
//     at learn.microsoft.com, which also says what each of them may do;
//   - the groups of Exchange, with rights over the whole domain: "Exchange 2013
//     deployment permissions reference" at learn.microsoft.com;
//   - ESX Admins, whose members rule every ESXi host that joined the domain,
//     domain controllers on it included: CVE-2024-37085.
//
// Left out are groups that hold everybody or computers only (Users, Guests,
// Pre-Windows 2000 Compatible Access, RAS and IAS Servers, Windows
// Authorization Access Group) and those that can read and measure only (Event
// Log Readers, Performance Monitor Users).
var PrivilegedGroups = []PrivilegedGroup{
	{Name: "Administrators", RID: "544", Builtin: true},
	{Name: "Account Operators", RID: "548", Builtin: true},
	{Name: "Server Operators", RID: "549", Builtin: true},
	{Name: "Print Operators", RID: "550", Builtin: true},
	{Name: "Backup Operators", RID: "551", Builtin: true},
	{Name: "Replicator", RID: "552", Builtin: true},
	{Name: "Remote Desktop Users", RID: "555", Builtin: true},            // logs on to domain controllers
	{Name: "Network Configuration Operators", RID: "556", Builtin: true}, // CVE-2025-21293
	{Name: "Incoming Forest Trust Builders", RID: "557", Builtin: true},
	{Name: "Distributed COM Users", RID: "562", Builtin: true},
	{Name: "Cryptographic Operators", RID: "569", Builtin: true},
	{Name: "Certificate Service DCOM Access", RID: "574", Builtin: true},
	{Name: "Hyper-V Administrators", RID: "578", Builtin: true},
	{Name: "Remote Management Users", RID: "580", Builtin: true},
	{Name: "Storage Replica Administrators", RID: "582", Builtin: true},

	{Name: "Enterprise Read-only Domain Controllers", RID: "498"},
	{Name: "Domain Admins", RID: "512"},
	{Name: "Domain Controllers", RID: "516"},
	{Name: "Cert Publishers", RID: "517"},
	{Name: "Schema Admins", RID: "518"},
	{Name: "Enterprise Admins", RID: "519"},
	{Name: "Group Policy Creator Owners", RID: "520"},
	{Name: "Read-only Domain Controllers", RID: "521"},
	{Name: "Cloneable Domain Controllers", RID: "522"},
	{Name: "Key Admins", RID: "526"},
	{Name: "Enterprise Key Admins", RID: "527"},

	{Name: "DnsAdmins"},
	{Name: "Organization Management"},
	{Name: "Exchange Windows Permissions"},
	{Name: "Exchange Trusted Subsystem"},
	{Name: "Exchange Servers"},
	{Name: "Exchange Enterprise Servers"}, // of Exchange 2003
	{Name: "Exchange Domain Servers"},     // of Exchange 2003
	{Name: "ESX Admins"},
}

const (
	builtinDomain = "S-1-5-32-"
	domainPrefix  = "S-1-5-21-"
)

// PrivilegedSID returns the name of the privileged group with that SID, in any
// domain of the forest; "" when no group with a fixed SID has it.
func PrivilegedSID(sid string) string {
	builtin := strings.HasPrefix(sid, builtinDomain)
	if !builtin && !strings.HasPrefix(sid, domainPrefix) {
		return ""
	}
	rid := sid[strings.LastIndexByte(sid, '-')+1:]
	for _, g := range PrivilegedGroups {
		if g.RID == rid && g.Builtin == builtin {
			return g.Name
		}
	}
	return ""
}

// PrivilegedName reports whether a privileged group has that English name.
func PrivilegedName(name string) bool {
	for _, g := range PrivilegedGroups {
		if text.Same(g.Name, name) {
			return true
		}
	}
	return false
}

// SID returns the SID that the group has in a domain; "" when it has no fixed
// one.
func (g PrivilegedGroup) SID(domain string) string {
	switch {
	case g.RID == "":
		return ""
	case g.Builtin:
		return builtinDomain + g.RID
	}
	return domain + "-" + g.RID
}
