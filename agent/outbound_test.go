package main

import (
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/host/soak"
)

// TestWhatFollowsAChangeIsSent: each account that a run creates is followed by a
// webhook of the connector as it is shipped, which deactivates the person at the
// simulator; a delay outlives a restart.
func TestWhatFollowsAChangeIsSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 5, "[automations.staff]", `[orchestrations.joined]
[[orchestrations.joined.steps]]
delay = "3s"
[[orchestrations.joined.steps]]
webhook = "pipedrive/deactivate_user"
if = "link != null"

[automations.staff]
after = { created = "joined" }`)
	d := w.start()
	if r := w.apply(0); r.Counts[ident.ClassCreate][ident.ResultApplied] != 5 {
		t.Fatalf("%+v", r.Counts)
	}
	d.stop()
	d = w.start()
	soak.Await(t, "everybody is deactivated at the application", func() bool {
		for id := int64(1); id <= 5; id++ {
			if u, err := w.sim.User(id); err != nil || u.ActiveFlag {
				return false
			}
		}
		return true
	})
	if strings.Contains(d.said(), "sim-api-token") {
		t.Error("the log has the token")
	}
	d.stop()
}
