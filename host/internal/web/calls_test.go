package web

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// TestWhoseAnswersCount checks that spending is saved at the end of a call, and
// that a redirect's target does not speak for the application.
func TestWhoseAnswersCount(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "600")
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	defer other.Close()
	srv := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusFound))
	defer srv.Close()
	b := &book{}
	l := limiter(t, Limits{PerDay: 100}, b)
	cl := client(t, srv, nil, func(s *Settings) {
		s.Limiter = l
		s.Network.Rules, _ = NewRules(nil, []string{strings.TrimPrefix(other.URL, "http://")}, []string{srv.URL})
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for range 2 {
		if resp, err := cl.Send(ctx, abi.Request{Path: "/", Cost: 7}); err != nil || resp.Status != http.StatusTooManyRequests {
			t.Fatal(err)
		}
	}
	again, err := New(cl.Settings)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.Send(ctx, get("/")); err != nil {
		t.Fatal(err)
	}
	again.Close()
	if a := b.account(t); a.Spent != 15 {
		t.Errorf("kept: %+v", a)
	}
}

// TestHowLongWaitsAreForeseen checks that the other class's turns count, and
// that with a daily budget a pause may last a day.
func TestHowLongWaitsAreForeseen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiter(t, Limits{Rate: "1/10s"}, nil)
		_, _ = l.Wait(t.Context(), Turn{Cost: 1})
		go func() { _, _ = l.Wait(t.Context(), Turn{Delivers: true, Cost: 1}) }()
		synctest.Wait()
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		_, err := l.Wait(ctx, Turn{Cost: 1}) // its turn is in 20 s
		wantCode(t, err, abi.CodeRateLimited, "rate limit")
		if time.Since(start) != 0 {
			t.Errorf("it took %s", time.Since(start))
		}
		time.Sleep(time.Minute)
		daily := limiter(t, Limits{PerDay: 10}, nil)
		daily.Answered(t.Context(), 429, header("Retry-After", "7200"))
		if waited, err := daily.Wait(t.Context(), Turn{Cost: 1}); waited != 2*time.Hour || err != nil {
			t.Errorf("%s %v", waited, err)
		}
	})
}
