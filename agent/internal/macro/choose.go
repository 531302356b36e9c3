package macro

import (
	"fmt"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/outbound"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Choice is something that may stand between {{ and }}.
type Choice struct {
	Name    string `json:"name"`
	Type    string `json:"type,omitempty"`
	Meaning string `json:"meaning,omitempty"`
	Example string `json:"example,omitempty"`
}

// Place is a place whose templates have names of their own.
type Place struct {
	Name string `json:"name"` // APPLICATION/ENDPOINT or APPLICATION/WEBHOOK
	Kind string `json:"kind"` // endpoint or webhook
	What string `json:"what,omitempty"`
}

// The kinds of places.
const (
	KindEndpoint = "endpoint"
	KindWebhook  = "webhook"
)

// Places lists the endpoints and webhooks of an application whose connector has
// a manifest. more are endpoints that the configuration adds.
func Places(application string, m abi.Manifest, more ...string) []Place {
	var out []Place
	for _, e := range m.Endpoints {
		out = append(out, Place{application + "/" + e.Name, KindEndpoint, e.Title})
	}
	slices.Sort(more)
	for _, name := range more {
		if _, known := m.Endpoint(name); !known {
			out = append(out, Place{application + "/" + name, KindEndpoint, "of the configuration"})
		}
	}
	for _, w := range m.Webhooks {
		out = append(out, Place{application + "/" + w.Name, KindWebhook, w.Title})
	}
	return out
}

// Choices lists what may stand in a template at a place. Settings have the
// values of the application.
func Choices(kind string, m abi.Manifest, settings map[string]any) []Choice {
	var out []Choice
	base := expr.NewScope(abi.InvokeRoots()...)
	if kind == KindEndpoint {
		base = expr.NewScope(abi.FetchRoots()...)
		out = append(out,
			Choice{"last_success", "time", "the start of the last good run; null before the first one", ""},
			Choice{"parent.NAME", "any", "a field of the record that a dependent endpoint is called for", ""})
	} else {
		out = append(out, objectChoices()...)
	}
	out = append(out, Choice{"now", "time", "the time of the call", `{{ format_date(now, "yyyy-MM-dd") }}`})
	for _, s := range m.Settings {
		one := Choice{"settings." + s.Name, string(s.Type), s.Title, ""}
		if s.Description != "" {
			one.Meaning = s.Description
		}
		if v, set := settings[s.Name]; set {
			one.Example = fmt.Sprint(v)
		} else if s.Default != nil {
			one.Example = fmt.Sprint(s.Default)
		}
		out = append(out, one)
	}
	for _, one := range m.Macros {
		if _, err := outbound.CompileMacro(base, one); err == nil {
			out = append(out, Choice{RootName(one.Name), "", one.Description + " (" + one.Expression + ")", one.Example})
		}
	}
	return out
}

// RootName returns the name by which templates use a macro.
func RootName(name string) string { return abi.RootMacros + "." + name }

// objectChoices lists what a webhook knows of the object that it is about.
func objectChoices() []Choice {
	attributes := []Choice{
		{"ad.sAMAccountName", "string", "the logon name", "anovak"},
		{"ad.userPrincipalName", "string", "the logon name with its domain", "anovak@example.com"},
		{"ad.mail", "string", "the mail address", "ada.novak@example.com"},
		{"ad.displayName", "string", "the name as it is shown", "Ada Novak"},
		{"ad.givenName", "string", "the given name", "Ada"},
		{"ad.sn", "string", "the family name", "Novak"},
		{"ad.cn", "string", "the common name; of a group its name", "Ada Novak"},
		{"ad.department", "string", "the department", "Sales"},
		{"ad.title", "string", "the job title", "Account Manager"},
		{"ad.mobile", "string", "the mobile number", "+420 601 000 000"},
		{"ad.memberOf", "list", "the DNs of the groups that it is in", `{{ any(ad.memberOf, # contains "CN=CRM,") }}`},
		{"ad.member", "list", "of a group, the DNs of its members", "{{ count(ad.member) }}"},
	}
	return append(attributes,
		Choice{"ad.ATTRIBUTE", "any", "any attribute, by its LDAP name; one of several values is a list", ""},
		Choice{"ad.dn", "string", "the distinguished name", "CN=Ada Novak,OU=Staff,DC=example,DC=com"},
		Choice{"ad.ou", "string", "the DN of the container", "OU=Staff,DC=example,DC=com"},
		Choice{"ad.disabled", "bool", "whether the account is disabled", "false"},
		Choice{"ad.locked", "bool", "whether the account is locked out", "false"},
		Choice{"ad.objectGUID", "string", "the id that never changes", "8f1c2f3e-52a0-4b0c-9d0e-2a5b1c3d4e5f"},
		Choice{"ad.objectSid", "string", "the security identifier", "S-1-5-21-1004336348-1177238915-682003330-1001"},
		Choice{"manager.ATTRIBUTE", "any", "the same of the object that ad.manager names; null without one", "{{ manager.mail }}"},
		Choice{"old.ATTRIBUTE", "any", "the same before the change; null where nothing has changed", "{{ old.mail }}"},
		Choice{"change.kind", "string", "what has happened: of what the automation asks for, the first", "disabled"},
		Choice{"change.kinds", "list", "all that has happened at once", `{{ "moved" in change.kinds }}`},
		Choice{"change.attributes", "list", "the attributes that have changed", `{{ "mail" in change.attributes }}`},
		Choice{"change.group.name", "string", "of a membership, the group; null otherwise", "CRM"},
		Choice{"change.group.dn", "string", "its distinguished name", "CN=CRM,OU=Groups,DC=example,DC=com"},
		Choice{"change.group.objectGUID", "string", "its id that never changes", "8f1c2f3e-52a0-4b0c-9d0e-2a5b1c3d4e5f"},
		Choice{"link.key", "string", "the key of the object in this application; null where it is not linked", "4711"},
		Choice{"links.APPLICATION.key", "string", "its key as a user of another application", "{{ links.infobip.key }}"},
		Choice{`links["APPLICATION/KIND"].key`, "string", "its key as a record of another kind", `{{ links["pipedrive/person"].key }}`},
		Choice{"steps.NAME.response", "any", "the answer of an earlier step of the orchestration", "{{ steps.find.response.data.id }}"},
		Choice{"steps.NAME.status", "int", "the status of its answer", "200"},
		Choice{"steps.NAME.error", "string", "why it failed", ""},
	)
}
