package dispatch

import (
	"fmt"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host"
)

// TestDrain: what is due is done to its end, for many and step after step; what
// waits for later stays, and the next Drain takes it up.
func TestDrain(t *testing.T) {
	within(t, func(s *scene) {
		const many = 300 // more than are taken at once
		var guids []ident.GUID
		for n := range many {
			guids = append(guids, s.person(fmt.Sprintf("p%d", n)))
		}
		two := define("two", webhook("crm", "/a"), webhook("crm", "/b"))
		later := define("later", webhook("crm", "/first"), orchestration.Step{Delay: orchestration.Duration(time.Hour)}, webhook("crm", "/last"))
		ids := s.start(two, guids...)
		waits := s.start(later, guids[0])[0]

		drain(s)
		for _, id := range ids {
			s.status(id, store.InstanceDone)
		}
		s.status(waits, store.InstanceWaiting)
		if n := len(s.calls()); n != 2*many+1 {
			t.Errorf("%d calls", n)
		}
		time.Sleep(time.Hour)
		drain(s)
		s.status(waits, store.InstanceDone)
	})
}

// TestDrainLeavesWhatIsDown: an application that does not answer holds up nothing.
func TestDrainLeavesWhatIsDown(t *testing.T) {
	within(t, func(s *scene) {
		s.applications["mail"] = map[string]any{}
		down := s.start(define("down", webhook("crm", "/a")), s.person("ada"))[0]
		up := s.start(define("up", webhook("mail", "/a"), webhook("mail", "/b")), s.person("bo"))[0]
		s.answer = func(one sending) (host.Answer, error) {
			if one.application == "crm" {
				return host.Answer{}, unavailable(false)
			}
			return host.Answer{Status: 200}, nil
		}
		drain(s)
		s.status(down, store.InstanceDelivering)
		s.status(up, store.InstanceDone)
		if list := s.deliveries(store.DeliveryFilter{States: []store.DeliveryState{store.DeliveryRetrying}}); len(list) != 1 {
			t.Errorf("%+v", list)
		}
	})
}

func drain(s *scene) {
	s.Helper()
	began := time.Now()
	if err := s.dispatcher().Drain(s.Context()); err != nil {
		s.Fatal(err)
	}
	if took := time.Since(began); took > time.Minute {
		s.Errorf("it waited for %s", took)
	}
}
