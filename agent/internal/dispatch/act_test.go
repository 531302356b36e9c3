package dispatch

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// actor answers steps as the test says.
type actor func(Action) Done

func (a actor) Act(_ context.Context, action Action) Done { return a(action) }

var disable = orchestration.Step{Name: "off", Directory: &orchestration.Directory{Action: orchestration.ActionDisable}}

// TestAHeldStep: it waits for a person, and holds up no later instance; it goes on
// with the approval, and ends with a rejection.
func TestAHeldStep(t *testing.T) {
	within(t, func(s *scene) {
		s.poll = 10 * time.Second
		ada, bob := s.person("ada"), s.person("bob")
		var mu sync.Mutex // the two objects are acted on at the same time
		var acted []Action
		s.actors = map[orchestration.Kind]Actor{orchestration.KindDirectory: actor(func(a Action) Done {
			mu.Lock()
			acted = append(acted, a)
			mu.Unlock()
			if !a.Approved && a.Instance.GUID == ada {
				return Done{Request: "disable", Held: "limits.disable: too many"}
			}
			return Done{Request: "disable"}
		})}
		leaver := define("leaver", disable, webhook("crm", "/off"))
		leaver.Within = orchestration.Duration(time.Hour)
		id := s.started(7, leaver, ada)
		bobs := s.started(8, define("leaver", disable, webhook("crm", "/off")), bob)
		_, stop := s.run()
		defer stop()
		time.Sleep(time.Minute)
		s.status(bobs, store.InstanceDone)
		s.status(id, store.InstanceHeld)
		i := s.instance(id)
		if i.Cause != "limits.disable: too many" || i.Next != "`rollcall approve 7`, or reject" || i.Step != "off" || len(acted) != 2 {
			s.Errorf("%+v, %d actions", i, len(acted))
		}
		later := s.started(9, define("leaver", webhook("crm", "/later")), ada)
		time.Sleep(time.Minute)
		s.status(later, store.InstanceDone)

		time.Sleep(2 * time.Hour) // more than the orchestration may take
		if n, err := s.store.ApproveInstances(s.Context(), store.Holding{Run: 7}, "eve"); err != nil || n != 1 {
			s.Fatalf("%d, %v", n, err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		s.status(id, store.InstanceDone)
		if i := s.instance(id); i.Approved != "" || !acted[len(acted)-1].Approved || acted[0].Lease.Name != "outbox" {
			s.Errorf("%+v, %+v", i, acted)
		}
		if by, err := s.store.Approver(s.Context(), id); err != nil || by != "eve" {
			s.Errorf("approved by %q, %v", by, err)
		}
		if story := s.told(id); story != "off held, off approved, off done, step2 done" {
			s.Error(story)
		}
	})
}

func TestAHeldStepIsRejected(t *testing.T) {
	within(t, func(s *scene) {
		ada := s.person("ada")
		s.actors = map[orchestration.Kind]Actor{orchestration.KindDirectory: actor(func(Action) Done { return Done{Held: "too many"} })}
		id := s.started(7, define("leaver", disable), ada)
		_, stop := s.run()
		defer stop()
		time.Sleep(time.Minute)
		s.status(id, store.InstanceHeld)
		if n, err := s.store.RejectInstances(s.Context(), store.Holding{Run: 7}, "eve"); err != nil || n != 1 {
			s.Fatalf("%d, %v", n, err)
		}
		s.status(id, store.InstanceCancelled)
		if story := s.told(id); !strings.Contains(story, "off cancelled") {
			s.Error(story)
		}
	})
}

// TestAStepAboutAnObjectThatIsGone: what the text lacks is the object.
func TestAStepAboutAnObjectThatIsGone(t *testing.T) {
	within(t, func(s *scene) {
		s.actors = map[orchestration.Kind]Actor{orchestration.KindDirectory: actor(func(Action) Done { return Done{} })}
		id := s.started(7, define("leaver", orchestration.Step{Name: "tell", Directory: &orchestration.Directory{
			Action: orchestration.ActionUpdate, Attributes: map[string]string{"info": "Left: {{ ad.cn }}"},
		}}), "guid-nobody")
		_, stop := s.run()
		defer stop()
		time.Sleep(time.Minute)
		s.status(id, store.InstanceBlocked)
		for _, want := range []string{"the object is not in the directory any more: ", "; next: cancel the orchestration, or restore the object"} {
			if cause := s.instance(id).Cause; !strings.Contains(cause, want) {
				s.Errorf("%q lacks %q", cause, want)
			}
		}
	})
}

// unreadable is a store in which reading an initial password panics.
type unreadable struct{ Store }

func (unreadable) InitialPassword(context.Context, int64) ([]byte, error) { panic("as the test wants") }

// TestAPanicBeforeAStepLeavesItsRoom: other steps of its kind still begin.
func TestAPanicBeforeAStepLeavesItsRoom(t *testing.T) {
	within(t, func(s *scene) {
		s.actors = map[orchestration.Kind]Actor{orchestration.KindMail: actor(func(Action) Done { return Done{} })}
		mail := func(text string) orchestration.Step {
			return orchestration.Step{Mail: &orchestration.Mail{To: []string{"boss@x"}, Subject: "hello", Text: text}}
		}
		var bad []int64
		for n := range acting {
			bad = append(bad, s.joined(s.person(fmt.Sprint("bad", n)), mail("{{ password }}")))
		}
		d := s.dispatcher()
		d.Store = unreadable{s.store}
		ctx, cancel := context.WithCancel(s.Context())
		ended := make(chan error)
		go func() { ended <- d.Run(ctx) }()
		time.Sleep(time.Second)
		good := s.start(define("good", mail("hello")), s.person("good"))[0]
		time.Sleep(time.Minute)
		for _, id := range bad {
			s.status(id, store.InstanceBlocked)
		}
		s.status(good, store.InstanceDone)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
