package runtime

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/metrics"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// stored is a vault of one value.
type stored string

func (s stored) Get(context.Context, string) ([]byte, bool, error) { return []byte(s), s != "", nil }
func (s stored) Set(context.Context, string, []byte) error         { return nil }

// TestAnUnusedAuthorizationIsToldOnceADay, from a week before its end on, and
// measured all the time.
func TestAnUnusedAuthorizationIsToldOnceADay(t *testing.T) {
	var log strings.Builder
	crm := config.Application{Name: "crm", Connector: "pipedrive", Enabled: true, Auth: config.AuthOAuth2}
	a := agentWith(&config.Config{Applications: map[string]config.Application{"crm": crm}}, slog.NewTextHandler(&log, nil))
	a.metrics = metrics.New("test", func() float64 { return 0 })
	profile := abi.AuthProfile{Name: "oauth2", Kind: abi.AuthOAuth2, RefreshUnusedDays: 60}
	a.now.Load().connectors = map[string]served{"pipedrive": {manifest: abi.Manifest{Auth: []abi.AuthProfile{profile}}}}
	used := time.Date(2026, 10, 1, 8, 0, 0, 0, time.UTC)
	tokens := stored(fmt.Sprintf(`{"refresh_token":"secret-r","obtained":%q}`, used.Format(time.RFC3339)))
	told := map[string]time.Time{}
	at := func(days, hours int, tokens stored) string {
		log.Reset()
		a.lookAtTokens(t.Context(), tokens, told, used.AddDate(0, 0, days).Add(time.Duration(hours)*time.Hour))
		return log.String()
	}
	if got := at(52, 23, tokens); got != "" {
		t.Errorf("told too early: %s", got)
	}
	if got := at(53, 0, tokens); !strings.Contains(got, "ends it soon") || !strings.Contains(got, "application=crm until=2026-11-30T08:00:00Z") {
		t.Errorf("a week before: %q", got)
	}
	if got := at(53, 23, tokens); got != "" {
		t.Errorf("told twice in a day: %s", got)
	}
	if got := at(54, 0, tokens); strings.Count(got, "\n") != 1 {
		t.Errorf("the next day: %q", got)
	}
	if got := at(60, 0, tokens); !strings.Contains(got, "has ended it") || !strings.Contains(got, "rollcall authorize crm") || strings.Contains(got, "secret-r") {
		t.Errorf("after the end: %q", got)
	}
	if got := at(60, 1, stored(strings.Replace(string(tokens), "2026-10-01", "2026-11-29", 1))); got != "" || len(told) > 0 {
		t.Errorf("after it was used: %q, %v", got, told)
	}
	crm.Enabled = false
	a.now.Load().config.Applications["crm"] = crm
	if got := at(60, 0, tokens); got != "" {
		t.Errorf("of an application that is disabled: %q", got)
	}
	crm.Enabled = true
	a.now.Load().config.Applications["crm"] = crm
	at(54, 0, tokens)
	measured := func() bool {
		w := httptest.NewRecorder()
		a.metrics.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		return strings.Contains(w.Body.String(), `refresh_expiry_timestamp_seconds{application="crm"}`)
	}
	if !measured() {
		t.Error("it is not measured")
	}
	delete(a.now.Load().config.Applications, "crm")
	if at(54, 1, tokens); measured() {
		t.Error("an application that was removed is measured for ever")
	}
}
