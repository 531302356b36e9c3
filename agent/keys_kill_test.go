package main

import (
	"fmt"
	"testing"

	"github.com/rollcall-agent/rollcall/host/soak"
)

// TestKilledDuringARunOfOneUser kills a run for one user at each step of a create
// and of an update. The next run for that user finds out what became of it and
// does the rest: one account for the person, as the application has it, and
// nothing for anybody else.
func TestKilledDuringARunOfOneUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 4, `disable = "5%"`, `disable = 1000, update = 1000`)
	w.apply(0)
	mustPerson(t)(w.sim.SetActive(3, false)) // waits for a whole run
	for n, step := range soak.Some(t, 3, []string{"fetched", "before-intent", "after-intent", "after-write", "after-commit"}) {
		joiner := w.sim.Add("Joan Clarke", fmt.Sprintf("joan%d@example.org", n)).ID
		mustPerson(t)(w.sim.Rename(4, fmt.Sprintf("Given%d Family%d", n, n)))
		for _, id := range []int64{joiner, 4} {
			w.killedWhile(step, "apply", "staff", "--key", fmt.Sprint(id))
			w.want(0, "apply", "staff", "--key", fmt.Sprint(id))
		}
		accounts := w.accounts()
		if _, ok := accounts[fmt.Sprintf("pipedrive:%d", joiner)]; !ok {
			t.Errorf("%s: there is no account for %d", step, joiner)
		}
		if got := accounts["pipedrive:4"].Attributes.First("displayName"); got != fmt.Sprintf("Given%d Family%d", n, n) {
			t.Errorf("%s: the fourth is named %s", step, got)
		}
		if disabled(accounts["pipedrive:3"]) {
			t.Errorf("%s: somebody was disabled by a run for another user", step)
		}
	}
	w.apply(0)
	if !disabled(w.accounts()["pipedrive:3"]) {
		t.Error("the whole run has not disabled the leaver")
	}
	w.settled()
}
