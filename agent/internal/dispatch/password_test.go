package dispatch

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// sealer stands for a key: what one sealed another cannot open.
type sealer byte

func (k sealer) Seal(use, text string) []byte {
	out := []byte{byte(k)}
	for _, b := range []byte(use + "\n" + text) {
		out = append(out, b^byte(k)^0x55)
	}
	return out
}

func (k sealer) Open(use string, sealed []byte) (string, error) {
	var text []byte
	for _, b := range sealed[1:] {
		text = append(text, b^byte(k)^0x55)
	}
	of, plain, _ := strings.Cut(string(text), "\n")
	if sealed[0] != byte(k) || of != use {
		return "", errors.New("the key is another")
	}
	return plain, nil
}

const initial = `Pa+ss"w0rd~%`

// joined starts an orchestration that delivers a password.
func (s *scene) joined(guid ident.GUID, steps ...orchestration.Step) int64 {
	s.Helper()
	d := define("joined", steps...)
	d.Password = true
	n := s.begins(d, guid)
	n.Trigger, n.Password = "after created", s.key.Seal(PasswordUse(guid), initial)
	return s.begin(n)[0]
}

func handing(path string) orchestration.Step {
	w := webhook("crm", path)
	w.Webhook.Call.Method, w.Webhook.Call.MessageType = "POST", "json"
	w.Webhook.Call.Body = `{"secret": "{{ password }}", "upper": "{{ upper(password) }}"}`
	return w
}

func (s *scene) erased(id int64, want bool) {
	s.Helper()
	sealed, err := s.store.InitialPassword(s.Context(), id)
	if err != nil || (sealed == nil) != want {
		s.Errorf("the password of %d is there: %v, %v", id, sealed != nil, err)
	}
}

// nowhere looks for the password in all that the state folder holds, and in the
// log.
func (s *scene) nowhere() {
	s.Helper()
	quoted, _ := json.Marshal(initial)
	forms := []string{initial, string(quoted[1 : len(quoted)-1])}
	for _, form := range forms {
		forms = append(forms, strings.ToUpper(form))
	}
	search := func(where string, text []byte) {
		for _, form := range forms {
			if bytes.Contains(text, []byte(form)) {
				s.Errorf("%s has the password", where)
			}
		}
	}
	search("the log", s.logged.Bytes())
	read := 0
	err := filepath.WalkDir(s.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		read += len(text)
		search(path, text)
		return err
	})
	if err != nil || read == 0 {
		s.Errorf("%v, %d bytes", err, read)
	}
}

// TestAWebhookHandsOverThePassword: the application gets it, also at a later
// attempt and after a restart, and nothing that the agent keeps shows it.
func TestAWebhookHandsOverThePassword(t *testing.T) {
	within(t, func(s *scene) {
		ada := s.person("ada")
		failing := true
		s.answer = func(c sending) (host.Answer, error) {
			if failing {
				return host.Answer{}, &host.CallError{
					Function: "invoke", Kind: abi.KindUnavailable, Message: "503: cannot store " + c.Webhook.Body, Next: "ask about " + initial, Sent: true,
				}
			}
			return host.Answer{Status: 200, Body: []byte(c.Webhook.Body), Size: int64(len(c.Webhook.Body))}, nil
		}
		id := s.joined(ada, handing("/a"), handing("/b"))
		_, stop := s.run()
		time.Sleep(time.Second)
		synctest.Wait()
		s.nowhere()
		stop()
		s.erased(id, false)
		first := s.deliveries(store.DeliveryFilter{})[0]
		if !strings.Contains(first.Request, `{"secret": "***", "upper": "***"}`) || !strings.Contains(first.Cause, "503: cannot store") {
			t.Errorf("%q, %q", first.Request, first.Cause)
		}
		_ = s.store.Close()
		s.nowhere()
		s.open()
		failing = false
		_, stop = s.run()
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		s.nowhere()
		stop()
		s.status(id, store.InstanceDone)
		s.erased(id, true)
		quoted := `{"secret": "Pa+ss\"w0rd~%", "upper": "PA+SS\"W0RD~%"}`
		for i, c := range s.sent {
			if c.Webhook.Body != quoted {
				t.Errorf("call %d: %s", i, c.Webhook.Body)
			}
			if !slices.Contains(c.Hide, initial) || !slices.Contains(c.Hide, strings.ToUpper(initial)) {
				t.Errorf("call %d: the sender does not know what it must hide: %d texts", i, len(c.Hide))
			}
		}
		if len(s.sent) != 3 {
			t.Errorf("%q", s.calls())
		}
		for _, d := range s.deliveries(store.DeliveryFilter{}) {
			if d.Answer != notKept || len(d.Call) > 0 {
				t.Errorf("%+v", d)
			}
		}
	})
}

// TestAMailHandsOverThePassword: it is erased once no step needs it any more, and
// not before.
func TestAMailHandsOverThePassword(t *testing.T) {
	within(t, func(s *scene) {
		ada := s.person("ada")
		var texts []string
		s.actors = map[orchestration.Kind]Actor{orchestration.KindMail: actor(func(a Action) Done {
			texts = append(texts, a.Mail.Text)
			if len(texts) == 1 {
				return Done{Result: orchestration.Result{Error: "the server does not like " + a.Mail.Text, Retry: true}, Request: a.Mail.Text, Answer: a.Mail.Text}
			}
			return Done{Request: "to x"}
		})}
		mail := orchestration.Step{Mail: &orchestration.Mail{To: []string{"boss@x"}, Subject: "hello", Text: "it is {{ password }}"}}
		delay := orchestration.Step{Delay: orchestration.Duration(time.Hour)}
		id := s.joined(ada, mail, delay)
		s.poll = time.Minute
		_, stop := s.run()
		defer stop()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		s.nowhere()
		s.erased(id, false)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		s.nowhere()
		s.status(id, store.InstanceWaiting)
		s.erased(id, true)
		if len(texts) != 2 || texts[1] != "it is "+initial {
			t.Errorf("%q", texts)
		}
		story, err := s.store.Story(s.Context(), id)
		if err != nil || len(story) < 2 || story[0].Result != "retrying" || !strings.Contains(story[0].Cause, "does not like it is ****") {
			t.Errorf("%+v, %v", story, err)
		}
	})
}

// TestAPasswordThatCannotBeOpened: a person is told what to do, and nothing is
// sent.
func TestAPasswordThatCannotBeOpened(t *testing.T) {
	for name, step := range map[string]orchestration.Step{
		"webhook": handing("/a"),
		"mail":    {Mail: &orchestration.Mail{To: []string{"boss@x"}, Subject: "hello", Text: "{{ password }}"}},
	} {
		within(t, func(s *scene) {
			ada := s.person("ada")
			s.actors = map[orchestration.Kind]Actor{orchestration.KindMail: actor(func(Action) Done {
				s.Errorf("%s: it was sent", name)
				return Done{}
			})}
			id := s.joined(ada, step)
			s.key = 9
			_, stop := s.run()
			defer stop()
			time.Sleep(time.Minute)
			synctest.Wait()
			s.want(name)
			s.status(id, store.InstanceBlocked)
			if cause := s.instance(id).Cause; !strings.Contains(cause, "the key is another: set another password by hand, tell the person, and cancel") {
				t.Errorf("%s: %s", name, cause)
			}
		})
	}
}

// TestAPasswordThatIsGone: the step says so.
func TestAPasswordThatIsGone(t *testing.T) {
	within(t, func(s *scene) {
		d := define("joined", handing("/a"))
		d.Password = true
		id := s.start(d, s.person("ada"))[0]
		_, stop := s.run()
		defer stop()
		time.Sleep(time.Minute)
		synctest.Wait()
		s.want("calls")
		s.status(id, store.InstanceBlocked)
		if cause := s.instance(id).Cause; !strings.Contains(cause, "there is no initial password") {
			t.Error(cause)
		}
	})
}
