package macro_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/macro"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// TestChoices: only what has a value at the place is offered, with the value of
// the application's own settings.
func TestChoices(t *testing.T) {
	m := manifest()
	m.Endpoints = []abi.Endpoint{{Name: "users", Title: "Users"}}
	for kind, want := range map[string]string{
		macro.KindEndpoint: "last_success parent.NAME now settings.tag settings.greeting macros.day",
		macro.KindWebhook:  "now settings.tag settings.greeting macros.given macros.day macros.first macros.age macros.local",
	} {
		var have []string
		for _, c := range macro.Choices(kind, m, map[string]any{"greeting": "Hi"}) {
			root, _, _ := strings.Cut(strings.ReplaceAll(c.Name, "[", "."), ".")
			if kind == macro.KindWebhook && !slices.Contains(abi.InvokeRoots(), root) && root != abi.RootMacros {
				t.Errorf("a webhook is offered %s", c.Name)
			}
			if kind == macro.KindEndpoint || !slices.Contains([]string{"ad", "manager", "old", "change", "link", "links", "steps"}, root) {
				have = append(have, c.Name)
			}
			if c.Name == "settings.greeting" && c.Example != "Hi" || c.Name == "settings.tag" && c.Example != "staff" {
				t.Errorf("%+v", c)
			}
		}
		if got := strings.Join(have, " "); got != want {
			t.Errorf("%s: %s, want %s", kind, got, want)
		}
	}
	var places []string
	for _, p := range macro.Places("crm", m, "users", "teams") {
		places = append(places, p.Name+" "+p.Kind)
	}
	if got := strings.Join(places, ", "); got != "crm/users endpoint, crm/teams endpoint, crm/w webhook" {
		t.Error(got)
	}
}
