package orchestration

import (
	"slices"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// sampleUser and sampleGroup are objects that do not exist.
var (
	sampleUser = map[string][]string{
		"sAMAccountName": {"anovak"}, "userPrincipalName": {"anovak@example.com"}, "mail": {"ada.novak@example.com"},
		"displayName": {"Ada Novak"}, "givenName": {"Ada"}, "sn": {"Novak"}, "cn": {"Ada Novak"}, "name": {"Ada Novak"},
		"department": {"Sales"}, "company": {"Example"}, "title": {"Account Manager"}, "mobile": {"+420601000000"},
		"telephoneNumber": {"+420200000000"}, "streetAddress": {"Dlouha 1"}, "l": {"Praha"}, "postalCode": {"11000"}, "st": {"Praha"},
		"co": {"Czechia"}, "c": {"CZ"}, "countryCode": {"203"}, "employeeID": {"1017"}, "employeeNumber": {"1017"},
		"userAccountControl": {"512"}, "objectSid": {"S-1-5-21-1004336348-1177238915-682003330-1001"},
		"manager":     {"CN=Max Boss,OU=Staff,DC=example,DC=com"},
		"memberOf":    {"CN=CRM,OU=Groups,DC=example,DC=com"},
		"whenCreated": {"20260105080000.0Z"}, "lastLogonTimestamp": {"134093376000000000"}, "accountExpires": {"0"},
		"pwdLastSet": {"134093376000000000"},
	}
	sampleGroup = map[string][]string{
		"sAMAccountName": {"CRM"}, "cn": {"CRM"}, "name": {"CRM"}, "displayName": {"CRM"}, "description": {"Who may use the CRM"},
		"mail": {"crm@example.com"}, "objectSid": {"S-1-5-21-1004336348-1177238915-682003330-1102"},
		"member": {"CN=Ada Novak,OU=Staff,DC=example,DC=com", "CN=Max Boss,OU=Staff,DC=example,DC=com"},
	}
)

const (
	sampleGUID        = "8f1c2f3e-52a0-4b0c-9d0e-2a5b1c3d4e5f"
	sampleManagerGUID = "1d6a0c57-6b1e-4a5e-8a6e-0f3b9c7d2e41"
	sampleKey         = "4711"
)

// Sample returns values of an object that does not exist, for everything that the
// steps use: it shows what they look like. An orchestration that uses ad.member is
// about a group. Answers of steps are not among them.
func (o *Orchestration) Sample(settings map[string]map[string]any, now time.Time) Values {
	v := Values{
		Settings: settings, Now: now, Password: "initial-password", Change: &Change{Kind: "updated", Attributes: []string{"mail"}},
		Object: o.sample("ad", sampleGUID, "Ada Novak"), Manager: o.sample("manager", sampleManagerGUID, "Max Boss"),
		Old: o.sample("old", sampleGUID, "Ada Novak"),
	}
	for application := range settings {
		v.Links = append(v.Links, Link{Application: application, Key: sampleKey, GUID: sampleGUID, Origin: ident.OriginOutbound})
	}
	for _, s := range o.steps {
		if w := s.Webhook; w != nil && ident.SpaceOf(w.Application, w.LinkKind) != ident.Users(w.Application) {
			v.Links = append(v.Links, Link{
				Application: w.Application, Kind: w.LinkKind, Key: sampleKey, GUID: sampleGUID, Origin: ident.OriginOutbound,
			})
		}
	}
	return v
}

// sample returns an object with all the attributes that are used of it.
func (o *Orchestration) sample(as string, guid ident.GUID, name string) *ident.Entry {
	known, ou := sampleUser, ident.DN("OU=Staff,DC=example,DC=com")
	if slices.ContainsFunc(o.spelled["ad"], func(n string) bool { return text.Same(n, "member") }) && as != "manager" {
		known, ou, name = sampleGroup, "OU=Groups,DC=example,DC=com", "CRM"
	}
	e := &ident.Entry{GUID: guid, DN: ident.DN("CN=" + name + "," + string(ou)), Attributes: ident.Attributes{}}
	for attribute, values := range known {
		e.Attributes.Set(attribute, slices.Clone(values)...)
	}
	if as == "manager" {
		for attribute, value := range map[string]string{
			"sAMAccountName": "mboss", "userPrincipalName": "mboss@example.com", "mail": "max.boss@example.com", "displayName": name,
			"givenName": "Max", "sn": "Boss", "cn": name, "name": name, "title": "Head of Sales",
		} {
			e.Attributes.Set(attribute, value)
		}
	}
	used, _ := o.Attributes(as)
	for _, attribute := range used {
		if attribute != expr.Every && e.Attributes.First(attribute) == "" {
			e.Attributes.Set(attribute, "sample of "+strings.TrimSpace(attribute))
		}
	}
	return e
}
