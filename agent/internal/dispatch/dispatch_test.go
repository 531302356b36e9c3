package dispatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

func (s *scene) want(what string, want ...string) {
	s.Helper()
	if d := cmp.Diff(want, s.calls()); d != "" {
		s.Errorf("%s (-want +got)\n%s", what, d)
	}
}

func TestAStepIsDeliveredAndTheNextFollows(t *testing.T) {
	within(t, func(s *scene) {
		ada := s.person("ada")
		id := s.start(define("leaver", webhook("crm", "/off/{{ ad.sAMAccountName }}"), webhook("crm", "/bye/{{ ad.sAMAccountName }}")), ada)[0]
		_, stop := s.run()
		defer stop()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		s.want("calls", "crm /off/ada", "crm /bye/ada")
		s.status(id, store.InstanceDone)
	})
}

func TestADelayOverARestart(t *testing.T) {
	within(t, func(s *scene) {
		s.poll = 10 * time.Second // minutes and hours go by here
		ada := s.person("ada")
		id := s.start(define("leaver", orchestration.Step{Delay: orchestration.Duration(time.Hour)}, webhook("crm", "/off")), ada)[0]
		_, stop := s.run()
		time.Sleep(30 * time.Minute)
		stop()
		s.status(id, store.InstanceWaiting)
		_ = s.store.Close()
		s.open()
		time.Sleep(10 * time.Minute)
		_, stop = s.run()
		defer stop()
		time.Sleep(19 * time.Minute)
		s.want("before its time")
		time.Sleep(2 * time.Minute)
		s.want("after the delay", "crm /off")
		s.status(id, store.InstanceDone)
	})
}

// TestOneObjectInOrder: while the first call to an application about an object is
// retried, no later one is sent, and those about others are.
func TestOneObjectInOrder(t *testing.T) {
	within(t, func(s *scene) {
		ada, bob := s.person("ada"), s.person("bob")
		failing := true
		s.answer = func(c sending) (host.Answer, error) {
			if failing && c.Webhook.Path == "/a/ada" {
				return host.Answer{}, unavailable(false)
			}
			return host.Answer{Status: 200}, nil
		}
		s.start(define("a", webhook("crm", "/a/{{ ad.sAMAccountName }}")), ada, bob)
		_, stop := s.run()
		defer stop()
		time.Sleep(2 * time.Second)
		s.start(define("b", webhook("crm", "/b/{{ ad.sAMAccountName }}")), ada, bob)
		time.Sleep(5 * time.Second)
		calls := map[string]int{}
		for _, c := range s.calls() {
			calls[c]++
		}
		if calls["crm /b/ada"] != 0 || calls["crm /b/bob"] != 1 || calls["crm /a/bob"] != 1 || calls["crm /a/ada"] != 1 {
			s.Errorf("%v", calls)
		}
		s.mu.Lock()
		failing = false
		s.mu.Unlock()
		time.Sleep(time.Minute)
		if got := s.calls(); len(got) != 5 || got[3] != "crm /a/ada" || got[4] != "crm /b/ada" {
			s.Errorf("%v", got)
		}
	})
}

func TestADeadLetterBlocksUntilItIsRetried(t *testing.T) {
	within(t, func(s *scene) {
		ada := s.person("ada")
		bad := true
		s.answer = func(sending) (host.Answer, error) {
			if bad {
				return host.Answer{}, &host.CallError{Function: "invoke", Kind: abi.KindForbidden, Status: 403, Message: "it may not"}
			}
			return host.Answer{Status: 200}, nil
		}
		first := s.start(define("a", webhook("crm", "/a")), ada)[0]
		_, stop := s.run()
		defer stop()
		time.Sleep(time.Second)
		second := s.start(define("b", webhook("crm", "/b")), ada)[0]
		time.Sleep(20 * time.Minute)
		s.want("not retried by itself, and blocks", "crm /a")
		s.status(first, store.InstanceBlocked)
		s.status(second, store.InstanceDelivering)
		s.mu.Lock()
		bad = false
		s.mu.Unlock()
		if err := s.store.RetryDelivery(s.Context(), s.deliveries(store.DeliveryFilter{Instance: first})[0].ID, "ada", true); err != nil {
			s.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		s.want("after the retry", "crm /a", "crm /a", "crm /b")
		s.status(first, store.InstanceDone)
		s.status(second, store.InstanceDone)
	})
}

func TestOnErrorContinue(t *testing.T) {
	within(t, func(s *scene) {
		ada := s.person("ada")
		s.answer = func(c sending) (host.Answer, error) {
			if c.Webhook.Path == "/a" {
				return host.Answer{}, unavailable(true)
			}
			return host.Answer{Status: 200}, nil
		}
		step := webhook("crm", "/a")
		step.OnError = &orchestration.OnError{Do: orchestration.OnErrorContinue}
		step.Retry = orchestration.Retry{Attempts: 3, Backoff: orchestration.Duration(time.Second)}
		id := s.start(define("a", step, webhook("crm", "/b")), ada)[0]
		_, stop := s.run()
		defer stop()
		time.Sleep(time.Minute)
		s.want("calls", "crm /a", "crm /a again", "crm /a again", "crm /b")
		s.status(id, store.InstanceDone)
		if d := cmp.Diff(map[string]int{"crm/off retrying": 2, "crm/off failed": 1, "crm/off done": 1}, s.counted()); d != "" {
			s.Errorf("what is counted (-want +got)\n%s", d)
		}
		if d := s.deliveries(store.DeliveryFilter{Instance: id})[1]; d.State != store.DeliveryDone || !d.Failed || d.Attempts != 3 {
			s.Errorf("%+v", d)
		}
	})
}

// TestRetriesSendTheSame: what is sent is rendered at the first attempt, although
// the object changes afterwards.
func TestRetriesSendTheSame(t *testing.T) {
	within(t, func(s *scene) {
		ada := s.person("ada", "mail", "old@x")
		tries := 0
		s.answer = func(sending) (host.Answer, error) {
			tries++
			if tries == 1 {
				return host.Answer{}, unavailable(true)
			}
			return host.Answer{Status: 200}, nil
		}
		s.start(define("a", webhook("crm", "/a/{{ ad.mail }}")), ada)
		_, stop := s.run()
		defer stop()
		time.Sleep(time.Second)
		s.person("ada", "mail", "new@x")
		time.Sleep(time.Minute)
		s.want("calls", "crm /a/old@x", "crm /a/old@x again")
	})
}

func TestCancelWhenBeforeARetry(t *testing.T) {
	within(t, func(s *scene) {
		s.poll = 10 * time.Second // minutes and hours go by here
		ada := s.person("ada", "userAccountControl", "514")
		s.answer = func(sending) (host.Answer, error) { return host.Answer{}, unavailable(false) }
		d := define("leaver", webhook("crm", "/a"))
		d.CancelWhen = "ad.disabled == false"
		id := s.start(d, ada)[0]
		_, stop := s.run()
		defer stop()
		time.Sleep(time.Second)
		s.person("ada", "userAccountControl", "512")
		time.Sleep(time.Hour)
		s.want("calls", "crm /a")
		s.status(id, store.InstanceCancelled)
		if d := s.deliveries(store.DeliveryFilter{Instance: id})[0]; d.State != store.DeliveryDropped {
			s.Errorf("%+v", d)
		}
	})
}

// TestAKilledProcess: a call that was under way is sent again, the same, and says
// that it may have arrived.
func TestAKilledProcess(t *testing.T) {
	within(t, func(s *scene) {
		ada := s.person("ada", "mail", "old@x")
		hang := make(chan struct{})
		s.answer = func(sending) (host.Answer, error) { <-hang; return host.Answer{Status: 200}, nil }
		id := s.start(define("a", webhook("crm", "/a/{{ ad.mail }}")), ada)[0]
		_, stop := s.run()
		time.Sleep(time.Second)
		go func() { time.Sleep(10 * time.Second); close(hang) }() // after the dispatcher has given up
		stop()
		s.want("calls", "crm /a/old@x")
		s.person("ada", "mail", "new@x")
		s.answer = func(sending) (host.Answer, error) { return host.Answer{Status: 200}, nil }
		_, stop = s.run()
		defer stop()
		time.Sleep(time.Second)
		s.want("calls", "crm /a/old@x", "crm /a/old@x again")
		s.status(id, store.InstanceDone)
	})
}

// TestOneApplicationDown: while an application hangs and fails for an hour, what
// goes to others is as fast as without it, and the application is asked rarely.
func TestOneApplicationDown(t *testing.T) {
	within(t, func(s *scene) {
		s.poll = 10 * time.Second // minutes and hours go by here
		s.applications["sms"] = map[string]any{}
		var guids []ident.GUID
		for i := range 30 {
			guids = append(guids, s.person(fmt.Sprint("p", i)))
		}
		down := true
		s.answer = func(c sending) (host.Answer, error) {
			s.mu.Lock()
			failing := down && c.application == "crm"
			s.mu.Unlock()
			if failing {
				time.Sleep(20 * time.Second)
				return host.Answer{}, unavailable(false)
			}
			return host.Answer{Status: 200}, nil
		}
		off := webhook("crm", "/off")
		off.Retry = orchestration.Retry{Attempts: 20, Max: orchestration.Duration(10 * time.Minute)}
		s.start(define("crm", off), guids...)
		d, stop := s.run()
		defer stop()
		began, longest := time.Now(), time.Duration(0)
		for n := 0; time.Since(began) < time.Hour; n++ {
			at := time.Now()
			s.start(define(fmt.Sprint("sms", n), webhook("sms", "/text")), guids[n%len(guids)])
			d.Wake()
			time.Sleep(99 * time.Millisecond)
			s.mu.Lock()
			last := s.sent[len(s.sent)-1]
			for _, c := range s.sent {
				if c.application == "sms" {
					last = c
				}
			}
			s.mu.Unlock()
			if last.at.Before(at) {
				s.Fatalf("%s: nothing was sent to the other application within 99 ms", time.Since(began))
			}
			longest = max(longest, last.at.Sub(at))
			time.Sleep(2 * time.Minute)
		}
		asked := 0
		for _, c := range s.calls() {
			if c == "crm /off" {
				asked++
			}
		}
		s.Logf("one application down for an hour delays the other by at most %s", longest)
		if asked > 25 {
			s.Errorf("the application that is down was asked %d times", asked)
		}
		s.mu.Lock()
		down = false
		s.mu.Unlock()
		time.Sleep(30 * time.Minute)
		if open := s.deliveries(store.DeliveryFilter{Application: "crm", States: []store.DeliveryState{store.DeliveryQueued, store.DeliveryRetrying, store.DeliveryDead}}); len(open) > 0 {
			s.Errorf("%d deliveries are still open: %+v", len(open), open[0])
		}
	})
}

func TestAnApplicationThatIsOffKeepsItsQueue(t *testing.T) {
	within(t, func(s *scene) {
		s.off = map[string]bool{"crm": true}
		ada := s.person("ada")
		s.link("crm", "7", ada)
		step := webhook("crm", "/a/{{ link.key }}")
		step.If = "link != null && links.crm != null"
		id := s.start(define("a", step), ada)[0]
		_, stop := s.run()
		defer stop()
		time.Sleep(10 * time.Minute)
		s.want("nothing")
		s.status(id, store.InstanceDelivering)
		s.mu.Lock()
		s.off = nil
		s.mu.Unlock()
		time.Sleep(3 * time.Second) // it looks each second whether it is on
		s.want("once it is on", "crm /a/7")
	})
}

// TestAPanicConcernsOneObject: nothing else waits for it, and a person sees it.
func TestAPanicConcernsOneObject(t *testing.T) {
	within(t, func(s *scene) {
		bad, good := s.person("bad"), s.person("good")
		s.panics = map[ident.GUID]bool{bad: true}
		ids := s.start(define("a", webhook("crm", "/a")), bad, good)
		_, stop := s.run()
		defer stop()
		time.Sleep(5 * time.Second)
		s.want("the other object", "crm /a")
		s.status(ids[0], store.InstanceBlocked)
		s.status(ids[1], store.InstanceDone)
		if cause := s.instance(ids[0]).Cause; !strings.Contains(cause, "internal error of rollcall") {
			s.Errorf("cause %q", cause)
		}
	})
}

// TestAPanicWhileSendingIsADeadLetter: the call may have arrived.
func TestAPanicWhileSendingIsADeadLetter(t *testing.T) {
	within(t, func(s *scene) {
		s.answer = func(sending) (host.Answer, error) { panic("as the test wants") }
		id := s.start(define("a", webhook("crm", "/a")), s.person("ada"))[0]
		_, stop := s.run()
		defer stop()
		time.Sleep(5 * time.Second)
		s.status(id, store.InstanceBlocked)
		dead := s.deliveries(store.DeliveryFilter{States: []store.DeliveryState{store.DeliveryDead}})
		if len(dead) != 1 || !dead[0].Again || !strings.Contains(dead[0].Cause, "internal error of rollcall") {
			s.Errorf("%+v", dead)
		}
	})
}

func TestALinkIsMade(t *testing.T) {
	within(t, func(s *scene) {
		ada := s.person("ada")
		s.answer = func(sending) (host.Answer, error) { return host.Answer{Status: 201, LinkKey: "7"}, nil }
		second := webhook("crm", "/users/{{ link.key }}")
		s.start(define("joiner", webhook("crm", "/users"), second), ada)
		_, stop := s.run()
		defer stop()
		time.Sleep(2 * time.Second)
		s.want("calls", "crm /users", "crm /users/7")
		link, found, err := s.store.LinkByKey(s.Context(), ident.Users("crm"), "7")
		if err != nil || !found || link.GUID != ada || link.Orchestration != "joiner" {
			s.Errorf("%+v %v %v", link, found, err)
		}
		// The key belongs to ada now: another object cannot have it.
		bob := s.start(define("other", webhook("crm", "/users")), s.person("bob"))[0]
		time.Sleep(2 * time.Second)
		s.status(bob, store.InstanceBlocked)
		if n := s.counted()["crm/off dead"]; n != 1 {
			s.Errorf("%d dead letters are counted", n)
		}
	})
}

func TestAStepThatNobodyCarriesOutIsRefused(t *testing.T) {
	within(t, func(s *scene) {
		d := define("a", webhook("crm", "/a"), orchestration.Step{Directory: &orchestration.Directory{Action: orchestration.ActionDisable}})
		id := s.start(d, s.person("ada"))[0]
		_, stop := s.run()
		defer stop()
		time.Sleep(time.Second)
		s.want("nothing of it is done")
		s.status(id, store.InstanceBlocked)
	})
}

func TestWithoutTheDirectoryNothingIsSent(t *testing.T) {
	within(t, func(s *scene) {
		s.poll = 10 * time.Second // minutes and hours go by here
		s.adDown = errors.New("no domain controller answers")
		id := s.start(define("a", webhook("crm", "/a")), s.person("ada"))[0]
		_, stop := s.run()
		defer stop()
		time.Sleep(10 * time.Minute)
		s.want("nothing")
		s.mu.Lock()
		s.adDown = nil
		s.mu.Unlock()
		time.Sleep(time.Minute)
		s.want("once it answers", "crm /a")
		s.status(id, store.InstanceDone)
	})
}

// TestRetryAfter: an application that asks to be left alone gets not one call
// before that time, whoever it is about, and none is given up for it.
func TestRetryAfter(t *testing.T) {
	within(t, func(s *scene) {
		s.poll = 10 * time.Second // minutes and hours go by here
		var guids []ident.GUID
		for i := range 20 {
			guids = append(guids, s.person(fmt.Sprint("p", i)))
		}
		began := time.Now()
		const asked = 40 * time.Minute // longer than retry.max
		s.answer = func(c sending) (host.Answer, error) {
			time.Sleep(time.Second)
			if c.at.Sub(began) < asked {
				return host.Answer{}, &host.CallError{Function: "invoke", Kind: abi.KindRateLimited, Status: 429, Message: "too much", After: asked}
			}
			return host.Answer{Status: 200}, nil
		}
		off := webhook("crm", "/off")
		off.Retry = orchestration.Retry{Attempts: 2, Max: orchestration.Duration(time.Minute)}
		ids := s.start(define("a", off), guids[:10]...)
		_, stop := s.run()
		defer stop()
		time.Sleep(10 * time.Second)
		first := len(s.calls())
		ids = append(ids, s.start(define("a", off), guids[10:]...)...)
		time.Sleep(time.Hour)
		s.mu.Lock()
		for n, c := range s.sent[first:] {
			if at := c.at.Sub(began); at < asked {
				s.Errorf("call %d after %s", n, at)
			}
		}
		s.mu.Unlock()
		if first > parallel {
			s.Errorf("%d calls before the first answer", first)
		}
		for _, id := range ids {
			s.status(id, store.InstanceDone)
		}
	})
}

// TestARateLimitOfOursCostsNoAttempt: what the host keeps back for the rate limit
// or the budget is sent when there is room again.
func TestARateLimitOfOursCostsNoAttempt(t *testing.T) {
	within(t, func(s *scene) {
		s.poll = 10 * time.Second // minutes and hours go by here
		began := time.Now()
		s.answer = func(c sending) (host.Answer, error) {
			if since := c.at.Sub(began); since < 20*time.Hour {
				return host.Answer{}, &host.CallError{Function: "invoke", Kind: abi.KindRateLimited, Message: "budget", After: 20*time.Hour - since}
			}
			return host.Answer{Status: 200}, nil
		}
		off := webhook("crm", "/off")
		off.Retry = orchestration.Retry{Attempts: 1}
		id := s.start(define("a", off), s.person("ada"))[0]
		_, stop := s.run()
		defer stop()
		time.Sleep(time.Hour)
		if d := s.deliveries(store.DeliveryFilter{Instance: id})[0]; d.State != store.DeliveryQueued || d.Attempts != 0 || d.Cause == "" {
			s.Errorf("%+v", d)
		}
		time.Sleep(20 * time.Hour)
		s.want("calls", "crm /off", "crm /off")
		s.status(id, store.InstanceDone)
	})
}

// TestWhatBeginsIsTakenUpAtOnce: what starts, is approved, retried, resumed or
// dropped needs no poll.
func TestWhatBeginsIsTakenUpAtOnce(t *testing.T) {
	within(t, func(s *scene) {
		s.poll = 1000 * time.Hour
		bad := true
		s.answer = func(c sending) (host.Answer, error) {
			if bad && c.Webhook.Path == "/a" {
				return host.Answer{}, &host.CallError{Function: "invoke", Kind: abi.KindForbidden, Status: 403, Message: "it may not"}
			}
			return host.Answer{Status: 200}, nil
		}
		_, stop := s.run()
		defer stop()
		synctest.Wait()
		ada := s.person("ada")
		first := s.start(define("a", webhook("crm", "/a")), ada)[0]
		synctest.Wait()
		s.want("started", "crm /a")
		second := s.start(define("b", webhook("crm", "/b")), ada)[0]
		synctest.Wait()
		bad = false
		if err := s.store.RetryDelivery(s.Context(), s.deliveries(store.DeliveryFilter{Instance: first})[0].ID, "ada", true); err != nil {
			s.Fatal(err)
		}
		synctest.Wait()
		s.want("retried, and what waited behind it", "crm /a", "crm /a", "crm /b")
		s.status(second, store.InstanceDone)

		s.hold(define("c", webhook("crm", "/c")), 7, ada)
		synctest.Wait()
		if n, err := s.store.ApproveInstances(s.Context(), store.Holding{Run: 7}, "ada"); n != 1 || err != nil {
			s.Fatal(n, err)
		}
		synctest.Wait()
		s.want("approved", "crm /a", "crm /a", "crm /b", "crm /c")
		if _, err := s.store.ReplayInstance(s.Context(), second, s.begins(define("b", webhook("crm", "/b")), ada)); err != nil {
			s.Fatal(err)
		}
		synctest.Wait()
		s.want("replayed", "crm /a", "crm /a", "crm /b", "crm /c", "crm /b")
	})
}

// TestWhoCarriesOutIsAskedAnew: a step that nobody could carry out is carried out
// once somebody can, and a person has resumed it.
func TestWhoCarriesOutIsAskedAnew(t *testing.T) {
	within(t, func(s *scene) {
		d := define("a", orchestration.Step{Mail: &orchestration.Mail{To: []string{"ada@x"}, Subject: "s", Text: "t"}})
		id := s.start(d, s.person("ada"))[0]
		_, stop := s.run()
		defer stop()
		synctest.Wait()
		s.status(id, store.InstanceBlocked)
		acts := &counting{}
		s.mu.Lock()
		s.actors = map[orchestration.Kind]Actor{orchestration.KindMail: acts}
		s.mu.Unlock()
		i := s.instance(id)
		if err := s.store.ResumeInstance(s.Context(), id, store.Resume{Version: i.Version, Step: i.Step, State: i.State, By: "ada"}); err != nil {
			s.Fatal(err)
		}
		synctest.Wait()
		s.status(id, store.InstanceDone)
		if acts.n.Load() != 1 {
			s.Errorf("%d mails", acts.n.Load())
		}
	})
}

// counting carries out any step, and counts.
type counting struct{ n atomic.Int32 }

func (c *counting) Act(context.Context, Action) Done {
	c.n.Add(1)
	return Done{}
}

// TestADeadLetterConcernsItsObjectAlone: others go on, and once it is dropped what
// waited behind it is sent.
func TestADeadLetterConcernsItsObjectAlone(t *testing.T) {
	within(t, func(s *scene) {
		s.applications["sms"] = map[string]any{}
		ada, bob := s.person("ada"), s.person("bob")
		s.answer = func(c sending) (host.Answer, error) {
			if c.Webhook.Path == "/a/ada" {
				return host.Answer{}, &host.CallError{Function: "invoke", Kind: abi.KindForbidden, Status: 403, Message: "it may not"}
			}
			return host.Answer{Status: 200}, nil
		}
		_, stop := s.run()
		defer stop()
		first := s.start(define("a", webhook("crm", "/a/{{ ad.sAMAccountName }}")), ada, bob)[0]
		synctest.Wait()
		s.start(define("b", webhook("crm", "/b/{{ ad.sAMAccountName }}")), ada)
		s.start(define("c", orchestration.Step{Delay: orchestration.Duration(time.Minute)}, webhook("sms", "/c/{{ ad.sAMAccountName }}")), ada)
		time.Sleep(2 * time.Minute)
		s.wantSet("its object at its application waits, and nothing else does", "crm /a/ada", "crm /a/bob", "sms /c/ada")
		if err := s.store.DropDelivery(s.Context(), s.deliveries(store.DeliveryFilter{Instance: first})[0].ID, "ada"); err != nil {
			s.Fatal(err)
		}
		synctest.Wait()
		s.wantSet("once it is dropped", "crm /a/ada", "crm /a/bob", "sms /c/ada", "crm /b/ada")
		s.status(first, store.InstanceFailed)
	})
}

// TestAnApplicationThatComesBack: while it is down a hundred deliveries cost few
// calls and none its attempts; once it is back they go out, in order for each object.
func TestAnApplicationThatComesBack(t *testing.T) {
	within(t, func(s *scene) {
		s.poll = 10 * time.Second // minutes and hours go by here
		var guids []ident.GUID
		for i := range 50 {
			guids = append(guids, s.person(fmt.Sprint("p", i)))
		}
		down := true
		s.answer = func(sending) (host.Answer, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if down {
				return host.Answer{}, unavailable(false)
			}
			return host.Answer{Status: 200}, nil
		}
		_, stop := s.run()
		defer stop()
		a := s.start(define("a", webhook("crm", "/a/{{ ad.sAMAccountName }}")), guids...)
		synctest.Wait()
		b := s.start(define("b", webhook("crm", "/b/{{ ad.sAMAccountName }}")), guids...)
		time.Sleep(2 * time.Hour)
		calls := len(s.calls())
		if calls > 30 {
			s.Errorf("%d calls in two hours", calls)
		}
		if dead := s.deliveries(store.DeliveryFilter{States: []store.DeliveryState{store.DeliveryDead}}); len(dead) > 0 {
			s.Errorf("%d dead letters", len(dead))
		}
		s.mu.Lock()
		down = false
		s.mu.Unlock()
		time.Sleep(12 * time.Minute) // the longest pause, and a poll
		at := map[string]int{}
		for n, c := range s.calls()[calls:] {
			at[c] = n + 1
		}
		for i := range guids {
			first, second := at[fmt.Sprint("crm /a/p", i)], at[fmt.Sprint("crm /b/p", i)]
			if first == 0 || second < first {
				s.Errorf("p%d: calls %d and %d", i, first, second)
			}
		}
		for _, id := range append(a, b...) {
			s.status(id, store.InstanceDone)
		}
	})
}

// TestAnObjectThatIsGone: what needs nothing of it is sent, and what does says so.
func TestAnObjectThatIsGone(t *testing.T) {
	within(t, func(s *scene) {
		gone := ident.GUID("guid-gone")
		s.link("crm", "7", gone)
		_, stop := s.run()
		defer stop()
		by := s.start(define("key", webhook("crm", "/off/{{ link.key }}")), gone)[0]
		synctest.Wait()
		name := s.start(define("name", webhook("crm", "/off/{{ ad.sAMAccountName }}")), gone)[0]
		synctest.Wait()
		s.want("calls", "crm /off/7")
		s.status(by, store.InstanceDone)
		s.status(name, store.InstanceBlocked)
		if cause := s.instance(name).Cause; !strings.Contains(cause, "is not in the directory any more") {
			s.Errorf("cause %q", cause)
		}
	})
}

// wantSet compares what arrived, in any order.
func (s *scene) wantSet(what string, want ...string) {
	s.Helper()
	got := s.calls()
	slices.Sort(got)
	slices.Sort(want)
	if d := cmp.Diff(want, got); d != "" {
		s.Errorf("%s (-want +got)\n%s", what, d)
	}
}
