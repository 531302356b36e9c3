package store

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// What a dependent endpoint delivered is there for the parent in the same state, for a day.
func TestDependents(t *testing.T) {
	s := openAt(t, t.TempDir())
	now := time.Now()
	records := []ident.Record{{Endpoint: "role", Key: "1", Number: "1", Fields: map[string]any{"n": json.Number("12345678901234567890")}}}
	must(t, s.PutDependents(t.Context(), "staff", "role", "1", "old", now, nil))
	must(t, s.PutDependents(t.Context(), "staff", "role", "1", "noon", now, records))
	must(t, s.PutDependents(t.Context(), "staff", "role", "2", "noon", now, nil))
	for _, c := range []struct {
		automation, endpoint string
		key                  ident.Key
		state                string
		after                time.Duration
		known                bool
		want                 []ident.Record
	}{
		{"staff", "role", "1", "noon", 0, true, records},
		{"staff", "role", "2", "noon", time.Hour, true, nil},
		{"staff", "role", "1", "old", 0, false, nil},
		{"others", "role", "1", "noon", 0, false, nil},
		{"staff", "team", "1", "noon", 0, false, nil},
		{"staff", "role", "1", "noon", DependentsFor, false, nil},
		{"staff", "role", "1", "noon", -time.Hour, false, nil}, // the clock was set back
	} {
		got, known, err := s.Dependents(t.Context(), c.automation, c.endpoint, c.key, c.state, now.Add(c.after))
		must(t, err)
		if d := cmp.Diff(c.want, got); known != c.known || d != "" {
			t.Errorf("%+v: %t\n%s", c, known, d)
		}
	}
	must(t, s.forgetDependents(t.Context(), now.Add(time.Hour)))
	if _, known, err := s.Dependents(t.Context(), "staff", "role", "1", "noon", now); !known || err != nil {
		t.Errorf("forgotten too early: %v", err)
	}
	must(t, s.forgetDependents(t.Context(), now.Add(DependentsFor)))
	if _, known, err := s.Dependents(t.Context(), "staff", "role", "1", "noon", now); known || err != nil {
		t.Errorf("not forgotten: %v", err)
	}
}
