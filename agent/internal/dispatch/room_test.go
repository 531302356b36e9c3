package dispatch

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// TestRoom: deliveries are taken when half of what may be under way has ended.
func TestRoom(t *testing.T) {
	for under, want := range map[int]int{0: taken, taken / 2: taken / 2, taken/2 + 1: 0, taken: 0} {
		a := &application{under: under}
		if got, probe := a.room(time.Now()); got != want || probe {
			t.Errorf("with %d under way there is room for %d, want %d", under, got, want)
		}
	}
	down := &application{breaker: breaker{pause: time.Second}}
	if got, probe := down.room(time.Now()); got != 1 || !probe {
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

// TestStepsWaitForRoom: a step begins as soon as an earlier one of its kind has ended,
// and its object is not read again and again until then.
func TestStepsWaitForRoom(t *testing.T) {
	const many, takes = 20 * acting, 100 * time.Millisecond
	busy := func(s *scene) (ids []int64) {
		s.actors = map[orchestration.Kind]Actor{orchestration.KindDirectory: actor(func(Action) Done {
			time.Sleep(takes)
			return Done{}
		})}
		var guids []ident.GUID
		for i := range many {
			guids = append(guids, s.person(fmt.Sprint("p", i)))
		}
		return s.start(define("leaver", disable), guids...)
	}
	check := func(s *scene, ids []int64) {
		for _, id := range ids {
			s.status(id, store.InstanceDone)
		}
		if reads := len(s.read); reads > 2*many {
			s.Errorf("%d objects were read %d times", many, reads)
		}
	}
	t.Run("run", func(t *testing.T) {
		within(t, func(s *scene) {
			ids := busy(s)
			_, stop := s.run()
			time.Sleep(many/acting*takes + time.Second)
			stop()
			check(s, ids)
		})
	})
	t.Run("drain", func(t *testing.T) {
		within(t, func(s *scene) {
			ids := busy(s)
			began := time.Now()
			if err := s.dispatcher().Drain(s.Context()); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took > many/acting*takes+time.Second { // by the simulated clock
				t.Errorf("it took %s", took)
			}
			check(s, ids)
		})
	})
}
