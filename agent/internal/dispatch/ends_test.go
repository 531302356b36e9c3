package dispatch

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host"
)

// linked returns the key that an object has with crm; "" for none.
func (s *scene) linked(guid ident.GUID) ident.Key {
	s.Helper()
	links, err := s.store.LinksOf(s.Context(), guid)
	if err != nil {
		s.Fatal(err)
	}
	for _, l := range links {
		if l.Application == "crm" {
			return l.Key
		}
	}
	return ""
}

// TestADeletedRecordEndsItsLink: a webhook that deletes the record removes the link that
// an orchestration made, once it has succeeded and not before, and the journal and the
// timeline say so. Whoever comes back is somebody new to the application.
func TestADeletedRecordEndsItsLink(t *testing.T) {
	within(t, func(s *scene) {
		var down atomic.Bool
		s.answer = func(c sending) (host.Answer, error) {
			switch {
			case c.Webhook.Path == "/new":
				return host.Answer{Status: 201, LinkKey: "7"}, nil
			case down.Load():
				return host.Answer{}, unavailable(true)
			}
			return host.Answer{Status: 204}, nil
		}
		ada := s.person("ada")
		create, remove := webhook("crm", "/new"), webhook("crm", "/gone/{{ link.key }}")
		create.If, create.Webhook.Call.LinkKey = "link == null", "/id"
		remove.If, remove.Webhook.Call.EndsLink = "link != null", true
		_, stop := s.run()
		defer stop()
		s.start(define("joiner", create), ada)
		time.Sleep(2 * time.Second)
		if key := s.linked(ada); key != "7" {
			s.Fatalf("linked to %q", key)
		}
		down.Store(true)
		id := s.start(define("gone", remove), ada)[0]
		time.Sleep(5 * time.Second)
		if key := s.linked(ada); key != "7" {
			s.Errorf("before it is known to have succeeded she is linked to %q", key)
		}
		down.Store(false)
		time.Sleep(10 * time.Minute)
		s.status(id, store.InstanceDone)
		if key := s.linked(ada); key != "" {
			s.Errorf("linked to %q, which is deleted", key)
		}
		var lines []store.JournalLine
		if err := s.store.EachJournal(s.Context(), func(l store.JournalLine) error { lines = append(lines, l); return nil }); err != nil {
			s.Fatal(err)
		}
		told := 0
		for _, l := range lines {
			if l.Kind == store.JournalUnlink && l.Link != nil && l.Link.Key == "7" && l.Link.GUID == ada {
				told++
			}
		}
		if told != 1 {
			s.Errorf("the journal says %d times that the link was removed", told)
		}
		s.start(define("return", create), ada)
		time.Sleep(2 * time.Second)
		if calls := s.calls(); calls[len(calls)-1] != "crm /new" || s.linked(ada) != "7" {
			s.Errorf("%v", calls)
		}
	})
}

// TestALinkThatStays: its runs find the record missing, and do what follows
// from that. So does a link to another record than the one that was deleted.
func TestALinkThatStays(t *testing.T) {
	within(t, func(s *scene) {
		ada, bob := s.person("ada"), s.person("bob")
		var down atomic.Bool
		down.Store(true)
		s.answer = func(c sending) (host.Answer, error) {
			switch {
			case c.Webhook.Path == "/new":
				return host.Answer{Status: 201, LinkKey: "9"}, nil
			case down.Load():
				return host.Answer{}, unavailable(true)
			}
			return host.Answer{Status: 204}, nil
		}
		s.link("crm", "1", ada) // by an automation
		create, remove := webhook("crm", "/new"), webhook("crm", "/gone/{{ link.key }}")
		create.Webhook.Call.LinkKey, remove.Webhook.Call.EndsLink = "/id", true
		_, stop := s.run()
		defer stop()
		s.start(define("joiner", create), bob)
		time.Sleep(2 * time.Second)
		ids := s.start(define("gone", remove), ada, bob)
		time.Sleep(5 * time.Second)
		// A person links bob to another record while the call waits for another attempt.
		if _, err := s.store.DeleteLink(s.Context(), s.starter, ident.Users("crm"), "9", "eve"); err != nil {
			s.Fatal(err)
		}
		if err := s.store.PutLink(s.Context(), ident.Link{Application: "crm", Key: "10", GUID: bob, Origin: ident.OriginOutbound}, "eve"); err != nil {
			s.Fatal(err)
		}
		down.Store(false)
		time.Sleep(10 * time.Minute)
		s.status(ids[0], store.InstanceDone)
		s.status(ids[1], store.InstanceDone)
		if s.linked(ada) != "1" || s.linked(bob) != "10" {
			s.Errorf("ada is linked to %q, bob to %q", s.linked(ada), s.linked(bob))
		}
	})
}
