package config

import (
	"os"
	"path/filepath"
	"testing"
)

func TestStateDirOfMistakes(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "agent.toml")
	var standard Agent
	standard.setDefaults()
	for text, want := range map[string]string{
		"[agent]\nstate_dir = \"state\"\nlistn = \"\"\n":      filepath.Join(dir, "state"),
		"[agent]\nstate_dir = \"/srv/state\"\n[directory]\n":  "/srv/state",
		"[agent]\nlisten = 1\n":                               standard.StateDir,
		"[agent]\nstate_dir = \"state\" # here\nlisten = \"":  filepath.Join(dir, "state"),
		"[agent]\nstate_dir = 'state'\n[automations.staff":    filepath.Join(dir, "state"),
		"[agent]\nstate_dir = 3\n":                            "",
		"[agent]\nlisten = \"":                                "",
		"[agent]\nstate_dir = \"a\"\nstate_dir = \"b\"\nx = ": "",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := StateDir(file); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if got := StateDir(filepath.Join(dir, "none")); got != "" {
		t.Errorf("a file that is not there: %q", got)
	}
}
