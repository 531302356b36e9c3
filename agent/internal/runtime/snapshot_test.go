package runtime

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

func TestMain(m *testing.M) {
	if code, asked := CompileIfAsked(context.Background()); asked {
		os.Exit(code)
	}
	os.Exit(m.Run())
}

const configuration = `
[agent]
state_dir   = "state"
modules_dir = "modules"
listen      = ""
[modules]
allow_unsigned = true
[directory]
urls          = ["ldaps://127.0.0.1:1"]
base_dn       = "DC=example,DC=com"
scope         = ["DC=example,DC=com"]
bind_dn       = "rollcall@corp.test"
bind_password = "@{env:AD_PASSWORD}"
[applications.crm]
connector = "acme"
auth      = "api_key"
api_key   = "@{store:crm}"
[data_sources.people]
category    = "lifecycle"
application = "crm"
endpoints   = ["users"]
primary_key = "id"
[data_sources.people.attributes]
displayName    = "{{ user.name }}"
initials       = "{{ user.initial }}"
sAMAccountName = { value = "{{ sam_safe(user.name) }}", unique = "domain", suffix = "number", apply = "create" }
[automations.staff]
data_source = "people"
action      = "lifecycle"
ou          = "OU=Staff,DC=example,DC=com"
match       = []
`

const acmeManifest = `
name = "acme"
version = "1.0.0"
title = "Acme"
abi = "rollcall_v1"
base_url = "https://api.acme.example"
hosts = ["api.acme.example"]
[[auth]]
kind = "api_key"
header = "X-Key"
[[endpoints]]
name = "users"
path = "/users"
records = "/data"
key = "/id"
[[attributes]]
name = "id"
type = "string"
[[attributes]]
name = "name"
type = "string"
`

// installed is an agent with that configuration and an empty modules folder.
func installed(t *testing.T, more ...string) (a *Agent, file string) {
	t.Helper()
	dir := t.TempDir()
	file = filepath.Join(dir, "agent.toml")
	must(t, os.Mkdir(filepath.Join(dir, "modules"), 0o700))
	must(t, os.WriteFile(file, []byte(configuration+strings.Join(more, "")), 0o600))
	cfg, err := config.Load(file)
	must(t, err)
	a, err = Lock(t.Context(), cfg, Settings{Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	t.Cleanup(a.Close)
	must(t, a.Open(t.Context()))
	return a, file
}

// install puts a connector into the modules folder that delivers nothing.
func install(t *testing.T, a *Agent, manifest string) {
	t.Helper()
	name := abi.ExportFetch
	module, err := host.Embed(bytes.Join([][]byte{
		[]byte("\x00asm\x01\x00\x00\x00"),
		{1, 5, 1, 0x60, 0, 1, 0x7F}, // one type: nothing -> i32
		{3, 2, 1, 0},                // one function of that type
		{7, byte(len(name) + 4), 1, byte(len(name))},
		[]byte(name),
		{0, 0},
		{10, 6, 1, 4, 0, 0x41, 0, 0x0B}, // i32.const 0
	}, nil), []byte(manifest))
	must(t, err)
	file := filepath.Join(a.Config().Agent.ModulesDir, "acme.wasm")
	must(t, os.WriteFile(file+".part", module, 0o600))
	must(t, os.Rename(file+".part", file))
}

// watch takes up what is put into the modules folder, and returns a function that
// waits for a snapshot.
func watch(t *testing.T, a *Agent) (swapped func(until func(*Snapshot) bool) *Snapshot) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	watched := make(chan error, 1)
	go func() { watched <- a.host.Watch(ctx, func() { a.refreshed(ctx) }) }()
	t.Cleanup(func() {
		stop()
		if err := <-watched; err != nil {
			t.Error(err)
		}
	})
	return func(until func(*Snapshot) bool) *Snapshot {
		for {
			if now := a.now.Load(); until(now) {
				return now
			}
			time.Sleep(time.Millisecond)
		}
	}
}

// TestASnapshotIsSwappedAsAWhole: when a connector changes, everything that
// follows from it is made anew, and whoever holds the former snapshot sees none
// of it.
func TestASnapshotIsSwappedAsAWhole(t *testing.T) {
	a, _ := installed(t)
	e, err := a.Engine(t.Context())
	must(t, err)
	first := a.now.Load()
	if first.broken["staff"] == nil || e.Unable("staff") == nil {
		t.Fatal("the automation can run without its connector")
	}
	swapped := watch(t, a)

	install(t, a, acmeManifest)
	second := swapped(func(s *Snapshot) bool { return s.connectors["acme"].err == nil })
	if second.broken["staff"] != nil || second.automations["staff"].Settings.Config == "" {
		t.Errorf("with its connector the automation cannot run: %v", second.broken["staff"])
	}
	if first.broken["staff"] == nil || len(first.automations) > 0 || first.connectors["acme"].err == nil {
		t.Error("the former snapshot has changed")
	}
	if second.config != first.config || second.credentials != first.credentials || second.parts != first.parts {
		t.Error("what lives longer is not the same")
	}
	a.mu.Lock() // the engine is told before the next swap can begin
	able := e.Unable("staff")
	digest := e.Config("staff")
	a.mu.Unlock()
	if able != nil || digest != second.automations["staff"].Settings.Config {
		t.Errorf("the engine goes by something else: %v, %s", able, digest)
	}

	// Another version derives a field: other manifest, mapper and digest together.
	install(t, a, strings.Replace(acmeManifest, `version = "1.0.0"`, `version = "1.1.0"`, 1)+"[[attributes]]\nname = \"initial\"\ntype = \"string\"\nvalue = \"left(user.name, 1)\"\n")
	third := swapped(func(s *Snapshot) bool { return s.connectors["acme"].manifest.Version == "1.1.0" })
	now, was := third.automations["staff"], second.automations["staff"]
	if now.Settings.Config == was.Settings.Config || now.Mapper == was.Mapper {
		t.Errorf("with the digest %s and the mapper of before: %v", now.Settings.Config, now.Mapper == was.Mapper)
	}
	if v := second.connectors["acme"].manifest.Version; v != "1.0.0" {
		t.Errorf("the former snapshot has version %s now", v)
	}
}

// TestATriedFileIsAnotherSnapshot: a file that was edited is tried over the same
// state, and the agent goes on by what it had.
func TestATriedFileIsAnotherSnapshot(t *testing.T) {
	a, file := installed(t)
	install(t, a, acmeManifest)
	own, err := a.Engine(t.Context())
	must(t, err)
	before := a.now.Load()
	if before.broken["staff"] != nil {
		t.Fatal(before.broken["staff"])
	}
	in := NewOnDisk(file, false)
	if e, differs, err := a.Tried(t.Context(), in); err != nil || differs != nil || e != own {
		t.Errorf("the same file is tried by another engine: %v, %v", differs, err)
	}
	must(t, os.WriteFile(file, []byte(strings.Replace(configuration, "OU=Staff", "OU=People", 1)), 0o600))
	e, differs, err := a.Tried(t.Context(), in)
	if err != nil || differs == nil || differs.Tables() != "[automations.staff] (ou)" {
		t.Fatalf("the edited file: %+v, %v", differs, err)
	}
	if e == own || e.Config("staff") == own.Config("staff") || e.Config("staff") == "" {
		t.Errorf("it is tried with the digest %q, and the agent's is %q", e.Config("staff"), own.Config("staff"))
	}
	if now := a.now.Load(); now != before || own.Config("staff") != before.automations["staff"].Settings.Config {
		t.Error("trying a file has changed what the agent goes by")
	}

	tried, _, _, err := a.Try(t.Context(), in)
	must(t, err)
	if !tried.mirrorSpec().EventsAsBefore || before.mirrorSpec().EventsAsBefore {
		t.Error("trying a file decides whether what happens meanwhile is an event for the agent")
	}

	// Checked from its beginning, nothing is shared that somebody logged in for.
	checked, _, err := a.Checked(t.Context(), in)
	must(t, err)
	if checked.credentials == before.credentials || checked.parts != before.parts {
		t.Error("a check has the agent's sessions, or another state")
	}
}

// TestAConnectorRenewsTheMirror: what a webhook of a connector reads of an object as
// it was is known once the connector serves, and is mirrored from then on.
func TestAConnectorRenewsTheMirror(t *testing.T) {
	a, _ := installed(t, `
[orchestrations.leaver]
[[orchestrations.leaver.steps]]
webhook = "crm/leave"
[automations.leavers]
trigger       = "directory"
on            = ["disabled"]
orchestration = "leaver"
`)
	e, err := a.Engine(t.Context())
	must(t, err)
	mirrored := func() []string { return e.Under(engine.Settings{}).Mirror.Optional }
	if names := mirrored(); slices.Contains(names, "department") {
		t.Fatalf("without its connector the orchestration reads %q", names)
	}
	swapped := watch(t, a)
	install(t, a, acmeManifest+`
[[webhooks]]
name   = "leave"
title  = "Leave"
method = "POST"
path   = "/leave"
body   = '{"was": "{{ old.department }}"}'
`)
	now := swapped(func(s *Snapshot) bool { return s.connectors["acme"].err == nil })
	a.mu.Lock() // the engine is told before the next swap can begin
	defer a.mu.Unlock()
	if names := mirrored(); !slices.Contains(names, "department") {
		t.Errorf("with its connector it reads %q: %v", names, now.orchestrations["leaver"].err)
	}
}
