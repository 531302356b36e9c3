package dispatch

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/connector"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/host/testdata/kept"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// counter is a Sender that keeps nothing of a call but what send makes of it.
type counter struct {
	mu           sync.Mutex
	applications map[string]map[string]any
	sent         atomic.Int64
	send         func(ctx context.Context, application string, call abi.InvokeCall) (host.Answer, error)
}

func (c *counter) Applications() map[string]map[string]any {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.applications
}

func (c *counter) Send(ctx context.Context, application string, call Outgoing) (host.Answer, error) {
	defer c.sent.Add(1)
	return c.send(ctx, application, call.InvokeCall)
}

// Sends reports that everything may be sent.
func (c *counter) Sends(string) bool { return true }

func (c *counter) serve(applications ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.applications = map[string]map[string]any{}
	for _, name := range applications {
		c.applications[name] = map[string]any{}
	}
}

func null(context.Context, string, abi.InvokeCall) (host.Answer, error) {
	return host.Answer{Status: 200}, nil
}

// starting runs a dispatcher that sends with c until the function that it returns is
// called.
func (s *scene) starting(c *counter) (stop func()) {
	d := s.dispatcher()
	d.Sender = c
	return s.running(d)
}

func (s *scene) people(n int) (guids []ident.GUID) {
	for i := range n {
		guids = append(guids, s.person(fmt.Sprint("p", i)))
	}
	return guids
}

func (s *scene) settled() bool {
	depth, err := s.store.OutboxDepth(s.Context())
	delete(depth.States, store.DeliveryDead)
	return err == nil && len(depth.States) == 0
}

// noneDead requires that every delivery succeeded.
func (s *scene) noneDead() {
	s.Helper()
	if list := s.deliveries(store.DeliveryFilter{States: []store.DeliveryState{store.DeliveryDead}}); len(list) > 0 {
		s.Fatalf("%d are dead, such as: %s", len(list), list[0].Cause)
	}
}

// measured reports how fast do sends n deliveries. What two cores could do is what
// the processor time allows, whatever else runs on the machine.
func measured(b *testing.B, n int, do func()) {
	began, cpu := time.Now(), soak.CPU()
	do()
	each := (soak.CPU() - cpu).Seconds() / float64(n)
	b.ReportMetric(float64(n)/time.Since(began).Seconds(), "deliveries/s")
	b.ReportMetric(each*1e6, "cpu-us/delivery")
	b.ReportMetric(2/each, "of-two-idle-cores/s")
}

// BenchmarkOutbox sends one webhook for each of many objects to an application that
// answers at once: from the start of the instance to its end.
func BenchmarkOutbox(b *testing.B) {
	s, c := newScene(b), &counter{send: null}
	defer func() { _ = s.store.Close() }()
	c.serve("crm")
	guids := s.people(5000)
	for n := 1; b.Loop(); n++ {
		s.start(define(fmt.Sprint("a", n), webhook("crm", "/a/{{ ad.sAMAccountName }}")), guids...)
		measured(b, len(guids), func() {
			stop := s.starting(c)
			await(b, func() bool { return c.sent.Load() >= int64(n*len(guids)) && s.settled() })
			stop()
		})
	}
	b.ReportMetric(0, "ns/op")
}

// await waits with a glance now and then, which takes little time from what is
// measured.
func await(b *testing.B, done func() bool) {
	soak.Await(b, "everything is sent", func() bool {
		time.Sleep(10 * time.Millisecond)
		return done()
	})
}

// BenchmarkDrain sends what is queued for an application that was away: ten
// deliveries for each object, each in its turn. Memory is what is in use after a
// collection, when a tenth, half and nine tenths were sent.
func BenchmarkDrain(b *testing.B) {
	const each = 10
	objects := 10_000
	if testing.Short() {
		objects = 500
	}
	for b.Loop() {
		s := newScene(b)
		order := map[string]string{} // of the steps that were sent, by object: one digit each
		for n := range objects {
			order[fmt.Sprint("p", n)] = strings.Repeat(" ", each)
		}
		var mu sync.Mutex
		c := &counter{send: func(_ context.Context, _ string, call abi.InvokeCall) (host.Answer, error) {
			step, object, _ := strings.Cut(call.Webhook.Path[1:], "/")
			mu.Lock()
			defer mu.Unlock()
			order[object] = order[object][1:] + step
			return host.Answer{Status: 200}, nil
		}}
		guids, total := s.people(objects), objects*each
		for n := range each {
			s.start(define(fmt.Sprint("o", n), webhook("crm", fmt.Sprintf("/%d/{{ ad.sAMAccountName }}", n))), guids...)
		}
		stop := s.starting(c)
		await(b, func() bool {
			depth, err := s.store.OutboxDepth(b.Context())
			return err == nil && depth.States[store.DeliveryQueued] == total
		})
		stop()
		c.serve("crm")
		var heap [3]float64
		measured(b, total, func() {
			stop := s.starting(c)
			for at, share := range []int{10, 50, 90} {
				await(b, func() bool { return c.sent.Load() >= int64(total*share/100) })
				heap[at] = heapMiB()
			}
			await(b, func() bool { return c.sent.Load() >= int64(total) && s.settled() })
			stop()
		})
		for at, share := range []int{10, 50, 90} {
			b.ReportMetric(heap[at], fmt.Sprintf("MiB-at-%d%%", share))
		}
		s.noneDead()
		b.ReportMetric(float64(outOfOrder(s, order)), "out-of-order")
		_ = s.store.Close()
	}
	b.ReportMetric(0, "ns/op")
}

// outOfOrder counts the objects whose deliveries were not sent in the order in which
// they were queued.
func outOfOrder(s *scene, order map[string]string) (n int) {
	queued := map[string]string{}
	for _, d := range s.deliveries(store.DeliveryFilter{}) {
		object := strings.TrimPrefix(string(d.GUID), "guid-")
		queued[object] = strings.TrimPrefix(d.Orchestration, "o") + queued[object] // the last is listed first
	}
	for object, want := range queued {
		if order[object] != want {
			n++
		}
	}
	return n
}

func heapMiB() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}

// BenchmarkConnectors sends through both connectors as they are shipped, without
// limits, to a server that says yes to everything.
func BenchmarkConnectors(b *testing.B) {
	s := newScene(b)
	defer func() { _ = s.store.Close() }()
	paths := map[string]string{"pipedrive": "/v1/users/{{ ad.sAMAccountName[1:] }}", "infobip": "/own/1/people/{{ ad.sAMAccountName }}"}
	targets := shipped(b, startNull(b))
	c := &counter{send: func(ctx context.Context, application string, call abi.InvokeCall) (host.Answer, error) {
		t := targets[application]
		return t.Invoke(ctx, t.app, call)
	}}
	c.serve("pipedrive", "infobip")
	guids := s.people(1000)
	for n := 1; b.Loop(); n++ {
		for application, path := range paths {
			step := webhook(application, path)
			step.Webhook.Call.MessageType, step.Webhook.Call.Body = abi.MessageJSON, `{"active_flag":false}`
			s.start(define(fmt.Sprint(application, n), step), guids...)
		}
		total := len(paths) * len(guids)
		measured(b, total, func() {
			stop := s.starting(c)
			await(b, func() bool { return c.sent.Load() >= int64(n*total) && s.settled() })
			stop()
		})
	}
	s.noneDead()
	b.ReportMetric(0, "ns/op")
}

type target struct {
	*host.Connector
	app host.Application
}

// shipped builds the connectors and opens them in a host.
func shipped(b *testing.B, url string) map[string]target {
	cache, err := kept.Folder("connector")
	if err != nil {
		b.Fatal(err)
	}
	settings := host.Settings{ModulesDir: b.TempDir(), CacheDir: cache, AllowUnsigned: true}
	for _, name := range []string{"pipedrive", "infobip"} {
		var log bytes.Buffer
		if _, err := connector.Build(b.Context(), "../../../plugins/"+name, filepath.Join(settings.ModulesDir, name+".wasm"), &log); err != nil {
			b.Fatal(err, log.String())
		}
	}
	h, err := host.Open(b.Context(), settings, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = h.Close(context.WithoutCancel(b.Context())) })
	all := map[string]target{}
	for _, name := range []string{"pipedrive", "infobip"} {
		c, err := h.Connector(name)
		if err != nil {
			b.Fatal(err)
		}
		profile, _ := c.Manifest().Profile(abi.AuthAPIKey)
		credentials, err := host.NewStaticCredentials(profile, "", "a-secret-of-the-benchmark")
		if err != nil {
			b.Fatal(err)
		}
		all[name] = target{c, host.Application{Name: name, BaseURL: url, Credentials: credentials, RateLimit: "1000000/1s"}}
	}
	return all
}

func startNull(b *testing.B) string {
	cmd := exec.CommandContext(b.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), nullServer+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	var out io.ReadCloser
	if out, err = cmd.StdoutPipe(); err == nil {
		err = cmd.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(url)
}
