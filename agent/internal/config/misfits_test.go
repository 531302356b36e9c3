package config

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestWhatNoAccountCanHave: what AD's own schema refuses for everybody is an
// error before any connection, with its place and what to do, and stops nothing else
// when the agent starts. What is out of range is a warning.
func TestWhatNoAccountCanHave(t *testing.T) {
	const line = `displayName = "{{ trim(user.name) }}"`
	x := strings.Repeat("x", 129)
	for name, c := range map[string]struct {
		add, want string
		warns     bool
	}{
		"a constant that is too long": {`title = { formats = ["` + x + `"] }`, `:34:23: title: "` + x[:60] + `"... is longer than 128 characters (shorten the whole value: cut(..., 128))`, true},
		"a default that is too long":  {`initials = { value = "user.x", on_missing = "default", default = "unknown" }`, `:34:67: initials: "unknown" is longer than 6 characters (shorten the whole value: cut(..., 6))`, true},
		"a backlink":                  {`directReports = "user.reports"`, `:34:1: directReports: the attribute is the backlink of manager and computed by each domain controller (map manager of those who are to show up in it)`, false},
		"a computed attribute":        {`canonicalName = "user.x"`, `:34:1: canonicalName: the attribute is computed by each domain controller (map another attribute)`, false},
		"one that the system writes":  {`msDS-LastKnownRDN = "user.x"`, `:34:1: msDS-LastKnownRDN: the attribute is written by the directory itself only (map another attribute)`, false},
		"no boolean":                  {`msNPAllowDialin = { formats = ["yes"] }`, `:34:33: msNPAllowDialin: "yes" is neither TRUE nor FALSE (`, false},
		"bytes of a text":             {`title = { value = "user.x", encoding = "base64" }`, `:34:1: title: it holds no bytes (remove encoding)`, false},
		"two for one":                 {`title = { values = ["a", "b"] }`, `title: it takes one value, and there are 2 (`, false},
		"of one's own schema":         {`corpBadge = { formats = ["` + x + `"] }`, "", false},
	} {
		dir := writeFiles(t, map[string]string{"agent.toml": strings.Replace(base(t), line, line+"\n"+c.add, 1)})
		cfg, errs := Check(filepath.Join(dir, "agent.toml"))
		got := ""
		if errs != nil {
			got = errs.Error()
		}
		if c.warns {
			for _, w := range cfg.Warnings {
				got += strings.Replace(w.String(), "warning: ", "", 1)
			}
		}
		if strings.Count(got, "\n") > 0 || (got == "") != (c.want == "") || !strings.Contains(got, c.want) || c.warns && errs != nil {
			t.Errorf("%s: %s\nwant %s", name, got, c.want)
		}
		loaded, err := Load(filepath.Join(dir, "agent.toml"))
		if err != nil {
			t.Errorf("%s: the whole configuration is refused for one attribute: %v", name, err)
			continue
		}
		told := ""
		for _, w := range loaded.Warnings {
			told += w.String()
		}
		if !strings.Contains(strings.ReplaceAll(told, "warning: ", ""), c.want) {
			t.Errorf("%s: warnings of Load: %s", name, told)
		}
	}
}
