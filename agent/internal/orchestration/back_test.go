package orchestration_test

import (
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
)

// TestNothingFollowsADeletionThatIsUndone: a step that is about to begin, or to be tried
// again, is left to a person when the object is back, and waits while that is not known.
// A pause goes by all the same.
func TestNothingFollowsADeletionThatIsUndone(t *testing.T) {
	mail := orchestration.Step{
		Name: "mail", Mail: &orchestration.Mail{To: []string{"a@x"}, Subject: "s", Text: "t"}, Retry: orchestration.Retry{Attempts: 5},
	}
	pause := orchestration.Step{Name: "pause", Delay: orchestration.Duration(time.Hour)}
	i := start(t, steps(pause, mail))
	to := func(p orchestration.Presence) {
		i.later(time.Hour)
		v := i.values()
		v.Presence = p
		i.keep(i.o.Advance(i.state, v))
	}
	to(orchestration.PresenceUnsure)
	i.is(orchestration.DoWait, "mail", "still shows it")
	to(orchestration.PresenceAsExpected)
	i.is(orchestration.DoAct, "mail", "")
	to(orchestration.PresenceUnsure) // it was killed meanwhile
	i.is(orchestration.DoWait, "mail", "still shows it")
	to(orchestration.PresenceAsExpected)
	i.is(orchestration.DoAct, "mail", "")
	if !i.last.Again {
		t.Error("the attempt that was cut off is forgotten")
	}
	i.settle(orchestration.Result{Error: "no answer", Retry: true})
	to(orchestration.PresenceBack)
	i.is(orchestration.DoBlock, "mail", "in the directory again")
	i.keep(i.o.Resume(i.state, i.now))
	to(orchestration.PresenceBack)
	i.is(orchestration.DoBlock, "mail", "in the directory again")
	i.keep(i.o.Resume(i.state, i.now))
	to(orchestration.PresenceAsExpected)
	i.is(orchestration.DoAct, "mail", "")
}

// TestAFormerImageDoesNotCancelALeaver: a domain controller that has not heard of the
// deletion shows the object enabled.
func TestAFormerImageDoesNotCancelALeaver(t *testing.T) {
	d := steps(
		orchestration.Step{Name: "pause", Delay: orchestration.Duration(time.Hour)},
		orchestration.Step{Name: "mail", Mail: &orchestration.Mail{To: []string{"a@x"}, Subject: "s", Text: "t"}},
	)
	d.CancelWhen = "!ad.disabled"
	i := start(t, d)
	i.later(time.Hour)
	v := i.values()
	v.Object, v.Presence = person(ident.Attributes{"cn": {"Ada"}}, false), orchestration.PresenceUnsure
	i.keep(i.o.Advance(i.state, v))
	i.is(orchestration.DoWait, "mail", "still shows it")
	if cancels, err := i.o.Cancels(i.state, v); cancels || err != nil {
		t.Errorf("cancelled before it is tried again: %v, %v", cancels, err)
	}
}
