package main

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/plugins/pipedrive/sim"
)

// ward is a world in which one thing after another goes wrong, with an agent
// that is watched.
type ward struct {
	*world
	d        *daemon // nil when none runs
	replaced []string
	before   baseline
	joined   int64 // the last who did
}

// baseline is what there was before a situation.
type baseline struct{ success, runs float64 }

// came is what was seen of a situation.
type came struct {
	code  int           // of the command; -1 when there was none
	said  string        // by it
	later time.Duration // when the alerts are looked at
	page  string        // of metrics; "" is that of the agent
}

// usual is what the configuration has in every situation, as pairs. The
// schedule comes once a year, so that nothing runs by itself.
var usual = []string{`*/15 * * * *`, `0 3 1 1 *`, `disable = "5%"`, `disable = 0`}

const year = 400 * 24 * time.Hour

// down stops the agent.
func (w *ward) down() {
	w.Helper()
	if w.d != nil {
		w.d.stop()
		w.d = nil
	}
}

// up runs the agent with the usual configuration and more pairs.
func (w *ward) up(replace ...string) {
	w.Helper()
	w.down()
	w.replaced = replace
	w.configure(slices.Concat(usual, replace)...)
	w.d = w.start()
}

func (w *ward) page() string {
	w.Helper()
	if w.d == nil {
		return "up{job=\"rollcall\"} 0\n" // as Prometheus says of what it cannot scrape
	}
	_, page := w.d.get("/metrics")
	return "up{job=\"rollcall\"} 1\n" + page
}

// runs is how many there were, and how the last one ended.
func (w *ward) runs() (n float64, last store.RunResult) {
	w.Helper()
	var list []store.Run
	if err := json.Unmarshal([]byte(w.want(0, "--output", "json", "runs").stdout), &list); err != nil {
		w.Fatal(err)
	}
	if len(list) == 0 {
		return 0, ""
	}
	return float64(list[0].ID), list[0].Result
}

func value(samples []sample, name string) float64 {
	for _, s := range samples {
		if s.name == name {
			return s.value
		}
	}
	return 0
}

// remember notes what there is before the situation itself.
func (w *ward) remember() {
	w.Helper()
	n, _ := w.runs()
	w.before = baseline{value(scrape(w, w.page()), "rollcall_automation_last_success_timestamp_seconds"), n}
}

// follows runs an agent that sends a webhook for everybody who joins.
func (w *ward) follows(replace ...string) {
	w.Helper()
	w.up(append(replace, "[automations.staff]\n", `[orchestrations.joined]
[[orchestrations.joined.steps]]
webhook = "pipedrive/deactivate_user"

[automations.staff]
after = { created = "joined" }
`)...)
}

// spoilsWrites has the application answer what is sent like that.
func (w *ward) spoilsWrites(f sim.Fault) {
	w.Helper()
	f.Method = http.MethodPut
	if err := w.sim.AddFault(f); err != nil {
		w.Fatal(err)
	}
}

// awaits waits until the orchestration under way stands there.
func (w *ward) awaits(status store.InstanceStatus) {
	w.Helper()
	soak.Await(w, "an orchestration is "+string(status), func() bool {
		for _, i := range w.instances() {
			if i.Status == status {
				return true
			}
		}
		return false
	})
}

// calm puts everything right. Orchestrations end first, and without an agent that
// sends: nothing is sent when the application takes it again.
func (w *ward) calm() {
	w.Helper()
	for id, i := range w.instances() {
		if !i.Status.Ended() {
			w.down()
			w.want(0, "orchestrations", "cancel", id)
		}
	}
	w.sim.ClearFaults()
	w.dc.Replace(w, w.dc.BaseDN, "minPwdLength", "7")
	w.write("ad_password", w.dc.BindPassword)
	mustPerson(w)(w.sim.SetActive(leaver, true))
	if w.joined != 0 {
		w.address(sim.Some("joan" + itoa(w.joined) + "@example.org"))
	}
	if w.d == nil || len(w.replaced) > 0 {
		w.up()
	}
	w.want(0, "quarantine", "retry", "staff")
	w.want(0, "apply", "staff")
	w.remember()
}

// leaver is somebody who leaves when something is to be held.
const leaver = 4

func (w *ward) leaves() { mustPerson(w)(w.sim.SetActive(leaver, false)) }

// joins adds people whose names say their numbers.
func (w *ward) joins(n int) {
	for range n {
		w.joined = w.sim.Add("Joan Clarke", "").ID
		mustPerson(w)(w.sim.Rename(w.joined, "Joan"+itoa(w.joined)+" Clarke"))
		w.address(sim.Some("joan" + itoa(w.joined) + "@example.org"))
	}
}

// address gives the last one who joined another address.
func (w *ward) address(email sim.Text) {
	mustPerson(w)(w.sim.Change(w.joined, func(u *sim.User) { u.Email = email }))
}

// refusesPasswords lets the directory refuse every new account.
func (w *ward) refusesPasswords() { w.dc.Replace(w, w.dc.BaseDN, "minPwdLength", "40") }

func (w *ward) asks(args ...string) came {
	w.Helper()
	a := w.rollcall(args...)
	return came{code: a.code, said: a.stdout + a.stderr}
}

func (w *ward) applies() came {
	w.Helper()
	return w.asks("apply", "staff")
}

// spoiled applies once the application answers like that.
func (w *ward) spoiled(f sim.Fault) came {
	w.Helper()
	f.Route = "users"
	if err := w.sim.AddFault(f); err != nil {
		w.Fatal(err)
	}
	return w.applies()
}

// once makes the due run of a machine on which no agent runs, and then has an
// agent look at the history.
func (w *ward) once(replace ...string) came {
	w.Helper()
	w.due()
	w.configure(slices.Concat(usual, replace)...)
	c := w.asks("run", "--once")
	w.up(replace...)
	return c
}

// due stops the agent and lets the last scheduled run be of long ago.
func (w *ward) due() {
	w.down()
	w.exec(`UPDATE runs SET started = started - ? WHERE kind = 'scheduled'`, year.Nanoseconds())
}

// exec changes the state of an agent that does not run.
func (w *world) exec(query string, args ...any) {
	w.Helper()
	db, err := sql.Open("sqlite", filepath.Join(w.dir, "state", store.FileName))
	if err != nil {
		w.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(w.Context(), query, args...); err != nil {
		w.Fatal(err)
	}
}

// held has something held by a run, and returns its number.
func (w *ward) held() string {
	w.Helper()
	w.leaves()
	r := w.apply(3)
	w.remember()
	return itoa(r.ID)
}

// panics has an agent with a fault of its own make a run.
func (w *ward) panics(at string) came {
	w.Helper()
	w.joins(2)
	w.down()
	w.env = []string{"ROLLCALL_PANIC=" + at}
	w.d = w.start()
	w.env = nil
	return w.applies()
}

// elsewhere names the tests of alerts that no row of the table raises: they tell of
// nothing that has become of a run.
var elsewhere = map[string]string{"RollcallAuthorizationEnds": "TestTheAlertOfAnUnusedAuthorization"}

// TestEverySituationOfTheTable brings rows of the table in docs/operate.md
// about, all of them at full size, and holds each against what the command
// answers, the history, a scrape, and the alerts that are shipped, also after a
// restart of the agent.
func TestEverySituationOfTheTable(t *testing.T) {
	t.Parallel()
	w := &ward{world: newWorld(t, 10, usual...)}
	alerts := rules(t, read(t, "../configs/alerts.yml"))
	raised, all := map[string]bool{}, situations(t)
	for _, row := range all {
		if happenings[row.name] == nil {
			t.Fatalf("nothing brings about: %s", row.name)
		}
		for _, name := range row.alerts {
			raised[name] = true
		}
	}
	w.d = w.start()
	for _, row := range soak.Some(t, 6, all) {
		w.calm()
		w.check(row, happenings[row.name](w), alerts)
	}
	w.down()
	for name := range alerts {
		if !raised[name] && elsewhere[name] == "" {
			t.Errorf("no row raises %s", name)
		}
	}
	if n := len(all); n != len(happenings) {
		t.Errorf("the table has %d rows, and %d are known", n, len(happenings))
	}
}

func (w *ward) check(row situation, got came, alerts map[string]string) {
	w.Helper()
	page := got.page
	if page == "" {
		page = w.page()
	}
	samples := scrape(w, page)
	now := time.Now().Add(got.later)
	code := ""
	if got.code >= 0 {
		code = strconv.Itoa(got.code)
	}
	if code != row.exit {
		w.Errorf("%s: exit code %q, the table says %q", row.name, code, row.exit)
	}
	for _, expression := range row.metrics {
		if !holds(w, expression, samples, now) {
			w.Errorf("%s: %s does not hold", row.name, expression)
		}
	}
	if names := firing(w, alerts, samples, now); !slices.Equal(names, row.alerts) {
		w.Errorf("%s: raises %q, the table says %q", row.name, names, row.alerts)
	}
	w.checkHistory(row, samples)
	if w.Failed() {
		w.Fatalf("%s: %s", row.name, got.said)
	}
	if w.d == nil || got.page != "" || got.code < 0 && row.result == "" {
		return
	}
	w.d.stop()
	w.d = w.start()
	if names := firing(w, alerts, scrape(w, w.page()), now); !slices.Equal(names, row.alerts) {
		w.Errorf("%s: after a restart it raises %q, the table says %q", row.name, names, row.alerts)
	}
}

// checkHistory holds result and last success against the history and a scrape.
func (w *ward) checkHistory(row situation, samples []sample) {
	w.Helper()
	if row.success == "none" {
		return
	}
	success := value(samples, "rollcall_automation_last_success_timestamp_seconds")
	if moved := success > w.before.success; moved != (row.success == "moves") || success < w.before.success {
		w.Errorf("%s: the last success was %.3f and is %.3f, the table says that it %s", row.name, w.before.success, success, row.success)
	}
	n, last := w.runs()
	if row.result == "" {
		if n != w.before.runs {
			w.Errorf("%s: there was a run, which is %s", row.name, last)
		}
		return
	}
	if n == w.before.runs || string(last) != row.result {
		w.Errorf("%s: run %v is %s, the table says %s", row.name, n, last, row.result)
	}
	if !row.part && !holds(w, `rollcall_automation_last_result{result="`+row.result+`"} == 1`, samples, time.Now()) {
		w.Errorf("%s: rollcall_automation_last_result is not %s", row.name, row.result)
	}
}
