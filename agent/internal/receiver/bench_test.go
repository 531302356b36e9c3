package receiver

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// BenchmarkAnswer tells how long an application waits for its answer, the disk
// included: alone, and while others write to the state all the time.
func BenchmarkAnswer(b *testing.B) {
	for name, busy := range map[string]bool{"idle": false, "busy": true} {
		b.Run(name, func(b *testing.B) {
			s, err := store.Open(b.Context(), b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			w := &world{t: nil, store: s, runs: &runner{}, log: &buffer{}, results: map[string]int{}, apps: []Application{
				{Name: "pipedrive", Receiver: pipedrive(), Username: "rollcall", Secret: constant(password)},
			}}
			w.Receiver = New(Settings{MaxBody: 64 << 10, MaxAge: time.Hour, Applications: w, Store: s, Runner: w.runs, Observer: w, Log: quietLog()})
			l, err := Listen(b.Context(), "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			ctx, cancel := context.WithCancel(b.Context())
			var running sync.WaitGroup
			running.Go(func() { _ = w.Serve(ctx, l, nil) })
			if busy {
				running.Go(func() { writeAlways(ctx, s) })
			}
			defer running.Wait()
			defer cancel()
			client := &http.Client{}
			defer client.CloseIdleConnections()
			var took []time.Duration
			refused := 0
			for i := 0; b.Loop(); i++ {
				began := time.Now()
				status, _, _, err := request{client: client, body: sent(fmt.Sprint("d-", i), "change", "user", fmt.Sprint(i%100), began)}.try("http://" + l.Addr().String())
				if err != nil {
					b.Fatal(err)
				}
				if status != http.StatusOK {
					refused++
				}
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			ms := func(share int) float64 { return took[len(took)*share/1000].Seconds() * 1000 }
			b.ReportMetric(ms(500), "p50-ms")
			b.ReportMetric(ms(990), "p99-ms")
			b.ReportMetric(took[len(took)-1].Seconds()*1000, "max-ms")
			b.ReportMetric(float64(refused), "refused")
		})
	}
}

// writeAlways writes links, one transaction after the other.
func writeAlways(ctx context.Context, s *store.Store) {
	for i := 0; ctx.Err() == nil; i++ {
		link := ident.Link{
			Application: "crm", Kind: ident.UserKind, Key: ident.Key(fmt.Sprint(i)), GUID: ident.GUID(fmt.Sprint(i)), Automation: "staff", Origin: ident.OriginCreated,
		}
		_ = s.PutLink(ctx, link, "bench")
	}
}

func quietLog() *slog.Logger { return slog.New(slog.DiscardHandler) }
