package config

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// FuzzLoad checks that no file makes Load panic, and that every error has its
// place.
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"testdata/base.toml", examples + "/agent.toml", examples + "/conf.d/*.example"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			f.Fatalf("no seed in %s: %v", pattern, err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	for _, seed := range []string{
		"", "a", "=", "[", "[[automations]]\n", "[automations]\nx = 5", "a.b.c = {d.e = [1, {f = 2}]}", "\xef\xbb\xbf[agent]\n",
		"[agent]\r\nlog = 'x'\r\n", "[[webhooks.a.steps]]\n[webhooks.a.steps.b]\nc = 1", "[agent]\ninclude = ['*']\n",
		"[automations.a]\nschedule = 'TZ='\nou = '''\nx'''\n", "directory.scope = [[], {}]", "\"\" = 1\n", "[data_sources.d.attributes]\nmail = {values = [\"\"\"\n{{\n\"\"\"]}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file := filepath.Join(t.TempDir(), "agent.toml")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Load(file)
		var errs Errors
		if err != nil && !errors.As(err, &errs) {
			t.Fatalf("the error is a %T: %v", err, err)
		}
		for _, e := range errs {
			if e.Pos.File == "" || e.Pos.Line < 1 || e.Pos.Column < 1 || e.Message == "" {
				t.Errorf("an error without its place: %+v", e)
			}
		}
	})
}
