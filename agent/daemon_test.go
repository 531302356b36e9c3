package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// daemon is a running agent.
type daemon struct {
	*world
	cmd    *exec.Cmd
	url    string // of /metrics and the like
	mu     sync.Mutex
	log    bytes.Buffer
	readed chan struct{}
}

// start runs the agent and waits until it is ready.
func (w *world) start() *daemon {
	w.Helper()
	return w.startUntil("msg=ready")
}

// startUntil runs the agent and waits until its log has the text.
func (w *world) startUntil(text string) *daemon {
	w.Helper()
	d := &daemon{world: w, cmd: w.command("run"), readed: make(chan struct{})}
	stderr, err := d.cmd.StderrPipe()
	if err != nil {
		w.Fatal(err)
	}
	if err := d.cmd.Start(); err != nil {
		w.Fatal(err)
	}
	ready := make(chan string, 1)
	go d.follow(stderr, text, ready)
	select {
	case d.url = <-ready:
	case <-d.readed:
		w.Fatalf("the agent ended before it was ready:\n%s", d.said())
	case <-time.After(hang):
		w.Fatalf("the agent did not become ready:\n%s", d.said())
	}
	return d
}

// follow reads the log and tells the address once it has the text.
func (d *daemon) follow(stderr io.Reader, text string, ready chan<- string) {
	defer close(d.readed)
	address := regexp.MustCompile(`msg=metrics url=(http://[0-9.:]+)/metrics`)
	url := ""
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		d.mu.Lock()
		d.log.WriteString(lines.Text() + "\n")
		d.mu.Unlock()
		if m := address.FindStringSubmatch(lines.Text()); m != nil {
			url = m[1]
		}
		if strings.Contains(lines.Text(), text) {
			ready <- url
		}
	}
}

func (d *daemon) said() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.log.String()
}

// stop asks the agent to end and waits until it has.
func (d *daemon) stop() {
	d.Helper()
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		d.Fatal(err)
	}
	select {
	case <-d.readed:
	case <-time.After(hang):
		d.Fatalf("the agent does not end:\n%s", d.said())
	}
	if err := d.cmd.Wait(); err != nil {
		d.Errorf("the agent ended with %v:\n%s", err, d.said())
	}
}

func (d *daemon) get(path string) (int, string) {
	d.Helper()
	req, err := http.NewRequestWithContext(d.Context(), http.MethodGet, d.url+path, nil)
	if err != nil {
		d.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		d.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		d.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestDaemonServesCommandsAndMetrics(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 20, `create = 1000`, `create = 10`).race()
	d := w.start()
	for _, path := range []string{"/livez", "/readyz"} {
		if code, body := d.get(path); code != http.StatusOK {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
	if _, page := d.get("/metrics"); !strings.Contains(page, `rollcall_ldap_connected{server="`+w.dc.URL+`"} 0`) {
		t.Error("/metrics does not show the domain controller from the start")
	}
	if a := w.want(3, "plan", "staff"); !strings.Contains(a.stdout, "held for approval") {
		t.Errorf("plan through the socket:\n%s", a.stdout)
	}
	r := w.apply(3)
	if r.By == "" || r.Counts[ident.ClassCreate][ident.ResultApplied] != 10 {
		t.Errorf("apply through the socket: by %q, %+v", r.By, r.Counts)
	}
	_, page := d.get("/metrics")
	for _, want := range []string{
		`rollcall_ready 1`, `rollcall_automation_runs_total{automation="staff",result="held"} 1`,
		`rollcall_changes_total{automation="staff",operation="create",result="applied"} 10`,
		`rollcall_held_changes{automation="staff",operation="create"}`, `rollcall_http_requests_total{application="pipedrive",code="200"}`,
		`rollcall_ldap_requests_total{operation="add",result_code="0"} 10`,
		`rollcall_ldap_connected{server="` + w.dc.URL + `"} 1`, // between runs
	} {
		if !strings.Contains(page, want) {
			t.Errorf("/metrics does not show %s", want)
		}
	}
	if strings.Contains(page, "example.org") || strings.Contains(page, "CN=") {
		t.Error("/metrics shows users")
	}
	if a := w.want(0, "approve", itoa(r.ID)); strings.Contains(a.stdout, "displayName:") || !regexp.MustCompile(`(?m)^create +applied +10$`).MatchString(a.stdout) {
		t.Errorf("an approval that went well is told in full, or not at all:\n%s", a.stdout)
	}
	if a := w.rollcall("run"); a.code != 1 || !strings.Contains(a.stderr, "in use by another rollcall") {
		t.Errorf("a second agent ended with %d: %s", a.code, a.stderr)
	}
	d.stop()
	w.settled()
}

// TestDaemonStopsInTheMiddleOfARun stops an agent that is creating hundreds of
// accounts: it ends long before the run would, nothing is half done, and the
// next run makes the rest.
func TestDaemonStopsInTheMiddleOfARun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 250).race()
	d := w.start()
	answered := make(chan answer, 1)
	go func() { answered <- w.rollcall("--output", "json", "apply", "staff") }()
	for ; len(w.accounts()) < 20; time.Sleep(poll) {
		if strings.Contains(d.said(), "level=ERROR") {
			t.Fatalf("the run failed:\n%s", d.said())
		}
	}
	d.stop()
	a := <-answered
	if a.code != 1 {
		t.Errorf("the command that was cut off ended with %d:\n%s%s", a.code, a.stdout, a.stderr)
	}
	some := len(w.accounts())
	if some < 20 || some >= 230 {
		t.Fatalf("the agent was stopped with %d accounts, which is not the middle of the run", some)
	}
	if links := len(w.links()); links != some {
		t.Errorf("%d accounts and %d links after the stop", some, links)
	}
	var runs []store.Run
	if err := json.Unmarshal([]byte(w.want(0, "--output", "json", "runs").stdout), &runs); err != nil || runs[0].Result != store.RunInterrupted {
		t.Errorf("the history says %+v, %v", runs, err)
	}
	w.apply(0)
	w.settled()
}

// TestDaemonRunsBySchedule lets one minute pass.
func TestDaemonRunsBySchedule(t *testing.T) {
	if testing.Short() {
		t.Skip("takes up to a minute: the schedule's unit")
	}
	t.Parallel()
	w := newWorld(t, 5, `*/15 * * * *`, `* * * * *`)
	d := w.start()
	for deadline := time.Now().Add(hang); len(w.accounts()) == 0 || !strings.Contains(d.said(), "run ended"); {
		if time.Now().After(deadline) {
			t.Fatalf("no scheduled run:\n%s", d.said())
		}
		time.Sleep(poll)
	}
	d.stop()
	var runs []store.Run
	if err := json.Unmarshal([]byte(w.want(0, "--output", "json", "runs").stdout), &runs); err != nil || runs[0].Kind != store.KindScheduled {
		t.Errorf("the history says %+v, %v", runs, err)
	}
}

func TestOnceRunsWhatIsDue(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 5)
	w.want(0, "run", "--once")
	n := len(w.accounts())
	if n == 0 {
		t.Fatal("nobody was created")
	}
	w.sim.Add("Grace Hopper", "grace@example.org")
	w.want(0, "run", "--once") // not due again within a quarter of an hour, or at most once
	var runs []store.Run
	if err := json.Unmarshal([]byte(w.want(0, "--output", "json", "runs").stdout), &runs); err != nil || len(runs) > 2 {
		t.Errorf("the history says %+v, %v", runs, err)
	}
}

func TestOAuthTokensAreRefreshed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 8)
	w.write("client_secret", "sim-secret")
	w.configure(`auth      = "api_key"`, `auth = "oauth2"`+"\nclient_id = \"sim-client\"\ntoken_url = \""+w.api.URL+"/oauth/token\"",
		`api_key   = "@{file:`+w.dir+`/pipedrive_token}"`, `client_secret = "@{file:`+w.dir+`/client_secret}"`)
	if a := w.rollcall("plan", "staff"); a.code != 1 || !strings.Contains(a.stderr, "rollcall secret set oauth.pipedrive") {
		t.Fatalf("without tokens: %d %s", a.code, a.stderr)
	}
	if a := w.with(`{"refresh_token":"1:1:sim-refresh"}`, "secret", "set", "oauth.pipedrive"); a.code != 0 {
		t.Fatalf("secret set: %s", a.stderr)
	}
	w.apply(0)
	w.sim.ExpireAccessTokens() // the stored one is rejected although its time is not up
	w.settled()
	w.sim.RevokeRefreshTokens()
	w.sim.ExpireAccessTokens()
	a := w.rollcall("apply", "staff")
	if a.code != 1 || !strings.Contains(a.stdout, "rollcall secret set oauth.pipedrive") || strings.Contains(a.stdout+a.stderr, "sim-refresh") {
		t.Errorf("with revoked tokens: %d %s%s", a.code, a.stdout, a.stderr)
	}
}

// TestSavedPlan applies a plan as it stands, after the world has changed.
func TestSavedPlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 8)
	w.apply(0)
	mustPerson(t)(w.sim.Rename(1, "Augusta King"))
	mustPerson(t)(w.sim.Rename(3, "Charles Babbage"))
	file := w.dir + "/plan.json"
	w.want(0, "plan", "--out", file, "staff")
	w.sim.Add("Too Late", "late@example.org")
	changed := w.accounts()["pipedrive:3"]
	w.dc.Replace(t, changed.DN, "displayName", "By Hand")
	a := w.want(4, "--output", "json", "apply", file)
	var r engine.Report
	if err := json.Unmarshal([]byte(a.stdout), &r); err != nil {
		t.Fatal(err)
	}
	if r.Counts[ident.ClassUpdate][ident.ResultSkipped] != 1 || r.Counts[ident.ClassUpdate][ident.ResultApplied] != 1 {
		t.Errorf("the report says %+v", r.Counts)
	}
	after := w.accounts()
	if got := after["pipedrive:1"].Attributes.First("displayName"); got != "Augusta King" {
		t.Errorf("the planned change was not made: %s", got)
	}
	if got := after["pipedrive:3"].Attributes.First("displayName"); got != "By Hand" {
		t.Errorf("a change whose old values no longer hold was made: %s", got)
	}
	if _, made := after["pipedrive:9"]; made {
		t.Error("somebody was created who is not in the plan")
	}
	w.configure(`adopt = "review"`, `adopt = "auto"`)
	if a := w.rollcall("apply", file); a.code != 2 || !strings.Contains(a.stderr, "another configuration") {
		t.Errorf("a plan of another configuration: %d %s", a.code, a.stderr)
	}
}
