package fit

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// kindsManifest is of a connector with users and contacts.
func kindsManifest() abi.Manifest {
	m := outboundManifest()
	m.Endpoints = append(m.Endpoints, abi.Endpoint{Name: "persons", Path: "/v2/persons", Key: "/id", Kind: "person"})
	m.Webhooks = append(m.Webhooks,
		abi.Webhook{Name: "get_person", Method: "GET", Path: "/v2/persons/{{ link.key }}", Kind: "person"},
		abi.Webhook{Name: "delete_person", Method: "DELETE", Path: "/v2/persons/{{ link.key }}", Kind: "person"})
	m.Normalize()
	return m
}

// The kind of the records is that of the endpoint, else of the connector's endpoint
// that it calls, else user.
func TestKindOfRecords(t *testing.T) {
	for what, c := range map[string]struct{ endpoint, own, want string }{
		"of the connector":             {"persons", "", "person"},
		"of nobody":                    {"users", "", "user"},
		"of the configuration":         {"persons", `[applications.pipedrive.endpoints.persons]` + "\nkind = \"user\"", "user"},
		"of a new endpoint":            {"leads", `[applications.pipedrive.endpoints.leads]` + "\npath = \"/v1/leads\"\nrecords = \"/data\"\nkey = \"/id\"\nkind = \"lead\"", "lead"},
		"of what a new endpoint calls": {"some", `[applications.pipedrive.endpoints.some]` + "\npath = \"/v2/persons\"\nrecords = \"/data\"\nkey = \"/id\"", "person"},
	} {
		cfg := configured(t, `endpoints   = ["users"]`, `endpoints   = ["`+c.endpoint+`"]`, "[automations.staff]", c.own+"\n[automations.staff]")
		f, wrong := Automation(cfg, "staff", kindsManifest(), time.Now())
		if len(wrong) > 0 || f.Kind != c.want {
			t.Errorf("%s: %q, want %q, %v", what, f.Kind, c.want, wrong)
		}
		if got := KindOf(cfg, "staff", kindsManifest(), time.Now()); got != c.want {
			t.Errorf("%s: KindOf says %q, want %q", what, got, c.want)
		}
		if changed := f.Digest("c0ffee") != "c0ffee"; changed != (c.want != "user") {
			t.Errorf("%s: a plan that was saved for another kind could be applied", what)
		}
	}
}

// The kind of a webhook's link is the one that the configuration says, else that of
// the connector's webhook, also when only the call is the same.
func TestKindOfWebhooks(t *testing.T) {
	for what, c := range map[string]struct{ ref, own, want string }{
		"of the connector":       {"pipedrive/get_person", "", "person"},
		"of nobody":              {"pipedrive/update_user", "", "user"},
		"of its base":            {"mine", "from = \"pipedrive/get_person\"", "person"},
		"of its base, moved":     {"mine", "from = \"pipedrive/get_person\"\npath = \"/v2/persons/{{ link.key }}/files\"", "person"},
		"of the configuration":   {"mine", "from = \"pipedrive/get_person\"\nkind = \"user\"", "user"},
		"of the same call":       {"mine", "application = \"pipedrive\"\nmethod = \"DELETE\"\npath = \"/v2/persons/{{ link.key }}\"", "person"},
		"of a call of one's own": {"mine", "application = \"pipedrive\"\nmethod = \"POST\"\npath = \"/v1/notes\"", "user"},
	} {
		own := ""
		if c.own != "" {
			own = "[webhooks.mine]\n" + c.own + "\n"
		}
		cfg := configured(t, "[automations.staff]", own+"[automations.staff]")
		w, _, err := Webhook(cfg, c.ref, cfg.Automations["staff"].Pos, kindsManifest())
		if err != nil || w.LinkKind != c.want {
			t.Errorf("%s: %q, want %q, %v", what, w.LinkKind, c.want, err)
		}
	}
}

// Which kinds of links an application has is known from its connector and the
// configuration.
func TestKindsThatLinksMayName(t *testing.T) {
	for expression, want := range map[string]string{
		`links["pipedrive/person"] == null`: "",
		`links["pipedrive/lead"] == null`:   "",
		`links["pipedrive/persom"] == null`: `application pipedrive has no links of the kind "persom" (did you mean "person"?)`,
	} {
		got := checkedAgainst(t, kindsManifest(), `[applications.pipedrive.endpoints.leads]
path = "/v1/leads"
records = "/data"
key = "/id"
kind = "lead"
[orchestrations.o]
[[orchestrations.o.steps]]
webhook = "pipedrive/update_user"
if = '`+expression+`'`)
		if (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", expression, got, want)
		}
	}
	cfg := configured(t)
	if got := KindsOf(cfg, "pipedrive", kindsManifest()); !slices.Equal(got, []string{"person", "user"}) {
		t.Errorf("%v", got)
	}
}
