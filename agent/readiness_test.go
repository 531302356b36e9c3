package main

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/host/soak"
)

// An agent that cannot read a secret that its configuration names says so at
// its start, and is not ready until it can.
func TestAnAgentWithoutItsSecretsIsNotReady(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	for _, name := range []string{"ad_password", "pipedrive_token"} {
		if err := os.Rename(filepath.Join(w.dir, name), filepath.Join(w.dir, name+".away")); err != nil {
			t.Fatal(err)
		}
	}
	d := w.startUntil(`msg="started, but not ready"`)
	for _, want := range []string{`ad_password}.*no such file.*\[directory\] bind_password`, `pipedrive_token}.*no such file.*\[applications.pipedrive\] api_key`} {
		if log := d.said(); !regexp.MustCompile(`level=ERROR msg="not ready: a secret cannot be read".*agent.toml:\d+:\d+: .*` + want).MatchString(log) {
			t.Errorf("the log does not say %s:\n%s", want, log)
		}
	}
	if code, text := d.get("/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(text, "pipedrive_token") || !strings.Contains(text, "ad_password") {
		t.Errorf("/readyz: %d %s", code, text)
	}
	if _, text := d.get("/metrics"); !strings.Contains(text, "rollcall_ready 0") {
		t.Error("/metrics does not say rollcall_ready 0")
	}
	for _, name := range []string{"ad_password", "pipedrive_token"} {
		if err := os.Rename(filepath.Join(w.dir, name+".away"), filepath.Join(w.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if code, text := d.get("/readyz"); code != http.StatusOK {
		t.Errorf("/readyz with the secrets: %d %s", code, text)
	}
	if _, text := d.get("/metrics"); !strings.Contains(text, "rollcall_ready 1") {
		t.Error("/metrics does not say rollcall_ready 1")
	}
	d.stop()
}

// TestAnAgentWithoutItsApplicationIsReady: that an application cannot be reached
// fails runs and keeps back what is sent to it, and is no reason to restart the agent.
func TestAnAgentWithoutItsApplicationIsReady(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, "[automations.staff]\n", `[orchestrations.leaver]
[[orchestrations.leaver.steps]]
webhook = "pipedrive/deactivate_user"

[automations.staff]
`)
	d := w.start()
	w.apply(0)
	w.api.Close()
	w.want(0, "orchestrate", "leaver", "--where", "ad.employeeNumber != null", "--yes")
	soak.Await(t, "the delivery has been tried", func() bool {
		return strings.Contains(w.want(0, "--output", "json", "queue", "list").stdout, `"state": "retrying"`)
	})
	w.want(1, "apply", "staff")
	if code, text := d.get("/readyz"); code != http.StatusOK {
		t.Errorf("/readyz: %d %s", code, text)
	}
	if _, page := d.get("/metrics"); !strings.Contains(page, "rollcall_ready 1\n") {
		t.Error("/metrics does not say rollcall_ready 1")
	}
	soak.Await(t, "/metrics counts the delivery that is tried again", func() bool { // not while it is being tried
		_, page := d.get("/metrics")
		return strings.Contains(page, `rollcall_outbox_depth{state="retrying"} 1`+"\n")
	})
	d.stop()
}
