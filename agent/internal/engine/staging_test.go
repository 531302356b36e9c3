package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// A fetch that delivers more than it may ends its run, changes nothing, says
// what to do and leaves nothing on the disk; the next one begins anew.
func TestAFetchThatDeliversTooMuch(t *testing.T) {
	source := &feed{records: []ident.Record{person("1", "Ada"), person("2", "Ben")}}
	s := newScene(t, map[string]*feed{"much": source}, store.WithStagingLimit(4<<20))
	if r := s.run("much"); r.Count(ident.ResultApplied) != 2 {
		t.Fatalf("report %+v", r)
	}
	whole := source.records
	source.records = []ident.Record{person("1", "Ada")}
	for range 5 {
		source.records = append(source.records, ident.Record{Endpoint: "users", Key: "1", Partial: true, Fields: map[string]any{"photo": strings.Repeat("A", 1<<20)}})
	}
	for range 2 {
		_, err := s.Run(t.Context(), Request{Automation: "much", Kind: store.KindManual, By: "test"})
		for _, want := range []string{
			"fetch the records of data source much", "5 records, parts and deletions have more than 4 MiB",
			"endpoint users of application much delivers too much; nothing was changed", "raise staging_mib in [store]",
		} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		}
	}
	if info, err := os.Stat(filepath.Join(s.state, "staging.db")); err != nil || info.Size() > 1<<20 {
		t.Errorf("what was staged: %v, %v", info, err)
	}
	if flags := s.account("much:2").Attributes.First("userAccountControl"); flags != "512" {
		t.Errorf("somebody is missing because of it: userAccountControl %s", flags)
	}
	source.records = whole
	if r := s.run("much"); r.Result != store.RunOK {
		t.Errorf("the next run: %+v", r)
	}
}
