package sim

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/plugins/internal/simtest"
)

const tooManyBody = `{"success":false,"error":"Request over limit","errorCode":429}`

func rate(e exchange) string {
	h := e.header
	return h.Get("x-ratelimit-limit") + " " + h.Get("x-ratelimit-remaining") + " " + h.Get("x-ratelimit-reset")
}

func TestBurst(t *testing.T) {
	now := simtest.NewClock()
	s := New(Options{Burst: 3, Now: now.Now})
	step := func(after time.Duration, status int, headers string) {
		t.Helper()
		now.Advance(after)
		got := get(t, s, "/v1/users/me")
		if got.status != status || rate(got) != headers {
			t.Errorf("at %s: %d, %s; want %d, %s", now.Now().Format("05.000"), got.status, rate(got), status, headers)
		}
		if got.header.Get("Retry-After") != "" {
			t.Error("Retry-After is not documented")
		}
		if status == 429 && got.body != tooManyBody {
			t.Errorf("body %s", got.body)
		}
	}
	step(0, 200, "3 2 2")
	step(500*time.Millisecond, 200, "3 1 2")
	step(600*time.Millisecond, 200, "3 0 1")
	step(0, 429, "3 0 1")
	step(899*time.Millisecond, 429, "3 0 1")
	step(time.Millisecond, 200, "3 0 1") // the first one has left the window
	step(0, 429, "3 0 1")
	step(2*time.Second, 200, "3 2 2")
}

func TestBurstIsCountedForEachToken(t *testing.T) {
	s := New(Options{Burst: 1, Now: simtest.NewClock().Now})
	get(t, s, "/v1/users/me")
	if got := get(t, s, "/v1/users/me"); got.status != 429 {
		t.Errorf("same token: %d", got.status)
	}
	if got := do(t, s, "GET", "/v1/users/me", "", "Authorization", "Bearer "+s.IssueAccessToken()); got.status != 200 {
		t.Errorf("other token: %d", got.status)
	}
}

func TestPlans(t *testing.T) {
	for plan, want := range map[string][2]string{"lite": {"20", "80"}, "growth": {"40", "160"}, "premium": {"100", "400"}, "ultimate": {"120", "480"}} {
		s := New(Options{Plan: plan})
		api := get(t, s, "/v1/users/me").header.Get("x-ratelimit-limit")
		oauth := do(t, s, "GET", "/v1/users/me", "", "Authorization", "Bearer "+s.IssueAccessToken()).header.Get("x-ratelimit-limit")
		if [2]string{api, oauth} != want {
			t.Errorf("%s: %s, %s", plan, api, oauth)
		}
	}
}

func TestDailyBudget(t *testing.T) {
	now := simtest.NewClock()
	s := New(Options{Budget: 60, People: 2, Now: now.Now})
	prices := []struct {
		method, path, body string
		spent              int
	}{
		{"GET", "/v1/users/me", "", 2},
		{"GET", "/v1/users/2", "", 4},
		{"GET", "/v1/users", "", 24},
		{"PUT", "/v1/users/2", `{"active_flag":false}`, 34},
		{"POST", "/v1/users", `{"email":"bo@example.org"}`, 44},
	}
	for _, p := range prices {
		if got := send(t, s, p.method, p.path, p.body); got.status != 200 || s.Spent() != p.spent {
			t.Errorf("%s %s: %d, spent %d, want %d", p.method, p.path, got.status, s.Spent(), p.spent)
		}
	}
	for range 3 { // waiting for the burst window does not help
		got := get(t, s, "/v1/users")
		if got.status != 429 || got.header.Get("x-ratelimit-remaining") != "0" {
			t.Fatalf("%d, %s", got.status, rate(got))
		}
		now.Advance(2 * time.Second)
	}
	now.Advance(24 * time.Hour)
	if got := get(t, s, "/v1/users"); got.status != 200 {
		t.Errorf("the next day: %d", got.status)
	}
}

func TestDailyRequestsLeftIsSentForWritesWithAnAPIToken(t *testing.T) {
	s := New(Options{People: 2, Scopes: []string{"admin"}})
	const left, put = "x-daily-requests-left", `{"active_flag":false}`
	if got := get(t, s, "/v1/users/me").header.Values(left); got != nil {
		t.Errorf("GET: %v", got)
	}
	if got := send(t, s, "PUT", "/v1/users/2", put).header.Get(left); got != "9999" {
		t.Errorf("PUT: %q", got)
	}
	oauth := do(t, s, "PUT", "/v1/users/2", put, "Authorization", "Bearer "+s.IssueAccessToken(), "Content-Type", "application/json")
	if got := oauth.header.Values(left); oauth.status != 200 || got != nil {
		t.Errorf("OAuth: %d %v", oauth.status, got)
	}
}

func TestAbuseIsBlocked(t *testing.T) {
	now := simtest.NewClock()
	s := New(Options{Burst: 1, Now: now.Now})
	get(t, s, "/v1/users/me")
	for i := range abuseCount {
		if got := get(t, s, "/v1/users/me"); got.status != 429 {
			t.Fatalf("request %d: %d", i, got.status)
		}
	}
	blocked := func() bool {
		got := get(t, s, "/v1/users/me")
		return got.status == http.StatusForbidden && strings.HasPrefix(got.header.Get("Content-Type"), "text/html") &&
			strings.Contains(got.body, "Access denied") && rate(got) == "  "
	}
	if !blocked() {
		t.Error("not blocked after many 429")
	}
	now.Advance(blockTime - time.Second)
	if !blocked() {
		t.Error("the block has ended early")
	}
	now.Advance(time.Second)
	if got := get(t, s, "/v1/users/me"); got.status != 200 {
		t.Errorf("after the block: %d", got.status)
	}
}

func TestUnlimited(t *testing.T) {
	s := New(Options{Unlimited: true, Burst: 1, Budget: 1})
	for range 5 {
		if got := get(t, s, "/v1/users/me"); got.status != 200 || rate(got) != "  " {
			t.Fatalf("%d %s", got.status, rate(got))
		}
	}
}
