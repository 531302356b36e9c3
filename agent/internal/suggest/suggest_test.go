package suggest_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/fit"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/suggest"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

func manifest(t *testing.T, name string) abi.Manifest {
	t.Helper()
	text, err := os.ReadFile("../../../plugins/" + name + "/manifest.toml")
	if err != nil {
		t.Fatal(err)
	}
	m, err := host.ParseManifest(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// loaded loads a proposal in a configuration, with the automation that it proposes.
func loaded(t *testing.T, connector, toml string) (*config.Config, error) {
	t.Helper()
	base, err := os.ReadFile("../../testdata/agent.toml")
	if err != nil {
		t.Fatal(err)
	}
	text := string(base)
	if connector == "infobip" {
		text += "\n[applications.infobip]\nconnector = \"infobip\"\nauth = \"api_key\"\napi_key = \"@{env:KEY}\"\nbase_url = \"https://x.api.infobip.com\"\n"
	}
	if head, automation, ok := strings.Cut(toml, "# An automation that uses it."); ok {
		_, lines, _ := strings.Cut(automation, "\n")
		toml = head + strings.ReplaceAll(regexp.MustCompile(`(?m)^# `).ReplaceAllString(lines, ""), "OU=Staff,...", "OU=Staff,DC=example,DC=com")
	}
	file := filepath.Join(t.TempDir(), "agent.toml")
	if err := os.WriteFile(file, []byte(text+"\n"+toml), 0o600); err != nil {
		t.Fatal(err)
	}
	return config.Load(file)
}

// TestEveryProposalLoads and fits, for each endpoint of both connectors; every
// attribute is one that AD has for users, and everything that is not mapped is named.
func TestEveryProposalLoads(t *testing.T) {
	for _, connector := range []string{"pipedrive", "infobip"} {
		m := manifest(t, connector)
		for _, e := range m.Endpoints {
			name, toml := suggest.DataSource(suggest.Input{Application: connector, Endpoint: e, Domain: "example.com"})
			cfg, err := loaded(t, connector, toml)
			if err != nil {
				t.Errorf("%s/%s: %v\n%s", connector, e.Name, err, toml)
				continue
			}
			data, ok := cfg.DataSources[name]
			if !ok || data.PrimaryKey == "" {
				t.Errorf("%s/%s: no data source %s with a key", connector, e.Name, name)
			}
			for _, a := range data.Attributes {
				if rule, known := ident.UsualSchema()[strings.ToLower(a.Name)]; !known || rule.Unusable != "" {
					t.Errorf("%s/%s proposes %s", connector, e.Name, a.Name)
				}
			}
			for _, a := range e.Attributes {
				if !strings.Contains(toml, a.Name) {
					t.Errorf("%s/%s says nothing of %s", connector, e.Name, a.Name)
				}
			}
			if people := e.Audience != abi.AudienceObjects; people {
				if _, errs := fit.Automation(cfg, name, m, time.Now()); len(errs) > 0 {
					t.Errorf("%s/%s does not fit: %v\n%s", connector, e.Name, errs, toml)
				}
			}
		}
	}
}

// TestUsersOfPipedrive shows one proposal as a whole.
func TestUsersOfPipedrive(t *testing.T) {
	e, _ := manifest(t, "pipedrive").Endpoint("users")
	_, toml := suggest.DataSource(suggest.Input{Application: "pipedrive", Endpoint: e, Domain: "example.com"})
	for _, want := range []string{
		"\ncategory = \"lifecycle\" #", "\nprimary_key = \"id\" #", "\nwhere = \"user.active_flag && !user.is_deleted\"\n",
		"\ngivenName = \"{{ first_word(user.name) }}\" #", "\ndisplayName = \"{{ trim(user.name) }}\" #",
		"\nmail = { value = \"{{ lower(user.email) }}\" } #", "\ntelephoneNumber = \"{{ user.phone }}\" #",
		"\nuserPrincipalName = { value = \"{{ attributes.sAMAccountName }}@example.com\", apply = \"create\" } #",
		"\n# user.timezone_name (string): by its name\n", "\n# match = [\"mail\"]",
	} {
		if !strings.Contains(toml, want) {
			t.Errorf("no %q in\n%s", want, toml)
		}
	}
	if strings.Contains(toml, "user.created") && !strings.Contains(toml, "# user.created") {
		t.Error("a time is mapped")
	}
}

// TestEverythingThatTakesSomebodyOut is in where, not the first of it only.
func TestEverythingThatTakesSomebodyOut(t *testing.T) {
	var fields []abi.Attribute
	for name, kind := range map[string]abi.AttributeType{"is_deleted": abi.TypeBool, "suspended": abi.TypeBool, "archived": abi.TypeInt, "active": abi.TypeBool} {
		fields = append(fields, abi.Attribute{Name: name, Type: kind})
	}
	_, toml := suggest.DataSource(suggest.Input{
		Application: "crm", Endpoint: abi.Endpoint{Name: "users", Key: "/id", Attributes: fields}, Domain: "example.com", Incomplete: true,
	})
	if want := "\nwhere = \"user.active && !user.is_deleted && !user.suspended && user.archived == 0\"\n"; !strings.Contains(toml, want) {
		t.Errorf("no %q in\n%s", want, toml)
	}
	if !strings.Contains(toml, "ended before the last page") {
		t.Errorf("it does not say that the answer is incomplete:\n%s", toml)
	}
}

// TestSampleCountsRecords, and not what is reported beside them.
func TestSampleCountsRecords(t *testing.T) {
	var s suggest.Sample
	for _, r := range []ident.Record{
		{Key: "1", Fields: map[string]any{"name": "Ada"}}, {Key: "2", Deleted: true}, {Key: "1", Partial: true, Fields: map[string]any{"photo": "/9j/"}},
	} {
		s.Add(r)
	}
	for _, f := range s.Seen() {
		if f.All != 1 || f.Records != 1 {
			t.Errorf("%+v", f)
		}
	}
}

// TestAnEndpointThatNobodyKnows: one of the configuration has no list of fields, and
// says nothing of people.
func TestAnEndpointThatNobodyKnows(t *testing.T) {
	e := abi.Endpoint{Name: "users", Key: "/id"}
	for name, seen := range map[string][]suggest.Seen{
		"nothing seen": nil,
		"only a key":   {{Name: "id", Type: abi.TypeInt, Records: 2, All: 2}},
		"people":       {{Name: "id", Type: abi.TypeInt, Records: 2, All: 2}, {Name: "email", Type: abi.TypeString, Records: 1, All: 2}},
	} {
		key, toml := suggest.DataSource(suggest.Input{Application: "pipedrive", Endpoint: e, Domain: "example.com", Seen: seen})
		cfg, err := loaded(t, "pipedrive", toml)
		if name == "nothing seen" { // there is nothing to map
			if err == nil || !strings.Contains(err.Error(), "nothing would be written") {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil || cfg.DataSources[key].Category != "update" {
			t.Errorf("%s: %v\n%s", name, err, toml)
		}
	}
}

// TestWhatReallyCame: a field that never has a value is not mapped, one that the
// manifest does not know is, and hostile names and texts stay in their comments.
func TestWhatReallyCame(t *testing.T) {
	e := abi.Endpoint{Name: "staff", Key: "/person_id", Audience: abi.AudienceWorkforce, Attributes: []abi.Attribute{
		{Name: "person_id", Type: abi.TypeInt},
		{Name: "name", Type: abi.TypeString, Description: "a\n[agent]\nstate_dir = \"x\""},
		{Name: "phone", Type: abi.TypeString},
	}}
	var s suggest.Sample
	for i := range 3 {
		var fields map[string]any
		text := fmt.Sprintf(`{"person_id": %d, "name": "Ada Novak", "phone": "", "job_title": "Boss", "manager_id": 1, "disabled": 0,
			"first-name": "Ada", "lastName": "Novak", "de]'[p\"t\n": "x", "mixed": %s, "none": null, "tags": ["x"]}`, i, []string{`1`, `"x"`, `null`}[i])
		dec := json.NewDecoder(strings.NewReader(text))
		dec.UseNumber()
		if err := dec.Decode(&fields); err != nil {
			t.Fatal(err)
		}
		s.Add(ident.Record{Fields: fields})
	}
	_, toml := suggest.DataSource(suggest.Input{Application: "pipedrive", Endpoint: e, Seen: s.Seen()})
	for _, want := range []string{
		"\nprimary_key = \"person_id\" #", "\nwhere = \"user.disabled == 0\"\n", "\ngivenName = \"{{ trim(user['first-name']) }}\" #",
		"\ntitle = \"{{ user.job_title }}\" # job_title: not in the connector's manifest; 3 of 3 records have a value",
		"\n# manager = { reference = \"{{ user.manager_id }}\" } #", "\n# mail = ", "\n# userPrincipalName = ",
		"\n# user.phone (string): 0 of 3 records have a value\n", "\n# user.mixed (string): not in the connector's manifest; 2 of 3 records have a value\n",
		"\n# user.tags (objects): not in", "\n# user.none (string): not in the connector's manifest; 0 of 3",
	} {
		if !strings.Contains(toml, want) {
			t.Errorf("no %q in\n%s", want, toml)
		}
	}
	for line := range strings.Lines(toml) {
		if strings.HasPrefix(line, "[agent]") || strings.HasPrefix(line, "telephoneNumber") {
			t.Errorf("a line of its own: %s", line)
		}
	}
	toml = strings.Replace(toml, `endpoints = ["staff"]`, `endpoints = ["users"]`, 1)
	if _, err := loaded(t, "pipedrive", strings.ReplaceAll(toml, "person_id", "id")); err != nil {
		t.Errorf("%v\n%s", err, toml)
	}
}
