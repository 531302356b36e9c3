package runtime

import (
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/metrics"
	"github.com/rollcall-agent/rollcall/agent/internal/schedule"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

func TestMetricsKnowEveryResult(t *testing.T) {
	var results []string
	for _, r := range store.RunResults {
		results = append(results, string(r))
	}
	if !slices.Equal(results, metrics.Results) {
		t.Errorf("the metrics know %q, runs can be %q", metrics.Results, results)
	}
}

// TestObserver: a success is due the first time that the schedule says after the
// last one, and two automations of one data source share its quarantine.
func TestObserver(t *testing.T) {
	started := time.Date(2026, 1, 1, 10, 7, 0, 0, time.Local)
	m := metrics.New("dev", func() float64 { return 0 })
	o := &observer{
		Metrics: m, started: started, aside: map[string]int{},
		enabled: func(name string) bool { return name != "off" },
		entries: []schedule.Entry{{Name: "new", Spec: "*/15 * * * *"}, {Name: "ran", Spec: "*/15 * * * *"}},
		config: &config.Config{Automations: map[string]config.Automation{
			"new": {DataSource: "people"}, "ran": {DataSource: "people"}, "off": {DataSource: "other"}, "hand": {DataSource: "other"},
		}},
	}
	o.Stands("new", nil, time.Time{})
	o.Stands("ran", []string{"failed"}, started.Add(-time.Hour))
	o.Stands("off", []string{"failed"}, time.Time{})
	o.Stands("hand", []string{"ok"}, started)
	o.Quarantined("new", 2)
	o.Quarantined("ran", 3)
	o.Quarantined("hand", 4)
	o.Quarantined("ran", 1)
	page := httptest.NewRecorder()
	m.Handler().ServeHTTP(page, httptest.NewRequest("GET", "/metrics", nil))
	got := map[string]string{}
	for line := range strings.Lines(page.Body.String()) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		got[name] = value
	}
	for name, want := range map[string]float64{
		`rollcall_automation_success_due_timestamp_seconds{automation="new"}`: float64(started.Add(8 * time.Minute).Unix()),
		`rollcall_automation_success_due_timestamp_seconds{automation="ran"}`: float64(started.Add(-52 * time.Minute).Unix()),
		`rollcall_automation_last_result{automation="ran",result="failed"}`:   1,
		`rollcall_quarantined_records{data_source="people"}`:                  3,
		`rollcall_quarantined_records{data_source="other"}`:                   4,
	} {
		if v, there := got[name]; !there || number(t, v) != want {
			t.Errorf("%s is %q, want %v", name, v, want)
		}
	}
	for _, name := range []string{
		`rollcall_automation_last_result{automation="off",result="failed"}`, `rollcall_automation_last_result{automation="new",result="failed"}`,
		`rollcall_automation_success_due_timestamp_seconds{automation="hand"}`,
	} {
		if v, there := got[name]; there {
			t.Errorf("%s is %s, and should not be there", name, v)
		}
	}
}

func number(t testing.TB, text string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
