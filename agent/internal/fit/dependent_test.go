package fit

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// What becomes of an endpoint that is called for each record of another: what is fetched of
// it and of its parents, and what is wrong about it.
func TestDependentEndpoints(t *testing.T) {
	for name, c := range map[string]struct{ endpoints, own, title, lead, fields, wrong, warns string }{
		"one's own": {
			`"users", "grants"`, "[applications.pipedrive.endpoints.grants]\nfor_each = \"users\"\npath = \"/v1/of/{{ parent.email }}\"\nheaders = { x = \"{{ parent.name }}\" }\nkey = \"{{ parent.id }}\"",
			"endpoints.grants.level", "email id name", "level", "", "",
		},
		"in a body": {
			`"users", "grants"`, "[applications.pipedrive.endpoints.grants]\nfor_each = \"users\"\nmethod = \"POST\"\npath = \"/v1/of\"\nbody = '{\"of\": {{ parent.email }}}'",
			"endpoints.grants.level", "email id name", "level", "", "",
		},
		"of a further endpoint": {
			`"users", "grants", "hr"`, "[applications.pipedrive.endpoints.grants]\nfor_each = \"hr\"\npath = \"/v1/of/{{ parent.grade }}\"",
			"endpoints.grants.level", "id name", "level", "", "",
		},
		"the connector's, of changes": {
			`"users", "news"`, "[applications.pipedrive.endpoints.news]\nfor_each = \"users\"\npath = \"/v1/news/{{ parent.id }}\"",
			"endpoints.news.title", "id name", "title", "", "",
		},
		"with an unknown field": {
			`"users", "hr"`, "[applications.pipedrive.endpoints.hr]\nfor_each = \"users\"\npath = \"/v1/hr/{{ parent.id }}\"",
			"endpoints.hr.titel", "id name", "titel", "", `uses endpoints.hr.titel, which connector pipedrive does not list`,
		},
		"an unknown field of the parent": {
			`"users", "grants"`, "[applications.pipedrive.endpoints.grants]\nfor_each = \"users\"\npath = \"/v1/of/{{ parent.emial }}\"",
			"endpoints.grants.level", "emial id name", "level", "", `agent.toml:34:19: warning: endpoint grants uses parent.emial, which connector pipedrive does not list for endpoint users (did you mean "parent.email"?)`,
		},
		"a derived field of the parent": {
			`"users", "grants", "hr"`, "[applications.pipedrive.endpoints.grants]\nfor_each = \"hr\"\npath = \"/v1/of/{{ parent.level }}\"",
			"endpoints.grants.level", "", "", "agent.toml:34:19: endpoint grants uses parent.level, which connector pipedrive derives from other fields: parent has what the API sends", "",
		},
		"the whole parent": {
			`"users", "grants"`, "[applications.pipedrive.endpoints.grants]\nfor_each = \"users\"\npath = \"/v1/of/{{ json(parent) }}\"",
			"endpoints.grants.level", "", "", "a template uses parent as a whole; name a field: parent.NAME", "",
		},
		"the same by a macro": {
			`"users", "grants"`, "[applications.pipedrive.endpoints.grants]\nfor_each = \"users\"\npath = \"/v1/of/{{ macros.today }}\"",
			"endpoints.grants.level", "", "", "no template of its request names parent", "",
		},
		"by a macro": {
			`"users", "grants"`, "[applications.pipedrive.endpoints.grants]\nfor_each = \"users\"\npath = \"/v1/of/{{ macros.who }}\"",
			"endpoints.grants.level", "email id name", "level", "", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := joinManifest()
			m.Macros = []abi.Macro{{Name: "today", Expression: "upper('x')"}, {Name: "who", Expression: "parent.email"}}
			cfg := configured(t, `endpoints   = ["users"]`, "endpoints = ["+c.endpoints+"]",
				"[data_sources.people.attributes]", "[data_sources.people.attributes]\ntitle = \"{{ "+c.title+" }}\"", "[automations.staff]", c.own+"\n[automations.staff]")
			f, wrong := Automation(cfg, "staff", m, time.Now())
			if c.wrong != "" {
				if len(wrong) != 1 || !strings.Contains(wrong[0].Error(), c.wrong) {
					t.Fatalf("%v, want %s", wrong, c.wrong)
				}
				return
			}
			if len(wrong) > 0 || len(f.Joined) == 0 {
				t.Fatal(wrong, f.Joined)
			}
			if got := strings.Join(f.Fields(), " "); got != c.lead {
				t.Errorf("fields of the first endpoint: %s", got)
			}
			j := f.Joined[0]
			if got := strings.Join(f.FieldsOf(j), " "); got != c.fields || j.Endpoint.Each == nil || j.Endpoint.Mode == abi.ModeChanges {
				t.Errorf("fields %s, %+v", got, j.Endpoint)
			}
			if len(f.Joined) > 1 && !slices.Contains(f.FieldsOf(f.Joined[1]), "grade") {
				t.Errorf("fields of the parent: %v", f.FieldsOf(f.Joined[1]))
			}
			if all := strings.Join(f.Warnings, "\n"); !strings.Contains(all, c.warns) || c.warns == "" && all != "" {
				t.Errorf("warnings: %s", all)
			}
			if _, err := Endpoint(cfg, cfg.Applications["pipedrive"], j.Endpoint.Name, m); err == nil || !strings.Contains(err.Error(), "cannot be called alone") {
				t.Errorf("alone: %v", err)
			}
		})
	}
}
