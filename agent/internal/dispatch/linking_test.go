package dispatch

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// TestAChangeDuringTheGreeting: a change that follows at once on the beginning of
// somebody is not taken for one of a stranger while the application is slow to take the
// newcomer in, and it holds up nothing of other applications.
func TestAChangeDuringTheGreeting(t *testing.T) {
	within(t, func(s *scene) {
		var down atomic.Bool
		down.Store(true)
		s.answer = func(c sending) (host.Answer, error) {
			switch {
			case c.Webhook.Path == "/new" && down.Load():
				return host.Answer{}, unavailable(false)
			case c.Webhook.Path == "/new":
				return host.Answer{Status: 201, LinkKey: "7"}, nil
			}
			return host.Answer{Status: 200}, nil
		}
		ada := s.person("ada")
		s.applications["sms"] = map[string]any{}
		s.link("sms", "1", ada)
		create, push := webhook("crm", "/new"), webhook("crm", "/title/{{ link.key }}")
		create.If, create.Webhook.Call.LinkKey, push.If = "link == null", "/id", "link != null"
		s.start(define("joiner", create), ada)
		_, stop := s.run()
		defer stop()
		time.Sleep(time.Second)
		id := s.start(define("push", webhook("sms", "/title"), push), ada)[0]
		time.Sleep(5 * time.Minute)
		s.status(id, store.InstanceReady)
		if cause := s.instance(id).Cause; !strings.Contains(cause, "earlier orchestration") || !strings.Contains(cause, "crm") {
			s.Errorf("it says %q", cause)
		}
		for _, call := range s.calls() {
			if strings.HasPrefix(call, "crm /title") {
				s.Errorf("sent too early: %s", call)
			}
		}
		if calls := s.calls(); !strings.Contains(strings.Join(calls, "\n"), "sms /title") {
			s.Errorf("sms was held up: %v", calls)
		}
		down.Store(false)
		time.Sleep(time.Hour)
		s.status(id, store.InstanceDone)
		if calls := s.calls(); calls[len(calls)-1] != "crm /title/7" {
			s.Errorf("%v", calls)
		}
	})
}

// TestNobodyMakesTheLink: what sends nothing to where it came from, what waits for a
// later time, and what was cancelled are not waited for.
func TestNobodyMakesTheLink(t *testing.T) {
	within(t, func(s *scene) {
		ada := s.person("ada")
		s.applications["sms"] = map[string]any{}
		create, push := webhook("crm", "/new"), webhook("crm", "/title")
		create.Webhook.Call.LinkKey, push.If = "/id", "link == null"
		s.start(define("later", orchestration.Step{Delay: orchestration.Duration(24 * time.Hour)}, create), ada)
		other := s.begins(define("own", webhook("sms", "/slow"), create), ada)
		other.Input = []byte(`{"from":["crm"]}`)
		s.answer = func(c sending) (host.Answer, error) {
			if c.Webhook.Path == "/slow" {
				return host.Answer{}, unavailable(false)
			}
			return host.Answer{Status: 200}, nil
		}
		s.begin(other)
		_, stop := s.run()
		defer stop()
		time.Sleep(time.Second)
		id := s.start(define("push", push), ada)[0]
		time.Sleep(10 * time.Second)
		s.status(id, store.InstanceDone)
	})
}

// greeting is a joiner of crm, and what pushes a title to whom crm knows.
func greeting() (create, push orchestration.Step) {
	create, push = webhook("crm", "/new"), webhook("crm", "/title/{{ link.key }}")
	create.If, create.Webhook.Call.LinkKey, push.If = "link == null", "/id", "link != null"
	return create, push
}

// TestWhoWaitsForALinkIsWoken: a step that waits for the link looks seldom, and goes on in
// the moment in which the earlier orchestration has made it.
func TestWhoWaitsForALinkIsWoken(t *testing.T) {
	within(t, func(s *scene) {
		s.poll = 10 * time.Second // hours go by here
		made := make(chan struct{})
		s.answer = func(c sending) (host.Answer, error) {
			if c.Webhook.Path == "/new" {
				<-made
				return host.Answer{Status: 201, LinkKey: "7"}, nil
			}
			return host.Answer{Status: 200}, nil
		}
		ada := s.person("ada")
		create, push := greeting()
		_, stop := s.run()
		defer stop()
		first := s.start(define("joiner", create, orchestration.Step{Name: "wait", Delay: orchestration.Duration(time.Hour)}), ada)[0]
		synctest.Wait()
		id := s.start(define("push", push), ada)[0]
		synctest.Wait()
		s.status(id, store.InstanceReady)
		version := s.instance(id).Version
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		if now := s.instance(id).Version; now-version > 20 {
			s.Errorf("it was written %d times while nothing happened", now-version)
		}
		close(made)
		synctest.Wait()
		s.status(first, store.InstanceWaiting)
		s.status(id, store.InstanceDone)
		s.want("calls", "crm /new", "crm /title/7")
	})
}

// TestTheOtherOneIsCancelled: a person ends the orchestration that somebody waits for.
func TestTheOtherOneIsCancelled(t *testing.T) {
	within(t, func(s *scene) {
		s.poll = 24 * time.Hour // nothing but being woken counts
		s.answer = func(sending) (host.Answer, error) { return host.Answer{}, unavailable(false) }
		ada := s.person("ada")
		create, push := greeting()
		_, stop := s.run()
		defer stop()
		first := s.start(define("joiner", create), ada)[0]
		synctest.Wait()
		id := s.start(define("push", push), ada)[0]
		synctest.Wait()
		s.status(id, store.InstanceReady)
		if err := s.store.CancelInstance(s.Context(), first, "eve"); err != nil {
			s.Fatal(err)
		}
		synctest.Wait()
		s.status(id, store.InstanceDone)
	})
}

// TestWhatIsSkippedWaitsForNoLink: a step that is skipped whatever the link is, and one
// that does not ask for it, go on at once.
func TestWhatIsSkippedWaitsForNoLink(t *testing.T) {
	within(t, func(s *scene) {
		s.answer = func(sending) (host.Answer, error) { return host.Answer{}, unavailable(false) }
		ada := s.person("ada", "title", "Boss")
		create, push := greeting()
		push.If = "ad.title == 'Clerk'"
		plain := webhook("crm", "/news")
		s.start(define("joiner", create), ada)
		_, stop := s.run()
		defer stop()
		time.Sleep(2 * time.Second)
		id := s.start(define("push", push), ada)[0]
		other := s.start(define("news", plain), ada)[0]
		time.Sleep(2 * time.Second)
		s.status(id, store.InstanceDone)
		s.status(other, store.InstanceDelivering)
	})
}

// TestNobodyWaitsForAPersonWithoutEnd: an application refuses a newcomer, and nobody
// looks. Whoever leaves meanwhile leaves the other applications all the same.
func TestNobodyWaitsForAPersonWithoutEnd(t *testing.T) {
	for name, held := range map[string]bool{"blocked": false, "held": true} {
		t.Run(name, func(t *testing.T) {
			within(t, func(s *scene) {
				s.poll = 10 * time.Second
				s.applications["sms"] = map[string]any{}
				s.answer = func(c sending) (host.Answer, error) {
					if c.Webhook.Path == "/new" {
						return host.Answer{}, &host.CallError{
							Connector: "x", Application: "crm", Function: "invoke", Kind: abi.KindRefused, Message: "no phone", Status: 400,
						}
					}
					return host.Answer{Status: 200}, nil
				}
				ada := s.person("ada")
				create, off := greeting()
				if held {
					s.hold(define("joiner", create), 1, ada)
				} else {
					s.start(define("joiner", create), ada)
				}
				_, stop := s.run()
				defer stop()
				time.Sleep(2 * time.Second)
				id := s.start(define("leaver", off, webhook("sms", "/off")), ada)[0]
				time.Sleep(30 * time.Minute)
				s.status(id, store.InstanceReady) // a person may have a look
				time.Sleep(45 * time.Minute)
				s.status(id, store.InstanceDone)
				if calls := s.calls(); len(calls) == 0 || calls[len(calls)-1] != "sms /off" {
					s.Errorf("%v", calls)
				}
			})
		})
	}
}

// TestWhoComesBackDuringTheRemoval: the record is being deleted in the moment in which
// somebody is restored. That the link is still there does not count.
func TestWhoComesBackDuringTheRemoval(t *testing.T) {
	within(t, func(s *scene) {
		deleted := make(chan struct{})
		s.answer = func(c sending) (host.Answer, error) {
			switch c.Webhook.Path {
			case "/new":
				return host.Answer{Status: 201, LinkKey: "7"}, nil
			case "/gone/7":
				<-deleted
			}
			return host.Answer{Status: 200}, nil
		}
		ada := s.person("ada")
		back := s.objects[ada]
		create, remove := greeting()
		remove.Webhook.Call.Path, remove.Webhook.Call.EndsLink = "/gone/{{ link.key }}", true
		_, stop := s.run()
		defer stop()
		s.start(define("joiner", create), ada)
		synctest.Wait()
		s.gone(ada)
		s.afterDeletion(ada, remove)
		synctest.Wait()
		s.mu.Lock()
		s.objects[ada] = back
		s.mu.Unlock()
		id := s.start(define("joiner", create), ada)[0]
		synctest.Wait()
		s.status(id, store.InstanceReady)
		close(deleted)
		synctest.Wait()
		s.status(id, store.InstanceDone)
		s.want("calls", "crm /new", "crm /gone/7", "crm /new")
	})
}
