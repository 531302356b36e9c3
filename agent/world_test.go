package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/connector"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dctest"
	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/plugins/pipedrive/sim"
)

// built is the command with failpoints, the connector and a warm module cache,
// made once for all tests of this binary.
type built struct {
	binary, modules, cache string
	err                    error
}

var build = sync.OnceValue(func() (b built) {
	dir := filepath.Join(scratch, "built")
	b.binary, b.modules, b.cache = filepath.Join(dir, "rollcall"), filepath.Join(dir, "modules"), filepath.Join(dir, "cache")
	if b.err = compile(b.binary); b.err != nil {
		return b
	}
	if b.err = os.MkdirAll(b.cache, 0o700); b.err != nil {
		return b
	}
	var log bytes.Buffer
	if _, err := connector.Build(scratchContext, "../plugins/pipedrive", filepath.Join(b.modules, "pipedrive.wasm"), &log); err != nil {
		b.err = errors.Join(err, errors.New(log.String()))
	}
	return b
})

func compile(to string, flags ...string) error {
	args := slices.Concat([]string{"build"}, flags, []string{"-tags", "failpoint", "-o", to, "."})
	out, err := exec.Command("go", args...).CombinedOutput()
	if err != nil {
		return errors.Join(err, errors.New(string(out)))
	}
	return nil
}

// raced is the command with the race detector, where the tests have it too: it
// is slow, and so not for those that kill the agent while it works.
var raced = sync.OnceValues(func() (string, error) {
	if len(raceFlags) == 0 {
		return build().binary, build().err
	}
	binary := filepath.Join(scratch, "built", "rollcall-raced")
	return binary, compile(binary, raceFlags...)
})

// race lets the world's commands run with the race detector.
func (w *world) race() *world {
	w.Helper()
	binary, err := raced()
	if err != nil {
		w.Fatalf("build with the race detector: %v", err)
	}
	w.binary = binary
	return w
}

// world is an application, a directory and an agent between them.
type world struct {
	testing.TB
	dc     *dctest.DC
	sim    *sim.Server
	api    *httptest.Server
	dir    string
	config string
	binary string
}

// newWorld starts a domain controller and a simulator with that many people,
// and writes a configuration, changed by pairs of old and new text.
func newWorld(t testing.TB, people int, replace ...string) *world {
	t.Helper()
	dc := dctest.Fresh(t)
	b := build()
	if b.err != nil {
		t.Fatalf("build: %v", b.err)
	}
	w := &world{TB: t, dc: dc, sim: sim.New(sim.Options{Seed: 1, People: people, Unlimited: true}), dir: t.TempDir(), binary: b.binary}
	w.api = httptest.NewServer(w.sim)
	t.Cleanup(w.api.Close)
	w.newState()
	w.write("ad_password", dc.BindPassword)
	w.write("pipedrive_token", "sim-api-token")
	w.configure(replace...)
	return w
}

// newState gives the agent an empty state folder with a warm module cache.
func (w *world) newState() {
	w.Helper()
	state := filepath.Join(w.dir, "state")
	if err := errors.Join(os.RemoveAll(state), os.Mkdir(state, 0o700), os.Symlink(build().cache, filepath.Join(state, "module-cache"))); err != nil {
		w.Fatal(err)
	}
}

func (w *world) write(name, text string) string {
	w.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.Fatal(err)
	}
	return path
}

// configure writes the example configuration for this world.
func (w *world) configure(replace ...string) {
	w.Helper()
	example, err := os.ReadFile("../configs/agent.toml")
	if err != nil {
		w.Fatal(err)
	}
	text := regexp.MustCompile(`(?m)^include .*$`).ReplaceAllString(string(example), "")
	for _, pair := range [][2]string{
		{`/var/lib/rollcall`, filepath.Join(w.dir, "state")},
		{`/usr/lib/rollcall/modules`, build().modules},
		{`127.0.0.1:9480`, `127.0.0.1:0`},
		{`"ldaps://dc1.example.com", "ldaps://dc2.example.com"`, `"` + w.dc.URL + `"`},
		{`/etc/rollcall/ca.pem`, w.dc.CAFile},
		{`"@{cred:ad_password}"`, `"@{file:` + w.dir + `/ad_password}"`},
		{`"@{cred:pipedrive_token}"`, `"@{file:` + w.dir + `/pipedrive_token}"`},
		{`# schedule  = `, `schedule    = `},
		{`DC=example,DC=com`, `DC=ad,DC=test`},
		{`example.com`, `ad.test`},
		{`connector = "pipedrive"`, `connector = "pipedrive"` + "\n" + `base_url = "` + w.api.URL + `"`},
		{`create = 100`, `create = 1000`},
	} {
		if !strings.Contains(text, pair[0]) {
			w.Fatalf("configs/agent.toml no longer has %s", pair[0])
		}
		text = strings.ReplaceAll(text, pair[0], pair[1])
	}
	for i := 0; i+1 < len(replace); i += 2 {
		if !strings.Contains(text, replace[i]) {
			w.Fatalf("the configuration has no %q", replace[i])
		}
		text = strings.ReplaceAll(text, replace[i], replace[i+1])
	}
	w.config = w.write("agent.toml", text)
}

// answer is what a command said.
type answer struct {
	code           int
	stdout, stderr string
}

// command prepares the built binary in this world.
func (w *world) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(w.Context(), w.binary, append([]string{"--config", w.config}, args...)...)
	cmd.Env = os.Environ()
	return cmd
}

// rollcall runs a command to its end.
func (w *world) rollcall(args ...string) answer {
	w.Helper()
	return w.with("", args...)
}

// with runs a command with that on its standard input.
func (w *world) with(stdin string, args ...string) answer {
	w.Helper()
	cmd := w.command(args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		w.Fatalf("rollcall %v: %v", args, err)
	}
	return answer{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// want runs a command that must end with that code.
func (w *world) want(code int, args ...string) answer {
	w.Helper()
	a := w.rollcall(args...)
	if a.code != code {
		w.Fatalf("rollcall %s ended with %d, want %d\n%s%s", strings.Join(args, " "), a.code, code, a.stdout, a.stderr)
	}
	return a
}

// apply runs the automation and decodes its report.
func (w *world) apply(code int) engine.Report {
	w.Helper()
	a := w.want(code, "--output", "json", "apply", "staff")
	var r engine.Report
	if err := json.Unmarshal([]byte(a.stdout), &r); err != nil {
		w.Fatalf("decode the report: %v\n%s", err, a.stdout)
	}
	return r
}

// plan makes a plan and decodes it.
func (w *world) plan(code int) ident.Plan {
	w.Helper()
	a := w.want(code, "--output", "json", "plan", "staff")
	var p ident.Plan
	if err := json.Unmarshal([]byte(a.stdout), &p); err != nil {
		w.Fatalf("decode the plan: %v\n%s", err, a.stdout)
	}
	return p
}

// accounts lists the accounts that carry an anchor, by anchor; two with one
// anchor fail the test.
func (w *world) accounts() map[string]ident.Entry {
	w.Helper()
	all := map[string]ident.Entry{}
	for _, e := range w.dc.Find(w, "(&(sAMAccountType=805306368)(employeeNumber=*))", "employeeNumber", "cn", "displayName",
		"sAMAccountName", "userPrincipalName", "mail", "userAccountControl", "givenName", "sn", "pwdLastSet") {
		anchor := e.Attributes.First("employeeNumber")
		if other, twice := all[anchor]; twice {
			w.Fatalf("two accounts for %s: %s and %s", anchor, other.DN, e.DN)
		}
		all[anchor] = e
	}
	return all
}

func disabled(e ident.Entry) bool {
	uac := e.Attributes.First("userAccountControl")
	return uac != "512"
}

// links lists the links by key.
func (w *world) links() map[ident.Key]ident.Link {
	w.Helper()
	var list []ident.Link
	if err := json.Unmarshal([]byte(w.want(0, "--output", "json", "link", "list").stdout), &list); err != nil {
		w.Fatal(err)
	}
	byKey := map[ident.Key]ident.Link{}
	for _, l := range list {
		byKey[l.Key] = l
	}
	return byKey
}
