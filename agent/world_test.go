package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/connector"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dctest"
	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/host/testdata/kept"
	"github.com/rollcall-agent/rollcall/plugins/pipedrive/sim"
)

// built is the command with failpoints, the connector and the cache of its
// compiled form, made once for all tests of this binary.
type built struct {
	binary, modules, cache string
	err                    error
}

var build = sync.OnceValue(func() (b built) {
	dir := filepath.Join(scratch, "built")
	b.binary, b.modules = filepath.Join(dir, "rollcall"), filepath.Join(dir, "modules")
	if out, err := exec.Command("go", "build", "-tags", "failpoint", "-o", b.binary, ".").CombinedOutput(); err != nil {
		b.err = errors.Join(err, errors.New(string(out)))
		return b
	}
	var log bytes.Buffer
	if _, err := connector.Build(scratchContext, "../plugins/pipedrive", filepath.Join(b.modules, "pipedrive.wasm"), &log); err != nil {
		b.err = errors.Join(err, errors.New(log.String()))
		return b
	}
	b.cache, b.err = kept.Folder("agent")
	return b
})

// raced is this program under the command's name, which TestMain goes by: it
// has the race detector where the tests have it, and no failpoints. It is slow,
// and so not for tests that kill the agent while it works.
var raced = sync.OnceValues(func() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	binary := filepath.Join(scratch, "raced", "rollcall")
	return binary, errors.Join(os.Mkdir(filepath.Dir(binary), 0o700), os.Symlink(self, binary))
})

// race lets the world's agents run with the race detector, and its commands:
// each of them at full size, and otherwise one in five, chosen by a seed.
func (w *world) race() *world {
	w.Helper()
	binary, err := raced()
	if err != nil {
		w.Fatal(err)
	}
	w.raced, w.choose = binary, soak.Rand(w)
	return w
}

// program is what the next command is made with.
func (w *world) program(args []string) string {
	w.choosing.Lock()
	defer w.choosing.Unlock()
	if w.choose != nil && (args[0] == "run" || w.choose.IntN(soak.Size(5, 1)) == 0) {
		return w.raced
	}
	return w.binary
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
	env    []string // of commands, beside that of the tests

	raced    string                  // the binary with the race detector; "": none is used
	front    atomic.Pointer[gateway] // what answers at the api
	choosing sync.Mutex
	choose   *rand.Rand
}

// gateway answers in place of the simulator, and may pass requests on to it.
type gateway struct{ http.Handler }

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
	w.front.Store(&gateway{w.sim})
	w.api = httptest.NewServer(http.HandlerFunc(func(to http.ResponseWriter, r *http.Request) { w.front.Load().ServeHTTP(to, r) }))
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
	cmd := exec.CommandContext(w.Context(), w.program(args), append([]string{"--config", w.config}, args...)...)
	cmd.Env = append(os.Environ(), w.env...)
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
