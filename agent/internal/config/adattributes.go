package config

import (
	"fmt"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// commonAttributes lists the user attributes that people map: those of AD's own
// schema, of POSIX and of Exchange. A directory may have others; its schema is
// read when the agent connects.
const commonAttributes = `
accountExpires altRecipient altSecurityIdentities assistant audio businessCategory c carLicense cn co codePage comment company countryCode
department departmentNumber description desktopProfile destinationIndicator directReports displayName displayNamePrintable division
employeeID employeeNumber employeeType extensionName facsimileTelephoneNumber gecos generationQualifier gidNumber givenName homeDirectory
homeDrive homePhone homePostalAddress houseIdentifier info initials internationalISDNNumber ipPhone jpegPhoto l labeledURI
legacyExchangeDN localeID lockoutTime loginShell logonHours mail mailNickname manager middleName mobile msDS-PhoneticCompanyName
msDS-PhoneticDepartment msDS-PhoneticDisplayName msDS-PhoneticFirstName msDS-PhoneticLastName msExchHideFromAddressLists
msExchUsageLocation msNPAllowDialin msRTCSIP-PrimaryUserAddress msSFU30NisDomain netbootSIFFile networkAddress o
otherFacsimileTelephoneNumber otherHomePhone otherIpPhone otherLoginWorkstations otherMailbox otherMobile otherPager otherTelephone ou
pager personalTitle photo physicalDeliveryOfficeName postalAddress postalCode postOfficeBox preferredDeliveryMethod preferredLanguage
preferredOU primaryInternationalISDNNumber primaryTelexNumber profilePath proxyAddresses registeredAddress roomNumber sAMAccountName
scriptPath secretary seeAlso serialNumber servicePrincipalName showInAddressBook shadowExpire shadowLastChange sn st street streetAddress
targetAddress telephoneAssistant telephoneNumber teletexTerminalIdentifier telexNumber textEncodedORAddress thumbnailLogo thumbnailPhoto
title uid uidNumber unixHomeDirectory unixUserPassword url userAccountControl userCertificate userPKCS12 userPrincipalName
userSharedFolder userSharedFolderOther userSMIMECertificate userWorkstations wWWHomePage x121Address`

// otherNames maps the names that other systems and AD's own tools use to those
// of AD.
var otherNames = map[string]string{
	"address": "streetAddress", "cellphone": "mobile", "city": "l", "country": "co", "countrycode2": "c", "email": "mail",
	"emailaddress": "mail", "e-mail": "mail", "familyname": "sn", "fax": "facsimileTelephoneNumber", "firstname": "givenName",
	"fullname": "displayName", "jobtitle": "title", "lastname": "sn", "locality": "l", "login": "sAMAccountName",
	"logonname": "sAMAccountName", "mobilephone": "mobile", "name": "displayName", "office": "physicalDeliveryOfficeName",
	"organization": "company", "phone": "telephoneNumber", "phonenumber": "telephoneNumber", "position": "title", "state": "st",
	"surname": "sn", "telephone": "telephoneNumber", "upn": "userPrincipalName", "username": "sAMAccountName",
	"website": "wWWHomePage", "zip": "postalCode", "zipcode": "postalCode",
}

// warnStrangeAttribute warns when no common attribute of a user has that name.
// It is not an error: a schema can be extended, and the directory has the last
// word once the agent is connected.
func (l *loader) warnStrangeAttribute(at path, name string, place Pos) {
	folded := text.Lower(name)
	known := strings.Fields(commonAttributes)
	for i := range 20 {
		known = append(known, fmt.Sprintf("msDS-cloudExtensionAttribute%d", i+1))
		if i < 15 {
			known = append(known, fmt.Sprintf("extensionAttribute%d", i+1))
		}
	}
	for _, k := range known {
		if text.Lower(k) == folded {
			return
		}
	}
	hint := suggest(name, known)
	if other, ok := otherNames[folded]; ok {
		hint = fmt.Sprintf("did you mean %q?", other)
	}
	if hint == "" {
		hint = "right if your schema has it: `rollcall validate --online` looks"
	} else {
		hint += " it is right if your schema has it"
	}
	l.warnings = append(l.warnings, Warning{
		Pos: place, Key: at.String(), Message: fmt.Sprintf("%s is no attribute that AD has for users by itself", name), Hint: hint,
	})
}
