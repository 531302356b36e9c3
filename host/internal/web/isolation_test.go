package web

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/host/soak"
)

// held is longer than a busy machine takes for a small request, and much
// shorter than the dead server's.
const held = time.Minute

// TestApplicationsDoNotHoldUpEachOther fetches pages while another application
// never answers, one drips, and one answers a flood of requests with 429. As in
// the host, each has its own Limiter and Pool.
func TestApplicationsDoNotHoldUpEachOther(t *testing.T) {
	pages := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"data":[%0100d]}`, 0)
	}))
	defer pages.Close()
	var pool Pool
	defer pool.Close()
	l := limiter(t, Limits{Rate: "10000/1s", PerDay: 1 << 40}, &book{})
	quick := client(t, pages, nil, func(s *Settings) { s.Pool, s.Limiter = &pool, l })
	n := soak.Size(200, 2000)
	alone := latencies(t, quick, n)

	dead := raw(t, func(c net.Conn, _ *http.Request) { _, _ = c.Read(make([]byte, 1)) })
	slow := raw(t, func(c net.Conn, _ *http.Request) {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
		forever(c, "x", time.Millisecond)
	})
	flooding := raw(t, func(c net.Conn, _ *http.Request) {
		_, _ = io.WriteString(c, "HTTP/1.1 429 Too Many Requests\r\nX-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 0.001\r\nContent-Length: 0\r\n\r\n")
	})
	ctx, stop := context.WithCancel(t.Context())
	var others sync.WaitGroup
	for _, srv := range []*httptest.Server{dead, slow, flooding} {
		shared, one := &Pool{}, limiter(t, Limits{PerDay: 1 << 40}, &book{hang: srv == dead})
		defer shared.Close()
		for range 8 {
			cl := client(t, srv, nil, func(s *Settings) { s.Pool, s.Limiter, s.Timeout = shared, one, soak.Patience })
			others.Go(func() {
				for ctx.Err() == nil {
					if resp, err := cl.Send(ctx, get("/")); err == nil {
						resp.Body.Close()
					}
				}
			})
		}
	}
	time.Sleep(100 * time.Millisecond)
	together := latencies(t, quick, n)
	stop()
	others.Wait()
	for _, q := range []int{10, 50, 90, 99} {
		a, b := alone[len(alone)*q/100], together[len(together)*q/100]
		t.Logf("p%d: %s alone, %s beside a dead, a dripping and a flooding application", q, a, b)
		if q == 10 && b > 10*a+100*time.Millisecond { // the rest is the machine's: the others take their share of it
			t.Errorf("p%d is delayed by %s", q, b-a)
		}
		if b > held {
			t.Errorf("p%d is %s: it waits for the others", q, b)
		}
	}
}

// latencies are sorted.
func latencies(t *testing.T, c *Client, n int) []time.Duration {
	var all []time.Duration
	for range n {
		start := time.Now()
		resp, err := c.Send(t.Context(), get("/"))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		all = append(all, time.Since(start))
	}
	slices.Sort(all)
	return all
}
