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
