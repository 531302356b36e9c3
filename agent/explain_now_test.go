package main

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/rollcall-agent/rollcall/plugins/pipedrive/sim"
)

// TestWhatWouldHappenIsExplained: of somebody who has an account, of somebody who is to
// get one, and of somebody who is gone from the source, explain says what a run would
// do now and why; test mapping says of their records the same. Neither does it.
func TestWhatWouldHappenIsExplained(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2, "[data_sources.pipedrive_staff.attributes]\n",
		"[data_sources.pipedrive_staff.attributes]\nmanager = { reference = \"{{ user.role_id }}\" }\n")
	w.reports(1, 2)
	w.want(0, "apply", "staff")
	mustPerson(w)(w.sim.Change(1, func(u *sim.User) { u.Name = "Ada Renamed" }))
	late := w.sim.Add("Joan Clarke", "joan@example.org")
	dn := string(w.accounts()["pipedrive:1"].DN)
	has := saysAll(t)

	told := w.want(0, "explain", "pipedrive:1").stdout
	t.Log(told)
	has("explain", told, "Now, by automation staff (data source pipedrive_staff):\n", "key 1: in scope\n", "account: "+dn+", by link\n",
		dn+"): enabled\n", `first_word(user.name) = "Ada"`, "Ada Renamed", "plan: a run would do this\n", "update   ", "rename   ", "run 1 of automation staff")
	key := fmt.Sprint(late.ID)
	mapped := w.want(0, "test", "mapping", "pipedrive_staff", "--directory", "--key", "1", "--key", key).stdout
	has("test mapping", mapped, "account: "+dn+", by link\n", "2 is "+string(w.accounts()["pipedrive:2"].DN), "key "+key+": in scope\n", "it is written with the account's creation only")

	var out explanation
	must(t, json.Unmarshal([]byte(w.want(0, "--output", "json", "explain", dn).stdout), &out))
	if len(out.Now) != 1 || !out.Now[0].Planned || out.Now[0].Record == nil || out.Now[0].Problem != "" || len(out.Now[0].Changes) != 1 {
		t.Errorf("JSON: %+v", out.Now)
	}
	has("without a look", w.want(0, "explain", dn, "--fetch=false").stdout, "link: pipedrive:1", "run 1 of automation staff")

	w.api.Close() // nobody answers any more
	out = explanation{}
	must(t, json.Unmarshal([]byte(w.want(0, "--output", "json", "explain", dn).stdout), &out))
	if len(out.Now) != 1 || out.Now[0].Problem == "" || out.Now[0].Planned || len(out.Timeline) == 0 {
		t.Errorf("when the application is down: %+v", out)
	}
	w.settledLinks(2)
}

// settledLinks wants so many links: what only looks makes none.
func (w *world) settledLinks(n int) {
	w.Helper()
	if got := len(w.links()); got != n {
		w.Errorf("%d links, want %d", got, n)
	}
}
