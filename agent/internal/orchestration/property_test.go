package orchestration_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/host/soak"
)

// anyStep draws a step. It may refer to the answers of others, and go to them.
func anyStep(i, n int) *rapid.Generator[orchestration.Step] {
	return rapid.Custom(func(t *rapid.T) orchestration.Step {
		name := fmt.Sprintf("s%d", i)
		other := fmt.Sprintf("s%d", rapid.IntRange(0, n-1).Draw(t, "other"))
		text := rapid.SampledFrom([]string{"x", "{{ ad.cn }}", "{{ ad.sn }}", "{{ steps." + other + ".response.id }}", `{{ default(steps.` + other + `.error, "") }}`}).Draw(t, "text")
		var s orchestration.Step
		switch rapid.IntRange(0, 5).Draw(t, "kind") {
		case 0, 1:
			s = call(name, text)
		case 2:
			s = mail(name, text)
		case 3:
			s = update(name, text)
		case 4:
			s = orchestration.Step{Name: name, Delay: orchestration.Duration(rapid.IntRange(1, 50).Draw(t, "delay")) * hour}
		case 5:
			s = orchestration.Step{
				Name: name, WaitUntil: rapid.SampledFrom([]string{"ad.disabled", "ad.sn == null", "ad.sn", "ad.cn", "ad.x"}).Draw(t, "until"),
				Deadline: orchestration.Duration(rapid.IntRange(0, 50).Draw(t, "deadline")) * hour,
			}
		}
		s.If = rapid.SampledFrom([]string{"", "", "", "ad.disabled", "!ad.disabled", "ad.x", "ad.cn", "steps." + other + ".status == 200"}).Draw(t, "if")
		s.Retry = orchestration.Retry{Attempts: rapid.IntRange(0, 4).Draw(t, "attempts")}
		if rapid.Bool().Draw(t, "on error") {
			s.OnError = &orchestration.OnError{Do: rapid.SampledFrom([]orchestration.OnErrorDo{"continue", "goto", "goto", "stop"}).Draw(t, "do")}
			if s.OnError.Do == "goto" {
				s.OnError.Goto = other
			}
		}
		return s
	})
}

// anyOrchestration draws definitions until one compiles.
func anyOrchestration(t *rapid.T) *orchestration.Orchestration {
	n := rapid.IntRange(1, 6).Draw(t, "steps")
	d := orchestration.Definition{Name: "o", Within: 300 * hour, CancelWhen: rapid.SampledFrom([]string{"", "", "ad == null", "ad.disabled", "ad.x"}).Draw(t, "cancel_when")}
	for i := range n {
		d.Steps = append(d.Steps, anyStep(i, n).Draw(t, "step"))
	}
	o, err := orchestration.Compile(d, orchestration.Options{})
	if err != nil {
		t.Skip(err)
	}
	return o
}

// person returns an account.
func person(attributes ident.Attributes, disabled bool) *ident.Entry {
	e := &ident.Entry{GUID: "6f9619ff-8b86-d011-b42d-00c04fc964ff", DN: "CN=Ada,OU=Staff,DC=example,DC=com", Attributes: ident.Attributes{}}
	for name, values := range attributes {
		e.Attributes.Set(name, values...)
	}
	uac := "512"
	if disabled {
		uac = "514"
	}
	e.Attributes.Set("userAccountControl", uac)
	return e
}

// TestEveryWalkEnds walks random orchestrations with random results and objects.
// No step runs more often than it may, everything ends or waits for something,
// the state survives its JSON at each point, and the same input gives the same
// output.
func TestEveryWalkEnds(t *testing.T) {
	soak.Check(t, 60, 3000, func(t *rapid.T) {
		o := anyOrchestration(t)
		w := &walk{t: t, o: o, random: rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed of the walk"), 0)), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), runs: map[int]int{}}
		w.state = o.Start(w.now)
		w.next = orchestration.Decision{Do: orchestration.DoAdvance}
		for range 20_000 {
			if w.next.Do == orchestration.DoEnd {
				w.ended()
				return
			}
			w.go1()
		}
		t.Fatalf("no end after 20000 transitions: %+v", w.state)
	})
}

// walk is an instance under way.
type walk struct {
	t      *rapid.T
	random *rand.Rand // rather than draws of rapid, which are too many
	o      *orchestration.Orchestration
	now    time.Time
	state  orchestration.State
	next   orchestration.Decision
	runs   map[int]int
}

// take makes a transition twice, once from the state as it was kept.
func (w *walk) take(f func(orchestration.State) (orchestration.State, orchestration.Decision, error)) {
	kept, err := json.Marshal(w.state)
	if err != nil {
		w.t.Fatal(err)
	}
	back, err := w.o.ParseState(kept)
	if err != nil {
		w.t.Fatalf("%s: %v", kept, err)
	}
	s1, d1, err1 := f(w.state)
	s2, d2, err2 := f(back)
	if after, _ := json.Marshal(w.state); string(after) != string(kept) {
		w.t.Fatalf("the transition changed its argument from %s to %s", kept, after)
	}
	one, _ := json.Marshal(s1)
	two, _ := json.Marshal(s2)
	if string(one) != string(two) || !reflect.DeepEqual(d1, d2) || (err1 == nil) != (err2 == nil) {
		w.t.Fatalf("from %s: %s, then %s; %s", kept, one, two, cmp.Diff(d1, d2))
	}
	if err1 != nil {
		w.t.Fatalf("from %s: %v", kept, err1)
	}
	w.state, w.next = s1, d1
	for _, p := range d1.Passed {
		w.runs[p.Step] = max(w.runs[p.Step], p.Turn)
	}
	for step, turns := range s1.Turns {
		if turns > orchestration.MaxTurns {
			w.t.Fatalf("step %d ran %d times", step, turns)
		}
	}
}

// go1 does what the last decision asks for.
func (w *walk) go1() {
	switch w.next.Do {
	case orchestration.DoWait:
		if !w.state.Next.After(w.now) {
			w.t.Fatalf("it waits for the past: %+v at %s", w.state, w.now)
		}
		w.now = w.state.Next
		w.advance()
	case orchestration.DoAdvance:
		w.advance()
	case orchestration.DoDeliver, orchestration.DoAct:
		w.settle()
	case orchestration.DoBlock:
		w.now = w.now.Add(time.Hour)
		if w.state.Phase == orchestration.PhaseHeld && w.random.IntN(3) > 0 {
			w.advance() // somebody has approved it
			if w.next.Do == orchestration.DoAct && !w.state.Approved {
				w.t.Fatalf("an approved step is not: %+v", w.state)
			}
			return
		}
		choice := w.random.IntN(3)
		if w.state.Phase == orchestration.PhaseHeld {
			choice = w.random.IntN(2)
		}
		switch choice {
		case 0:
			w.take(func(s orchestration.State) (orchestration.State, orchestration.Decision, error) {
				return w.o.Cancel(s, "x", w.now)
			})
		case 1:
			w.take(func(s orchestration.State) (orchestration.State, orchestration.Decision, error) {
				return w.o.Fail(s, "x", w.now)
			})
		default:
			w.take(func(s orchestration.State) (orchestration.State, orchestration.Decision, error) {
				return w.o.Resume(s, w.now)
			})
		}
	default:
		w.t.Fatalf("unknown decision %q", w.next.Do)
	}
}

func (w *walk) advance() {
	object := person(ident.Attributes{"cn": {"Ada"}}, w.random.IntN(2) == 0)
	if w.random.IntN(2) == 0 {
		object.Attributes.Set("sn", "Novak")
	}
	v := orchestration.Values{Object: object, Now: w.now}
	w.take(func(s orchestration.State) (orchestration.State, orchestration.Decision, error) {
		return w.o.Advance(s, v)
	})
}

func (w *walk) settle() {
	r := orchestration.Result{Status: 200, Answered: true, Response: []byte(`{"id": 7}`)}
	if w.random.IntN(3) > 0 {
		r = orchestration.Result{Error: "boom", Status: 503, Answered: true, Retry: w.random.IntN(2) == 0}
	}
	w.now = w.now.Add(time.Second)
	if w.next.Do == orchestration.DoAct && !w.state.Approved && w.o.Steps()[w.state.Step].Directory != nil && w.random.IntN(4) == 0 {
		w.take(func(s orchestration.State) (orchestration.State, orchestration.Decision, error) {
			return w.o.Hold(s, "too many", w.now)
		})
		return
	}
	jitter := w.random.Float64()
	w.take(func(s orchestration.State) (orchestration.State, orchestration.Decision, error) {
		return w.o.Settle(s, r, w.now, jitter)
	})
}

// ended checks that nothing leads out of the end.
func (w *walk) ended() {
	if !w.state.Phase.Ended() {
		w.t.Fatalf("it ended in phase %s", w.state.Phase)
	}
	if _, _, err := w.o.Advance(w.state, orchestration.Values{Now: w.now}); err == nil {
		w.t.Fatal("an instance that has ended goes on")
	}
	if _, _, err := w.o.Settle(w.state, orchestration.Result{}, w.now, 0); err == nil {
		w.t.Fatal("an instance that has ended takes a result")
	}
	if _, _, err := w.o.Resume(w.state, w.now); (err == nil) != (w.state.Phase == orchestration.PhaseFailed) {
		w.t.Fatalf("an instance that has ended is resumed in phase %s: %v", w.state.Phase, err)
	}
	for step, turns := range w.runs {
		if turns > orchestration.MaxTurns {
			w.t.Fatalf("step %d ran %d times", step, turns)
		}
	}
}
