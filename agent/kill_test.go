package main

import (
	"bufio"
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/host/soak"
)

// killedAt runs the automation and kills it at a failpoint.
func (w *world) killedAt(failpoint string) {
	w.Helper()
	w.killedWhile(failpoint, "apply", "staff")
}

// killedWhile runs a command and kills it at a failpoint; it fails when the command
// never came there.
func (w *world) killedWhile(failpoint string, args ...string) {
	w.Helper()
	cmd := w.command(args...)
	cmd.Env = append(cmd.Env, "ROLLCALL_FAILPOINT="+failpoint)
	defer time.AfterFunc(hang, func() { _ = cmd.Process.Signal(syscall.SIGTERM) }).Stop()
	out, _ := cmd.CombinedOutput()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		w.Fatalf("%v was not killed at %s: %v\n%s", args, failpoint, cmd.ProcessState, out)
	}
}

func TestKilledAtEachStepOfEachOperation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 10, `disable = "5%"`, `disable = 1000, update = 1000`)
	w.apply(0)
	person := int64(0)
	changes := map[ident.Class]func(id int64) (anchor string, check func(ident.Entry) string){
		ident.ClassCreate: func(int64) (string, func(ident.Entry) string) {
			u := w.sim.Add("Joan Clarke", fmt.Sprintf("joan%d@example.org", person))
			return fmt.Sprintf("pipedrive:%d", u.ID), func(e ident.Entry) string {
				if disabled(e) {
					return "was created disabled"
				}
				return ""
			}
		},
		ident.ClassUpdate: func(id int64) (string, func(ident.Entry) string) {
			mustPerson(t)(w.sim.Rename(id, fmt.Sprintf("Given%d Family%d", person, person)))
			return fmt.Sprintf("pipedrive:%d", id), func(e ident.Entry) string {
				if want := fmt.Sprintf("Given%d Family%d", person, person); e.Attributes.First("displayName") != want || e.Attributes.First("cn") != want {
					return "is named " + e.Attributes.First("cn")
				}
				return ""
			}
		},
		ident.ClassDisable: func(id int64) (string, func(ident.Entry) string) {
			mustPerson(t)(w.sim.SetActive(id, false))
			return fmt.Sprintf("pipedrive:%d", id), func(e ident.Entry) string {
				if !disabled(e) || !e.DN.Under(w.dc.OU("Leavers")) {
					return "was not disabled and moved"
				}
				return ""
			}
		},
		ident.ClassEnable: func(id int64) (string, func(ident.Entry) string) {
			mustPerson(t)(w.sim.SetActive(id, true))
			return fmt.Sprintf("pipedrive:%d", id), func(e ident.Entry) string {
				if disabled(e) || !e.DN.Under(w.dc.OU("Staff")) {
					return "was not enabled and moved back"
				}
				return ""
			}
		},
	}
	for _, kill := range soak.Some(t, 3, kills()) {
		class, step := kill.class, kill.step
		if u, err := w.sim.User(4); err != nil || u.ActiveFlag != (class != ident.ClassEnable) {
			w.activate(4, class != ident.ClassEnable)
		}
		person++
		anchor, check := changes[class](4)
		w.killedAt(step)
		if r := w.rollcall("apply", "staff"); r.code != 0 {
			t.Fatalf("%s killed %s: the next run ended with %d\n%s%s", class, step, r.code, r.stdout, r.stderr)
		}
		e, ok := w.accounts()[anchor]
		if !ok {
			t.Fatalf("%s killed %s: no account for %s", class, step, anchor)
		}
		if wrong := check(e); wrong != "" {
			t.Fatalf("%s killed %s: %s %s", class, step, e.DN, wrong)
		}
		w.settled()
	}
}

// killing is an operation and the step of it at which a run is killed.
type killing struct {
	class ident.Class
	step  string
}

// kills are all steps of all operations.
func kills() (all []killing) {
	for _, class := range []ident.Class{ident.ClassCreate, ident.ClassUpdate, ident.ClassDisable, ident.ClassEnable} {
		for _, step := range []string{"before-intent", "after-intent", "after-write", "after-commit"} {
			all = append(all, killing{class, step})
		}
	}
	return all
}

// activate changes a person at the source and lets a run follow.
func (w *world) activate(id int64, active bool) {
	w.Helper()
	mustPerson(w)(w.sim.SetActive(id, active))
	w.want(0, "apply", "staff")
}

// settled checks that a run more changes nothing, that every link has its
// account and the other way round, and that the journal is whole.
func (w *world) settled() {
	w.Helper()
	w.settledAt(0)
}

// settledAt is settled with another exit code: 4 where somebody stays in
// quarantine.
func (w *world) settledAt(code int) {
	w.Helper()
	if r := w.want(code, "apply", "staff"); !strings.Contains(r.stdout, "Nothing was changed.") {
		w.Fatalf("a run more changed something:\n%s", r.stdout)
	}
	accounts, links := w.accounts(), w.links()
	for key, l := range links {
		if e, ok := accounts["pipedrive:"+string(key)]; !ok || e.GUID != l.GUID {
			w.Fatalf("the link of %s leads to %s, the account is %v", key, l.GUID, e)
		}
	}
	if len(accounts) != len(links) {
		w.Fatalf("%d accounts and %d links", len(accounts), len(links))
	}
	w.want(0, "journal", "verify")
}

func mustPerson(t testing.TB) func(any, error) {
	return func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestKilledAtRandomMoments kills runs of many people wherever they are, with
// changes at the source in between, and compares the end with that of a world
// in which nothing was ever killed. At least a third of the kills meet a run
// that writes.
func TestKilledAtRandomMoments(t *testing.T) {
	t.Parallel()
	people, wantKills := soak.Size(100, 500), soak.Size(4, 50)
	unlimited := []string{`disable = "5%"`, `disable = 1000000, update = 1000000`}
	w, calm := newWorld(t, people, unlimited...), newWorld(t, people, unlimited...)
	r := soak.Rand(t)
	kills, writing, round := 0, 0, 0
	longest := 900 // milliseconds; more on a machine that takes longer to come to the first write
	for kills < wantKills || writing < wantKills/3 {
		// Most kills come while the run writes, some while it starts or reads.
		before := len(w.accounts())
		if w.killedWithin(r.IntN(4) > 0, time.Duration(r.IntN(longest))*time.Millisecond) {
			kills++
			if len(w.accounts()) != before || round > 0 {
				writing++
			} else {
				longest += longest / 4
			}
			continue
		}
		longest = max(longest/2, 300) // changes are quicker than creates with passwords
		calm.completes()
		if round++; round > 150 {
			t.Fatalf("only %d runs could be killed", kills)
		}
		for id := int64(10); id < 10+int64(people)*6/25; id++ {
			for _, s := range []*world{w, calm} {
				mustPerson(t)(s.sim.Rename(id, fmt.Sprintf("Round%d Person%d", round, id)))
				mustPerson(t)(s.sim.SetActive(id+int64(people)*2/5, round%2 == 0))
			}
		}
	}
	w.completes()
	calm.completes()
	w.settledAt(calm.completes())
	w.sameAs(calm)
	t.Logf("%d kills survived, %d of them while or after accounts were written, %d rounds", kills, writing, round)
}

// completes runs the automation to its end and returns the exit code: the two
// people whose names are too long may be in scope or not.
func (w *world) completes() int {
	w.Helper()
	a := w.rollcall("apply", "staff")
	if a.code != 0 && a.code != 4 {
		w.Fatalf("a run ended with %d\n%s%s", a.code, a.stdout, a.stderr)
	}
	return a.code
}

// killedWithin kills a run that long after its start, or after it has
// connected to the directory; false when it was done before.
func (w *world) killedWithin(connected bool, d time.Duration) bool {
	w.Helper()
	cmd := w.command("apply", "staff")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		w.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		w.Fatal(err)
	}
	kill := func() { time.AfterFunc(d, func() { _ = cmd.Process.Kill() }) }
	if !connected {
		kill()
	}
	var log strings.Builder
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		log.WriteString(lines.Text() + "\n")
		if connected && strings.Contains(lines.Text(), "directory connected") {
			kill()
		}
	}
	_ = cmd.Wait()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return true
	}
	if code := cmd.ProcessState.ExitCode(); code != 0 && code != 4 {
		w.Fatalf("a run after a kill ended with %d\n%s", code, log.String())
	}
	return false
}

// sameAs compares the accounts of two worlds.
func (w *world) sameAs(other *world) {
	w.Helper()
	got, want := w.accounts(), other.accounts()
	for _, anchor := range slices.Sorted(maps.Keys(want)) {
		a, b := got[anchor], want[anchor]
		for _, name := range []string{"cn", "displayName", "sAMAccountName", "userPrincipalName", "mail", "userAccountControl"} {
			if a.Attributes.First(name) != b.Attributes.First(name) {
				w.Errorf("%s: %s is %q, without kills it is %q", anchor, name, a.Attributes.First(name), b.Attributes.First(name))
			}
		}
		if !a.DN.EqualFold(b.DN) {
			w.Errorf("%s: %s, without kills it is %s", anchor, a.DN, b.DN)
		}
	}
	if len(got) != len(want) {
		w.Errorf("%d accounts, without kills %d", len(got), len(want))
	}
}

func TestStateLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 60)
	w.apply(0)
	before := w.accounts()
	w.newState()
	r := w.apply(0)
	if n := r.Counts[ident.ClassLink][ident.ResultApplied]; n != len(before) || r.Count(ident.ResultApplied) != n {
		t.Fatalf("%d links restored for %d accounts: %+v", n, len(before), r.Counts)
	}
	w.settled()
	if after := w.accounts(); len(after) != len(before) {
		t.Fatalf("%d accounts before, %d after", len(before), len(after))
	}
	// The links are known again: from now on an anchor that somebody wrote by
	// hand must not be believed.
	intruder := w.dc.AddUser(t, w.dc.OU("Staff"), "Mallory", "mallory", map[string][]string{"employeeNumber": {"pipedrive:61"}})
	w.sim.Add("Mallory Actor", "mallory@example.org")
	r = w.apply(3)
	if n := r.Counts[ident.ClassAdopt][ident.ResultHeld]; n != 1 {
		t.Fatalf("an anchor written by hand was not held for review: %+v", r.Counts)
	}
	for key, l := range w.links() {
		if l.GUID == intruder {
			t.Fatalf("key %s took over %s", key, intruder)
		}
	}
}
