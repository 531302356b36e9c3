package dirstep

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/dirtest"
	"github.com/rollcall-agent/rollcall/agent/internal/dispatch"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/host/soak"
)

// TestUnsureWrites: whether a write without an answer was made is found out before
// the step goes on, and each write has one outcome.
func TestUnsureWrites(t *testing.T) {
	for _, made := range []bool{false, true} {
		for name, w := range map[string]orchestration.Write{
			"update": set("mobile", "2"), "disable": do(orchestration.ActionDisable), "delete": do(orchestration.ActionDelete),
			"move": {Action: orchestration.ActionMove, OU: "OU=Leavers,DC=ad,DC=test"},
		} {
			s := opened(t, dirtest.InMemory(t))
			s.limits[ident.ClassDelete] = plan.Limit{Count: 5}
			guid, _ := s.user(s.OU("Staff"), "mobile", "1")
			s.fault = func(written bool) error {
				if written == made {
					return errUnknown
				}
				return nil
			}
			if done := s.act(guid, w); !done.Retry || !done.Unsure || s.open() != 1 {
				t.Errorf("%s, made %t: %+v, %d open", name, made, done, s.open())
			}
			s.fault = func(bool) error { return nil }
			s.start()
			done := s.act(guid, w, func(a *dispatch.Action) { a.Again = true })
			if done.Error != "" || s.open() != 0 || s.results() != name+" applied" {
				t.Errorf("%s, made %t: %+v, %s", name, made, done, s.results())
			}
		}
	}
}

// TestSettle: what nobody takes up any more, as a person has cancelled it, is
// found out too. Others may write to the object then.
func TestSettle(t *testing.T) {
	for _, made := range []bool{false, true} {
		s := opened(t, dirtest.InMemory(t))
		guid, _ := s.user(s.OU("Staff"), "mobile", "1")
		s.fault = func(written bool) error {
			if written == made {
				return errUnknown
			}
			return nil
		}
		s.act(guid, set("mobile", "2"))
		s.fault = func(bool) error { return nil }
		s.start()
		if err := s.actor.Settle(t.Context()); err != nil || s.open() != 0 {
			t.Errorf("made %t: %v, %d open", made, err, s.open())
		}
		if want := map[bool]string{false: "", true: "update applied"}[made]; s.results() != want {
			t.Errorf("made %t: %s", made, s.results())
		}
		s.down = errDown
		if err := s.actor.Settle(t.Context()); err != nil {
			t.Errorf("nothing is left, and the directory is asked: %v", err)
		}
	}
}

// TestNothingDoubledNothingLost carries random steps out with random faults, until
// they are done: unanswered writes, and kills before and after a write. The object
// is then as the steps want it, nothing is in doubt, and the outcomes are the
// writes: each value follows the one before it.
func TestNothingDoubledNothingLost(t *testing.T) {
	soak.Check(t, 15, 400, func(r *rapid.T) {
		s := opened(t, dirtest.InMemory(t))
		guid, _ := s.user(s.OU("Staff"), "mobile", "0")
		want := "0"
		for range rapid.IntRange(1, 4).Draw(r, "steps") {
			want = rapid.SampledFrom([]string{"1", "2", "3"}).Draw(r, "mobile")
			faults := rapid.SliceOfN(rapid.SampledFrom([]string{"", "unknown", "unknown", "killed"}), 0, 4).Draw(r, "faults")
			late := rapid.SliceOfN(rapid.Bool(), 4, 4).Draw(r, "after the write")
			n := 0
			s.fault = func(written bool) error {
				if n >= len(faults) || late[n] != written {
					return nil
				}
				n++
				switch faults[n-1] {
				case "unknown":
					return errUnknown
				case "killed": // as it is never known where, the intent is what is left
					panic("the writer fell down")
				}
				return nil
			}
			for attempt := 1; ; attempt++ {
				done := s.act(guid, set("mobile", want), func(a *dispatch.Action) { a.Attempt = attempt })
				if done.Error == "" {
					break
				}
				if !done.Retry || attempt > 10 {
					r.Fatalf("attempt %d: %+v", attempt, done)
				}
				s.start()
			}
		}
		if got := s.entry(guid).Attributes.First("mobile"); got != want || s.open() != 0 {
			r.Fatalf("mobile is %s, want %s; %d in doubt", got, want, s.open())
		}
		at := "0"
		for _, o := range s.outcomes() {
			ch := o.Operation.Attributes[0]
			if o.Result != ident.ResultApplied || strings.Join(ch.Old, "") != at {
				r.Fatalf("%+v follows %s", o, at)
			}
			at = ch.New[0]
		}
		if at != want {
			r.Fatalf("the outcomes end with %s, want %s", at, want)
		}
	})
}
