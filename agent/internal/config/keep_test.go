package config

import (
	"strings"
	"testing"
	"time"
)

func TestHowLongHistoryIsKept(t *testing.T) {
	const days = Keep(24 * time.Hour)
	for _, c := range []struct {
		store         string
		runs, journal Keep
		fails         string
	}{
		{"", 400 * days, 0, ""},
		{`keep_runs = "30d"`, 30 * days, 0, ""},
		{`keep_runs = "forever"`, 0, 0, ""},
		{`keep_journal = "400d"`, 400 * days, 400 * days, ""},
		{"keep_runs = \"90d\"\nkeep_journal = \"2160h\"", 90 * days, 90 * days, ""},
		{`keep_journal = "forever"`, 400 * days, 0, ""},
		{`keep_runs = "29d"`, 0, 0, "keep_runs is 29d; it must be 30d or more, or forever"},
		{`keep_runs = "0d"`, 0, 0, `keep_runs is 0d; it must be a time like "400d", or "forever"`},
		{`keep_runs = "-90d"`, 0, 0, `it must be a time like "400d"`},
		{`keep_runs = "always"`, 0, 0, `keep_runs is always; it must be a time like "400d", or "forever"`},
		{`keep_runs = 400`, 0, 0, `keep_runs is 400; it must be a time like "400d"`},
		{"staging_mib = 0", 0, 0, "staging_mib is 0; it must be from 1 to 1048576"},
		{`keep_journal = "90d"`, 0, 0, "keep_journal is 90d and keep_runs is 400d: the journal is what runs are undone from"},
		{"keep_runs = \"forever\"\nkeep_journal = \"900d\"", 0, 0, "keep_journal is 900d and keep_runs is forever"},
	} {
		files := map[string]string{"agent.toml": base(t) + "\n[store]\n" + c.store + "\n"}
		if c.fails != "" {
			if got := strings.Join(loadErrors(t, files), "\n"); !strings.Contains(got, c.fails) {
				t.Errorf("%s: %s, want %s", c.store, got, c.fails)
			}
			continue
		}
		if got := mustLoad(t, files).Store; got != (Store{KeepRuns: c.runs, KeepJournal: c.journal, StagingMiB: 2048}) {
			t.Errorf("%s: %+v", c.store, got)
		}
	}
}
