package fit

import (
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// TestWhatAConnectorSendsBack: only the manifest shows what its webhooks send.
func TestWhatAConnectorSendsBack(t *testing.T) {
	const more = `
[orchestrations.tell]
steps = [{ webhook = "pipedrive/update_user" }]
[automations.react]
trigger = "directory"
on = ["modified(displayName)"]
orchestration = "tell"
`
	for name, c := range map[string]struct {
		change func(*abi.Webhook)
		more   string
		wrong  bool
	}{
		"of the attribute":         {func(w *abi.Webhook) { w.Body = `{"name": "{{ ad.displayname }}"}` }, more, true},
		"as a parameter":           {func(w *abi.Webhook) { w.Body, w.Params = "", map[string]string{"name": "{{ ad.displayName }}"} }, more, true},
		"of another one":           {func(w *abi.Webhook) { w.Body = `{"name": "{{ ad.title }}"}` }, more, false},
		"in the place":             {func(w *abi.Webhook) { w.Body, w.Path = "", "/v1/users/{{ ad.displayName }}" }, more, false},
		"what is not asked for":    {func(w *abi.Webhook) { w.Body = `{"name": "{{ ad.displayname }}"}` }, strings.Replace(more, "displayName", "title", 1), false},
		"something that is wished": {func(w *abi.Webhook) { w.Body = `{"name": "{{ ad.displayname }}"}` }, strings.Replace(more, "modified(displayName)", "created", 1), false},
	} {
		m := outboundManifest()
		m.Cannot = nil
		c.change(&m.Webhooks[1])
		m.Normalize()
		cfg := configured(t, "[automations.staff]", c.more+"\n[automations.staff]")
		o, wrong := Orchestration(cfg, "tell", func(string) (abi.Manifest, bool) { return m, true })
		if len(wrong) > 0 {
			t.Fatalf("%s: %v", name, wrong)
		}
		got := Reaction(cfg, "react", o)
		if (len(got) > 0) != c.wrong {
			t.Errorf("%s: %v", name, got)
		}
		for _, err := range got {
			if text := err.Error(); !strings.HasPrefix(text, cfg.Files[0]+":") || !strings.Contains(text, "webhook pipedrive/update_user), which is authoritative for it") {
				t.Errorf("%s: %s", name, text)
			}
		}
	}
	if cfg := configured(t, "[automations.staff]", more+"\n[automations.staff]"); cfg.Triggered["react"].Trigger != config.TriggerDirectory {
		t.Error("the automation is not there")
	}
}
