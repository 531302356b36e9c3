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
	p := w.plan(0)
	if i := len(p.Limits) - 1; p.Limits[i] != (ident.LimitState{Class: ident.ClassStart, Limit: "20% or 20", Allowed: 20, Planned: 5}) {
		t.Errorf("the plan does not tell the limit of what begins: %+v", p.Limits)
	}
	if len(p.Follows) != 1 || p.Follows[0] != (ident.Follow{Orchestration: "joined", Class: ident.ClassCreate, Count: 5}) {
		t.Errorf("the plan does not tell what begins with it: %+v", p.Follows)
	}
	d := w.start()
	r := w.apply(0)
	began := 0
	for _, c := range r.Orchestrations { // some may be further than others
		if c.Orchestration == "joined" {
			began += c.Count
		}
	}
	if began != 5 {
		t.Errorf("the report does not tell what began: %+v", r.Orchestrations)
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

// TestRunOnceSends: without an agent that stays, `run --once` sends what follows
// from its runs, and from what others have recorded before.
func TestRunOnceSends(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, "[automations.staff]", `[orchestrations.joined]
[[orchestrations.joined.steps]]
webhook = "pipedrive/deactivate_user"
if = "link != null"

[automations.staff]
after = { created = "joined" }`)
	active := func(id int64) bool {
		u, err := w.sim.User(id)
		return err != nil || u.ActiveFlag
	}
	w.apply(0)
	if !active(1) || !active(2) || !active(3) {
		t.Fatal("somebody was deactivated by a command that does not send")
	}
	w.want(0, "run", "--once")
	if active(1) || active(2) || active(3) {
		t.Error("somebody is still active")
	}
}
