package main

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

const otherOU = `ou          = "OU=Leavers,DC=ad,DC=test"`

// planned is a plan and what it says of the running agent.
func (w *world) planned(code int, args ...string) service.PlanAnswer {
	w.Helper()
	var p service.PlanAnswer
	if err := json.Unmarshal([]byte(w.want(code, append([]string{"--output", "json", "plan", "staff"}, args...)...).stdout), &p); err != nil {
		w.Fatal(err)
	}
	return p
}

// into names the containers that a plan creates accounts in.
func into(p service.PlanAnswer) string {
	var all []string
	for _, c := range p.Changes {
		for _, op := range c.Operations {
			if op.Class == ident.ClassCreate {
				all = append(all, op.To.Parent().Name())
			}
		}
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), " ")
}

// TestPlanIsOfTheFile: while the agent runs, a plan is of the file as it is on
// disk, says where the agent runs with another, and apply goes by none that
// was not shown.
func TestPlanIsOfTheFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	d := w.start()
	defer d.stop()

	// The same: nothing is said.
	if p := w.planned(0); into(p) != "Staff" || p.RunningAgent != nil {
		t.Fatalf("the plan creates in %s and says %+v", into(p), p.RunningAgent)
	}
	saved := filepath.Join(w.dir, "before.json")
	w.want(0, "plan", "staff", "--out", saved)

	// Edited.
	w.configure(staffOU, otherOU)
	p := w.planned(0)
	if into(p) != "Leavers" || p.RunningAgent == nil || p.RunningAgent.Tables() != "[automations.staff] (ou)" || p.RunningAgent.File != w.config {
		t.Fatalf("the plan of the edited file creates in %s and says %+v", into(p), p.RunningAgent)
	}
	ofFile := filepath.Join(w.dir, "after.json")
	text := w.want(0, "plan", "staff", "--out", ofFile).stdout
	next := "stop the agent and start it again: rollcall run --config " + w.config
	for _, want := range []string{
		"Caution: the running agent has another configuration than " + w.config + ": [automations.staff] (ou).\n",
		"This is what the file would do. To make the file count: " + next + ".\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for _, args := range [][]string{{"validate"}, {"validate", "--online"}} {
		if a := w.want(0, args...); !strings.Contains(a.stdout, "[automations.staff] (ou)") || !strings.Contains(a.stdout, next) {
			t.Errorf("%v does not say that the agent has another configuration:\n%s", args, a.stdout)
		}
	}

	// Nothing is applied by a configuration that was not shown.
	for name, refused := range map[string]struct{ arg, says string }{
		"the automation":       {"staff", "has another configuration than " + w.config + ": [automations.staff] (ou). Next: " + next},
		"a plan of the agent":  {saved, "With --running-config the same command goes by what the agent runs with"},
		"a plan of the file":   {ofFile, "the plan was made with " + w.config + " as it is now"},
		"a plan of the file, ": {ofFile + " --running-config", "the plan was made with " + w.config + " as it is now"},
	} {
		a := w.want(2, append([]string{"apply"}, strings.Fields(refused.arg)...)...)
		if !strings.Contains(a.stderr, refused.says) || !strings.Contains(a.stderr, "nothing was done") {
			t.Errorf("apply of %s: %s", name, a.stderr)
		}
	}
	if n := len(w.accounts()); n != 0 {
		t.Fatalf("%d accounts were made", n)
	}

	// Beside a file with a mistake, what the agent did is seen, and a plan is not
	// of what is in memory.
	w.write("agent.toml", strings.Replace(w.text(), "match ", "mach ", 1))
	w.want(0, "runs")
	if a := w.want(2, "plan", "staff"); !strings.Contains(a.stderr, "mach") {
		t.Errorf("plan of a file with a mistake: %s", a.stderr)
	}
	if a := w.want(2, "apply", "staff"); !strings.Contains(a.stderr, "mach") || !strings.Contains(a.stderr, "--running-config") {
		t.Errorf("apply beside a file with a mistake: %s", a.stderr)
	}
	a := w.want(0, "apply", "--running-config", saved)
	if !strings.Contains(a.stdout, "by the configuration that the agent runs with") || !strings.Contains(a.stdout, "mach") {
		t.Errorf("applied although the file has a mistake:\n%s", a.stdout)
	}
	for _, e := range w.accounts() {
		if e.DN.Parent().Name() != "Staff" {
			t.Errorf("%s is not where the agent's configuration puts it", e.DN)
		}
	}

	// Changed back: all is as before.
	w.configure()
	if p := w.planned(0); p.RunningAgent != nil {
		t.Errorf("the file is what the agent has, and the plan says %+v", p.RunningAgent)
	}
	w.want(0, "apply", "staff")
}

func (w *world) text() string {
	w.Helper()
	text, err := os.ReadFile(w.config)
	if err != nil {
		w.Fatal(err)
	}
	return string(text)
}

// TestPlanOfAnotherFile: --config names the file, from the folder of whoever
// asks, and the agent reads that one.
func TestPlanOfAnotherFile(t *testing.T) {
	w := newWorld(t, 3)
	d := w.start()
	defer d.stop()
	own, text := w.config, w.text()
	w.write("wrong", "not-the-token")
	w.configure(staffOU, otherOU)
	other := w.write("other.toml", w.text())
	w.configure()

	t.Chdir(w.dir)
	w.config = "other.toml"
	p := w.planned(0)
	if into(p) != "Leavers" || p.RunningAgent == nil || p.RunningAgent.Config != other ||
		!strings.Contains(p.RunningAgent.Next, "bring that into "+own+", which the agent reads, then stop the agent") {
		t.Errorf("the plan creates in %s and says %+v", into(p), p.RunningAgent)
	}
	w.want(2, "apply", "staff")
	w.config = "agent.toml"
	if p := w.planned(0); into(p) != "Staff" || p.RunningAgent != nil {
		t.Errorf("the same file from another folder: the plan creates in %s and says %+v", into(p), p.RunningAgent)
	}

	// Another credential: the plan takes it, and so it fails; the agent goes on.
	w.config = "other.toml"
	w.write("other.toml", strings.Replace(w.text(), "/pipedrive_token", "/wrong", 1))
	if a := w.want(1, "plan", "staff"); !strings.Contains(a.stderr, "credentials") {
		t.Errorf("a plan with a credential that is wrong: %s", a.stderr)
	}
	w.config = "agent.toml"
	w.planned(0)

	// Another directory would take the place of the copy that the agent has.
	w.config = "other.toml"
	w.write("other.toml", strings.ReplaceAll(w.text(), "DC=ad,DC=test", "DC=other,DC=test"))
	if a := w.want(2, "plan", "staff"); !strings.Contains(a.stderr, "give the other directory a state_dir of its own") {
		t.Errorf("a plan for another directory: %s", a.stderr)
	}

	// Another state folder is another agent's, and none runs there.
	w.write("other.toml", strings.NewReplacer(filepath.Join(w.dir, "state"), filepath.Join(w.dir, "state2"), staffOU, otherOU).Replace(text))
	if p := w.planned(0); into(p) != "Leavers" || p.RunningAgent != nil {
		t.Errorf("with another state folder the plan creates in %s and says %+v", into(p), p.RunningAgent)
	}
	if a := w.want(2, "apply", "--running-config", "staff"); !strings.Contains(a.stderr, "no agent is running") {
		t.Errorf("--running-config without an agent: %s", a.stderr)
	}

	// A link that is tried goes by the file, one that is made by what was shown.
	w.config = "agent.toml"
	w.want(0, "apply", "staff")
	w.write("agent.toml", strings.Replace(w.text(), staffOU, otherOU, 1))
	var key ident.Key
	for key = range w.links() {
		break
	}
	w.want(0, "link", "remove", "pipedrive", string(key))
	account := string(w.accounts()["pipedrive:"+string(key)].DN)
	if a := w.want(0, "link", "add", "--dry-run", "staff", string(key), account); !strings.Contains(a.stdout, "[automations.staff] (ou)") {
		t.Errorf("a link that was tried: %s", a.stdout)
	}
	w.want(2, "link", "add", "staff", string(key), account)
	w.want(0, "link", "add", "--running-config", "staff", string(key), account)
}

// TestApprovedByTheAgent: what is held was shown with the configuration of the
// agent, and is carried out by it, whatever the file says meanwhile.
func TestApprovedByTheAgent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2, "create = 1000", "create = 0")
	d := w.start()
	defer d.stop()
	r := w.apply(3)
	w.configure(staffOU, otherOU)
	a := w.want(0, "approve", strconv.FormatInt(r.ID, 10))
	if !strings.Contains(a.stdout, "Caution: the running agent has another configuration than "+w.config) || !strings.Contains(a.stdout, "by the configuration that the agent runs with") {
		t.Errorf("the approval does not say that the file is another:\n%s", a.stdout)
	}
	accounts := w.accounts()
	for _, e := range accounts {
		if e.DN.Parent().Name() != "Staff" {
			t.Errorf("%s was not shown there", e.DN)
		}
	}
	if len(accounts) != 2 {
		t.Errorf("%d accounts", len(accounts))
	}
	w.want(2, "approve", strconv.FormatInt(r.ID, 10))
}

// TestAnApprovalIsReportedWhateverTheFileSays: when the file is broken while
// something is approved, what was done is reported, not that nothing was.
func TestAnApprovalIsReportedWhateverTheFileSays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2, "create = 1000", "create = 0")
	r := w.apply(3)
	cfg, err := config.Load(w.config)
	if err != nil {
		t.Fatal(err)
	}
	a := openAgent(t, cfg, slog.DiscardHandler)
	w.write("agent.toml", strings.Replace(w.text(), "match ", "mach ", 1))
	asks := control.NewClient(&control.Local{Mux: control.Calls(service.New(a), a.Log()), Caller: "ada"})
	answer, err := asks.Approve(t.Context(), service.DecideRequest{OnDisk: service.NewOnDisk(w.config, false), Run: r.ID})
	if err != nil || answer.Count(ident.ResultApplied) != 2 || answer.RunningAgent != nil {
		t.Errorf("%v, %+v", err, answer.Counts)
	}
}
