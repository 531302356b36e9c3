package main

import (
	"bufio"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime/debug"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// BenchmarkJoin reads two endpoints with a million records each through the connector,
// and joins them by key. The ratio is its time by that of two runs that read each of
// them alone: fetched, staged until the answer is complete, and read back in the order of
// the keys. fetch-ratio is against fetching both and throwing them away. The records come
// in an order that is not that of their keys. It also reports by how much the process
// grows meanwhile; the server, which makes its answer as it goes, is part of it.
func BenchmarkJoin(b *testing.B) {
	records := 1_000_000
	if testing.Short() {
		records = 100_000
	}
	api := httptest.NewServer(inAnyOrder(records))
	defer api.Close()
	p := newPipeline(b, api.URL)
	st, err := store.Open(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = st.Close() }()
	read := func(take func([]ident.Record) error) {
		n := 0
		_, err := p.source.Fetch(b.Context(), ident.Position{}, func(batch []ident.Record) error {
			n += len(batch)
			return take(batch)
		})
		if err != nil || n != records {
			b.Fatal(n, err)
		}
	}
	started := time.Now()
	for range 2 {
		read(func([]ident.Record) error { return nil })
	}
	fetching := time.Since(started)

	started = time.Now()
	for run := range int64(2) {
		n := 0
		read(func(batch []ident.Record) error { return st.Stage(b.Context(), run+1, batch) })
		if err := st.EachStaged(b.Context(), run+1, func(store.Staged) error { n++; return nil }); err != nil || n != records {
			b.Fatal(n, err)
		}
	}
	alone := time.Since(started)
	if err := st.DropStaging(b.Context(), 1, 2); err != nil {
		b.Fatal(err)
	}

	debug.FreeOSMemory()
	before, most, stop := residentMiB(b), atomic.Int64{}, make(chan struct{})
	go func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				most.Store(max(most.Load(), residentMiB(b)))
			}
		}
	}()
	started = time.Now()
	for run := range int64(2) {
		read(func(batch []ident.Record) error { return st.Stage(b.Context(), run+1, batch) })
	}
	staging, met := time.Since(started), 0
	others, err := st.EachJoined(b.Context(), 1, []int64{2}, func(j store.Joined) error {
		if j.Records == 1 && j.Partners[0].Records == 1 {
			met++
		}
		return nil
	})
	joining := time.Since(started)
	close(stop)
	if err != nil || met != records || others[0] != 0 {
		b.Fatal(met, others, err)
	}
	if err := st.DropStaging(b.Context(), 1, 2); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(fetching.Seconds(), "fetch-s")
	b.ReportMetric(alone.Seconds(), "alone-s")
	b.ReportMetric(joining.Seconds(), "joined-s")
	b.ReportMetric((joining - staging).Seconds(), "of-which-join-s")
	b.ReportMetric(joining.Seconds()/alone.Seconds(), "ratio")
	b.ReportMetric(joining.Seconds()/fetching.Seconds(), "fetch-ratio")
	b.ReportMetric(float64(most.Load()-before), "grown-MiB")
	b.ReportMetric(float64(most.Load()), "process-MiB")
	b.ReportMetric(0, "ns/op")
}

// inAnyOrder is an application with that many users.
func inAnyOrder(records int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		out := bufio.NewWriterSize(w, 1<<16)
		_, _ = out.WriteString(`{"success":true,"data":[`)
		for i := range records {
			id := i*7_919%records + 1
			if i > 0 {
				_ = out.WriteByte(',')
			}
			_, _ = fmt.Fprintf(out, `{"id":%d,"name":"Ada Novak %d","email":"ada.novak.%d@example.com","active_flag":true,"is_deleted":false,`+
				`"timezone_name":"Europe/Berlin","role_id":%d,"locale":"en_GB","created":"2024-03-01 10:00:00"}`, id, id, id, id%9)
		}
		_, _ = out.WriteString(`]}`)
		if err := out.Flush(); err != nil {
			slog.Default().Debug("the client has gone", "cause", err)
		}
	})
}

// residentMiB is the memory of the process.
func residentMiB(b *testing.B) int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Skip("needs /proc")
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		b.Error(err)
	}
	return resident * int64(os.Getpagesize()) >> 20
}
