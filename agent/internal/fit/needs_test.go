package fit

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// configured loads the sample configuration with replacements in it.
func configured(t *testing.T, replacements ...string) *config.Config {
	t.Helper()
	cfg, err := loaded(t, replacements...)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func loaded(t *testing.T, replacements ...string) (*config.Config, error) {
	t.Helper()
	text, err := os.ReadFile("../../testdata/agent.toml")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "agent.toml")
	if err := os.WriteFile(file, []byte(strings.NewReplacer(replacements...).Replace(string(text))), 0o600); err != nil {
		t.Fatal(err)
	}
	return config.Load(file)
}

// TestNeeds checks that each call of the configuration is listed once, with the
// scopes and rights that the manifest has for it, perhaps under another name.
func TestNeeds(t *testing.T) {
	m := abi.Manifest{Name: "pipedrive", BaseURL: "https://api.example.com/api", Auth: []abi.AuthProfile{{Kind: abi.AuthAPIKey}}, Endpoints: []abi.Endpoint{
		{Name: "users", Path: "/v1/users", Key: "/id", Scopes: []string{"users:read"}, Rights: []string{"see other users"}},
	}}
	m.Normalize()
	second := "[automations.again]\ndata_source = \"people\"\naction = \"update\"\n\n[automations.staff]"
	own := func(lines string) string {
		return "[applications.pipedrive.endpoints.users]\n" + lines + "\n[data_sources.people]"
	}
	known := Need{
		Need: abi.Need{Use: "endpoint users", Method: "GET", Path: "/v1/users", Rights: []string{"see other users"}}, Known: true, Scopes: []string{"users:read"},
	}
	for name, c := range map[string]struct {
		replace []string
		want    []Need
	}{
		"two automations, one call": {[]string{"[automations.staff]", second}, []Need{known}},
		"under another name": {
			[]string{`endpoints   = ["users"]`, `endpoints = ["mine"]`, "[data_sources.people]", "[applications.pipedrive.endpoints.mine]\npath = \"/v1/users\"\n[data_sources.people]"},
			[]Need{{Need: abi.Need{Use: "endpoint mine", Method: "GET", Path: "/v1/users", Rights: known.Rights}, Known: true, Scopes: known.Scopes}},
		},
		"a call that the manifest does not know": {
			[]string{`endpoints   = ["users"]`, `endpoints = ["mine"]`, "[data_sources.people]", "[applications.pipedrive.endpoints.mine]\nurl = \"https://own.example/people\"\nmethod = \"POST\"\n[data_sources.people]"},
			[]Need{{Need: abi.Need{Use: "endpoint mine", Method: "POST", URL: "https://own.example/people"}}},
		},
		"a path with the time in it": {
			[]string{"[data_sources.people]", own(`path = "/v1/users/{{ format_date(now, 'yyyy') }}"`)},
			[]Need{{Need: abi.Need{Use: "endpoint users", Method: "GET", Path: "/v1/users/2026", Rights: known.Rights}, Known: true, Scopes: known.Scopes}},
		},
		"no such endpoint":       {[]string{`endpoints   = ["users"]`, `endpoints = ["nobodies"]`}, nil},
		"of nobody's automation": {[]string{`application = "pipedrive"`, `application = "other"`, "[data_sources.people]", "[applications.other]\nconnector = \"x\"\nauth = \"api_key\"\napi_key = \"@{store:x}\"\n[data_sources.people]"}, nil},
	} {
		cfg := configured(t, c.replace...)
		got := Needs(cfg, cfg.Applications["pipedrive"], m, time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC))
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}

// TestWritten checks that the right to create an account covers what is set only
// then, and that everything else needs the right to write it.
func TestWritten(t *testing.T) {
	for name, c := range map[string]struct {
		replace []string
		want    string
	}{
		"lifecycle":        {nil, "cn displayName employeeNumber"},
		"leavers disabled": {[]string{"match       = []", "match = []\nmissing = { action = \"disable\" }"}, "cn displayName employeeNumber userAccountControl"},
		"nobody adopted":   {[]string{"match       = []", "match = []\nadopt = \"never\""}, "cn displayName"},
		"update renames nobody": {
			[]string{`action      = "lifecycle"`, `action = "update"`, `ou          = "OU=Staff,DC=example,DC=com"`, ""},
			"displayName employeeNumber",
		},
		"create only": {[]string{`action      = "lifecycle"`, `action = "create"`}, "employeeNumber"},
	} {
		cfg := configured(t, c.replace...)
		got := Written(cfg.Automations["staff"], cfg.DataSources["people"], cfg.Directory.Anchor)
		if !slices.Equal(got, strings.Fields(c.want)) {
			t.Errorf("%s: %v, want %s", name, got, c.want)
		}
	}
}
