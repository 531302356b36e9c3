package fit

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// outboundManifest is of a connector with webhooks, and limits of its API.
func outboundManifest() abi.Manifest {
	m := abi.Manifest{
		Name: "pipedrive", BaseURL: "https://api.example.com/api", Auth: []abi.AuthProfile{{Kind: abi.AuthAPIKey}},
		Endpoints: []abi.Endpoint{{Name: "users", Path: "/v1/users", Key: "/id"}},
		Webhooks: []abi.Webhook{
			{
				Name: "create_user", Path: "/v1/users", Body: `{"email": "{{ ad.mail }}"}`, LinkKey: "/data/id", Scopes: []string{"admin"}, Rights: []string{"settings"},
				Verify: &abi.Verify{Path: "/v1/users/find", Params: map[string]string{"term": "{{ ad.mail }}"}},
			},
			{Name: "update_user", Method: "PUT", Path: "/v1/users/{{ link.key }}", Body: `{"active_flag": true}`, Repeatable: true, Scopes: []string{"users:full"}},
		},
		Cannot: []abi.Limitation{
			{Operation: "delete a user", Reason: "users are deactivated", Method: "DELETE", Path: "/users/*"},
			{Operation: "change a user", Reason: "only active_flag can be changed", Method: "PUT", Path: "/users/*", Only: []string{"active_flag"}},
		},
	}
	m.Normalize()
	return m
}

// checked returns everything that is wrong with the webhooks and orchestrations
// of the configuration, without the names of files.
func checked(t *testing.T, more string) string {
	t.Helper()
	return checkedAgainst(t, outboundManifest(), more)
}

func checkedAgainst(t *testing.T, m abi.Manifest, more string) string {
	t.Helper()
	cfg := configured(t, "[automations.staff]", more+"\n[automations.staff]")
	manifests := func(application string) (abi.Manifest, bool) { return m, application == "pipedrive" }
	wrong := Webhooks(cfg, manifests)
	for name := range cfg.Orchestrations {
		_, errs := Orchestration(cfg, name, manifests)
		wrong = append(wrong, errs...)
	}
	var lines []string
	for _, err := range wrong {
		line := err.Error()
		if strings.Contains(line, cfg.Files[0]+":") {
			line = strings.ReplaceAll(line, cfg.Files[0]+":", "")
		} else {
			t.Errorf("no place: %s", line)
		}
		if !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

func TestWebhooksAgainstTheManifest(t *testing.T) {
	for name, c := range map[string]struct{ config, want string }{
		"a connector's own":      {"[orchestrations.o]\nsteps = [{ webhook = \"pipedrive/create_user\" }]", ""},
		"one that it lacks":      {"[orchestrations.o]\nsteps = [{ webhook = \"pipedrive/creat_user\" }]", `connector pipedrive has no webhook "creat_user" (did you mean "create_user"?)`},
		"from one that it lacks": {"[webhooks.w]\nfrom = \"pipedrive/updat_user\"", `connector pipedrive has no webhook "updat_user" (did you mean "update_user"?)`},
		"changed":                {"[webhooks.w]\nfrom = \"pipedrive/update_user\"\nbody = '{\"active_flag\": {{ !ad.disabled }}}'", ""},
		"a field that the API cannot change": {
			"[webhooks.w]\nfrom = \"pipedrive/update_user\"\nbody = '{\"name\": {{ ad.cn }}}'",
			"webhook w: the API of connector pipedrive cannot do this (change a user): only active_flag can be changed",
		},
		"a call that the API does not have": {
			"[webhooks.w]\napplication = \"pipedrive\"\nmethod = \"DELETE\"\npath = \"/v1/users/{{ link.key }}\"",
			"webhook w: the API of connector pipedrive cannot do this (delete a user): users are deactivated",
		},
		"elsewhere without verify": {
			"[webhooks.w]\nfrom = \"pipedrive/create_user\"\npath = \"/v2/users\"",
			"webhook w: it calls something else than pipedrive/create_user, whose verify looks for what that one makes: set verify too",
		},
		"elsewhere, repeatable or not": {
			"[webhooks.w]\nfrom = \"pipedrive/update_user\"\npath = \"/v2/users\"", "say with repeatable whether this may be, too",
		},
		"elsewhere with verify": {"[webhooks.w]\nfrom = \"pipedrive/create_user\"\npath = \"/v2/users\"\nverify = { path = \"/v2/users/find\" }", ""},
		"no JSON with the manifest's type": {
			"[webhooks.w]\nfrom = \"pipedrive/create_user\"\nbody = '''\n{\"a\":\n x}'''", ":2: the body is no JSON",
		},
		"password for nobody": {"[webhooks.w]\nfrom = \"pipedrive/create_user\"\n[orchestrations.o]\nsteps = [{ webhook = \"w\", if = 'settings.x == 1' }]", `unknown field x`},
	} {
		got := checked(t, c.config)
		if !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s: got  %s\nwant %s", name, got, c.want)
		}
	}
}

// TestNeedsOfWebhooks: what steps call is needed, with the scopes and rights of
// the same call in the manifest.
func TestNeedsOfWebhooks(t *testing.T) {
	cfg := configured(t, "[automations.staff]", `
[webhooks.own]
application = "pipedrive"
method = "PUT"
path = "/v1/users/{{ link.key }}"
body = '{"active_flag": false}'
[webhooks.strange]
application = "pipedrive"
path = "/v1/strange"
[webhooks.unused]
from = "pipedrive/create_user"
[orchestrations.o]
steps = [{ webhook = "own" }, { webhook = "strange" }, { webhook = "pipedrive/create_user" }, { webhook = "own" }]
[automations.staff]`)
	var got []string
	for _, n := range Needs(cfg, cfg.Applications["pipedrive"], outboundManifest(), time.Time{}) {
		got = append(got, fmt.Sprint(n.Use, " ", n.Method, " ", n.Path, " ", n.Known, " ", n.Scopes, n.Rights))
	}
	want := []string{
		"endpoint users GET /v1/users true [] []",
		"webhook own PUT /v1/users/{{ link.key }} true [users:full] []",
		"webhook pipedrive/create_user POST /v1/users true [admin] [settings]",
		"webhook strange POST /v1/strange false [] []",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
