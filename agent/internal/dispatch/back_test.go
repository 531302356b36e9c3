package dispatch

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host"
)

// mirrored puts an object into the mirror, as the feed does.
func (s *scene) mirrored(guid ident.GUID) {
	s.Helper()
	err := s.store.UpdateMirror(s.Context(), func(tx store.MirrorTx) error {
		return tx.Put(ident.Entry{GUID: guid, DN: s.objects[guid].DN, Attributes: ident.Attributes{"objectclass": {"user"}}})
	})
	if err != nil {
		s.Fatal(err)
	}
}

// gone takes an object out of the directory.
func (s *scene) gone(guid ident.GUID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, guid)
}

// resume has an instance go on that is blocked, as a person does.
func (s *scene) resume(id int64) {
	s.Helper()
	i := s.instance(id)
	text, err := s.store.Definition(s.Context(), i.Digest)
	if err != nil {
		s.Fatal(err)
	}
	o := compile(text)
	state, err := o.ParseState(i.State)
	if err == nil {
		state, _, err = o.Resume(state, time.Now())
	}
	if err != nil {
		s.Fatal(err)
	}
	kept, _ := json.Marshal(state)
	if err := s.store.ResumeInstance(s.Context(), id, store.Resume{Version: i.Version, Step: i.Step, State: kept, By: "eve"}); err != nil {
		s.Fatal(err)
	}
}

// afterDeletion is an instance that the deletion of an object began.
func (s *scene) afterDeletion(guid ident.GUID, steps ...orchestration.Step) int64 {
	s.Helper()
	n := s.begins(define("gone", steps...), guid)
	n.Input = []byte(`{"change":{"kind":"deleted"},"event":1,"image":{"guid":"guid-ada","dn":"CN=ada,DC=c","attributes":{}}}`)
	return s.begin(n)[0]
}

// TestNothingIsRemovedOfSomebodyWhoIsBack: what a deletion began does nothing more once
// the object is there again, also where it waits to be sent, and a person may have it go
// on when the object is gone again.
func TestNothingIsRemovedOfSomebodyWhoIsBack(t *testing.T) {
	pause := orchestration.Step{Delay: orchestration.Duration(time.Hour)}
	for name, steps := range map[string][]orchestration.Step{
		"before the step":   {pause, webhook("crm", "/remove")},
		"while it is tried": {webhook("crm", "/remove")},
	} {
		t.Run(name, func(t *testing.T) {
			within(t, func(s *scene) {
				s.poll = 10 * time.Second // hours go by here
				ada := s.person("ada")
				back := s.objects[ada]
				s.mirrored(ada)
				s.gone(ada)
				down := true
				s.answer = func(sending) (host.Answer, error) {
					if down {
						return host.Answer{}, unavailable(false)
					}
					return host.Answer{Status: 200}, nil
				}
				id := s.afterDeletion(ada, steps...)
				_, stop := s.run()
				defer stop()
				time.Sleep(30 * time.Second)
				tried := len(s.calls())
				s.mu.Lock()
				s.objects[ada], down = back, false
				s.mu.Unlock()
				time.Sleep(3 * time.Hour)
				s.status(id, store.InstanceBlocked)
				if i := s.instance(id); !strings.Contains(i.Cause, "is in the directory again") || !strings.Contains(i.Cause, "resume") {
					s.Errorf("it says %q", i.Cause)
				}
				if calls := s.calls(); len(calls) != tried {
					s.Errorf("sent about somebody who is there: %v", calls[tried:])
				}
				// What is about her from now on is not held up by it.
				later := s.start(define("return", webhook("crm", "/new")), ada)[0]
				time.Sleep(time.Hour)
				s.status(later, store.InstanceDone)

				s.gone(ada)
				s.resume(id)
				time.Sleep(time.Hour)
				s.status(id, store.InstanceDone)
				if calls := s.calls(); calls[len(calls)-1] != "crm /remove" {
					s.Errorf("%v", calls)
				}
			})
		})
	}
}

// TestAnotherDomainControllerHasNotHeardOfIt: the object is shown, but the changes say
// that it was deleted. Nothing is done until one of the two is known, and nobody need do
// anything for that.
func TestAnotherDomainControllerHasNotHeardOfIt(t *testing.T) {
	within(t, func(s *scene) {
		ada := s.person("ada")
		id := s.afterDeletion(ada, webhook("crm", "/remove"))
		_, stop := s.run()
		defer stop()
		time.Sleep(time.Hour)
		s.status(id, store.InstanceReady)
		if cause := s.instance(id).Cause; !strings.Contains(cause, "deleted") {
			s.Errorf("it says %q", cause)
		}
		s.want("while it is not known")
		s.gone(ada)
		time.Sleep(time.Minute)
		s.status(id, store.InstanceDone)
		s.want("once it is known", "crm /remove")
	})
}
