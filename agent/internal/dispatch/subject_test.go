package dispatch

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// member returns a member of an object in what About has.
func member(env map[string]any, object, name string) any {
	m, _ := env[object].(map[string]any)
	return m[name]
}

// TestTemplatesOfAConnector: while it carries a call out, it sees the object as it is
// now, with what its templates use, as they spell it; what the webhook was rendered
// with is sent again as it was.
func TestTemplatesOfAConnector(t *testing.T) {
	within(t, func(s *scene) {
		s.poll = 10 * time.Second
		boss := s.person("boss", "mail", "boss@example.com")
		ada := s.person("ada", "givenName", "Ada", "department", "Sales", "manager", string(s.objects[boss].DN))
		call := webhook("crm", "/x/{{ ad.department }}")
		call.Retry = orchestration.Retry{Attempts: 3}
		var saw []string
		s.answer = func(c sending) (host.Answer, error) {
			env, err := c.About.Env(s.Context(), map[string][]string{"ad": {"givenName", "DEPARTMENT"}, "manager": {"mail"}})
			if err != nil {
				t.Error(err)
			}
			saw = append(saw, fmt.Sprintf("%s %v %v %v %v %v", c.Webhook.Path, member(env, "ad", "givenName"), member(env, "ad", "DEPARTMENT"),
				member(env, "manager", "mail"), env["link"], member(env, "settings", "tag")))
			if env["password"] != nil {
				t.Errorf("password is %v", env["password"])
			}
			if len(saw) == 1 {
				s.person("ada", "givenName", "Adele", "department", "Support", "manager", string(s.objects[boss].DN))
				return host.Answer{}, unavailable(false)
			}
			return host.Answer{Status: 200}, nil
		}
		s.applications["crm"] = map[string]any{"tag": "staff"}
		id := s.start(define("a", call), ada)[0]
		_, stop := s.run()
		defer stop()
		time.Sleep(10 * time.Minute)
		s.status(id, store.InstanceDone)
		want := []string{"/x/Sales Ada Sales boss@example.com <nil> staff", "/x/Sales Adele Support boss@example.com <nil> staff"}
		if !slices.Equal(saw, want) {
			t.Errorf("it saw\n%s\nwant\n%s", strings.Join(saw, "\n"), strings.Join(want, "\n"))
		}
	})
}

// TestOnlyWhatTemplatesUseIsRead: an object is read once more for attributes that the
// orchestration does not use, and not at all otherwise.
func TestOnlyWhatTemplatesUseIsRead(t *testing.T) {
	within(t, func(s *scene) {
		ada := s.person("ada", "givenName", "Ada", "mail", "a@example.com")
		s.answer = func(c sending) (host.Answer, error) {
			for _, uses := range []map[string][]string{{}, {"ad": {"mail"}}, {"ad": {"givenName", "mail"}}, {"ad": {"givenName"}}, {"ad": {"*"}}} {
				if _, err := c.About.Env(s.Context(), uses); err != nil {
					t.Error(err)
				}
			}
			for i := range 2 * mostReads {
				if _, err := c.About.Env(s.Context(), map[string][]string{"ad": {fmt.Sprint("x", i)}}); err != nil {
					if !errors.Is(err, abi.CodeLimit) || i < mostReads/2 {
						t.Errorf("read %d: %v", i, err)
					}
					return host.Answer{Status: 200}, nil
				}
			}
			t.Error("a connector may read its object without end")
			return host.Answer{Status: 200}, nil
		}
		s.start(define("a", webhook("crm", "/x/{{ ad.mail }}")), ada)
		_, stop := s.run()
		defer stop()
		time.Sleep(time.Minute)
		want := [][]string{{"mail"}, {"mail"}, {"givenName", "mail"}, {"givenName", "mail", "*"}}
		if len(s.read) < 4 || !slices.EqualFunc(s.read[:4], want, slices.Equal) {
			t.Errorf("read %v, want %v first", s.read, want)
		}
	})
}

// TestTheDirectoryGoesAwayDuringACall: the application has nothing to do with that,
// and the delivery loses no attempt.
func TestTheDirectoryGoesAwayDuringACall(t *testing.T) {
	within(t, func(s *scene) {
		s.poll = 10 * time.Second
		call := webhook("crm", "/x")
		call.Retry = orchestration.Retry{Attempts: 1}
		tries := 0
		s.answer = func(c sending) (host.Answer, error) {
			tries++
			s.mu.Lock()
			if s.adDown = nil; tries < 12 { // more often than the breaker bears
				s.adDown = errors.New("no domain controller answers")
			}
			s.mu.Unlock()
			_, err := c.About.Env(s.Context(), map[string][]string{"ad": {"mail"}})
			s.mu.Lock()
			s.adDown = nil
			s.mu.Unlock()
			if err != nil && !errors.Is(err, abi.CodeNetwork) {
				t.Errorf("%v", err)
			}
			if err != nil {
				return host.Answer{}, &host.CallError{Application: "crm", Function: "invoke", Kind: abi.KindUnavailable, Message: err.Error()}
			}
			return host.Answer{Status: 200}, nil
		}
		id := s.start(define("a", call), s.person("ada", "mail", "a@example.com"))[0]
		_, stop := s.run()
		defer stop()
		time.Sleep(time.Minute)
		if d := s.deliveries(store.DeliveryFilter{}); len(d) != 1 || !strings.Contains(d[0].Cause, "it was not sent: read the object that the call is about: no domain") {
			t.Errorf("%+v", d)
		}
		time.Sleep(20 * time.Minute)
		s.status(id, store.InstanceDone)
		if tries != 12 {
			t.Errorf("%d tries", tries)
		}
	})
}
