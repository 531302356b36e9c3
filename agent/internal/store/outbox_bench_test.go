package store

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// BenchmarkOutbox drains an outbox whose sender does nothing: deliveries are
// taken, their calls saved, and settled with their instances. Baseline is the same
// with one delivery at a time. growth is that of the heap between the first and
// the last tenth.
func BenchmarkOutbox(b *testing.B) {
	for range b.N {
		alone := drain(b, fillOutbox(b, 300), 1)
		batched := drain(b, fillOutbox(b, 100_000), 500)
		b.ReportMetric(batched.rate, "deliveries/s")
		b.ReportMetric(batched.rate/alone.rate, "of-one-at-a-time")
		b.ReportMetric(batched.growth, "MiB-growth")
	}
}

// fillOutbox returns a store with count queued deliveries, two for each object and
// application, one after the other.
func fillOutbox(t testing.TB, count int) *Store {
	t.Helper()
	ctx := context.Background()
	s, err := Open(ctx, t.TempDir())
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	lease := outbox(t, s)
	for from := 0; from < count; from += 1000 {
		var list []NewInstance
		for i := from; i < min(from+1000, count); i++ {
			n := leaver(ident.GUID(fmt.Sprint("guid-", (i+1)/2)))
			n.Orchestration = fmt.Sprint("leaver-", i%2)
			list = append(list, n)
		}
		ids := must1[[]int64](t)(s.StartInstances(ctx, lease, list))
		advances := make([]Advance, len(ids))
		for i, id := range ids {
			advances[i] = Advance{
				Instance: id, Version: 1, Status: InstanceDelivering, Step: "deactivate",
				Deliver: &NewDelivery{Step: "deactivate", Webhook: "off", Application: fmt.Sprint("app-", int(id)/2%3)},
			}
		}
		must1[[]int64](t)(s.AdvanceInstances(ctx, lease, advances))
	}
	must(t, s.ReleaseLease(ctx, lease))
	return s
}

type drained struct{ rate, growth float64 }

func drain(t testing.TB, s *Store, size int) drained {
	t.Helper()
	ctx := context.Background()
	lease := outbox(t, s)
	total := must1[Depth](t)(s.OutboxDepth(ctx)).States[DeliveryQueued]
	most := map[string]int{"app-0": size, "app-1": size, "app-2": size}
	call, state := make([]byte, 600), json.RawMessage(`{"step":"deactivate","answers":{"deactivate":{"status":200}}}`)
	var heap [2]float64
	start, n := time.Now(), 0
	for {
		taken := must1[[]Delivery](t)(s.TakeDeliveries(ctx, lease, s.now(), most))
		if len(taken) == 0 {
			break
		}
		var calls []Call
		var ids []int64
		for _, d := range taken {
			calls = append(calls, Call{Delivery: d.ID, Call: call, Request: "PUT https://crm.example.com/v1/users/7"})
			ids = append(ids, d.Instance)
		}
		must(t, s.SaveCalls(ctx, lease, calls))
		instances := must1[map[int64]Instance](t)(s.InstancesByID(ctx, ids))
		var list []Settled
		for _, d := range taken {
			list = append(list, Settled{Delivery: d.ID, State: DeliveryDone, Status: 200, Answer: `{"success":true}`, Advance: &Advance{
				Instance: d.Instance, Version: instances[d.Instance].Version, Status: InstanceDone, State: state,
			}})
		}
		must1[Settlement](t)(s.SettleDeliveries(ctx, lease, list))
		n += len(taken)
		if n <= total/10 {
			heap[0] = heapMiB()
		}
		if n >= total*9/10 {
			heap[1] = heapMiB()
		}
	}
	if n != total {
		t.Errorf("%d of %d deliveries were taken", n, total)
	}
	return drained{rate: float64(n) / time.Since(start).Seconds(), growth: heap[1] - heap[0]}
}

func heapMiB() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}
