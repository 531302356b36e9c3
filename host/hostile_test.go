package host_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// hostile is a malicious module.
type hostile struct {
	name string
	wasm []byte // with its manifest
	do   string // what a module from Go is told to do
	// refused is the reason to refuse the module, stopped the way its call ends.
	// When both are "", the call succeeds.
	refused, stopped string
	// deadline is when the call is stopped, 0 when it ends by itself: that of
	// guest code, or that of the whole fetch when timeout is that of guest code.
	deadline, timeout time.Duration
}

// past is how much processor time may pass between a call's deadline and its
// end. Wall-clock time would include other programs on a busy machine.
const past = time.Second

// TestHostileModules loads hostile modules one after the other, while another
// connector's calls, garbage collection and /metrics go on.
func TestHostileModules(t *testing.T) {
	s := newOthers(t)
	var table strings.Builder
	fmt.Fprintf(&table, "%-32s %-10s %8s %8s %8s %8s %8s %6s\n", "module", "end", "ms", "past", "call", "gc", "metrics", "MiB")
	cases := hostiles(t)
	if len(cases) < 60 {
		t.Errorf("only %d modules", len(cases))
	}
	for _, c := range append(cases[:1:1], soak.Some(t, 11, cases[1:])...) { // always the healthy one
		t.Run(c.name, func(t *testing.T) { fmt.Fprintln(&table, s.endure(t, c)) })
	}
	t.Logf("of %d hostile modules; the largest compiling process had %d MiB\n%s", len(cases), childMiB(t), table.String())
}

// endure runs one module, and up to five times while it ends late, because the
// concurrent work takes processor time too. It returns a row of the table.
func (o *others) endure(t *testing.T, c hostile) string {
	var e end
	late := time.Hour
	for range 5 {
		o.reset(t)
		e = o.meet(t, c)
		if t.Failed() {
			break
		}
		if late = min(late, e.late); late <= past || c.deadline == 0 {
			break
		}
	}
	row := fmt.Sprintf("%-32s %-10s %8d", c.name, e.how, e.took.Milliseconds())
	if c.deadline > 0 {
		row += fmt.Sprintf(" %8d", late.Milliseconds())
		if late > past {
			t.Errorf("it ran for %s of processor time past its deadline", late)
		}
	} else {
		row += fmt.Sprintf(" %8s", "")
	}
	return row + o.check(t)
}

// end says how a module ended.
type end struct {
	how        string
	took, late time.Duration // late in processor time
}

// meet loads a module and calls it.
func (o *others) meet(t *testing.T, c hostile) end {
	settings := host.Settings{AllowUnsigned: true, CallTimeout: c.timeout, FetchTimeout: c.deadline}
	if c.timeout == 0 {
		settings.CallTimeout, settings.FetchTimeout = c.deadline, 0
	}
	if c.do == "" {
		settings.CacheDir = passing()
	}
	begin := time.Now()
	h, _ := open(t, settings, map[string][]byte{"hostile.wasm": c.wasm})
	if m := h.Modules()[0]; m.State == host.Refused {
		if shown, err := json.Marshal(m); err != nil || len(shown) > 10_000 { // at every start, and to everybody who looks
			t.Errorf("%d bytes are told of it, %v", len(shown), err)
		}
		return refusal(t, c, m.Reason, begin)
	}
	conn, err := h.Connector(h.Modules()[0].Manifest.Name)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Prepare(t.Context()); err != nil {
		return refusal(t, c, err.Error(), begin)
	}
	if c.refused != "" {
		t.Fatalf("it was let in, and should be refused with %q", c.refused)
	}
	call := abi.FetchCall{Endpoint: abi.Endpoint{Name: "users", Path: "/users", Records: "/data", Key: "/id", Params: map[string]string{"do": c.do}}}
	e := end{how: "stopped"}
	e.took, e.late = timed(c.deadline, func() {
		_, err = conn.Fetch(t.Context(), host.Application{Name: "hostile", BaseURL: o.url}, call, func(host.Record) error { return nil })
	})
	var failed *host.CallError
	switch {
	case err == nil && c.stopped == "":
		e.how = "harmless"
	case !errors.As(err, &failed), !strings.Contains(failed.Error(), c.stopped), c.stopped == "":
		t.Errorf("it ended with %v, want %q", err, c.stopped)
	case failed.Next == "":
		t.Errorf("%v: nobody says what to do", err)
	}
	return e
}

// timed runs f, and returns how much more processor time was used than there
// was until a deadline.
func timed(deadline time.Duration, f func()) (took, late time.Duration) {
	begin, used := time.Now(), soak.CPU() // not from a timer: what freezes the process delays that too
	f()
	busy := time.Duration(min(runtime.GOMAXPROCS(0), 4)) // what goes on beside may be as busy as f
	return time.Since(begin), soak.CPU() - used - busy*deadline
}

// survive loads a module whose outcome is not known.
func (o *others) survive(t *testing.T, wasm []byte) string {
	h, _ := open(t, host.Settings{AllowUnsigned: true, CallTimeout: time.Second, CacheDir: passing()}, map[string][]byte{"hostile.wasm": wasm})
	conn, err := h.Connector("guest")
	if err == nil {
		err = conn.Prepare(t.Context())
	}
	if err != nil {
		return "refused"
	}
	call := abi.FetchCall{Endpoint: abi.Endpoint{Name: "users", Path: "/users", Records: "/data", Key: "/id"}}
	_, late := timed(time.Second, func() {
		_, err = conn.Fetch(t.Context(), host.Application{Name: "hostile", BaseURL: o.url}, call, func(host.Record) error { return nil })
	})
	if late > frozen {
		t.Errorf("%x ran for %s past its deadline: %v", wasm, late, err)
	}
	return "let in"
}

func refusal(t *testing.T, c hostile, reason string, begin time.Time) end {
	t.Helper()
	if c.refused == "" || !strings.Contains(reason, c.refused) {
		t.Errorf("it was refused with %q, want %q", reason, c.refused)
	}
	return end{how: "refused", took: time.Since(begin)}
}

// others is what goes on beside: another connector's calls, garbage
// collection, and a request for /metrics, over and over.
type others struct {
	url string

	mu                 sync.Mutex
	call, gc, metrics  time.Duration // the longest of each, in processor time
	calls, gcs, asking int
}

func newOthers(t *testing.T) *others {
	o := &others{url: serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Millisecond) // a flood of requests is not to take all of the processor for the server
		answer(`{"success":true,"data":[{"id":1},{"id":2}]}`)(w, r)
	}))}
	good := start(t, host.Settings{}, answer(`{"success":true,"data":[{"id":1},{"id":2}]}`))
	metrics := httptest.NewServer(promhttp.Handler())
	t.Cleanup(metrics.Close)
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	t.Cleanup(func() { stop(); all.Wait() })
	for _, work := range []struct {
		longest *time.Duration
		count   *int
		do      func() error
	}{
		{&o.call, &o.calls, func() error {
			records, _, err := good.fetch(ctx, "", nil)
			if err == nil && len(records) != 2 {
				err = fmt.Errorf("%d records", len(records))
			}
			return err
		}},
		{&o.gc, &o.gcs, func() error { runtime.GC(); return nil }},
		{&o.metrics, &o.asking, func() error {
			resp, err := http.Get(metrics.URL)
			if err == nil {
				err = resp.Body.Close()
			}
			return err
		}},
	} {
		all.Go(func() {
			for ctx.Err() == nil {
				begin := soak.CPU()
				if err := work.do(); err != nil && ctx.Err() == nil {
					t.Errorf("beside a hostile module: %v", err)
				}
				o.mu.Lock()
				*work.longest = max(*work.longest, soak.CPU()-begin)
				*work.count++
				o.mu.Unlock()
				time.Sleep(25 * time.Millisecond) // leave something of two processors
			}
		})
	}
	return o
}

func (o *others) reset(t *testing.T) {
	o.mu.Lock()
	o.call, o.gc, o.metrics, o.calls, o.gcs, o.asking = 0, 0, 0, 0, 0, 0
	o.mu.Unlock()
	resetPeak(t)
}

// frozen is more processor time than passes while one of the other activities
// is done, and much less than a module uses that freezes the process.
const frozen = 5 * time.Second

// check waits until each of the other activities was done at least once after
// the module, and returns their longest times.
func (o *others) check(t *testing.T) string {
	for end := time.Now().Add(soak.Patience); ; time.Sleep(time.Millisecond) {
		o.mu.Lock()
		done := o.calls > 0 && o.gcs > 0 && o.asking > 0
		call, gc, metrics := o.call, o.gc, o.metrics
		o.mu.Unlock()
		if done {
			peak := peakMiB(t)
			if max(call, gc, metrics) > frozen {
				t.Errorf("others waited: a call %s, garbage collection %s, /metrics %s", call, gc, metrics)
			}
			if peak > boundMiB {
				t.Errorf("the process had %d MiB", peak)
			}
			return fmt.Sprintf(" %8d %8d %8d %6d", call.Milliseconds(), gc.Milliseconds(), metrics.Milliseconds(), peak)
		}
		if time.Now().After(end) {
			t.Errorf("nothing else goes on")
			return ""
		}
	}
}
