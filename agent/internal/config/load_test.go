package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/secrets"
)

// examples is the folder of the examples that are shipped.
const examples = "../../../configs"

func TestExamplesLoad(t *testing.T) {
	main, err := os.ReadFile(filepath.Join(examples, "agent.toml"))
	if err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(examples, "conf.d", "*.toml.example"))
	if err != nil || len(found) < 3 {
		t.Fatalf("examples: %v %v", found, err)
	}
	files := map[string]string{"agent.toml": string(main)}
	for _, example := range found {
		text, err := os.ReadFile(example)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(example), ".example")
		files["conf.d/"+name] = string(text)
		t.Run(name, func(t *testing.T) {
			wantNoWarnings(t, map[string]string{"agent.toml": string(main), "conf.d/" + name: string(text)})
		})
	}
	t.Run("none", func(t *testing.T) { wantNoWarnings(t, map[string]string{"agent.toml": string(main)}) })
	t.Run("all", func(t *testing.T) { wantNoWarnings(t, files) })
}

func wantNoWarnings(t *testing.T, files map[string]string) {
	t.Helper()
	for _, w := range mustLoad(t, files).Warnings {
		t.Error(w)
	}
}

func mustLoad(t *testing.T, files map[string]string) *Config {
	t.Helper()
	c, err := Load(filepath.Join(writeFiles(t, files), "agent.toml"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func base(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("testdata/base.toml")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestDefaults asserts what CONTRACT promises for everything that is not set.
func TestDefaults(t *testing.T) {
	c := mustLoad(t, map[string]string{"agent.toml": `
[directory]
urls = ["ldaps://dc1.example.com"]
base_dn = "DC=example,DC=com"
scope = ["DC=example,DC=com"]
bind_dn = "rollcall@example.com"
bind_password = "@{env:AD_PASSWORD}"
[modules]
allow_unsigned = true
[applications.a]
connector = "pipedrive"
auth = "bearer"
token = "@{env:TOKEN}"
[data_sources.d]
category = "lifecycle"
application = "a"
endpoints = ["users"]
primary_key = "id"
attributes = { sAMAccountName = "{{ user.name }}", displayName = "{{ user.name }}" }
[automations.x]
data_source = "d"
action = "lifecycle"
ou = "OU=Staff,DC=example,DC=com"
`})
	none := plan.Limit{Unlimited: true}
	limits := Limits{
		Create: none, Adopt: none, Rename: none, Move: none, Enable: none, Groups: none,
		Update: plan.Limit{Percent: 50, Count: 5}, Disable: plan.Limit{Percent: 5, Count: 5}, SourceShrink: plan.Limit{Percent: 20}, Start: plan.Limit{Percent: 20, Count: 20},
	}
	attribute := c.DataSources["d"].Attributes["sAMAccountName"]
	automation := c.Automations["x"]
	for _, check := range []struct {
		name      string
		got, want any
	}{
		{"listen", c.Agent.Listen, "127.0.0.1:9480"},
		{"log", c.Agent.Log, Log{Level: LogInfo, Format: LogText}},
		{"master_key", c.Secrets.MasterKey.IsZero(), true},
		{"memory_mib", c.Modules.MemoryMiB, 64},
		{"call_timeout", c.Modules.CallTimeout, 30 * time.Second},
		{"fetch_timeout", c.Modules.FetchTimeout, 6 * time.Hour},
		{"auth", c.Directory.Auth, DirectorySimple},
		{"connections", c.Directory.Connections, 4},
		{"anchor", c.Directory.Anchor, "employeeNumber"},
		{"timeout", c.Directory.Timeout, 10 * time.Second},
		{"enabled", c.Applications["a"].Enabled, true},
		{"rate_limit", c.Applications["a"].RateLimit, RateLimit{}},
		{"apply", attribute.Apply, ident.ApplyAlways},
		{"on_missing", attribute.OnMissing, mapping.OnMissingKeep},
		{"merge", attribute.Merge, MergeReplace},
		{"authoritative", attribute.Authoritative, AuthorityApplication},
		{"password", automation.Password, Password{Length: 24, MustChange: true}},
		{"adopt", automation.Adopt, Adopt{Mode: plan.AdoptReview}},
		{"missing", automation.Missing, Missing{Action: plan.MissingKeep}},
		{"approval", automation.Approval, plan.ApprovalOverLimit},
		{"owns", automation.Owns, OwnsAccount},
		{"limits", automation.Limits, limits},
	} {
		if diff := cmp.Diff(check.want, check.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", check.name, diff)
		}
	}
	if !filepath.IsAbs(c.Agent.StateDir) || !filepath.IsAbs(c.Agent.ModulesDir) || !filepath.IsAbs(DefaultPath()) {
		t.Errorf("default paths: %s %s %s", c.Agent.StateDir, c.Agent.ModulesDir, DefaultPath())
	}
}

func TestValuesAreRead(t *testing.T) {
	c := mustLoad(t, map[string]string{"etc/agent.toml": "", "agent.toml": strings.NewReplacer(
		`state_dir = "/var/lib/rollcall"`, "state_dir = \"state\"\nlisten = \"\"\nlog = { level = \"debug\" }",
		`connector = "pipedrive"`, "connector = \"pipedrive\"\nrate_limit = \"40/2s\"\nbase_url = \"http://127.0.0.1:8080\"\nsettings = { company = \"x\", pages = 3, half = 0.5, deep = true }",
		`path = "/v1/users"`, "path = \"/v1/users\"\nmode = \"changes\"\nrecords = \"\"\nrepeat = { style = \"page\", param = \"p\", first = 0, limit_param = \"limit\", limit = 50 }",
		`limits = { create = 100, disable = "5%" }`, `limits = { create = 100, disable = "0.5%", update = 0 }`,
		`schedule = "*/15 * * * *"`, "schedule = \"@every 15m\"\npassword = { length = 12 }",
	).Replace(base(t))})
	staff, app := c.Automations["staff"], c.Applications["pipedrive"]
	users := app.Endpoints["users"]
	first := 0
	dir := filepath.Dir(c.Files[0])
	for _, check := range []struct {
		name      string
		got, want any
	}{
		{"state_dir beside the file", c.Agent.StateDir, filepath.Join(dir, "state")},
		{"listen off", c.Agent.Listen, ""},
		{"log", c.Agent.Log, Log{Level: LogDebug, Format: LogText}},
		{"rate_limit", app.RateLimit, RateLimit{Requests: 40, Per: 2 * time.Second}},
		{"base_url", app.BaseURL, "http://127.0.0.1:8080"},
		{"settings", app.Settings, map[string]any{"company": "x", "pages": int64(3), "half": 0.5, "deep": true}},
		{"mode", *users.Mode, ModeChanges},
		{"records set to the whole answer", *users.Records, ""},
		{"key not set", users.Key == nil, true},
		{"repeat", *users.Repeat, Repeat{Style: RepeatPage, Param: "p", First: &first, LimitParam: "limit", Limit: 50}},
		{"create", staff.Limits.Create, plan.Limit{Count: 100}},
		{"disable", staff.Limits.Disable, plan.Limit{Percent: 0.5}},
		{"update", staff.Limits.Update, plan.Limit{}},
		{"password", staff.Password, Password{Length: 12, MustChange: true}},
		{"missing", staff.Missing, Missing{Action: plan.MissingDisable, MoveTo: "OU=Leavers,DC=example,DC=com"}},
		{"name", staff.Name + " " + c.DataSources["people"].Name + " " + app.Name + " " + users.Name, "staff people pipedrive users"},
		{"api_key", app.APIKey.String(), "@{env:PIPEDRIVE_TOKEN}"},
		{"lookups", c.Lookups, map[string]map[string]string{"departments": {"1": "Sales"}}},
	} {
		if diff := cmp.Diff(check.want, check.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", check.name, diff)
		}
	}
	for limit, want := range map[plan.Limit]string{
		{Unlimited: true}: "none", {Count: 7}: "7", {}: "0", {Percent: 0.5}: "0.5%", {Percent: 5, Count: 5}: "5% or 5",
	} {
		if limit.String() != want {
			t.Errorf("%+v prints %q, not %q", limit, limit.String(), want)
		}
	}
}

// Without match, an automation that creates accounts recognises no existing one.
// That may be intended, when the configuration says so.
func TestWarningWithoutMatch(t *testing.T) {
	for with, warned := range map[string]bool{
		"match = [\"mail\"]\n": false,
		"match = []\n":         false,
		"":                     true,
		"adopt = \"never\"\n":  true,
	} {
		text := strings.Replace(base(t), "match = [\"mail\"]\n", with, 1)
		if text == base(t) && !strings.Contains(with, `"mail"`) {
			t.Fatal("the base has no match")
		}
		c := mustLoad(t, map[string]string{"agent.toml": text})
		if got := len(c.Warnings) == 1 && strings.Contains(c.Warnings[0].Message, "makes accounts without match"); got != warned {
			t.Errorf("%q: warnings %v", with, c.Warnings)
		}
	}
}

func TestWarnings(t *testing.T) {
	text := strings.NewReplacer(
		"allow_unsigned = true", "allow_unsigned = false",
		`"@{env:AD_PASSWORD}"`, `"hunter2-secret"`,
		`auth = "api_key"`, "auth = \"api_key\"\nenabled = false",
	).Replace(base(t)) + `
[applications.spare]
connector = "infobip"
auth = "basic"
username = "u"
password = "@{file:/etc/rollcall/spare}"
[data_sources.spare]
category = "audit"
application = "pipedrive"
endpoints = ["users"]
primary_key = "id"
attributes = { mail = "{{ user.email }}" }
[lookups.spare]
a = "b"
`
	dir := writeFiles(t, map[string]string{"agent.toml": text})
	c, err := Load(filepath.Join(dir, "agent.toml"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`agent.toml:4:2: warning: no connector can be loaded: no key is trusted and unsigned ones are not allowed (set trusted_keys or allow_unsigned in [modules])`,
		`agent.toml:12:18: warning: bind_password holds a secret in plain text (keep it elsewhere and refer to it: "@{env:NAME}", "@{file:/path}", "@{cred:name}" or "@{store:name}")`,
		`agent.toml:39:14: warning: automation "staff" does not run: application "pipedrive" is not enabled`,
		`agent.toml:49:15: warning: application "spare" is used nowhere`,
		`agent.toml:54:15: warning: data source "spare" is used nowhere`,
		`agent.toml:60:10: warning: lookup "spare" is used nowhere`,
	}
	var got []string
	for _, w := range c.Warnings {
		got = append(got, strings.TrimPrefix(w.String(), dir+string(filepath.Separator)))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	if strings.Contains(strings.Join(got, ""), "hunter2") {
		t.Error("a warning repeats a secret")
	}
	if c.Directory.BindPassword.Kind != secrets.KindLiteral || strings.Contains(c.Directory.BindPassword.String(), "hunter2") {
		t.Errorf("bind_password is %s", c.Directory.BindPassword)
	}
}

func TestIncludes(t *testing.T) {
	main := strings.Replace(base(t), "[agent]", "[agent]\ninclude = [\"conf.d/*.toml\", \"conf.d/10.toml\", \"none/*.toml\"]", 1)
	c := mustLoad(t, map[string]string{
		"agent.toml":     main,
		"conf.d/10.toml": "[automations.more]\ndata_source = \"people\"\naction = \"update\"\n",
		"conf.d/20.toml": "[agent]\nlisten = \"127.0.0.1:1\"\n[lookups.colours]\nr = \"red\"\n",
		"conf.d/x.txt":   "not read",
	})
	if c.Automations["more"].Action != plan.ActionUpdate || c.Automations["staff"].Action != plan.ActionLifecycle ||
		c.Agent.Listen != "127.0.0.1:1" || c.Agent.StateDir != "/var/lib/rollcall" || c.Lookups["colours"]["r"] != "red" {
		t.Errorf("the files were not merged: %+v", c)
	}
	if pos := c.Automations["more"].Pos; filepath.Base(pos.File) != "10.toml" || pos.Line != 1 || pos.Column != 14 {
		t.Errorf("automations.more is at %s", pos)
	}
	if len(c.Files) != 3 || !strings.HasSuffix(c.Files[2], "20.toml") {
		t.Errorf("files: %v", c.Files)
	}
}

func TestWrongIncludes(t *testing.T) {
	main := strings.Replace(base(t), "[agent]", "[agent]\ninclude = [\"conf.d/*.toml\"]", 1)
	for _, test := range []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{
			"a definition twice",
			map[string]string{"conf.d/a.toml": "\n[automations.staff]\nschedule = \"@daily\"\n"},
			[]string{"conf.d/a.toml:2:14: automations.staff is already set in agent.toml:39:14"},
		},
		{
			"a setting twice",
			map[string]string{"conf.d/a.toml": "[directory]\nconnections = 2", "conf.d/b.toml": "agent.state_dir = \"/x\"\ndirectory.connections = 3"},
			[]string{
				"conf.d/b.toml:1:7: agent.state_dir is already set in agent.toml:3:1",
				"conf.d/b.toml:2:11: directory.connections is already set in conf.d/a.toml:2:1",
			},
		},
		{
			"a table and a value",
			map[string]string{"conf.d/a.toml": "modules = 5"},
			[]string{"conf.d/a.toml:1:1: modules is already set in agent.toml:5:2"},
		},
		{
			"an include in an include",
			map[string]string{"conf.d/a.toml": "[agent]\ninclude = [\"x.toml\"]"},
			[]string{"conf.d/a.toml:2:1: only the main file may include others (add the pattern to agent.toml)"},
		},
		{
			"errors in two files",
			map[string]string{"conf.d/a.toml": "[automations.a]\nx = 1\n", "conf.d/b.toml": "[automations.b\n"},
			[]string{"conf.d/b.toml:1:15: not valid TOML: expected '.' or ']' to end table name, but got '\\n' instead"},
		},
		{
			"an error in an included file",
			map[string]string{"conf.d/a.toml": "[automations.a]\naction = \"update\"\ndata_source = \"peoples\"\n"},
			[]string{`conf.d/a.toml:3:16: there is no data source "peoples" (did you mean "people"?)`},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.files["agent.toml"] = main
			if diff := cmp.Diff(test.want, loadErrors(t, test.files)); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFileThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	_, err := Load(filepath.Join(dir, "none.toml"))
	want := filepath.Join(dir, "none.toml") + ": read the configuration: no such file or directory (name another file with --config)"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "read the configuration: a folder, not a regular file") {
		t.Errorf("a folder: %v", err)
	}
	if got := loadErrors(t, map[string]string{"agent.toml": ""}); cmp.Diff([]string{
		"agent.toml:1:1: [directory] is missing (it names the domain controllers and what may be written)",
	}, got) != "" {
		t.Errorf("an empty file: %v", got)
	}
}

// TestErrorsCarryTheirPlace checks that programs get the same places as people
// read in the lines.
func TestErrorsCarryTheirPlace(t *testing.T) {
	dir := writeFiles(t, map[string]string{"agent.toml": strings.Replace(base(t), `["mail"]`, `["mial"]`, 1)})
	_, err := Load(filepath.Join(dir, "agent.toml"))
	var one Error
	if !errors.As(err, &one) {
		t.Fatalf("%v holds no Error", err)
	}
	want := Error{
		Pos: Pos{File: filepath.Join(dir, "agent.toml"), Line: 44, Column: 11}, Key: "automations.staff.match[0]",
		Message: `match holds "mial", which data source "people" does not map`, Hint: `did you mean "mail"?`,
	}
	if one != want {
		t.Errorf("got %+v, want %+v", one, want)
	}
}

// TestAllowedAllTheSame loads configurations that only look wrong.
func TestAllowedAllTheSame(t *testing.T) {
	const group = "CN=Domain Admins,OU=Groups,DC=example,DC=com"
	for _, edit := range []struct{ name, old, with string }{
		{"a privileged group that is allowed", "bind_dn =", "allow_protected = [\"cn=domain admins, ou=Groups,DC=example,DC=com\"]\nbind_dn ="},
		{"names of the OU in another case", `ou = "OU=Staff,`, `ou = "ou=Sales, ou=staff,`},
		{"match in another case", `["mail"]`, `["MAIL"]`},
		{"a port", "dc1.example.com", "dc1.example.com:3269"},
		{"days", "allow_unsigned = true", "allow_unsigned = true\nfetch_timeout = \"2d\""},
		{"clear text to this machine", `connector = "pipedrive"`, "connector = \"pipedrive\"\nbase_url = \"http://[::1]:8080/x\""},
		{"web_config that is empty", "[agent]", "[agent]\nweb_config = \"\""},
		{"changes since the last success", `path = "/v1/users"`, "path = \"/v1/users\"\nmode = \"changes\"\nparams = { since = \"{{ last_success }}\" }"},
		{"a POST", `path = "/v1/users"`, "path = \"/v1/users\"\nmethod = \"POST\"\nbody = \"{}\""},
		{"a place that depends on the record", `ou = "OU=Staff,`, `ou = "OU={{ user.team }},OU=Staff,`},
		{"a byte order mark", "[agent]", "\xef\xbb\xbf[agent]"},
		{"no schedule", `schedule = "*/15 * * * *"`, ""},
		{"a limit on deletes that allows none", "create = 100", "delete = 0"},
	} {
		t.Run(edit.name, func(t *testing.T) {
			text := base(t)
			if strings.Contains(edit.name, "privileged") {
				text = strings.Replace(text, "CN=CRM,OU=Groups,DC=example,DC=com", group, 1)
				if loadErrors(t, map[string]string{"agent.toml": text}) == nil {
					t.Fatal("the group is not refused without being allowed")
				}
			}
			changed := strings.Replace(text, edit.old, edit.with, 1)
			if changed == text {
				t.Fatalf("the base does not hold %s", edit.old)
			}
			wantNoWarnings(t, map[string]string{"agent.toml": changed})
		})
	}
}

// TestErrorsHoldNoSecret tries the ways in which a secret could be repeated.
func TestErrorsHoldNoSecret(t *testing.T) {
	const secret = "s3cr3t-HUNTER2"
	for _, edit := range []string{
		`api_key = "@{env:` + secret + `"`,
		`api_key = "` + secret + `@{env:X}"`,
		`api_key = "@{vault:` + secret + `}"`,
		`api_key = ["` + secret + `"]`,
		`api_key = ` + secret,
		`api_key = "` + secret,
		`api_key = { "` + "x" + `" = "` + secret + `" }`,
		"api_key = \"@{env:X}\"\nbase_url = \"https://user:" + secret + "@api.example.com\"",
		"api_key = \"@{env:X}\"\nbase_url = \"https://user:" + secret + " x@api.example.com:a\"",
	} {
		got := loadErrors(t, map[string]string{"agent.toml": strings.Replace(base(t), `api_key = "@{env:PIPEDRIVE_TOKEN}"`, edit, 1)})
		if len(got) == 0 || strings.Contains(strings.Join(got, "\n"), secret) {
			t.Errorf("%s\ngives %q", edit, got)
		}
	}
}
