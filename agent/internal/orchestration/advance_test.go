package orchestration_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
)

var began = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// instance is one run of an orchestration in a test.
type instance struct {
	t     *testing.T
	o     *orchestration.Orchestration
	now   time.Time
	ad    *ident.Entry
	links []orchestration.Link
	state orchestration.State
	last  orchestration.Decision
}

func start(t *testing.T, d orchestration.Definition) *instance {
	t.Helper()
	i := &instance{t: t, o: compile(t, d), now: began, ad: person(ident.Attributes{"cn": {"Ada"}, "mail": {"ada@example.org"}}, true)}
	i.state = i.o.Start(i.now)
	i.advance()
	return i
}

func (i *instance) keep(s orchestration.State, d orchestration.Decision, err error) {
	i.t.Helper()
	if err != nil {
		i.t.Fatal(err)
	}
	i.state, i.last = s, d
}

func (i *instance) values() orchestration.Values {
	return orchestration.Values{Object: i.ad, Links: i.links, Now: i.now}
}

func (i *instance) advance() {
	i.t.Helper()
	i.keep(i.o.Advance(i.state, i.values()))
}

func (i *instance) settle(r orchestration.Result) {
	i.t.Helper()
	i.keep(i.o.Settle(i.state, r, i.now, 0))
}

// later lets time pass.
func (i *instance) later(d time.Duration) { i.now = i.now.Add(d) }

// is requires what has to be done, and at which step.
func (i *instance) is(do orchestration.Do, step string, reason string) {
	i.t.Helper()
	name := ""
	if list := i.o.Steps(); i.last.Step < len(list) {
		name = list[i.last.Step].Name
	}
	if i.last.Do != do || name != step || !strings.Contains(i.state.Reason, reason) {
		i.t.Fatalf("%s at %q because %q, want %s at %q because %q", i.last.Do, name, i.state.Reason, do, step, reason)
	}
}

// passed requires the steps that the last transition left behind.
func (i *instance) passed(want ...string) {
	i.t.Helper()
	var got []string
	for _, p := range i.last.Passed {
		got = append(got, i.o.Steps()[p.Step].Name+" "+string(p.Outcome))
	}
	if strings.Join(got, ", ") != strings.Join(want, ", ") {
		i.t.Fatalf("passed %q, want %q", got, want)
	}
}

var (
	fine = orchestration.Result{Status: 200, Answered: true, Response: []byte(`{"id": 9007199254740993}`)}
	boom = orchestration.Result{Error: "boom", Retry: true}
	no   = orchestration.Result{Error: "refused", Status: 404, Answered: true}
)

// TestLeaver follows an orchestration from its beginning to its end.
func TestLeaver(t *testing.T) {
	d := steps(
		when(call("deactivate", "x"), "link != null"), delay("wait"),
		orchestration.Step{Name: "strip", Directory: &orchestration.Directory{Action: "remove_groups", Groups: []string{"CN=A,DC=x"}}},
		mail("tell", "x"),
	)
	d.CancelWhen = "!ad.disabled"
	i := start(t, d)
	i.passed("deactivate skipped")
	i.is(orchestration.DoWait, "wait", "")
	if want := began.Add(24 * time.Hour); !i.state.Next.Equal(want) || i.state.Status() != "waiting" || !i.state.Idle() {
		t.Errorf("it waits until %s as %s, want %s", i.state.Next, i.state.Status(), want)
	}
	i.later(time.Hour)
	i.advance()
	i.is(orchestration.DoWait, "wait", "")
	i.later(23 * time.Hour)
	i.advance()
	i.passed("wait done")
	i.is(orchestration.DoAct, "strip", "")
	i.settle(fine)
	i.is(orchestration.DoAdvance, "tell", "")
	i.advance()
	i.settle(fine)
	i.passed("tell done")
	i.is(orchestration.DoEnd, "", "")
	if i.state.Phase != orchestration.PhaseDone {
		t.Errorf("it is %s", i.state.Phase)
	}
}

// TestCancelWhen checks that it is asked before each step, after each delay and
// before another attempt, and that nothing is done while it has no value.
func TestCancelWhen(t *testing.T) {
	with := func(s ...orchestration.Step) orchestration.Definition {
		d := steps(s...)
		d.CancelWhen = "!ad.disabled"
		return d
	}
	again := person(nil, false)
	t.Run("before a step", func(t *testing.T) {
		i := start(t, with(call("a", "x"), call("b", "x")))
		i.settle(fine)
		i.ad = again
		i.advance()
		i.is(orchestration.DoEnd, "b", "cancel_when holds: !ad.disabled")
		if i.state.Phase != orchestration.PhaseCancelled {
			t.Error(i.state.Phase)
		}
	})
	t.Run("after a delay", func(t *testing.T) {
		i := start(t, with(delay("a"), call("b", "x")))
		i.ad = again
		i.later(24 * time.Hour)
		i.advance()
		i.is(orchestration.DoEnd, "a", "cancel_when holds")
	})
	t.Run("before another attempt", func(t *testing.T) {
		i := start(t, with(mail("a", "x")))
		i.settle(boom)
		i.is(orchestration.DoWait, "a", "attempt 1 of 8 failed: boom")
		i.ad = again
		i.later(30 * time.Second)
		i.advance()
		i.is(orchestration.DoEnd, "a", "cancel_when holds")
	})
	t.Run("of a delivery", func(t *testing.T) {
		i := start(t, with(call("a", "x")))
		if holds, err := i.o.Cancels(i.state, i.values()); holds || err != nil {
			t.Errorf("%t, %v", holds, err)
		}
		i.ad = again
		if holds, err := i.o.Cancels(i.state, i.values()); !holds || err != nil {
			t.Errorf("%t, %v", holds, err)
		}
		i.ad = nil
		var unknown *orchestration.CancelError
		if _, err := i.o.Cancels(i.state, i.values()); !errors.As(err, &unknown) {
			t.Errorf("%v", err)
		}
	})
	t.Run("without a value", func(t *testing.T) {
		i := start(t, with(delay("a"), call("b", "x")))
		i.ad = nil
		i.later(24 * time.Hour)
		i.advance()
		i.is(orchestration.DoBlock, "a", "cancel_when: 1:1: it has no value, as ad is null")
		i.ad = person(nil, true)
		i.keep(i.o.Resume(i.state, i.now))
		i.advance()
		i.is(orchestration.DoWait, "a", "")
	})
}

// TestConditions checks that a condition without a value fails its step, and
// that on_error decides then.
func TestConditions(t *testing.T) {
	for condition, reason := range map[string]string{
		"ad.flag":                        "if: 1:1: it has no value, as ad.flag is absent",
		"ad.cn":                          `if: 1:1: it is "Ada", where true or false is needed`,
		"ad.cn + 1 == 2":                 "if: 1:",
		"steps.first.response.id != 7":   "if: 1:1: steps.first.response is absent",
		"steps.skipped.status != 200":    "if: 1:1: steps.skipped is absent",
		"!(steps.skipped.status == 200)": "if: 1:1: steps.skipped is absent",
		"steps.skipped.error == \"x\"":   "if: 1:1: steps.skipped is absent",
	} {
		d := steps(onError(call("first", "x"), "continue", ""), when(call("skipped", "x"), "!ad.disabled"), when(call("b", "x"), condition))
		i := start(t, d)
		i.settle(no)
		i.passed("first failed")
		i.advance()
		i.passed("skipped skipped", "b failed")
		i.is(orchestration.DoBlock, "b", reason)
	}
	for condition, do := range map[string]orchestration.Do{
		"ad.disabled": orchestration.DoDeliver, "!ad.disabled": orchestration.DoEnd, "link == null": orchestration.DoDeliver,
		`links.crm == null`: orchestration.DoDeliver, `links["crm/person"] != null`: orchestration.DoEnd, "steps.first == null": orchestration.DoEnd,
		"steps.first.status == 404": orchestration.DoDeliver, "default(steps.first.response.id, 7) == 7": orchestration.DoDeliver,
		"steps.first.error != null": orchestration.DoDeliver, "is_null(steps.first.response)": orchestration.DoDeliver,
	} {
		i := start(t, steps(onError(call("first", "x"), "continue", ""), when(call("b", "x"), condition)))
		i.settle(no)
		i.advance()
		if i.last.Do != do {
			t.Errorf("%s: %s because %q, want %s", condition, i.last.Do, i.state.Reason, do)
		}
	}
}

// TestOnError checks what follows a failed step.
func TestOnError(t *testing.T) {
	table := func(do orchestration.OnErrorDo, to string) *instance {
		i := start(t, steps(onError(call("a", "x"), do, to), call("b", "x"), call("c", "x")))
		i.is(orchestration.DoDeliver, "a", "")
		i.settle(no)
		i.passed("a failed")
		return i
	}
	table("stop", "").is(orchestration.DoBlock, "a", "the step a failed: refused")
	table("continue", "").is(orchestration.DoAdvance, "b", "")
	table("goto", "c").is(orchestration.DoAdvance, "c", "")

	d := steps(call("a", "x"), call("b", "x"), call("out", "x"), call("after", "x"))
	d.OnError = orchestration.OnError{Do: "goto", Goto: "out"}
	i := start(t, d)
	i.settle(no)
	i.is(orchestration.DoAdvance, "out", "")
	i.advance()
	i.settle(no)
	i.is(orchestration.DoBlock, "out", "refused") // the way out does not lead to itself

	last := start(t, steps(onError(call("a", "x"), "continue", "")))
	last.settle(no)
	last.is(orchestration.DoEnd, "", "")
}

// TestTurns checks the bound of a loop.
func TestTurns(t *testing.T) {
	d := steps(delay("wait"), onError(call("a", "x"), "goto", "wait"))
	d.Within = orchestration.Duration(1000 * time.Hour)
	i := start(t, d)
	runs := 0
	for i.last.Do != orchestration.DoEnd {
		i.later(24 * time.Hour)
		i.advance()
		if i.last.Do == orchestration.DoDeliver {
			runs++
			i.settle(no)
			i.advance()
		}
	}
	if runs != orchestration.MaxTurns {
		t.Errorf("a ran %d times", runs)
	}
	i.is(orchestration.DoEnd, "wait", "the step wait ran 15 times")
	i.keep(i.o.Resume(i.state, i.now))
	i.advance()
	i.is(orchestration.DoWait, "wait", "")
}

// TestWithin checks the bound on the whole.
func TestWithin(t *testing.T) {
	d := steps(orchestration.Step{Name: "w", WaitUntil: "!ad.disabled"}, call("a", "x"))
	d.Within = orchestration.Duration(100 * time.Minute)
	i := start(t, d)
	for i.last.Do == orchestration.DoWait {
		i.now = i.state.Next
		i.advance()
	}
	i.is(orchestration.DoEnd, "w", "it was not done within 1h40m; the step w was reached")
	if got := i.now.Sub(began); got != 100*time.Minute {
		t.Errorf("it ended after %s", got)
	}
	i.keep(i.o.Resume(i.state, i.now)) // a person gives it the time once more
	i.advance()
	i.is(orchestration.DoWait, "w", "")

	short := steps(mail("m", "x"))
	short.Within = orchestration.Duration(20 * time.Second)
	j := start(t, short)
	j.settle(boom)
	j.is(orchestration.DoBlock, "m", "boom") // no attempt is left before the end
}

// TestWaitUntil checks when the condition is looked at, and its deadline.
func TestWaitUntil(t *testing.T) {
	s := orchestration.Step{Name: "w", WaitUntil: `links.crm != null`, Deadline: hour}
	i := start(t, steps(onError(s, "goto", "late"), call("a", "x"), call("late", "x")))
	i.is(orchestration.DoWait, "w", "waits until links.crm != null: it is false")
	var looks []time.Duration
	for i.last.Do == orchestration.DoWait {
		looks = append(looks, i.state.Next.Sub(i.now))
		i.now = i.state.Next
		i.advance()
	}
	if len(looks) < 15 || looks[0] != 30*time.Second || looks[len(looks)-2] < 4*time.Minute || i.now.Sub(began) != time.Hour {
		t.Errorf("it looked after %v, until %s", looks, i.now.Sub(began))
	}
	i.passed("w failed")
	i.is(orchestration.DoDeliver, "late", "")

	j := start(t, steps(s, call("a", "x")))
	j.later(time.Minute)
	j.links = []orchestration.Link{{Application: "crm", Key: "7"}}
	j.advance()
	j.passed("w done")
	j.is(orchestration.DoDeliver, "a", "")

	k := start(t, steps(orchestration.Step{Name: "w", WaitUntil: "ad.cn + 1 == 2"}))
	k.is(orchestration.DoBlock, "w", "wait_until: 1:")
	l := start(t, steps(orchestration.Step{Name: "w", WaitUntil: "ad.flag"}))
	l.is(orchestration.DoWait, "w", "ad.flag is absent") // no value is not yet true
}

// TestRetriesInTheInstance checks the attempts of steps that are no deliveries.
func TestRetriesInTheInstance(t *testing.T) {
	m := mail("m", "x")
	m.Retry = orchestration.Retry{Attempts: 3, Backoff: orchestration.Duration(time.Minute), Max: hour}
	i := start(t, steps(m))
	i.settle(boom)
	if i.state.Next.Sub(i.now) != time.Minute || i.state.Status() != "waiting" || i.state.Idle() {
		t.Errorf("next in %s as %s", i.state.Next.Sub(i.now), i.state.Status())
	}
	i.later(30 * time.Second)
	i.advance()
	i.is(orchestration.DoWait, "m", "attempt 1 of 3")
	i.later(30 * time.Second)
	i.advance()
	i.is(orchestration.DoAct, "m", "")
	if i.last.Again {
		t.Error("the first attempt failed for certain, and counts as unsure")
	}
	i.settle(orchestration.Result{Error: "boom", Retry: true, Unsure: true, RetryAfter: 10 * time.Minute})
	if i.state.Next.Sub(i.now) != 10*time.Minute {
		t.Errorf("next in %s", i.state.Next.Sub(i.now))
	}
	i.later(10 * time.Minute)
	i.advance()
	if !i.last.Again {
		t.Error("what may have happened is forgotten")
	}
	i.settle(boom)
	i.is(orchestration.DoBlock, "m", "the step m failed: boom")

	j := start(t, steps(m)) // killed during the attempt
	j.advance()
	j.is(orchestration.DoAct, "m", "")
	if !j.last.Again || j.state.Attempts != 2 || j.state.Status() != "ready" {
		t.Errorf("%+v", j.state)
	}
}

// TestPeopleDecide checks what a person can do with an instance.
func TestPeopleDecide(t *testing.T) {
	blocked := func() *instance {
		i := start(t, steps(call("a", "x"), call("b", "x")))
		i.settle(no)
		i.later(200 * 24 * time.Hour) // longer than the whole may take
		return i
	}
	i := blocked()
	i.keep(i.o.Resume(i.state, i.now))
	i.advance()
	i.is(orchestration.DoDeliver, "a", "")
	if i.state.Turns[0] != 1 || i.state.Attempts != 1 {
		t.Errorf("%+v", i.state)
	}

	i = blocked()
	i.keep(i.o.Redeliver(i.state, i.now))
	i.is(orchestration.DoDeliver, "a", "")
	i.settle(fine)
	i.is(orchestration.DoAdvance, "b", "")

	i = blocked() // the outbox retried it without telling
	i.settle(fine)
	i.is(orchestration.DoAdvance, "b", "")
	i.advance()
	i.is(orchestration.DoDeliver, "b", "")

	i = blocked()
	i.keep(i.o.Cancel(i.state, "cancelled by anna", i.now))
	i.is(orchestration.DoEnd, "a", "cancelled by anna")
	i = blocked()
	i.keep(i.o.Fail(i.state, "dropped by anna", i.now))
	if i.state.Phase != orchestration.PhaseFailed {
		t.Error(i.state.Phase)
	}

	var wrong *orchestration.StateError
	if _, _, err := i.o.Cancel(i.state, "x", i.now); !errors.As(err, &wrong) {
		t.Errorf("what has ended is cancelled: %v", err)
	}
	j := start(t, steps(mail("m", "x")))
	if _, _, err := j.o.Redeliver(j.state, j.now); !errors.As(err, &wrong) {
		t.Errorf("a mail is delivered: %v", err)
	}
	if _, _, err := j.o.Resume(j.state, j.now); !errors.As(err, &wrong) {
		t.Errorf("what runs is resumed: %v", err)
	}
	if d := start(t, steps(delay("d"))); true {
		if _, _, err := d.o.Settle(d.state, fine, d.now, 0); !errors.As(err, &wrong) {
			t.Errorf("a delay takes a result: %v", err)
		}
	}
}

// TestRetryWait checks the back-off, its jitter, and what applications ask for.
func TestRetryWait(t *testing.T) {
	r := orchestration.Retry{Attempts: 100, Backoff: orchestration.Duration(30 * time.Second), Max: 6 * hour}
	for _, c := range []struct {
		failed int
		asked  time.Duration
		jitter float64
		want   time.Duration
	}{
		{1, 0, 0, 30 * time.Second},
		{2, 0, 0, time.Minute},
		{3, 0, 0, 2 * time.Minute},
		{10, 0, 0, 256 * time.Minute},
		{11, 0, 0, 6 * time.Hour},
		{99, 0, 0, 6 * time.Hour},
		{1, 0, 1, 15 * time.Second},
		{1, 0, 0.5, 22500 * time.Millisecond},
		{1, time.Hour, 0, time.Hour},
		{1, time.Hour, 1, 66 * time.Minute},
		{1, time.Second, 0, 30 * time.Second},
		{1, 7 * time.Hour, 0, 7 * time.Hour},
		{1, 1 << 62, 0, 24 * time.Hour},
		{1, -1, 0, 30 * time.Second},
		{1, 0, 7, 15 * time.Second},
	} {
		if got, again := r.Wait(c.failed, c.asked, c.jitter); got != c.want || !again {
			t.Errorf("after %d, asked for %s, jitter %g: %s, %t, want %s", c.failed, c.asked, c.jitter, got, again, c.want)
		}
	}
	if _, again := r.Wait(100, 0, 0); again {
		t.Error("an attempt follows the last one")
	}
	huge := orchestration.Retry{Attempts: 1 << 30, Backoff: 1 << 62, Max: 1<<63 - 1}
	if got, again := huge.Wait(1<<29, 1<<62, 1); got <= 0 || !again {
		t.Errorf("%s, %t", got, again)
	}
	if got, again := (orchestration.Retry{}).Wait(7, 0, 0); got != 32*time.Minute || !again {
		t.Errorf("by default: %s, %t", got, again)
	}
	if _, again := (orchestration.Retry{}).Wait(8, 0, 0); again {
		t.Error("more than 8 attempts by default")
	}
}

// TestHold: a step that limits do not allow waits for a person. Neither the turn nor
// the time counts, the approval is for this step only, and it survives a failure.
func TestHold(t *testing.T) {
	i := start(t, orchestration.Definition{
		Name: "o", Within: orchestration.Duration(time.Hour), CancelWhen: "!ad.disabled", Steps: []orchestration.Step{update("a", "x"), update("b", "x")},
	})
	i.is(orchestration.DoAct, "a", "")
	i.keep(i.o.Hold(i.state, "too many", i.now))
	i.is(orchestration.DoBlock, "a", "too many")
	if i.state.Status() != "held" || i.state.Turns[0] != 0 || i.state.Approved {
		t.Fatalf("%+v", i.state)
	}
	if _, _, err := i.o.Resume(i.state, i.now); err == nil {
		t.Error("it is resumed without an approval")
	}
	i.later(10 * time.Hour)
	i.advance()
	i.is(orchestration.DoAct, "a", "")
	if !i.state.Approved || i.state.Turns[0] != 1 || i.state.Attempts != 1 || i.last.Again || i.state.Until != began.Add(11*time.Hour) {
		t.Fatalf("%+v, %+v", i.state, i.last)
	}
	i.settle(orchestration.Result{Error: "down", Retry: true})
	if i.is(orchestration.DoWait, "a", "down"); !i.state.Approved {
		t.Fatalf("%+v", i.state)
	}
	i.now = i.state.Next
	i.advance()
	i.settle(orchestration.Result{Error: "refused"})
	i.is(orchestration.DoBlock, "a", "refused")
	i.keep(i.o.Resume(i.state, i.now))
	i.advance()
	if i.is(orchestration.DoAct, "a", ""); !i.state.Approved {
		t.Fatal("a person must approve the same step once more")
	}
	i.settle(orchestration.Result{})
	i.advance()
	if i.is(orchestration.DoAct, "b", ""); i.state.Approved {
		t.Fatal("the approval is for another step")
	}
	i.keep(i.o.Hold(i.state, "too many", i.now))
	i.ad = person(ident.Attributes{"cn": {"Ada"}}, false)
	i.advance()
	i.is(orchestration.DoEnd, "b", "cancel_when holds")
}
