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
	m.Ready(true)
	m.RunEnded("staff", "ok", time.Unix(1_700_000_000, 0), time.Second)
	m.Records("pipedrive_staff", "delivered", 7)
	m.Change("staff", "create", "applied")
	m.Quarantined("pipedrive_staff", 2)
	m.Held("staff", "disable", 3)
	m.Request("search", 0, time.Millisecond)
	m.Connected("ldaps://dc1.example.com", true)
	m.TokenExpiry("pipedrive", time.Unix(1_700_000_000, 0))
	m.HTTPRequest("pipedrive", 429, time.Millisecond)
	m.ConnectorCall("pipedrive", "fetch", "ok", time.Millisecond, 1<<20)
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

func TestAFailedRunIsNoSuccess(t *testing.T) {
	m := New("1.2.3", func() float64 { return 0 })
	m.RunEnded("staff", "ok", time.Unix(100, 0), time.Second)
	m.RunEnded("staff", "failed", time.Unix(200, 0), time.Second)
	m.RunEnded("staff", "interrupted", time.Unix(300, 0), time.Second)
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "rollcall_automation_last_success_timestamp_seconds" {
			if got := f.GetMetric()[0].GetGauge().GetValue(); got != 100 {
				t.Errorf("last success at %v", got)
			}
		}
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
	go func() { done <- used().Serve(ctx, l, func() error { return state }, slog.New(slog.DiscardHandler)) }()
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
	if code, body := get("/metrics"); code != 200 || !strings.Contains(body, `rollcall_http_rate_limited_total{application="pipedrive"} 1`) {
		t.Errorf("/metrics: %d %s", code, body)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Serve: %v", err)
	}
}
