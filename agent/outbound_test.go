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
	if p := w.plan(0); len(p.Follows) != 1 || p.Follows[0] != (ident.Follow{Orchestration: "joined", Class: ident.ClassCreate, Count: 5}) {
		t.Errorf("the plan does not tell what begins with it: %+v", p.Follows)
	}
	d := w.start()
	r := w.apply(0)
	if n := r.Orchestrations; len(n) != 1 || n[0].Orchestration != "joined" || n[0].Count != 5 {
		t.Errorf("the report does not tell what began: %+v", n)
	}
	if r.Counts[ident.ClassCreate][ident.ResultApplied] != 5 {
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
