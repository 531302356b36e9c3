package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
	"github.com/rollcall-agent/rollcall/host/soak"
)

// feedEachOther are two automations, each of which asks for what the orchestration
// of the other one writes. The values never come to an end by themselves.
const feedEachOther = `
[orchestrations.ping]
limits = { update = 1000000 }
steps  = [{ directory = { action = "update", attributes = { info = "{{ ad.description }}." } } }]
[orchestrations.pong]
limits = { update = 1000000 }
steps  = [{ directory = { action = "update", attributes = { description = "{{ ad.info }}." } } }]
[automations.on_description]
trigger = "directory"
on      = ["modified(description)"]
orchestration = "ping"
limits  = { start = 1000000 }
[automations.on_info]
trigger = "directory"
on      = ["modified(info)"]
orchestration = "pong"
limits  = { start = 1000000 }

[automations.staff]`

// TestTwoThatFeedEachOther: what one orchestration writes begins the other one, and
// the other way around. The limit of the changes in a row ends it, and the metric
// tells it, also after a restart.
func TestTwoThatFeedEachOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, "[automations.staff]", feedEachOther)
	d := w.start()
	d.asideAre(0)
	w.apply(0)
	var person ident.Entry
	for _, person = range w.accounts() {
	}
	// A change that is read together with the creation is a part of the creation.
	soak.Await(t, "the account is seen", func() bool { return strings.Contains(w.want(0, "events").stdout, "created") })
	w.dc.Replace(w, person.DN, "description", "once")

	var aside []service.AsideEvent
	soak.Await(t, "a change is set aside", func() bool {
		aside = w.asideOf("on_info")
		return len(aside) > 0
	})
	// One begins by what a person did, and eight by each other.
	e := w.dc.Get(w, person.DN, "description", "info").Attributes
	if d, i := e.First("description"), e.First("info"); d != "once"+strings.Repeat(".", 8) || i != "once"+strings.Repeat(".", 9) {
		t.Errorf("the description is %q, and info is %q", d, i)
	}
	w.orchestrated(9)
	if n := len(w.instances()); n != 9 {
		t.Errorf("%d orchestrations have begun", n)
	}
	if len(aside) != 1 || len(w.asideOf("on_description")) != 0 || aside[0].GUID != person.GUID {
		t.Errorf("set aside: %+v", aside)
	}
	list := w.want(0, "quarantine", "list").stdout
	for _, want := range []string{
		"Automation on_info: 1 change in the directory is set aside.\n", "Automation on_description: nothing is set aside.\n",
		"9 changes in a row have each led to the next one, and at most 8 may: automations answer each other",
		fmt.Sprintf("`rollcall quarantine accept on_info %d` drops it", aside[0].Event),
	} {
		if !strings.Contains(list, want) {
			t.Errorf("no %q in the list:\n%s", want, list)
		}
	}
	d.asideAre(1)
	d.stop()
	d = w.start()
	d.asideAre(1)
	w.want(0, "quarantine", "accept", "on_info", strconv.FormatInt(aside[0].Event, 10))
	d.asideAre(0)
	d.stop()
}

// asideOf is what `rollcall quarantine list` has of the changes that an automation has
// set aside.
func (w *world) asideOf(automation string) []service.AsideEvent {
	w.Helper()
	var all []service.QuarantineList
	if err := json.Unmarshal([]byte(w.want(0, "--output", "json", "quarantine", "list").stdout), &all); err != nil {
		w.Fatal(err)
	}
	for _, one := range all {
		if one.Automation == automation {
			return one.Events
		}
	}
	w.Fatalf("automation %s is not in the list", automation)
	return nil
}

// asideAre waits until the metrics say how many changes on_info has set aside, and
// that on_description has set aside none.
func (d *daemon) asideAre(n int) {
	d.Helper()
	for _, line := range []string{
		fmt.Sprintf("rollcall_events_set_aside{automation=\"on_info\"} %d\n", n), "rollcall_events_set_aside{automation=\"on_description\"} 0\n",
	} {
		soak.Await(d, "the metrics say "+line, func() bool {
			_, page := d.get("/metrics")
			return strings.Contains(page, line)
		})
	}
}
