//go:build !wasip1

package plugintest

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Figure is a fetch whose cost is measured.
type Figure struct {
	Application http.Handler // a simulator
	Profile     abi.AuthKind
	User        string
	Secret      string
	Endpoint    string
	RateLimit   string                     // instead of the manifest's
	Records     int64                      // that must come
	Least       func(requests int) float64 // seconds that the vendor's limits allow so many requests in; nil: none
	Tokens      func() int                 // that were spent; nil: the vendor counts none
	Change      func(*abi.Endpoint)        // of the manifest's endpoint; nil: none
}

// Measure fetches once for each iteration of a benchmark and reports requests,
// answers 429, tokens, seconds, by how much that is more than the vendor's
// limits make necessary, and by how much the memory of the process grew.
func (m *Module) Measure(b *testing.B, f Figure) {
	connector := m.Connector(b)
	counter := &counter{to: f.Application}
	server := httptest.NewServer(counter)
	b.Cleanup(server.Close)
	profile, _ := connector.Manifest().Profile(f.Profile)
	credentials, err := host.NewStaticCredentials(profile, f.User, f.Secret)
	if err != nil {
		b.Fatal(err)
	}
	e, ok := connector.Manifest().Endpoint(f.Endpoint)
	if !ok {
		b.Fatalf("there is no endpoint %q", f.Endpoint)
	}
	if f.Change != nil {
		f.Change(&e)
	}
	app := host.Application{Name: b.Name(), BaseURL: server.URL, Credentials: credentials, RateLimit: f.RateLimit}
	if err := connector.Prepare(b.Context()); err != nil {
		b.Fatal(err)
	}
	memory := watchMemory()
	start := time.Now()
	for range b.N {
		counter.all.Store(0)
		counter.refused.Store(0)
		records := int64(0)
		_, err := connector.Fetch(b.Context(), app, abi.FetchCall{Endpoint: e, Keep: []string{"id"}}, func(host.Record) error {
			records++
			return nil
		})
		if err != nil || records != f.Records {
			b.Fatalf("%d records, %v", records, err)
		}
	}
	took := time.Since(start).Seconds() / float64(b.N)
	b.ReportMetric(float64(counter.all.Load()), "requests")
	b.ReportMetric(float64(counter.refused.Load()), "answers-429")
	b.ReportMetric(took, "s")
	b.ReportMetric(memory(), "MiB-more")
	if f.Least != nil {
		b.ReportMetric(f.Least(int(counter.all.Load())), "s-least")
	}
	if f.Tokens != nil {
		b.ReportMetric(float64(f.Tokens()), "tokens")
	}
}

// counter counts requests, and answers 429.
type counter struct {
	to           http.Handler
	all, refused atomic.Int64
}

func (c *counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.all.Add(1)
	c.to.ServeHTTP(&watched{ResponseWriter: w, refused: &c.refused}, r)
}

type watched struct {
	http.ResponseWriter
	refused *atomic.Int64
}

func (w *watched) WriteHeader(status int) {
	if status == http.StatusTooManyRequests {
		w.refused.Add(1)
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// watchMemory looks at the resident memory of this process until what it
// returns is called, which answers the growth in MiB; 0 where it cannot be read.
func watchMemory() func() float64 {
	before, stop, most := resident(), make(chan struct{}), make(chan float64)
	go func() {
		peak := before
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				most <- max(peak, resident()) - before
				return
			case <-tick.C:
				peak = max(peak, resident())
			}
		}
	}()
	return func() float64 {
		close(stop)
		return <-most
	}
}

func resident() float64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseFloat(string(fields[1]), 64)
	return pages * float64(os.Getpagesize()) / (1 << 20)
}
