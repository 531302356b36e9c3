package main

import (
	"encoding/json"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

// someMapping has people of every kind: in scope, with what can become of an
// attribute, out of scope, undecided, left out and without a usable record.
func someMapping() service.TestMappingAnswer {
	raw := func(text string) json.RawMessage { return json.RawMessage(text) }
	part := func(text, value string) service.MappedPart {
		return service.MappedPart{Text: text, State: "present", Value: raw(value)}
	}
	active := func(truth, value string, decides bool) service.MappedCondition {
		return service.MappedCondition{Text: "user.active", Truth: truth, Decisive: decides, Reads: []service.MappedPart{part("user.active", value)}}
	}
	absent := service.MappedCondition{
		Text: "user.country == \"NL\"", Truth: "undecided", Decisive: true, Cause: "user.country is absent",
		Next:  "supply the field at the source, or let the filter say what its absence means: default(user.country, ...)",
		Reads: []service.MappedPart{{Text: "user.country", State: "absent"}},
	}
	fault := service.MappedFault{About: "sn", Cause: "conf.d/staff.toml:9:8: sn: no value: user.last is null", Next: "supply it at the source, or correct the expression"}
	return service.TestMappingAnswer{
		DataSource: "staff", Application: "pipedrive", Automation: "joiners", Others: []string{"leavers"}, Directory: true,
		Records: []service.Mapped{
			{
				Key: "7", Scope: service.ScopeIn, Conditions: []service.MappedCondition{active("true", "true", false)},
				Account: &service.MappedAccount{DN: "CN=Ada Novak,OU=Staff,DC=example,DC=com", By: "link"}, OU: "OU=Staff,DC=example,DC=com",
				Groups: []ident.DN{"CN=CRM,OU=Groups,DC=example,DC=com"},
				Attributes: []service.MappedAttribute{
					{Name: "displayName", Values: []string{"Ada Novak"}, Apply: ident.ApplyAlways, Forms: []service.MappedForm{
						{Source: "{{ trim(user.name) }}", Place: "conf.d/staff.toml:7:17", State: "present", Value: raw(`"Ada Novak"`), Parts: []service.MappedPart{part("user.name", `" Ada <Novak>"`)}},
					}},
					{Name: "sAMAccountName", Apply: ident.ApplyCreate, Unique: "domain", Keeps: "it is written with the account's creation only", Forms: []service.MappedForm{
						{Source: "ada{{ random_digits(2) }}", Place: "conf.d/staff.toml:8:20", State: "present", Value: raw(`"ada42"`), Changes: true, Parts: []service.MappedPart{part("random_digits(2)", `"42"`)}},
					}},
					{Name: "manager", Values: []string{"12", "13"}, Names: []service.MappedName{
						{Key: "12", DN: "CN=Bo,OU=Staff,DC=example,DC=com"}, {Key: "13", Cause: "no account is linked to that key"},
					}, Forms: []service.MappedForm{{Source: "{{ user.boss }}", State: "present", Value: raw("[12,13]")}}},
					{Name: "title", Clear: true, Forms: []service.MappedForm{{Source: "user.title", State: "null", Cause: "user.title is null", Value: raw("null")}}},
					{Name: "company", Values: []string{"ACME"}, Forms: []service.MappedForm{
						{Source: "{{ user.company }}", State: "absent", Cause: "user.company is absent"}, {Source: "ACME", State: "present", Value: raw(`"ACME"`), Default: true},
					}},
					{Name: "proxyAddresses", Add: true, Values: []string{"SMTP:ada@example.com"}, Apply: ident.ApplyIfEmpty, Unique: "forest", Unchecked: true},
				},
			},
			{Key: "8", Scope: service.ScopeOut, Conditions: []service.MappedCondition{active("false", "false", true)}},
			{Key: "9", Scope: service.ScopeUndecided, Conditions: []service.MappedCondition{active("true", "true", false), absent}, Quarantine: []service.MappedFault{fault}},
			{
				Key: "10", Scope: service.ScopeIn, Quarantine: []service.MappedFault{fault},
				Attributes: []service.MappedAttribute{{Name: "sn", Fault: &fault, Forms: []service.MappedForm{{Source: "user.last", State: "error", Cause: "user.last is null"}}}},
			},
			{Key: "11", Scope: service.ScopeUndecided, LeftOut: `endpoint hr has no record with this key, and join = "inner" leaves out who has none`},
		},
		Notes: []string{"key 99: pipedrive has no record with this key"},
	}
}
