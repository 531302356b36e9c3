package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

// staffOf answers with three people, one after the other on pages of their own: Ada
// who works here, Ben who has left, and Cy without a name.
func staffOf(asked *int) http.HandlerFunc {
	pages := map[string]string{
		"":  `{"success": true, "data": [{"id": 1, "name": " Ada Novak ", "active": true, "boss": 2, "title": null}], "next": "2"}`,
		"2": `{"success": true, "data": [{"id": 2, "name": "Ben Li", "active": false}], "next": "3"}`,
		"3": `{"success": true, "data": [{"id": 3, "name": "", "active": true}], "next": null}`,
	}
	return func(w http.ResponseWriter, r *http.Request) {
		*asked++
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(pages[r.URL.Query().Get("cursor")]))
	}
}

const triedMapping = `
[data_sources.staff]
category = "lifecycle"
application = "crm"
endpoints = ["people"]
primary_key = "id"
where = 'user.active && user.id != 77'
[data_sources.staff.attributes]
displayName = "{{ trim(user.name) }}"
sAMAccountName = { value = "{{ lower(left(first_word(user.name), 1) + last_word(user.name)) }}", unique = "domain", apply = "create" }
title = "{{ user.title }}"
company = { value = "{{ user.company }}", on_missing = "default", default = "ACME" }
manager = { reference = "{{ user.boss }}" }
[automations.people]
data_source = "staff"
action = "lifecycle"
schedule = "@daily"
ou = "OU={{ upper(user.id) }},DC=example,DC=com"
adopt = "never"
enable_when = 'user.id > 1'
`

// TestMappingsAreTried takes people through a mapping without a directory: by a call,
// and from a saved answer when nobody answers any more.
func TestMappingsAreTried(t *testing.T) {
	t.Parallel()
	asked := 0
	s := pagingService(t, staffOf(&asked), map[string]string{
		"people": "repeat = { style = \"cursor\", param = \"cursor\", next = \"/next\" }",
	})
	text, err := os.ReadFile(s.config)
	must(t, err)
	dir := t.TempDir()
	file, saved := filepath.Join(dir, "agent.toml"), filepath.Join(dir, "people.answer")
	must(t, os.WriteFile(file, []byte(strings.Replace(string(text), `state_dir = "state"`, `state_dir = "other"`, 1)+triedMapping), 0o600))
	rollcall, has := commandOn(t, file), saysAll(t)

	rollcall(0, "test", "endpoint", "crm/people", "--save", saved)
	one := rollcall(0, "test", "mapping", "staff", "--limit", "1")
	t.Log(one)
	has("text", one, "staff by automation people: 1 record\n", "the directory was not asked", "key 1: in scope\n",
		"where true: user.active [user.active = true]",
		"enable_when false: user.id > 1 [user.id = 1] (the account is disabled by this)", `user.name = " Ada Novak "`, "Ada Novak", "anovak",
		"at the creation, unique in the domain, not checked", "no value: user.title is null", "user.title = null ", "ACME",
		"(default): ACME", "OU: OU=1,DC=example,DC=com", "sAMAccountName: {{ lower(left(first_word(user.name), 1) + last_word(user.name)) }}",
		`first_word(user.name) = "Ada"`, `left(first_word(user.name), 1) = "A"`, `= "anovak"`, file+":")
	if strings.Contains(one, "key 2") {
		t.Errorf("more than one record:\n%s", one)
	}
	all := rollcall(4, "test", "mapping", "staff")
	has("everybody", all, "key 2: out of scope", "where false: user.active [user.active = false] (this decides)", "key 3: would be set aside", "set aside: ")

	before := asked
	same := rollcall(4, "test", "mapping", "staff", "--from", saved)
	if same != all {
		t.Errorf("from the file:\n%s\nby a call:\n%s", same, all)
	}
	var shown service.TestMappingAnswer
	must(t, json.Unmarshal([]byte(rollcall(0, "--output", "json", "test", "mapping", "staff", "--from", saved, "--key", "1", "--key", "2")), &shown))
	if len(shown.Records) != 2 || shown.Records[0].Scope != service.ScopeIn || shown.Records[1].Scope != service.ScopeOut ||
		string(shown.Records[0].Fields["name"]) != `" Ada Novak "` || shown.Automation != "people" || shown.Directory {
		t.Errorf("JSON: %+v", shown)
	}
	for _, a := range shown.Records[0].Attributes {
		if (a.Name == "manager" || a.Name == "sAMAccountName" || a.Name == "cn") != a.Unchecked {
			t.Errorf("%s is unchecked: %v", a.Name, a.Unchecked)
		}
	}
	if strings.Contains(rollcall(0, "test", "mapping", "staff", "--from", saved, "--key", "1", "--brief"), "first_word") {
		t.Error("--brief has expressions")
	}
	if asked != before {
		t.Errorf("the application was asked %d times although a file was named", asked-before)
	}

	has("no such record", rollcall(2, "test", "mapping", "staff", "--key", "9"), "key 9: crm has no record with this key")
	has("no such data source", rollcall(2, "test", "mapping", "staf"), `there is no data source "staf" (did you mean "staff"?)`)
	has("no such automation", rollcall(2, "test", "mapping", "staff", "--automation", "x"), "automation x does not use data source staff; what does: [people]")
	has("no answer", rollcall(2, "test", "mapping", "staff", "--from", file), "is not a saved answer")
	has("too many", rollcall(2, "test", "mapping", "staff", "--limit", "1001"), "it must be from 1 to 1000")
	has("no directory", rollcall(1, "test", "mapping", "staff", "--from", saved, "--directory"), "ldaps://127.0.0.1:1")

	rollcall(0, "test", "endpoint", "crm/users", "--save", filepath.Join(dir, "users.answer"))
	has("another endpoint's", rollcall(2, "test", "mapping", "staff", "--from", filepath.Join(dir, "users.answer")), "holds an answer of crm/users")
}
