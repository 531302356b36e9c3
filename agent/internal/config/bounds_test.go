package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A file that an editor has damaged is an error with its place, and does not
// make the start hang.
func TestFilesThatAreNoConfiguration(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"parts of a key": {"[agent]\n" + strings.Repeat("a.", 100_000) + "a = 1", "agent.toml:2:64: a value 33 names and brackets deep, more than 32: is this a configuration?"},
		"nested tables":  {"a = " + strings.Repeat("{a = ", 50_000) + "1", "agent.toml:1:82: a value 33 names and brackets deep, more than 32"},
		"nested arrays":  {"a = " + strings.Repeat("[", 1<<20), "agent.toml:1:37: a value 33 names and brackets deep, more than 32"},
		"a long name":    {strings.Repeat("x", 2000) + " = 1", "agent.toml:1:2001: a name of 2000 bytes, more than 1024"},
		"many keys":      {strings.Repeat("a = 1\n", 300_000), "agent.toml:200001:5: 200001 keys, tables and values, more than 200000"},
		"a huge file":    {strings.Repeat("#", 9<<20), "agent.toml is larger than 8388608 bytes"},
	} {
		file := filepath.Join(t.TempDir(), "agent.toml")
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(file); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %.300v, want %q", name, err, c.want)
		}
	}
}

// The definitions of an included file have their places in that file, however
// many there are.
func TestPlacesOfManyIncludedDefinitions(t *testing.T) {
	dir := t.TempDir()
	var lookups strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&lookups, "[lookups.l%d]\n", i)
	}
	lookups.WriteString("[lookups.last]\nx = 1\n[unheard]\nof = 1\n")
	for name, text := range map[string]string{"agent.toml": "[agent]\ninclude = [\"more.toml\"]\n[lookups.first]\n", "more.toml": lookups.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, err := Load(filepath.Join(dir, "agent.toml"))
	for _, want := range []string{"more.toml:20002:5: x must be a text", "more.toml:20003:2: unknown key \"unheard\""} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.1000v, want %q", err, want)
		}
	}
}
