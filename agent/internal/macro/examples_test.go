package macro_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/macro"
)

// TestExamplesOfAnObject: the values that the names have for it, cut for people, and
// the attributes that nobody has listed; no password.
func TestExamplesOfAnObject(t *testing.T) {
	m := manifest()
	choices := macro.Choices(macro.KindWebhook, m, map[string]any{"greeting": "Hi"})
	spelled := macro.Spelled(m, choices)
	if !slices.Contains(spelled["ad"], "givenName") || slices.Contains(spelled["ad"], "ATTRIBUTE") {
		t.Errorf("%v", spelled)
	}
	out := macro.WithExamples(m, choices, map[string]any{
		"ad": map[string]any{
			"cn": "Ada Novak", "givenname": "Ada", "givenName": "Ada", "memberOf": []any{"CN=A", "CN=B"}, "info": "a\nb" + strings.Repeat("x", 100),
			"ms-mcs-admpwd": "s3cret", "mslaps-password": "s3cret", "disabled": false, "employeeid": "17",
		},
		"manager": nil, "old": nil, "change": nil, "link": map[string]any{"key": "4711"}, "links": map[string]any{}, "steps": map[string]any{},
		"settings": map[string]any{"greeting": "Hi", "tag": "staff"}, "now": now,
	})
	have := map[string]string{}
	for _, c := range out {
		if _, twice := have[strings.ToLower(c.Name)]; twice {
			t.Errorf("%s is there twice", c.Name)
		}
		have[strings.ToLower(c.Name)] = c.Example
		if strings.Contains(c.Example, "s3cret") {
			t.Errorf("%s shows %s", c.Name, c.Example)
		}
	}
	for name, want := range map[string]string{
		"ad.givenname": "Ada", "ad.memberof": "2: CN=A; CN=B", "ad.mail": "(no value)", "manager.attribute": "{{ manager.mail }}",
		"link.key": "4711", "macros.given": "Ada", "settings.tag": "staff", "ad.employeeid": "17", "ad.disabled": "false",
		"ad.info": "a b" + strings.Repeat("x", 57) + " ...", "ad.mslaps-password": "(not shown)",
		"macros.local": "(not shown)",
	} {
		if have[name] != want {
			t.Errorf("%s: %q, want %q", name, have[name], want)
		}
	}
}
