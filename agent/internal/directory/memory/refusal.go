package memory

import (
	"fmt"

	"github.com/go-ldap/ldap/v3"
)

// refusal is an answer other than success: the result code, and the Windows
// code at the beginning of a domain controller's text.
type refusal struct {
	code int
	text string
}

func (r *refusal) Error() string { return fmt.Sprintf("%s (%d)", r.text, r.code) }

func refuse(code int, format string, args ...any) *refusal {
	return &refusal{code, fmt.Sprintf(format, args...)}
}

// The following functions return refusals with the texts of Samba 4.17.
func noSuchObject(dn string) *refusal {
	return refuse(ldap.LDAPResultNoSuchObject, "00002030: No such object: %s", dn)
}

func nameExists(dn string) *refusal {
	return refuse(ldap.LDAPResultEntryAlreadyExists, "00002071: Entry %s already exists", dn)
}

func accountNameTaken(name string) *refusal {
	return refuse(ldap.LDAPResultEntryAlreadyExists, "00002071: sAMAccountName '%s' already in use!", name)
}

func unknownAttribute(name string) *refusal {
	return refuse(ldap.LDAPResultNoSuchAttribute, "0000200A: attribute '%s' was not found in the schema!", name)
}

func noValue(name string) *refusal {
	return refuse(ldap.LDAPResultNoSuchAttribute, "0000200A: attribute '%s' has no such value", name)
}

func badValue(name string) *refusal {
	return refuse(ldap.LDAPResultInvalidAttributeSyntax, "0000200B: attribute '%s' contains at least one invalid value!", name)
}

func severalValues(name string) *refusal {
	return refuse(ldap.LDAPResultConstraintViolation, "0000202F: attribute '%s' is single-valued!", name)
}

func constraint(format string, args ...any) *refusal {
	return refuse(ldap.LDAPResultConstraintViolation, "0000202F: "+format, args...)
}

func unwilling(format string, args ...any) *refusal {
	return refuse(ldap.LDAPResultUnwillingToPerform, "00002035: "+format, args...)
}

func denied(format string, args ...any) *refusal {
	return refuse(ldap.LDAPResultInsufficientAccessRights, "00002098: "+format, args...)
}
