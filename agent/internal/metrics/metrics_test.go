package metrics

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// used is a Metrics in which everything has been observed once.
func used() *Metrics {
	m := New("1.2.3", func() float64 { return 4096 })
	m.Readiness(func() error { return nil })
	m.RunEnded("staff", "ok", time.Second)
	m.Stands("staff", []string{"ok"}, time.Unix(1_700_000_000, 0))
	m.SuccessDue("staff", time.Unix(1_700_000_900, 0))
	m.Records("pipedrive_staff", "delivered", 7)
	m.Change("staff", "create", "applied")
	m.Quarantined("pipedrive_staff", 2)
	m.Held("staff", "disable", 3)
	m.HeldSince("other", time.Unix(1_700_000_000, 0))
	m.HeldSince("staff", time.Unix(1_700_000_000, 0))
	m.HeldSince("staff", time.Time{})
	m.Request("search", 0, time.Millisecond)
	m.Connected("ldaps://dc1.example.com", true)
	m.TokenExpiry("pipedrive", time.Unix(1_700_000_000, 0))
	m.RefreshExpiry("pipedrive", time.Unix(1_700_000_000, 0))
	m.HTTPRequest("pipedrive", 429, time.Millisecond)
	m.Delivered("deactivate", "done")
	m.Feed(time.Time{}, func() (time.Time, error) { return time.Time{}, nil })
	m.Outbox(func() (Outbox, error) {
		return Outbox{Depth: map[string]int{"dead": 1}, Orchestrations: []OrchestrationCount{{"leaver", "waiting", 2}}}, nil
	})
	m.Received("pipedrive", "stored")
	m.Seen("pipedrive", time.Second)
	m.Receiver(func() ([]Waiting, error) { return []Waiting{{"pipedrive", 1, time.Now(), 0}}, nil })
	m.ConnectorCall("pipedrive", "fetch", "ok", time.Millisecond, 1<<20)
	m.Judged("leavers", "begun")
	m.EventsAside("leavers", 1)
	m.Subscription("pipedrive", true, true)
	return m
}

func TestEveryMetricIsDocumentedAndTheOtherWayRound(t *testing.T) {
	page, err := os.ReadFile("../../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, name := range regexp.MustCompile("`(rollcall_[a-z_]+)`").FindAllStringSubmatch(string(page), -1) {
		documented[name[1]] = true
	}
	families, err := used().registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		name := f.GetName()
		if !strings.HasPrefix(name, "rollcall_") {
			continue
		}
		if !documented[name] {
			t.Errorf("docs/metrics.md does not list %s: %s", name, f.GetHelp())
		}
		delete(documented, name)
	}
	for _, name := range slices.Sorted(maps.Keys(documented)) {
		t.Errorf("docs/metrics.md lists %s, which does not exist", name)
	}
}

// TestHowAutomationsStand: the results that apply have 1, the others 0, and a run that was no
// success leaves the last one where it was.
func TestHowAutomationsStand(t *testing.T) {
	m := New("1.2.3", func() float64 { return 0 })
	m.Stands("new", nil, time.Time{})
	m.Stands("staff", []string{"ok"}, time.Unix(100, 0))
	m.Stands("staff", []string{"partial", "doubtful"}, time.Unix(100, 0))
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, sample := range f.GetMetric() {
			if strings.HasPrefix(f.GetName(), "rollcall_automation_last_") {
				name := f.GetName()
				for _, l := range sample.GetLabel() {
					name += " " + l.GetValue()
				}
				got[name] = sample.GetGauge().GetValue()
			}
		}
	}
	want := map[string]float64{"rollcall_automation_last_success_timestamp_seconds staff": 100}
	for _, result := range Results {
		want["rollcall_automation_last_result staff "+result] = 0
	}
	want["rollcall_automation_last_result staff partial"] = 1
	want["rollcall_automation_last_result staff doubtful"] = 1
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestServesUntilItIsStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	l, err := Listen(ctx, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(ctx, l.Addr().String()); err == nil {
		t.Error("a taken port was opened")
	}
	notReady := errors.New("connectors are being loaded")
	state := notReady
	done := make(chan error, 1)
	m := used()
	m.Readiness(func() error { return state })
	go func() { done <- m.Serve(ctx, l, slog.New(slog.DiscardHandler)) }()
	get := func(path string) (int, string) {
		t.Helper()
		resp, err := http.Get("http://" + l.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(body)
	}
	if code, body := get("/readyz"); code != 503 || !strings.Contains(body, "connectors are being loaded") {
		t.Errorf("/readyz: %d %s", code, body)
	}
	state = nil
	if code, _ := get("/readyz"); code != 200 {
		t.Errorf("/readyz when ready: %d", code)
	}
	if code, _ := get("/livez"); code != 200 {
		t.Errorf("/livez: %d", code)
	}
	if code, body := get("/metrics"); code != 200 || !strings.Contains(body, `rollcall_http_rate_limited_total{application="pipedrive"} 1`) || !strings.Contains(body, "rollcall_ready 1") {
		t.Errorf("/metrics: %d %s", code, body)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Serve: %v", err)
	}
}
