package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host/soak"
)

// leaving is an orchestration of which each step writes to the directory, and three
// with one of them each.
const leaving = `[orchestrations.leave]
limits = { update = 1000, groups = 1000, disable = 1000 }
steps = [
  { name = "tell", directory = { action = "update", attributes = { info = "Left: {{ ad.cn }}", mobile = "" } } },
  { name = "join", directory = { action = "add_groups", groups = ["CN=Former,OU=Groups,DC=ad,DC=test", "CN=Alumni,OU=Groups,DC=ad,DC=test"] } },
  { name = "off", directory = { action = "disable" } },
]
[orchestrations.tell]
limits = { update = 1000 }
steps = [{ name = "tell", directory = { action = "update", attributes = { info = "Left: {{ ad.cn }}" } } }]
[orchestrations.join]
limits = { groups = 1000 }
steps = [{ name = "join", directory = { action = "add_groups", groups = ["CN=Former,OU=Groups,DC=ad,DC=test"] } }]
[orchestrations.off]
limits = { disable = 1000 }
steps = [{ name = "off", directory = { action = "disable" } }]
[automations.staff]`

// newLeavers is a world with these orchestrations and groups, whose automation has
// nothing left to do.
func newLeavers(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, 3, "[automations.staff]", leaving)
	for _, group := range []string{"Former", "Alumni"} {
		w.dc.AddGroup(t, w.dc.OU("Groups"), group)
	}
	w.apply(0)
	return w
}

// versions tells for each object of the domain where it is and when it was last
// written.
func (w *world) versions() map[ident.GUID]string {
	w.Helper()
	all := map[ident.GUID]string{}
	for _, e := range w.dc.Find(w, "(|(objectClass=user)(objectClass=group)(objectClass=organizationalUnit))", "uSNChanged") {
		all[e.GUID] = fmt.Sprintf("%s, version %s", e.DN, e.Attributes.First("uSNChanged"))
	}
	return all
}

// leaver is an account that no automation knows.
func (w *world) leaver(name string) ident.GUID {
	w.Helper()
	return w.dc.AddUser(w, w.dc.OU("Staff"), name, name, map[string][]string{"mobile": {"+43 1"}})
}

// TestKilledAtEachMomentOfADirectoryStep: an agent that is killed while a step of an
// orchestration writes to the directory, and the one that is started after it, carry
// the step out once, tell of each write once, and touch nothing else.
func TestKilledAtEachMomentOfADirectoryStep(t *testing.T) {
	t.Parallel()
	w := newLeavers(t)
	for n, moment := range soak.Some(t, 5, momentsOfSteps()) {
		name := "leaver" + strconv.Itoa(n)
		guid := w.leaver(name)
		before := w.versions()
		run := w.starts("leave", name, n < 20)
		w.killedWhile(moment, "run")
		d := w.start()
		w.orchestrated(n + 1)
		d.stop()
		w.wantLeft(moment, name, guid, run)
		after := w.versions()
		for _, own := range []string{name, "Former", "Alumni"} {
			e := w.dc.Find(t, "(cn="+own+")", "cn")[0]
			if before[e.GUID] == after[e.GUID] {
				t.Errorf("killed %s: %s was not written", moment, e.DN)
			}
			delete(before, e.GUID)
			delete(after, e.GUID)
		}
		if d := cmp.Diff(before, after); d != "" {
			t.Errorf("killed %s: something else was touched\n%s", moment, d)
		}
	}
	w.settled()
}

// starts begins an orchestration for a user, and returns its run. What limits.start
// does not let begin is approved.
func (w *world) starts(orchestration, user string, within bool) int64 {
	w.Helper()
	args := []string{"orchestrate", orchestration, "--yes", "--user", user}
	if within {
		return w.begun(0, args...).ID
	}
	run := w.begun(exit.Held, args...).ID
	w.want(0, "approve", strconv.FormatInt(run, 10))
	return run
}

// momentsOfSteps are those of each of the four writes, and of each of the three
// steps.
func momentsOfSteps() (all []string) {
	add := func(times int, failpoints ...string) {
		for _, f := range failpoints {
			for n := range times {
				all = append(all, fmt.Sprintf("%s:%d", f, n+1))
			}
		}
	}
	add(4, "before-intent", "after-intent", "after-write", "after-commit")
	add(3, "acting", "acted")
	return all
}

// wantLeft requires that an account is as the orchestration wants it, and that the
// run and the journal tell of each of its writes once.
func (w *world) wantLeft(moment, name string, guid ident.GUID, run int64) {
	w.Helper()
	e := w.dc.Find(w, "(cn="+name+")", "info", "mobile", "memberOf", "userAccountControl")[0]
	if e.Attributes.First("info") != "Left: "+name || e.Attributes.First("mobile") != "" || !disabled(e) || len(e.Attributes.Values("memberOf")) != 2 {
		w.Errorf("killed %s: %+v", moment, e)
	}
	var report service.ReportAnswer
	if err := json.Unmarshal([]byte(w.want(0, "--output", "json", "runs", strconv.FormatInt(run, 10)).stdout), &report); err != nil {
		w.Fatal(err)
	}
	var told []string
	for _, o := range report.Outcomes {
		told = append(told, fmt.Sprint(o.Result, " ", o.Operation.Class, " ", o.Operation.Groups))
	}
	slices.Sort(told)
	want := []string{
		"applied disable []", "applied groups [CN=Alumni,OU=Groups,DC=ad,DC=test]", "applied groups [CN=Former,OU=Groups,DC=ad,DC=test]",
		"applied update []",
	}
	if d := cmp.Diff(want, told); d != "" {
		w.Errorf("killed %s: the run tells\n%s", moment, d)
	}
	journaled := 0
	for line := range strings.Lines(w.want(0, "journal", "export").stdout) {
		if strings.Contains(line, `"kind":"outcome"`) && strings.Contains(line, string(guid)) {
			journaled++
		}
	}
	if journaled != len(want) {
		w.Errorf("killed %s: the journal has %d outcomes, want %d", moment, journaled, len(want))
	}
	w.want(0, "journal", "verify")
}

// TestWhatADirectoryStepMustNotTouch: an object that has left the scope, is protected
// or is gone by the time of the step stays as it is, and a person is told why and
// what to do.
func TestWhatADirectoryStepMustNotTouch(t *testing.T) {
	t.Parallel()
	w := newLeavers(t)
	wants := map[string]string{ // by what has become of the object
		"outside":   "OU=Elsewhere,DC=ad,DC=test is outside the scope of [directory]; next: correct the place, or add its OU to scope",
		"protected": "the account is protected: adminCount is 1; next: leave this person out with where",
		"gone":      "in the directory any more",
	}
	staff, steps := w.dc.OU("Staff"), []string{"tell", "join", "off"}
	for about := range wants {
		for _, step := range steps {
			w.leaver(about + step)
			w.want(0, "orchestrate", step, "--yes", "--user", about+step)
		}
	}
	for _, step := range steps {
		w.dc.Move(t, staff.Child("outside"+step), "CN=outside"+step, w.dc.OU("Elsewhere"))
		w.dc.Replace(t, staff.Child("protected"+step), "adminCount", "1")
		w.dc.Delete(t, staff.Child("gone"+step))
	}
	before := w.versions()
	d := w.start()
	ended := w.allEnded()
	for _, i := range ended {
		show := w.want(0, "orchestrations", "show", strconv.FormatInt(i.ID, 10)).stdout
		want := wants[strings.TrimSuffix(i.Name, i.Orchestration)]
		if i.Status != store.InstanceBlocked || !strings.Contains(show, want) || !strings.Contains(show, "; next: ") {
			t.Errorf("%s of %s is %s, want %q:\n%s", i.Orchestration, i.Name, i.Status, want, show)
		}
	}
	d.stop()
	if len(ended) != len(wants)*len(steps) {
		t.Errorf("%d have ended", len(ended))
	}
	if d := cmp.Diff(before, w.versions()); d != "" {
		t.Errorf("something was touched\n%s", d)
	}
	w.want(0, "journal", "verify")
}
