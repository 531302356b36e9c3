package main

import (
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/plugins/pipedrive/sim"
)

// salesRole is an endpoint of Pipedrive whose records are joined to the users.
const salesRole = `
[applications.pipedrive.endpoints.sales_role]
path    = "/v1/roles/7/assignments"
params  = { limit = "3" }
records = "/data"
key     = "/user_id"
kind    = "user"
repeat  = { style = "offset", param = "start", more = "/additional_data/pagination/more_items_in_collection" }
cost    = 10

[automations.staff]`

// titled replaces parts of the example so that the title says what a further endpoint
// has.
func titled(endpoints, title, more string) []string {
	return []string{
		`endpoints   = ["users"]`, "endpoints   = [" + endpoints + "]",
		`displayName = "{{ trim(user.name) }}"`, "displayName = \"{{ trim(user.name) }}\"\ntitle = " + title,
		"\n[automations.staff]", more,
	}
}

func (w *world) titles(want map[string]string) {
	w.Helper()
	for _, e := range w.dc.Find(w, "(employeeNumber=pipedrive:*)", "employeeNumber", "title") {
		key := e.Attributes.First("employeeNumber")
		if text, asked := want[key]; asked && e.Attributes.First("title") != text {
			w.Errorf("the title of %s is %q, want %q", key, e.Attributes.First("title"), text)
		}
	}
}

// TestJoinOfEndpoints joins who has a role to the users of Pipedrive, over the pages of
// both, and takes the result into the directory.
func TestJoinOfEndpoints(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 12, titled(`"users", "sales_role"`, `"{{ is_null(endpoints.sales_role.user_id) ? 'Staff' : 'Sales' }}"`, salesRole)...)
	role := func(id int, role int) {
		mustPerson(t)(w.sim.Change(int64(id), func(u *sim.User) { u.RoleID = role }))
	}
	for id := 1; id <= 12; id++ {
		role(id, 1+6*(id%2)) // 7 for every other one
	}
	w.apply(0)
	w.titles(map[string]string{"pipedrive:1": "Sales", "pipedrive:2": "Staff", "pipedrive:11": "Sales"})
	role(1, 1)
	role(2, 7)
	w.apply(0)
	w.titles(map[string]string{"pipedrive:1": "Staff", "pipedrive:2": "Sales", "pipedrive:11": "Sales"})

	// The further endpoint fails: nothing is changed.
	role(1, 7)
	mustPerson(t)(w.sim.Change(2, func(u *sim.User) { u.Name = "Nova Nová" }))
	if err := w.sim.AddFault(sim.Fault{Kind: sim.Truncate, Bytes: 40, Route: "roles/{id}/assignments", Times: 50}); err != nil {
		t.Fatal(err)
	}
	if a := w.rollcall("apply", "staff"); a.code != 1 || !strings.Contains(a.stdout+a.stderr, "endpoint sales_role") {
		t.Errorf("%d: %s%s", a.code, a.stdout, a.stderr)
	}
	w.titles(map[string]string{"pipedrive:1": "Staff"})
	w.sim.ClearFaults()
	if r := w.apply(0); r.Count(ident.ResultApplied) == 0 {
		t.Errorf("%+v", r)
	}
	w.titles(map[string]string{"pipedrive:1": "Sales", "pipedrive:2": "Sales"})
}

// roleOf is an endpoint of Pipedrive that is called for each user.
const roleOf = `
[applications.pipedrive.endpoints.role]
for_each = "users"
path     = "/v1/users/{{ parent.id }}/roleAssignments"
records  = "/data"
key      = "{{ parent.id }}"
cost     = 10

[automations.staff]`

// TestDependentEndpoints calls Pipedrive once for each user, and takes the result into the
// directory: what is refused for one keeps that person as they are, and an outage everybody.
func TestDependentEndpoints(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 5, titled(`"users", "role"`, `"Role {{ endpoints.role.role_id }}"`, roleOf)...)
	give := func(role int) {
		for id := int64(1); id <= 5; id++ {
			mustPerson(t)(w.sim.Change(id, func(u *sim.User) { u.RoleID = role }))
		}
	}
	count := func(title string) (n int) {
		for _, e := range w.dc.Find(w, "(employeeNumber=pipedrive:*)", "title") {
			if e.Attributes.First("title") == title {
				n++
			}
		}
		return n
	}
	give(7)
	w.apply(0)
	if got := count("Role 7"); got != 5 {
		t.Errorf("%d have the title", got)
	}
	give(5)
	if err := w.sim.AddFault(sim.Fault{Kind: sim.Status, Code: 404, Route: "users/{id}/roleAssignments", Times: 1}); err != nil {
		t.Fatal(err)
	}
	r := w.apply(4)
	if count("Role 5") != 4 || count("Role 7") != 1 || len(r.Summary.Quarantined) != 1 ||
		!strings.Contains(r.Summary.Quarantined[0].Cause, "endpoint role: ") {
		t.Errorf("%d have the new title, %d the old: %+v", count("Role 5"), count("Role 7"), r.Summary.Quarantined)
	}
	give(7)
	if err := w.sim.AddFault(sim.Fault{Kind: sim.Status, Code: 401, Route: "users/{id}/roleAssignments", Skip: 2}); err != nil {
		t.Fatal(err)
	}
	if a := w.rollcall("apply", "staff"); a.code != 1 || !strings.Contains(a.stdout+a.stderr, "endpoint role: key ") {
		t.Errorf("%d: %s%s", a.code, a.stdout, a.stderr)
	}
	w.sim.ClearFaults()
	if count("Role 5") != 4 {
		t.Error("an outage changed somebody")
	}
	give(5)
	w.apply(0)
	if got := count("Role 5"); got != 5 {
		t.Errorf("%d have the title in the end", got)
	}
	for _, request := range w.sim.Requests() {
		if request.Status == 429 {
			t.Errorf("too many requests: %+v", request)
		}
	}
}
