package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/plugins/pipedrive/sim"
)

// reports says to the application whose manager somebody has; the simulator's people
// have no such field, so the role stands for it.
func (w *world) reports(id, manager int64) {
	w.Helper()
	mustPerson(w)(w.sim.Change(id, func(u *sim.User) { u.RoleID = int(manager) }))
}

// wantManager checks whom an account names; 0 is nobody.
func (w *world) wantManager(id, manager int64) {
	w.Helper()
	expected := ""
	if manager != 0 {
		expected = string(w.accounts()[fmt.Sprintf("pipedrive:%d", manager)].DN)
	}
	found := w.dc.Find(w, fmt.Sprintf("(employeeNumber=pipedrive:%d)", id), "manager")
	if len(found) != 1 || found[0].Attributes.First("manager") != expected {
		w.Errorf("the manager of %d: %+v, want %q", id, found, expected)
	}
}

// TestManagersFromTheConfigurationToTheDirectory: two who name each other are made in
// one run, a third names somebody who comes in the next, and an agent that is killed
// at a reference makes it in the next run.
func TestManagersFromTheConfigurationToTheDirectory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, "[data_sources.pipedrive_staff.attributes]\n",
		"[data_sources.pipedrive_staff.attributes]\nmanager = { reference = \"{{ user.role_id }}\" }\n",
		`disable = "5%"`, `disable = 1000, update = 1000`)
	ids := []int64{1, 2, 3}
	w.reports(ids[0], ids[1])
	w.reports(ids[1], ids[0])
	w.reports(ids[2], 4)
	planned := w.want(0, "plan", "staff").stdout
	for _, part := range []string{"references", "manager: ", "(key 2)", "manager: 1 reference is open, as no account is linked to that key", "4 (of the key 3)"} {
		if !strings.Contains(planned, part) {
			t.Errorf("the plan has no %q:\n%s", part, planned)
		}
	}
	w.want(0, "apply", "staff")
	w.wantManager(ids[0], ids[1])
	w.wantManager(ids[1], ids[0])
	w.wantManager(ids[2], 0)
	w.settled()
	late := w.sim.Add("Joan Clarke", "joan@example.org")
	w.reports(late.ID, late.ID)
	w.reports(ids[2], late.ID)
	w.want(0, "apply", "staff")
	w.wantManager(ids[2], late.ID)
	w.wantManager(late.ID, late.ID)
	w.settled()
	other := ids[0]
	for _, step := range soak.Some(t, 2, []string{"before-intent", "after-intent", "after-write", "after-commit"}) {
		w.reports(ids[2], other)
		w.killedAt(step)
		w.want(0, "apply", "staff")
		w.wantManager(ids[2], other)
		w.settled()
		other = ids[0] + ids[1] - other
	}
}
