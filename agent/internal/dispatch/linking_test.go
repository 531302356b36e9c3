package dispatch

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host"
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
