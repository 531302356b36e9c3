package dispatch

import (
	"fmt"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host/soak"
)

// BenchmarkOutbox sends one webhook for each of many objects to applications that
// answer at once: from the start of the instance to its end.
func BenchmarkOutbox(b *testing.B) {
	s := newScene(b)
	defer func() { _ = s.store.Close() }()
	s.applications["sms"] = map[string]any{}
	const people = 5000
	var guids []ident.GUID
	for i := range people {
		guids = append(guids, s.person(fmt.Sprint("p", i)))
	}
	rounds := 0
	for b.Loop() {
		application := []string{"crm", "sms"}[rounds%2]
		rounds++
		s.start(define(fmt.Sprint("a", rounds), webhook(application, "/a/{{ ad.sAMAccountName }}")), guids...)
		began, cpu := time.Now(), soak.CPU()
		_, stop := s.run()
		soak.Await(b, "everything is sent", func() bool {
			time.Sleep(10 * time.Millisecond)
			s.mu.Lock()
			sent := len(s.sent)
			s.mu.Unlock()
			if sent < rounds*people {
				return false
			}
			depth, err := s.store.OutboxDepth(b.Context())
			return err == nil && len(depth.States) == 0
		})
		b.ReportMetric(people/time.Since(began).Seconds(), "deliveries/s")
		b.ReportMetric((soak.CPU()-cpu).Seconds()*1e6/people, "cpu-us/delivery")
		stop()
	}
	if d := s.deliveries(store.DeliveryFilter{States: []store.DeliveryState{store.DeliveryDone}}); len(d) != rounds*people {
		b.Errorf("%d of %d deliveries are done", len(d), rounds*people)
	}
}
