package main

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/plugins/pipedrive/sim"
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
	soak.Await(t, "everybody is deactivated at the application", func() bool { return w.sim.Count().Active == 0 })
	for _, e := range w.accounts() {
		sam := e.Attributes.First("sAMAccountName")
		a := w.want(0, "macros", "pipedrive/deactivate_user", "--user", sam)
		for _, want := range []string{sam, string(e.GUID), "link.key", "macros.display_name"} {
			if !strings.Contains(a.stdout, want) {
				t.Errorf("the names in a template have no %s for %s:\n%s", want, sam, a.stdout)
			}
		}
		if a := w.want(2, "macros", "pipedrive/deactivate_user", "--user", "x"+sam); !strings.Contains(a.stderr, "there is no user") {
			t.Errorf("%s", a.stderr)
		}
		break
	}
	if strings.Contains(d.said(), "sim-api-token") {
		t.Error("the log has the token")
	}
	d.stop()
}

// TestWhatLimitsStartHolds: a run whose orchestrations are held needs a person, as
// one whose operations are: by its result, its exit code, its report and the
// metrics, which follow what people decide.
func TestWhatLimitsStartHolds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 4, "create = 1000", "create = 1000, start = 1", "[automations.staff]", `[orchestrations.joined]
[[orchestrations.joined.steps]]
webhook = "pipedrive/deactivate_user"
if = "link != null"

[automations.staff]
after = { created = "joined" }`)
	d := w.start()
	says := func(held string) {
		t.Helper()
		if _, page := d.get("/metrics"); !strings.Contains(page, `rollcall_held_changes{automation="staff",operation="start"} `+held+"\n") {
			t.Errorf("the metrics do not say that %s are held", held)
		}
	}
	p := w.plan(3)
	if i := len(p.Limits) - 1; p.Limits[i].Over != 3 || p.Limits[i].Reason == "" {
		t.Errorf("the plan: %+v", p.Limits)
	}
	r := w.apply(3)
	held := 0
	for _, c := range r.Orchestrations {
		if c.Status == store.InstanceHeld {
			held += c.Count
		}
	}
	if r.Result != store.RunHeld || held != 3 {
		t.Errorf("result %s: %+v", r.Result, r.Orchestrations)
	}
	says("3")
	for id, i := range w.instances() {
		if i.Status == store.InstanceHeld {
			w.want(0, "orchestrations", "cancel", id)
			break
		}
	}
	says("2")
	w.want(0, "approve", strconv.FormatInt(r.ID, 10))
	says("0")
	soak.Await(t, "all but the one whose orchestration was cancelled are deactivated", func() bool {
		return w.sim.Count().Active == 1
	})
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

// TestWhatAChangeReplaced: steps see the object as it was before the change, and can
// ask whether it is one that they care for.
func TestWhatAChangeReplaced(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, "[automations.staff]", `[webhooks.say]
application = "pipedrive"
method = "POST"
path = "/api/v2/persons"
message_type = "json"
body = '{"name": "{{ change.kind }} {{ join(change.attributes, " ") }}: {{ old.displayName }}, {{ old.dn }}"}'
repeatable = true

[orchestrations.renamed]
steps = [{ webhook = "say", if = 'old.displayName != ad.displayName || old.cn != ad.cn' }]

[automations.staff]
after = { updated = "renamed", renamed = "renamed" }`)
	d := w.start()
	w.apply(0)
	before := w.accounts()["pipedrive:1"]
	mustPerson(t)(w.sim.Rename(1, "Ada Lovelace"))
	w.apply(0)
	w.orchestrated(2)
	mustPerson(t)(w.sim.Change(1, func(u *sim.User) { u.Email = sim.Some("countess@example.org") }))
	w.apply(0)
	w.orchestrated(3)
	var got []string
	for id := int64(1); id <= int64(w.sim.Persons()); id++ {
		p, _ := w.sim.Person(id)
		got = append(got, p.Name)
	}
	slices.Sort(got)
	want := []string{
		"renamed cn: Ada Lovelace, " + string(before.DN),
		"updated displayName sn: " + before.Attributes.First("displayName") + ", ",
	}
	if len(got) != 2 || got[0] != want[0] || !strings.HasPrefix(got[1], want[1]) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	d.stop()
}

// orchestrated waits until that many orchestrations are done.
func (w *world) orchestrated(n int) {
	w.Helper()
	soak.Await(w, "the orchestrations", func() bool {
		return strings.Count(w.want(0, "--output", "json", "orchestrations", "--all").stdout, `"status": "done"`) >= n
	})
}
