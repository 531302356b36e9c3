package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/plugins/pipedrive/sim"
)

// connectorWith puts Pipedrive's connector with more in its manifest into the
// folder, with another version.
func (w *world) connectorWith(folder, version, more string) {
	w.Helper()
	code := filepath.Join(scratch, "derived.wasm")
	if _, err := os.Stat(code); err != nil {
		build := exec.CommandContext(w.Context(), "go", "build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o", code, "../plugins/pipedrive")
		build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			w.Fatalf("%v\n%s", err, out)
		}
	}
	module, err := os.ReadFile(code)
	if err != nil {
		w.Fatal(err)
	}
	manifest, err := os.ReadFile("../plugins/pipedrive/manifest.toml")
	if err != nil {
		w.Fatal(err)
	}
	text := strings.Replace(string(manifest), `version     = "0.1.0"`, `version = "`+version+`"`, 1)
	if module, err = host.Embed(module, []byte(text+"\n"+more)); err != nil {
		w.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "pipedrive.wasm"), module, 0o600); err != nil {
		w.Fatal(err)
	}
}

// TestDerivedAttributes takes a field that the connector derives all the way
// into the directory.
func TestDerivedAttributes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 4)
	modules := t.TempDir()
	attribute := func(value string) string {
		return "[[attributes]]\nname = \"rank\"\ntype = \"string\"\nvalue = \"" + value + "\"\n"
	}
	w.connectorWith(modules, "0.1.1", attribute(`any(user.access, #.admin) ? 'admin' : user.name == 'Odd One' ? 7 : 'staff'`))
	w.configure(build().modules, modules, `displayName = "{{ trim(user.name) }}"`, "displayName = \"{{ trim(user.name) }}\"\ntitle = \"{{ user.rank }}\"")
	mustPerson(t)(w.sim.Change(1, func(u *sim.User) { u.Access = []sim.Access{{App: "global", Admin: true}} }))
	mustPerson(t)(w.sim.Change(2, func(u *sim.User) { u.Access = []sim.Access{{App: "sales"}} }))
	w.apply(0)
	titles := func(want map[string]string) {
		t.Helper()
		for _, e := range w.dc.Find(t, "(employeeNumber=pipedrive:*)", "employeeNumber", "title") {
			key := e.Attributes.First("employeeNumber")
			if text, asked := want[key]; asked && e.Attributes.First("title") != text {
				t.Errorf("the title of %s is %q, want %q", key, e.Attributes.First("title"), text)
			}
		}
	}
	titles(map[string]string{"pipedrive:1": "admin", "pipedrive:2": "staff"})

	// What cannot be computed is set aside, and counts as present.
	mustPerson(t)(w.sim.Change(2, func(u *sim.User) { u.Name = "Odd One" }))
	mustPerson(t)(w.sim.Change(1, func(u *sim.User) { u.Access[0].Admin = false }))
	r := w.apply(4)
	if q := r.Summary.Quarantined; len(q) != 1 || q[0].Key != "2" || !strings.Contains(q[0].Cause, `connector pipedrive, attribute rank:1:1: user.rank: the expression gives "7", and the connector says that it is of type string`) {
		t.Errorf("quarantined: %+v", q)
	}
	if disabled(w.accounts()["pipedrive:2"]) {
		t.Error("who was set aside was disabled")
	}
	titles(map[string]string{"pipedrive:1": "staff", "pipedrive:2": "staff"})

	// Another expression in another version is another configuration.
	plan := filepath.Join(w.dir, "plan.json")
	w.want(4, "plan", "staff", "--out", plan)
	w.connectorWith(modules, "0.1.2", attribute(`'rank ' + string_of(user.id)`))
	if a := w.rollcall("plan", "staff"); a.code != 1 || !strings.Contains(a.stderr, "connector pipedrive, attribute rank:1:11: unknown name string_of") {
		t.Errorf("an expression with a mistake: %d %s", a.code, a.stderr)
	}
	w.connectorWith(modules, "0.1.3", attribute(`'of ' + last_word(user.email)`))
	if a := w.rollcall("apply", plan); a.code != 2 {
		t.Errorf("a plan made with another expression: %d %s", a.code, a.stderr)
	}
	r = w.apply(0)
	if n := r.Counts[ident.ClassUpdate][ident.ResultApplied]; n != 4 {
		t.Errorf("%d accounts were looked at anew, want all: %+v", n, r.Counts)
	}
	w.settled()
}
