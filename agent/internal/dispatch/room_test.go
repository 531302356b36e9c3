package dispatch

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// TestRoom: deliveries are taken when half of what may be under way has ended.
func TestRoom(t *testing.T) {
	for under, want := range map[int]int{0: taken, taken / 2: taken / 2, taken/2 + 1: 0, taken: 0} {
		a := &application{under: under}
		if got := a.room(time.Now()); got != want {
			t.Errorf("with %d under way there is room for %d, want %d", under, got, want)
		}
	}
	down := &application{breaker: breaker{pause: time.Second}}
	if got := down.room(time.Now()); got != 1 {
		t.Errorf("to an application that is down %d are sent, want 1 that looks", got)
	}
}

// slowRecords is a store that records no result before it may.
type slowRecords struct {
	Store
	may chan struct{}
}

func (s slowRecords) SettleDeliveries(ctx context.Context, lease store.Lease, list []store.Settled) (store.Settlement, error) {
	<-s.may
	return s.Store.SettleDeliveries(ctx, lease, list)
}

// TestRecordsDoNotHoldUpCalls: an application gets the next calls while the last
// ones are being recorded.
func TestRecordsDoNotHoldUpCalls(t *testing.T) {
	within(t, func(s *scene) {
		var guids []ident.GUID
		for i := range 3 * parallel {
			guids = append(guids, s.person(fmt.Sprint("p", i)))
		}
		ids := s.start(define("off", webhook("crm", "/off")), guids...)
		d, may := s.dispatcher(), make(chan struct{})
		d.Store = slowRecords{s.store, may}
		stop := s.running(d)
		defer stop()
		time.Sleep(time.Second)
		if n := len(s.calls()); n != len(ids) {
			t.Errorf("%d calls were sent before the first was recorded, want %d", n, len(ids))
		}
		close(may)
		time.Sleep(time.Second)
		for _, id := range ids {
			s.status(id, store.InstanceDone)
		}
	})
}
