package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

func TestWhatAnswersAskFor(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	date := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	at := func(d time.Duration) string { return fmt.Sprint(now.Add(d).Unix()) }
	cases := map[string]struct {
		status int
		header http.Header
		want   time.Duration
	}{
		"seconds":                 {429, header("Retry-After", "7"), 7 * time.Second},
		"fraction":                {503, header("Retry-After", " 1.5 "), 1500 * time.Millisecond},
		"date":                    {429, header("Retry-After", date(time.Minute)), time.Minute},
		"date by their clock":     {429, header("Retry-After", date(time.Hour), "Date", date(time.Hour-time.Minute)), time.Minute},
		"date of the past":        {429, header("Retry-After", date(-time.Hour)), 0},
		"not of this status":      {200, header("Retry-After", "7"), 0},
		"created, retry later":    {202, header("Retry-After", "7"), 0},
		"nothing said":            {429, header(), 0},
		"reset":                   {429, header("X-RateLimit-Reset", "30"), 30 * time.Second},
		"the longer one":          {429, header("X-RateLimit-Reset", "30", "Retry-After", "7"), 30 * time.Second},
		"epoch":                   {429, header("X-RateLimit-Reset", at(time.Minute)), time.Minute},
		"epoch in milliseconds":   {429, header("X-RateLimit-Reset", at(time.Minute)+"000"), time.Minute},
		"epoch by their clock":    {429, header("X-RateLimit-Reset", at(time.Hour), "Date", date(time.Hour-time.Second)), time.Second},
		"epoch of the past":       {200, header("X-RateLimit-Remaining", "0", "X-RateLimit-Reset", at(-time.Minute)), 0},
		"nothing remains":         {200, header("X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "2"), 2 * time.Second},
		"something remains":       {200, header("X-RateLimit-Remaining", "1", "X-RateLimit-Reset", "2"), 0},
		"no reset":                {200, header("X-RateLimit-Remaining", "0"), 0},
		"of a created thing":      {201, header("X-Rate-Limit-Remaining", "0", "X-Rate-Limit-Reset", "2"), 2 * time.Second},
		"early draft":             {200, header("RateLimit-Remaining", "0", "RateLimit-Reset", "50"), 50 * time.Second},
		"draft with list":         {200, header("RateLimit-Remaining", "0, 5;w=1", "RateLimit-Reset", "50;comment"), 50 * time.Second},
		"one field":               {200, header("RateLimit", "limit=100, remaining=0, reset=50"), 50 * time.Second},
		"structured":              {200, header("RateLimit", `"default";r=0;t=30`), 30 * time.Second},
		"structured and not used": {200, header("RateLimit", `"default";r=9;t=30`), 0},
		"refused, no remaining":   {429, header("RateLimit-Reset", "9"), 9 * time.Second},
		"negative":                {429, header("Retry-After", "-5"), 0},
		"not a number":            {429, header("Retry-After", "NaN", "X-RateLimit-Reset", "Inf"), 1e9 * time.Second},
		"ten years":               {429, header("Retry-After", "315360000"), 315360000 * time.Second},
		"beyond all":              {429, header("Retry-After", "1e300"), 1e9 * time.Second},
	}
	for name, c := range cases {
		if got, why := asked(c.status, c.header, now); got != c.want || (got > 0) != (why != "") {
			t.Errorf("%s: %s %q, want %s", name, got, why, c.want)
		}
	}
}

func FuzzAsked(f *testing.F) {
	f.Add(429, "7", "0", "2", `"default";r=0;t=30`, "Wed, 25 Nov 2026 12:00:00 GMT")
	f.Add(200, "", "0", "1e999", "limit=1, remaining=0, reset=", "")
	f.Fuzz(func(t *testing.T, status int, after, remaining, reset, field, date string) {
		h := http.Header{"Retry-After": {after}, "X-Ratelimit-Remaining": {remaining}, "X-Ratelimit-Reset": {reset}, "Ratelimit": {field}, "Date": {date}}
		wait, _ := asked(status, h, time.Unix(1_800_000_000, 0))
		if wait < 0 || status == 200 && wait > 0 && remaining == "1" {
			t.Errorf("%s", wait)
		}
	})
}

// TestAPauseHoldsForAllCalls also checks that no pause is longer than an hour.
func TestAPauseHoldsForAllCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, other := limiter(t, Limits{}, nil), limiter(t, Limits{}, nil)
		start := time.Now()
		l.Answered(t.Context(), 200, header("X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "2"))
		for range 3 {
			go func() {
				if _, err := l.Wait(t.Context(), Turn{Cost: 1}); err != nil || time.Since(start) != 2*time.Second {
					t.Errorf("%v after %s", err, time.Since(start))
				}
			}()
		}
		if waited, err := other.Wait(t.Context(), Turn{Cost: 1}); waited != 0 || err != nil {
			t.Errorf("another application: %s %v", waited, err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		l.Answered(t.Context(), 429, header("Retry-After", "315360000"))
		start = time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute)
		defer cancel()
		_, err := l.Wait(ctx, Turn{Delivers: true, Cost: 1})
		wantCode(t, err, abi.CodeRateLimited, "answered 429 and asks to wait; nothing is sent until 2000-01-01T01:01:00Z")
		if time.Since(start) != 0 {
			t.Errorf("it took %s", time.Since(start))
		}
		if waited, err := l.Wait(t.Context(), Turn{Cost: 1}); waited != time.Hour || err != nil {
			t.Errorf("after %s: %v", waited, err)
		}
	})
}

// TestAPauseTurnsAwayWhoWaits checks that requests already waiting are
// rejected.
func TestAPauseTurnsAwayWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiter(t, Limits{Rate: "1/10s"}, nil)
		_, _ = l.Wait(t.Context(), Turn{Cost: 1})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		time.AfterFunc(time.Second, func() { l.Answered(t.Context(), 503, header("Retry-After", "600")) })
		_, err := l.Wait(ctx, Turn{Cost: 1})
		wantCode(t, err, abi.CodeRateLimited, "answered 503")
		if time.Since(start) != time.Second {
			t.Errorf("it took %s", time.Since(start))
		}
	})
}

// book is a Ledger in memory.
type book struct {
	mu     sync.Mutex
	texts  map[string]string
	saves  int
	broken error
	hang   bool
	load   error
}

func (b *book) Load(ctx context.Context, application string) (string, error) {
	if b.hang {
		<-ctx.Done()
		return "", ctx.Err()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.texts[application], b.load
}

func (b *book) Save(_ context.Context, application, text string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken != nil {
		return b.broken
	}
	if b.texts == nil {
		b.texts = map[string]string{}
	}
	b.texts[application] = text
	b.saves++
	return nil
}

func (b *book) account(t *testing.T) (a account) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := json.Unmarshal([]byte(b.texts["crm"]), &a); err != nil {
		t.Error(err)
	}
	return a
}

// TestDailyBudget: the bubble's clock begins at midnight UTC.
func TestDailyBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &book{}
		set := Limits{PerDay: 10, Reset: "06:00", LeftHeader: "X-Left"}
		l := limiter(t, set, b)
		for _, cost := range []int64{1, 5, 3} {
			if waited, err := l.Wait(t.Context(), Turn{Cost: cost}); waited != 0 || err != nil {
				t.Fatal(waited, err)
			}
		}
		_, err := l.Wait(t.Context(), Turn{Cost: 11})
		wantCode(t, err, abi.CodeRateLimited, "costs 11 tokens, more than the daily budget of 10")
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		_, err = l.Wait(ctx, Turn{Cost: 2})
		wantCode(t, err, abi.CodeRateLimited, "of the daily budget of 10 tokens 9 are used up, and the request costs 2; nothing is sent until 2000-01-01T06:00:00Z")
		if a := b.account(t); a.Spent != 9 || a.Until.Hour() != 6 || a.Day != time.Date(1999, 12, 31, 6, 0, 0, 0, time.UTC) {
			t.Errorf("kept: %+v", a)
		}

		// A restart changes nothing, and a request that may wait does so.
		l = limiter(t, set, b)
		_, err = l.Wait(ctx, Turn{Delivers: true, Cost: 1})
		wantCode(t, err, abi.CodeRateLimited, "9 are used up")
		l = limiter(t, set, b)
		if waited, err := l.Wait(t.Context(), Turn{Delivers: true, Cost: 2}); waited != 6*time.Hour || err != nil {
			t.Errorf("%s %v", waited, err)
		}
		time.Sleep(2 * time.Second)
		if a := b.account(t); a.Spent != 2 || a.Day.Hour() != 6 {
			t.Errorf("kept the next day: %+v", a)
		}

		// The application reports fewer tokens than the Limiter has counted.
		l.Answered(t.Context(), 200, header("X-Left", "9")) // 8 are left
		l.Answered(t.Context(), 200, header("X-Left", "1"))
		l.Answered(t.Context(), 200, header("X-Left", "many"))
		l.Flush(t.Context())
		if a := b.account(t); a.Spent != 9 {
			t.Errorf("one is left: %+v", a)
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if _, err := l.Wait(ctx, Turn{Cost: 1}); err != nil {
			t.Error(err)
		}
		l.Answered(t.Context(), 200, header("X-Left", "0"))
		_, err = limiter(t, set, b).Wait(ctx, Turn{Cost: 1})
		wantCode(t, err, abi.CodeRateLimited, "nothing is left of today's budget; nothing is sent until 2000-01-02T06:00:00Z")

		// With a larger budget, requests no longer wait.
		if err := l.Configure(Limits{PerDay: 100, Reset: "06:00", LeftHeader: "X-Left"}); err != nil {
			t.Fatal(err)
		}
		if waited, err := l.Wait(ctx, Turn{Cost: 1}); waited != 0 || err != nil {
			t.Errorf("with a higher budget: %s %v", waited, err)
		}
	})
}

// TestAPauseWhileOneWaitsIsKept: a request that may wait finds the budget used
// up, and a restart in the meantime must not forget the pause.
func TestAPauseWhileOneWaitsIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &book{}
		l := limiter(t, Limits{PerDay: 1, Rate: "1/1s"}, b)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for range 3 {
			go func() { _, _ = l.Wait(ctx, Turn{Cost: 1}) }()
		}
		time.Sleep(1500 * time.Millisecond)
		if a := b.account(t); a.Until != time.Date(2000, 1, 2, 0, 0, 0, 0, time.UTC) || a.Spent != 1 {
			t.Errorf("kept: %+v", a)
		}
	})
}

// TestHowOftenIsSaved: spending is saved once a second or every hundred tokens,
// and completely at the end of a call.
func TestHowOftenIsSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &book{}
		l := limiter(t, Limits{PerDay: 1_000_000}, b)
		for range 450 {
			if _, err := l.Wait(t.Context(), Turn{Cost: 1}); err != nil {
				t.Fatal(err)
			}
		}
		if b.saves != 4 || b.account(t).Spent != 400 {
			t.Errorf("%d saves, %+v", b.saves, b.account(t))
		}
		time.Sleep(1100 * time.Millisecond)
		synctest.Wait()
		if b.saves != 5 || b.account(t).Spent != 450 {
			t.Errorf("after a second: %d saves, %+v", b.saves, b.account(t))
		}
		_, _ = l.Wait(t.Context(), Turn{Cost: 1})
		l.Flush(t.Context())
		l.Flush(t.Context())
		if b.saves != 6 || b.account(t).Spent != 451 {
			t.Errorf("after the call: %d saves, %+v", b.saves, b.account(t))
		}
	})
}

type lines struct {
	slog.Handler
	mu   sync.Mutex
	text []string
}

func (l *lines) Enabled(context.Context, slog.Level) bool { return true }
func (l *lines) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, r.Message)
	return nil
}

// TestLedgersThatFail checks that a failing ledger costs no requests, and that
// no count is lost once it works again.
func TestLedgersThatFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		day := time.Now().UTC().Format(time.RFC3339)
		for name, text := range map[string]string{
			"garbage": "\xff{", "another shape": `{"spent":"x"}`, "negative": `{"day":"` + day + `","spent":-5}`, "another day": `{"day":"1999-12-30T00:00:00Z","spent":10}`,
			"the future": `{"day":"2030-01-01T00:00:00Z","spent":10}`, "a pause that is over": `{"until":"1999-01-01T00:00:00Z"}`, "null": "null",
		} {
			log := &lines{}
			l := NewLimiter("crm", &book{texts: map[string]string{"crm": text}}, slog.New(log))
			_ = l.Configure(Limits{PerDay: 10})
			for range 10 {
				if waited, err := l.Wait(t.Context(), Turn{Cost: 1}); waited != 0 || err != nil {
					t.Errorf("%s: %s %v", name, waited, err)
				}
			}
			if want := strings.Contains("garbage another shape", name); len(log.text) > 1 || (len(log.text) == 1) != want {
				t.Errorf("%s: logged %q", name, log.text)
			}
		}
		far := &book{texts: map[string]string{"crm": `{"until":"2099-01-01T00:00:00Z","why":"said so"}`}}
		if waited, err := limiter(t, Limits{}, far).Wait(t.Context(), Turn{Cost: 1}); waited != 24*time.Hour || err != nil {
			t.Errorf("a pause of 99 years: %s %v", waited, err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		day := time.Now().UTC().Format(time.RFC3339)
		b := &book{texts: map[string]string{"crm": `{"day":"` + day + `","spent":4}`}, load: errors.New("locked"), broken: errors.New("locked")}
		log := &lines{}
		l := NewLimiter("crm", b, slog.New(log))
		_ = l.Configure(Limits{PerDay: 10})
		for range 3 {
			if waited, err := l.Wait(t.Context(), Turn{Cost: 1}); waited != 0 || err != nil {
				t.Fatal(waited, err)
			}
			time.Sleep(10 * time.Second)
			synctest.Wait()
		}
		b.load = nil
		_, _ = l.Wait(t.Context(), Turn{Cost: 1})
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if len(log.text) != 2 || b.saves != 0 { // not read, and then not saved
			t.Errorf("logged %q, %d saves", log.text, b.saves)
		}
		b.broken = nil
		l.Flush(t.Context())
		if a := b.account(t); a.Spent != 8 {
			t.Errorf("kept %+v", a)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		l := limiter(t, Limits{PerDay: 10}, &book{hang: true})
		start := time.Now()
		for range 5 {
			if _, err := l.Wait(t.Context(), Turn{Cost: 1}); err != nil {
				t.Error(err)
			}
		}
		if took := time.Since(start); took > ledgerTime {
			t.Errorf("a ledger that hangs cost %s", took)
		}
	})
}

func FuzzLedger(f *testing.F) {
	f.Add(`{"day":"2000-01-01T00:00:00Z","spent":9,"until":"2000-01-01T06:00:00Z","why":"x","budget":10}`)
	f.Add(`{"until":"9999-12-31T23:59:59Z"}`)
	f.Fuzz(func(t *testing.T, text string) {
		l := limiter(t, Limits{PerDay: 10}, &book{texts: map[string]string{"crm": text}})
		l.load(t.Context())
		if l.pause.until.After(time.Now().Add(longestDay)) || l.day.spent < 0 {
			t.Errorf("%+v %+v", l.pause, l.day)
		}
	})
}
