package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDifferences(t *testing.T) {
	text := base(t)
	former := mustLoad(t, map[string]string{"agent.toml": text})
	for _, edit := range []struct {
		old, with string
		all, own  string // all differences, and those that bear on automation staff
	}{
		{old: "[data_sources.people]\n", with: "# moved down\n\n[data_sources.people]\n"},
		{old: `schedule = "*/15 * * * *"`, with: `schedule = "@daily"`, all: "[automations.staff] (schedule)"},
		{old: "[data_sources.people]\n", with: "[data_sources.people]\ndescription = \"x\"\n", all: "[data_sources.people] (description)"},
		{old: "allow_unsigned = true", with: "allow_unsigned = true\nmemory_mib = 32", all: "[modules] (memory_mib)"},
		{old: "[lookups]", with: "[applications.pipedrive.endpoints.other]\npath = \"/x\"\n[lookups]", all: "[applications.pipedrive] (endpoints)"},
		{old: "bind_dn =", with: "connections = 2\nbind_dn =", all: "[directory] (connections)"},
		{old: `match = ["mail"]`, with: "match = [\"mail\"]\nadopt = { mode = \"review\", move = false }"},

		{old: "create = 100", with: "create = 101", all: "[automations.staff] (limits)", own: "same"},
		{old: "trim(user.name)", with: "upper(user.name)", all: "[data_sources.people] (attributes)", own: "same"},
		{old: `"1" = "Sales"`, with: `"1" = "Marketing"`, all: "[lookups.departments] (1)", own: "same"},
		{old: `path = "/v1/users"`, with: `path = "/v2/users"`, all: "[applications.pipedrive] (endpoints)", own: "same"},
		{old: "ldaps://dc1", with: "ldaps://dc2", all: "[directory] (urls)", own: "same"},
		{old: "[automations.staff]", with: "[automations.crew]", all: "[automations.crew] (new); [automations.staff] (removed)", own: "[automations.staff] (removed)"},
		// Secrets: what refers to them, and what stands there in plain text.
		{old: `@{env:PIPEDRIVE_TOKEN}`, with: `@{env:OTHER}`, all: "[applications.pipedrive] (api_key)", own: "same"},
		{old: `@{env:AD_PASSWORD}`, with: `hunter2`, all: "[directory] (bind_password)", own: "same"},
	} {
		changed := strings.Replace(text, edit.old, edit.with, 1)
		if changed == text {
			t.Fatalf("the base does not hold %s", edit.old)
		}
		now := mustLoad(t, map[string]string{"agent.toml": changed})
		own := edit.own
		if own == "same" {
			own = edit.all
		}
		all := now.Differences(former)
		if got := said(all); got != edit.all {
			t.Errorf("%s -> %s: %q, want %q", edit.old, edit.with, got, edit.all)
		}
		if got := said(now.DifferencesFor(former, "staff")); got != own {
			t.Errorf("%s -> %s: for staff %q, want %q", edit.old, edit.with, got, own)
		}
		if strings.Contains(fmt.Sprintf("%+v", all), "hunter2") {
			t.Error("a secret is told")
		}
	}
}

// TestDifferencesOfPlaces checks that it does not matter from where a file is
// named.
func TestDifferencesOfPlaces(t *testing.T) {
	dir := t.TempDir()
	text := strings.Replace(base(t), "bind_dn =", "ca_file = \"ca.pem\"\nbind_dn =", 1)
	if err := os.WriteFile(filepath.Join(dir, "agent.toml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Dir(dir))
	near, err := Load(filepath.Join(filepath.Base(dir), "agent.toml"))
	if err != nil {
		t.Fatal(err)
	}
	far, err := Load(filepath.Join(dir, "agent.toml"))
	if err != nil {
		t.Fatal(err)
	}
	if got := said(near.Differences(far)); got != "" {
		t.Errorf("one file, named from two places: %s", got)
	}
}

func said(list []Difference) string {
	texts := make([]string, len(list))
	for i, d := range list {
		texts[i] = d.String()
	}
	return strings.Join(texts, "; ")
}
