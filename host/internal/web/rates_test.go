package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// queue enters requests one after another and records the order in which they
// went.
type queue struct {
	*testing.T
	l     *Limiter
	start time.Time
	mu    sync.Mutex
	went  []string
}

func enqueue(t *testing.T, set Limits) *queue {
	return &queue{T: t, l: limiter(t, set, nil), start: time.Now()}
}

func (q *queue) enter(name, method, path string, delivers bool) {
	go func() {
		_, err := q.l.Wait(q.Context(), Turn{Delivers: delivers, Cost: 1, Method: method, Path: path})
		q.mu.Lock()
		defer q.mu.Unlock()
		if err != nil {
			name += " " + err.Error()
		}
		q.went = append(q.went, fmt.Sprintf("%s@%d", name, time.Since(q.start)/time.Second))
	}()
	synctest.Wait()
}

// order returns the order in which requests went.
func (q *queue) order() string {
	time.Sleep(time.Hour)
	q.mu.Lock()
	defer q.mu.Unlock()
	return strings.Join(q.went, " ")
}

func TestARateOfItsOwnHoldsUpNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := enqueue(t, Limits{Rates: []abi.Rate{{Method: "GET", Path: "/persons/*/details", Limit: "1/10s"}}})
		q.enter("a", "GET", "/api/v2/persons/1/details", false)
		q.enter("b", "get", "/persons/2/details/", false)
		q.enter("c", "GET", "/persons/3/details", true)
		q.enter("put", "PUT", "/persons/3/details", false)
		q.enter("list", "GET", "/persons", false)
		q.enter("write", "POST", "/persons", true)
		if got := q.order(); got != "a@0 put@0 list@0 write@0 c@10 b@20" {
			t.Error(got)
		}
	})
}

// TestRoomInEveryWindow: the application's own limit counts all requests, and
// a higher one does not lift that of an operation.
func TestRoomInEveryWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := enqueue(t, Limits{Rate: "1/1s", Rates: []abi.Rate{{Path: "/search", Limit: "1/3s"}}})
		for i := range 3 {
			q.enter(fmt.Sprint("s", i), "GET", "/search", false)
		}
		for i := range 4 {
			q.enter(fmt.Sprint("x", i), "GET", "/x", false)
		}
		if got := q.order(); got != "s0@0 x0@1 x1@2 s1@3 x2@4 x3@5 s2@6" {
			t.Error(got)
		}
	})
}

// TestInEveryWindowTheFirstGoesFirst: a request that needs two windows is not
// overtaken by requests that need only one of them.
func TestInEveryWindowTheFirstGoesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := enqueue(t, Limits{Rates: []abi.Rate{{Path: "/search", Limit: "1/2s"}, {Path: "/persons/search", Limit: "1/5s"}}})
		q.enter("both0", "GET", "/persons/search", false)
		q.enter("both1", "GET", "/persons/search", false)
		q.enter("one", "GET", "/deals/search", false)
		if got := q.order(); got != "both0@0 both1@5 one@7" {
			t.Error(got)
		}
	})
}

// TestOneSideDoesNotStarveTheOtherInAWindow, whatever else the sides send in
// between.
func TestOneSideDoesNotStarveTheOtherInAWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := Limits{Rates: []abi.Rate{{Path: "/search", Limit: "1/10s"}}}
		q := enqueue(t, set)
		for i := range 4 {
			q.enter(fmt.Sprint("in", i), "GET", "/search", false)
		}
		q.enter("out", "GET", "/search", true)
		for range 5 {
			time.Sleep(5 * time.Second)
			_, _ = q.l.Wait(t.Context(), Turn{Delivers: true, Cost: 1, Method: "PUT", Path: "/x"}) // the next turn is the other side's
			if err := q.l.Configure(set); err != nil {                                             // as every call does
				t.Fatal(err)
			}
		}
		if got := q.order(); got != "in0@0 out@10 in1@20 in2@30 in3@40" {
			t.Error(got)
		}
	})
}

// TestWhoWouldWaitTooLongForARate: a request that would wait too long fails at
// once and names the rate; a request that merely stands behind such requests
// does not fail.
func TestWhoWouldWaitTooLongForARate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := enqueue(t, Limits{Rate: "2/1s", Rates: []abi.Rate{{Method: "GET", Path: "/search", Limit: "1/1m"}}})
		for i := range 5 {
			q.enter(fmt.Sprint("s", i), "GET", "/search", false)
		}
		q.enter("x", "GET", "/x", false)
		short, stop := context.WithTimeout(t.Context(), 2*time.Second)
		defer stop()
		_, err := q.l.Wait(short, Turn{Cost: 1, Method: "GET", Path: "/search"})
		wantCode(t, err, abi.CodeRateLimited, "1/1m for GET /search is used up")
		if waited, err := q.l.Wait(short, Turn{Cost: 1, Method: "GET", Path: "/y"}); err != nil || waited != time.Second {
			t.Errorf("another operation: %s %v", waited, err)
		}
	})
}

// TestAPauseWhileRatesAreWaitedFor: a request that cannot wait for the end of a
// pause fails at once, not when the window has room.
func TestAPauseWhileRatesAreWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiter(t, Limits{Rates: []abi.Rate{{Path: "/search", Limit: "1/1m"}}}, nil)
		search := Turn{Cost: 1, Path: "/search"}
		if _, err := l.Wait(t.Context(), search); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Second, func() { l.Answered(t.Context(), http.StatusTooManyRequests, header("Retry-After", "600")) })
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		waited, err := l.Wait(ctx, search)
		wantCode(t, err, abi.CodeRateLimited, "nothing is sent until")
		if waited != time.Second {
			t.Errorf("after %s", waited)
		}
	})
}

// TestRatesOfAnotherManifest: requests sent before count, and waiting requests
// obey the new rates.
func TestRatesOfAnotherManifest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := func(limit string) Limits { return Limits{Rates: []abi.Rate{{Path: "/search", Limit: limit}}} }
		q := enqueue(t, set("1/1m"))
		for _, name := range []string{"a", "b", "c"} {
			q.enter(name, "GET", "/search", false)
		}
		time.Sleep(5 * time.Second)
		for _, limit := range []string{"1/1m", "1/10s"} {
			if err := q.l.Configure(set(limit)); err != nil {
				t.Fatal(err)
			}
		}
		if got := q.order(); got != "a@0 b@10 c@20" {
			t.Error(got)
		}
	})
}

// TestNoRateHoldsTooMany: the same of all windows together, whoever gives up.
func TestNoRateHoldsTooMany(t *testing.T) {
	paths := []string{"/x", "/search", "/persons/search"}
	set := Limits{Rate: "3/2s", Rates: []abi.Rate{{Path: "/search", Limit: "2/3s"}, {Path: "/persons/search", Limit: "1/4s"}}}
	type request struct {
		at, patience int
		path         string
		delivers     bool
	}
	soak.Check(t, 30, 100, func(r *rapid.T) {
		requests := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) request {
			return request{rapid.IntRange(0, 20).Draw(r, "at"), rapid.IntRange(0, 40).Draw(r, "patience"), rapid.SampledFrom(paths).Draw(r, "path"), rapid.Bool().Draw(r, "delivers")}
		}), 1, 25).Draw(r, "all")
		sent := map[string][]time.Duration{}
		synctest.Test(t, func(t *testing.T) {
			l, start, mu := limiter(t, set, nil), time.Now(), sync.Mutex{}
			for _, q := range requests {
				go func() {
					time.Sleep(time.Duration(q.at) * time.Second)
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					time.AfterFunc(time.Duration(q.patience)*time.Second, cancel)
					if _, err := l.Wait(ctx, Turn{Delivers: q.delivers, Cost: 1, Path: q.path}); err != nil {
						return
					}
					mu.Lock()
					defer mu.Unlock()
					for _, window := range []string{"", "/search", "/persons/search"} {
						if strings.HasSuffix(q.path, window) {
							sent[window] = append(sent[window], time.Since(start))
						}
					}
				}()
			}
			time.Sleep(10 * time.Minute)
			synctest.Wait()
			l.mu.Lock()
			defer l.mu.Unlock()
			if left := len(l.waiting[0]) + len(l.waiting[1]); left > 0 {
				t.Errorf("%d still wait", left)
			}
		})
		for _, w := range append(set.Rates, abi.Rate{Limit: set.Rate}) {
			n, per, err := abi.ParseRateLimit(w.Limit)
			if err != nil {
				r.Fatal(err)
			}
			times := sent[w.Path]
			slices.SortFunc(times, cmp.Compare[time.Duration])
			for i := n; i < len(times); i++ {
				if times[i]-times[i-n] < per {
					r.Fatalf("%q: %d requests within %s: %v", w.Path, n+1, per, times)
				}
			}
		}
	})
}

// TestTheRateOfARequest: what counts is where a request goes, base URL
// included, whether it names a path or a URL.
func TestTheRateOfARequest(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer srv.Close()
	l := limiter(t, Limits{Rates: []abi.Rate{{Method: "GET", Path: "/people/search", Limit: "1/1h"}}}, nil)
	cl := client(t, srv, nil, func(s *Settings) { s.Limiter = l })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := cl.Send(ctx, abi.Request{Method: "GET", Path: "/v1/people/search", Query: map[string]string{"mail": "a"}}); err != nil {
		t.Fatal(err)
	}
	_, err := cl.Send(ctx, abi.Request{Method: "GET", URL: srv.URL + "/v1/people/search?mail=b"})
	wantCode(t, err, abi.CodeRateLimited, "1/1h for GET /people/search")
	if _, err := cl.Send(ctx, abi.Request{Method: "POST", Path: "/v1/people/search"}); err != nil {
		t.Error(err)
	}
}
