package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/runtime"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/plugins/pipedrive/sim"
)

// engineOf opens this world's agent in this process.
func (w *world) engineOf() *engine.Engine {
	w.Helper()
	cfg, err := config.Load(w.config)
	if err != nil {
		w.Fatal(err)
	}
	a, err := runtime.Lock(w.Context(), cfg, runtime.Settings{Log: newLogger(cfg.Agent.Log, io.Discard), Version: version})
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(a.Close)
	if err := a.Open(w.Context()); err != nil {
		w.Fatal(err)
	}
	e, err := a.Engine(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	return e
}

// BenchmarkInstant changes one user of the application after the other and runs
// the automation for that user alone: from the call to the end of the run, when
// the domain controller has the write and the journal its outcome. The fetch goes
// through the connector to the simulator, the write to a real domain controller.
func BenchmarkInstant(b *testing.B) {
	people, changes := soak.Size(100, 1_000), soak.Size(500, 1_000)
	w := newWorld(b, people, "create = 1000", "create = 1000, update = 100000")
	w.rollcall("apply", "staff") // two names are too long
	keys := slices.Sorted(maps.Keys(w.links()))
	e := w.engineOf()
	var took []time.Duration
	for i := range changes + 1 {
		key := keys[i%len(keys)]
		id, err := strconv.ParseInt(string(key), 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := w.sim.Change(id, func(u *sim.User) { u.Email = sim.Some(fmt.Sprintf("u%d.%d@crm.test", id, i)) }); err != nil {
			b.Fatal(err)
		}
		started := time.Now()
		r, err := e.RunKeys(b.Context(), engine.Request{Automation: "staff", Kind: store.KindInstant, By: "pipedrive"}, []ident.Key{key})
		if err != nil || r.Count(ident.ResultApplied) != 1 {
			b.Fatalf("key %d: %s %+v %+v %v", id, r.Result, r.Outcomes, r.Summary, err)
		}
		if i > 0 { // the first starts what the others find warm
			took = append(took, time.Since(started))
		}
	}
	slices.Sort(took)
	at := func(part float64) float64 {
		return float64(took[min(len(took)-1, int(part*float64(len(took))))].Microseconds()) / 1000
	}
	b.ReportMetric(at(0.5), "p50-ms")
	b.ReportMetric(at(0.9), "p90-ms")
	b.ReportMetric(at(0.99), "p99-ms")
	b.ReportMetric(at(1), "max-ms")
	b.ReportMetric(0, "ns/op")
	b.Log("\n" + histogram(took))
}

// histogram draws how many took how long.
func histogram(took []time.Duration) string {
	var out strings.Builder
	all := len(took)
	for _, below := range []time.Duration{10, 20, 30, 50, 75, 100, 150, 200, 300, 500, 1000, 100_000} {
		n := 0
		for len(took) > n && took[n] < below*time.Millisecond {
			n++
		}
		if n > 0 {
			fmt.Fprintf(&out, "  below %4d ms  %5d  %s\n", below, n, strings.Repeat("#", max(1, n*50/all)))
		}
		took = took[n:]
	}
	return out.String()
}
