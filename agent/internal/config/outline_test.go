package config

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAnOutlineIsReadFromAnything checks that a file with mistakes still has
// names, and that a file that is not a configuration has none.
func TestAnOutlineIsReadFromAnything(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	write("more.toml", "[automations.sales]\ndata_source = 'nowhere'\n")
	file := write("agent.toml", `
[agent]
state_dir = "state"
modules_dir = "modules"
include = ["more.toml"]
nonsense = 1
[applications.crm]
connector = "pipedrive"
[applications.old]
connector = "pipedrive"
[data_sources.people]
application = "crm"
[automations.staff]
data_source = "people"
schedule = "never"
`)
	want := Outline{
		StateDir: filepath.Join(dir, "state"), ModulesDir: filepath.Join(dir, "modules"),
		Automations: []string{"sales", "staff"}, DataSources: []string{"people"}, Applications: []string{"crm", "old"}, Connectors: []string{"pipedrive"},
		ApplicationOf: map[string]string{"staff": "crm", "sales": ""},
		ConnectorOf:   map[string]string{"crm": "pipedrive", "old": "pipedrive"},
	}
	if d := cmp.Diff(want, ReadOutline(file)); d != "" {
		t.Error(d)
	}
	for name, file := range map[string]string{
		"no TOML": write("bad.toml", "[automations.staff\n"), "no tables": write("flat.toml", "automations = 3\napplications = ['x']\n"),
		"no file": filepath.Join(dir, "none.toml"), "a folder": dir,
	} {
		if o := ReadOutline(file); len(o.Automations)+len(o.Applications) != 0 {
			t.Errorf("%s: %+v", name, o)
		}
	}
}
