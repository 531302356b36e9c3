package abi1_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/host/internal/abi1"
	"github.com/rollcall-agent/rollcall/host/internal/web"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// client asks a server whose answers have as many bytes as their path says.
func client(t *testing.T) *web.Client {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := 0
		_, _ = fmt.Sscanf(r.URL.Path, "/%d", &n)
		_, _ = w.Write(make([]byte, n))
	}))
	t.Cleanup(srv.Close)
	rules, err := web.NewRules(nil, nil, []string{srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	c, err := web.New(web.Settings{Network: web.Network{Rules: rules}, Configured: srv.URL, Timeout: time.Minute, MaxBody: abi.MaxBodySize})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// TestBodiesOfACallAreLimited: what is open at once, and all of a call.
func TestBodiesOfACallAreLimited(t *testing.T) {
	at := func(name string) int {
		return slices.IndexFunc(abi.Functions(), func(f abi.Function) bool { return f.Name == name })
	}
	for name, c := range map[string]struct {
		open, total int64
		sizes       []int
		release     bool
		want        []abi.Code // 0: a handle
	}{
		"open":     {1000, 0, []int{600, 400, 1}, false, []abi.Code{0, 0, abi.CodeLimit}},
		"over":     {1000, 0, []int{600, 401, 400}, false, []abi.Code{0, abi.CodeTooLarge, 0}},
		"released": {1000, 0, []int{600, 900, 1000}, true, []abi.Code{0, 0, 0}},
		"total":    {1000, 1500, []int{600, 900, 1}, true, []abi.Code{0, 0, abi.CodeLimit}},
	} {
		t.Run(name, func(t *testing.T) {
			m := everything()
			m.data = strings.Repeat(" ", 16)
			var body []byte
			handle := int64(0)
			for i, size := range c.sizes {
				request := fmt.Sprintf(`{"method":"GET","path":"/%d"}`, size)
				want := int64(c.want[i])
				if want == 0 {
					handle++
					want = handle
				}
				body = append(body, m.expect(at("http_send"), want, i+1, int64(len(m.data)), int64(len(request)))...)
				m.data += request
				if c.release {
					body = append(append(body, m.call(at("release"), handle)...), opDrop)
				}
			}
			m.funcs = []function{{export: abi.ExportFetch, i32: true, body: append(body, opGet, 0)}}
			guest := load(t, m)
			var records []abi1.Record
			ctx, call := newCall(t, &records)
			call.Client, call.MaxOpen, call.MaxTotal = client(t), c.open, c.total
			if n := status(ctx, t, guest); n != 0 {
				t.Errorf("request %d answered something else", n)
			}
		})
	}
}
