//go:build !wasip1

package plugintest

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime/debug"
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
	Secret      string
	Endpoint    string
	Records     int64                      // how many must arrive
	Least       func(requests int) float64 // seconds in which the vendor's limits allow so many requests; nil: no limits
	Tokens      func() int                 // how many were spent; nil: the vendor counts none
	Unlimited   bool                       // without the manifest's rate limits
}

// Measure fetches once for each iteration of a benchmark. It reports requests,
// 429 answers, tokens, seconds, the ratio of that time to the least that the
// vendor's limits allow, and the growth of the process's memory, which includes
// the simulator.
func (m *Module) Measure(b *testing.B, f Figure) {
	if f.Unlimited {
		m = &Module{Name: m.Name, Unlimited: true}
		b.Cleanup(m.remove)
	}
	connector := m.Connector(b)
	counter := &counter{to: f.Application}
	server := httptest.NewServer(counter)
	b.Cleanup(server.Close)
	profile, _ := connector.Manifest().Profile(f.Profile)
	credentials, err := host.NewStaticCredentials(profile, "", f.Secret)
	if err != nil {
		b.Fatal(err)
	}
	e, ok := connector.Manifest().Endpoint(f.Endpoint)
	if !ok {
		b.Fatalf("there is no endpoint %q", f.Endpoint)
	}
	app := host.Application{Name: b.Name(), BaseURL: server.URL, Credentials: credentials}
	if err := connector.Prepare(b.Context()); err != nil {
		b.Fatal(err)
	}
	debug.FreeOSMemory() // memory freed before must not hide what the fetch uses
	memory := watchMemory()
	b.ResetTimer()
	for range b.N {
		records := int64(0)
		_, err := connector.Fetch(b.Context(), app, abi.FetchCall{Endpoint: e, Keep: []string{"id"}}, func(host.Record) error {
			records++
			return nil
		})
		if err != nil || records != f.Records {
			b.Fatalf("%d records, %v", records, err)
		}
	}
	b.StopTimer()
	b.ReportMetric(memory(), "MiB-more")
	f.report(b, counter)
}

func (f Figure) report(b *testing.B, c *counter) {
	requests, took := int(c.all.Load())/b.N, b.Elapsed().Seconds()/float64(b.N)
	b.ReportMetric(float64(requests), "requests")
	b.ReportMetric(float64(c.refused.Load()), "answers-429")
	b.ReportMetric(took, "s")
	if c.refused.Load() > 0 {
		b.Error("the manifest's rate limits do not keep to the vendor's")
	}
	if f.Tokens != nil {
		b.ReportMetric(float64(f.Tokens()/b.N), "tokens")
	}
	if f.Least == nil {
		return
	}
	least := f.Least(requests)
	b.ReportMetric(least, "s-least")
	if least > 0 {
		b.ReportMetric(took/least, "ratio")
	}
}

// counter counts requests and 429 answers.
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

// watchMemory watches the resident memory of this process until the returned
// function is called. That function returns the growth in MiB; 0 where it
// cannot be read.
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
