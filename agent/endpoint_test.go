package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/plugins/pipedrive/sim"
)

// TestEndpointsAreTried calls Pipedrive's users through the shipped connector, keeps
// what came, and reads it again when nobody answers any more.
func TestEndpointsAreTried(t *testing.T) {
	t.Parallel()
	people := sim.New(sim.Options{Seed: 1, People: 12, NoEmail: 3, Unlimited: true, Paging: sim.OffsetPaging, PageSize: 5})
	s := pagingService(t, people, map[string]string{"people": "params = { limit = \"5\" }"})
	text, err := os.ReadFile(s.config)
	must(t, err)
	config := strings.Replace(string(text), "path = \"/people\"", "path = \"/v1/users\"", 1)
	config = strings.Replace(config, `state_dir = "state"`, `state_dir = "other"`, 1) // an agent of its own
	file := filepath.Join(t.TempDir(), "agent.toml")
	must(t, os.WriteFile(file, []byte(config), 0o600))
	saved := filepath.Join(t.TempDir(), "users.answer")
	rollcall := commandOn(t, file)
	has := saysAll(t)

	out := rollcall(0, "test", "endpoint", "crm/people", "--save", saved)
	t.Log(out)
	has("text", out, "crm/people\n", "GET http://127.0.0.1", "limit=5", "answer: 200 OK", "12 records on 3 pages", `"{{ user.email }}"`, "@example.", "saved: "+saved)
	if strings.Contains(out, "sim-api-token") {
		t.Error("the token is shown")
	}
	page := rollcall(0, "test", "endpoint", "crm/people", "--limit", "1")
	has("one page", page, "5 records on 1 page", "ended at the wanted number of pages")

	var shown triedEndpoint
	again := rollcall(0, "--output", "json", "test", "endpoint", "--from", saved)
	must(t, json.Unmarshal([]byte(again), &shown))
	if strings.Contains(again, "@example.") || shown.Summary.Records != 12 || !shown.Call.Complete || shown.Call.Pages != 3 {
		t.Errorf("JSON has people's data, or not everybody:\n%s", again)
	}
	for _, a := range shown.Attributes {
		if a.Present+a.Null+a.Empty+a.Absent != 12 || len(a.Samples) > 0 {
			t.Errorf("%+v", a)
		}
		if a.Name == "email" && a.Present != 9 {
			t.Errorf("three have no e-mail address: %+v", a)
		}
	}
	has("JSON with values", rollcall(0, "--output", "json", "test", "endpoint", "--from", saved, "--show-values"), "@example.")
	if strings.Contains(rollcall(0, "test", "endpoint", "--from", saved, "--show-values=false"), "@example.") {
		t.Error("text shows values although it must not")
	}

	must(t, people.AddFault(sim.Fault{Kind: sim.HTML, Times: 1}))
	has("a failure", rollcall(1, "test", "endpoint", "crm/people", "--save", saved), "Failed: ", "HTML")
	has("nothing came", rollcall(1, "test", "endpoint", "--from", saved), "Failed: ")
	has("no such endpoint", rollcall(2, "test", "endpoint", "crm/persns"), `has no endpoint "persns" (it has: people,`)
	has("no such application", rollcall(2, "test", "endpoint", "crn/people"), `no application "crn"`)
	has("no endpoint", rollcall(2, "test", "endpoint", "crm"), "APPLICATION/ENDPOINT")
	has("two of a kind", rollcall(2, "test", "endpoint", "--from", saved, "--limit", "3"), "--from reads a file and calls nobody")
	has("another one's", rollcall(2, "test", "endpoint", "crm/users", "--from", saved), "holds an answer of crm/people")
	has("no answer", rollcall(2, "test", "endpoint", "--from", file), "is not a saved answer")
	has("a file that stays", rollcall(2, "test", "endpoint", "crm/people", "--save", file), "stays as it is")
}

// commandOn returns what runs the command on a configuration file, checks its exit code
// and returns what it wrote.
func commandOn(t *testing.T, file string) func(code int, args ...string) string {
	return func(code int, args ...string) string {
		t.Helper()
		cmd := exec.Command(build().binary, append([]string{"--config", file}, args...)...)
		var out, log bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &log
		err := cmd.Run()
		var ended *exec.ExitError
		if got := cmd.ProcessState.ExitCode(); got != code || err != nil && !errors.As(err, &ended) {
			t.Fatalf("%v: exit code %d, want %d, %v\n%s%s", args, got, code, err, out.String(), log.String())
		}
		return out.String() + log.String()
	}
}

// saysAll returns a check that a text has all parts.
func saysAll(t *testing.T) func(where, text string, all ...string) {
	return func(where, text string, all ...string) {
		t.Helper()
		for _, want := range all {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say %q:\n%s", where, want, text)
			}
		}
	}
}
