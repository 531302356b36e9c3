package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/progress"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// stopAt returns a context that ends at the first step that the function wants,
// and what the steps were.
func stopAt(ctx context.Context, at func(progress.Step) bool) (context.Context, func() []string) {
	ctx, stop := context.WithCancelCause(ctx)
	var mu sync.Mutex
	var phases []string
	ctx = progress.With(ctx, func(s progress.Step) {
		mu.Lock()
		defer mu.Unlock()
		if len(phases) == 0 || phases[len(phases)-1] != s.Phase {
			phases = append(phases, s.Phase)
		}
		if at(s) {
			stop(errors.Join(errors.New("stopped with Ctrl-C by ada"), context.Canceled))
		}
	})
	return ctx, func() []string { mu.Lock(); defer mu.Unlock(); return slices.Clone(phases) }
}

func people(n int) []ident.Record {
	records := make([]ident.Record, n)
	for i := range records {
		records[i] = person(ident.Key(fmt.Sprint(i+1)), fmt.Sprintf("Person %d", i+1))
	}
	return records
}

// A run that is stopped finishes what is under way, records it, says how far it
// came, and leaves the rest to the next one: whenever that is.
func TestStoppedRun(t *testing.T) {
	const all = 12
	f := &feed{records: people(all)}
	s := newScene(t, map[string]*feed{"stopped": f})
	log := s.logged()
	for _, phase := range []string{"fetching records", "connecting to the directory", "reading the directory", "planning record"} {
		ctx, _ := stopAt(t.Context(), func(p progress.Step) bool { return p.Phase == phase })
		r, err := s.Run(ctx, Request{Automation: "stopped", Kind: store.KindManual, By: "ada"})
		if !errors.Is(err, context.Canceled) || r.Result != store.RunInterrupted || !strings.Contains(r.Error, "stopped with Ctrl-C by ada") ||
			!strings.Contains(r.Error, "before anything was written; the next run does the rest: rollcall apply stopped") {
			t.Errorf("%s: %s %q, %v", phase, r.Result, r.Error, err)
		}
		_, err = s.Plan(ctx, Request{Automation: "stopped"})
		if err == nil || !strings.Contains(err.Error(), "the plan of automation stopped was not made: ") || !strings.Contains(err.Error(), "nothing was written") {
			t.Errorf("%s: a plan: %v", phase, err)
		}
	}
	if n := len(s.dc.Find(t, "(employeeNumber=stopped:*)")); n != 0 {
		t.Fatalf("%d accounts before anything was to be written", n)
	}

	ctx, phases := stopAt(t.Context(), func(p progress.Step) bool { return p.Phase == "writing" && p.Done == 3 })
	r, err := s.Run(ctx, Request{Automation: "stopped", Kind: store.KindManual, By: "ada"})
	made := r.Count(ident.ResultApplied)
	if !errors.Is(err, context.Canceled) || r.Result != store.RunInterrupted || made < 3 || made >= all ||
		!strings.Contains(r.Error, fmt.Sprintf(": %d of %d operations are done and recorded; the next run does the rest: rollcall apply stopped", made, all)) {
		t.Errorf("%s %q after %d, %v", r.Result, r.Error, made, err)
	}
	if want := []string{"fetching records", "connecting to the directory", "reading the directory", "planning record", "writing"}; !slices.Equal(phases(), want) {
		t.Errorf("the run told of %v", phases())
	}
	accounts := len(s.dc.Find(t, "(employeeNumber=stopped:*)"))
	links, err := s.Store.CountLinks(t.Context(), "stopped")
	open, err2 := s.Store.Intents(t.Context())
	if accounts != made || links != made || len(open) != 0 || errors.Join(err, err2) != nil {
		t.Errorf("%d outcomes, %d accounts, %d links, %d open intents, %v %v", made, accounts, links, len(open), err, err2)
	}
	if r := s.run("stopped"); r.Count(ident.ResultApplied) != all-made {
		t.Errorf("the next run made %d of the %d that were left", r.Count(ident.ResultApplied), all-made)
	}
	for _, line := range []string{
		`msg="run started" automation=stopped run=1 kind=manual by=ada`,
		`msg="run ended" automation=stopped run=1 kind=manual by=ada result=interrupted cause="`,
		`msg="run ended" automation=stopped run=6 kind=manual by=test result=ok cause=""`,
	} {
		if !strings.Contains(log.String(), line) {
			t.Errorf("the log lacks %s:\n%s", line, log.String())
		}
	}
}

// What becomes of the rest differs with what was asked for.
func TestStoppedRunSaysWhatIsNext(t *testing.T) {
	ctx, stop := context.WithCancelCause(t.Context())
	stop(errors.New("stopped with Ctrl-C"))
	for kind, want := range map[store.Kind]string{
		store.KindScheduled: "the next run does the rest: rollcall apply staff",
		store.KindSaved:     "apply the plan again for the rest",
		store.KindApproval:  "the rest is held as before: approve it again",
		store.KindLink:      "try again",
	} {
		r := &run{}
		r.Kind, r.Automation = kind, "staff"
		if err := r.stopped(ctx, context.Canceled); err.Error() != "stopped with Ctrl-C before anything was written; "+want {
			t.Errorf("%s: %v", kind, err)
		}
		lost := errors.New("create of Ada: the server did not answer")
		if err := r.stopped(ctx, lost); !strings.HasSuffix(err.Error(), want+"; besides: "+lost.Error()) || !errors.Is(err, lost) {
			t.Errorf("%s: %v", kind, err)
		}
		if err := r.stopped(t.Context(), lost); !errors.Is(err, lost) || err.Error() != lost.Error() {
			t.Errorf("%s: not stopped: %v", kind, err)
		}
	}
}

// Whoever begins an orchestration for the same objects once more is told before
// that some get it twice.
func TestStoppedBeginningSaysWhatIsNext(t *testing.T) {
	ctx, stop := context.WithCancelCause(t.Context())
	stop(errors.New("stopped with Ctrl-C"))
	for begun, want := range map[int]string{
		0: "stopped with Ctrl-C before anything was written; try again",
		3: "stopped with Ctrl-C: orchestrations that begin or are held: 4; `rollcall orchestrations welcome` lists them: " +
			"the same command would begin it a second time for objects for which it has ended by then",
	} {
		r := &run{began: &BeginCounts{Begun: begun, Held: min(begun, 1)}}
		r.Kind, r.Orchestration = store.KindOrchestrate, "welcome"
		if err := r.stopped(ctx, context.Canceled); err.Error() != want {
			t.Errorf("%d: %v", begun, err)
		}
	}
}

// The next steps that a stopped approval and a stopped saved plan name do the
// rest, and nothing twice.
func TestTheRestOfWhatWasStopped(t *testing.T) {
	const all = 8
	early := func(p progress.Step) bool { return p.Phase == "writing" && p.Done == 2 }
	for kind, again := range map[string]func(*scene) func(context.Context) (Report, error){
		"approval": func(s *scene) func(context.Context) (Report, error) {
			s.change("rest-approval", func(set *plan.Settings) {
				set.Limits = map[ident.Class]plan.Limit{ident.ClassCreate: {Count: 0}}
				set.Approval = plan.ApprovalOverLimit
			})
			held := s.run("rest-approval")
			return func(ctx context.Context) (Report, error) { return s.Approve(ctx, Decision{Run: held.ID, By: "ada"}) }
		},
		"plan": func(s *scene) func(context.Context) (Report, error) {
			p, err := s.Plan(t.Context(), Request{Automation: "rest-plan"})
			if err != nil {
				t.Fatal(err)
			}
			return func(ctx context.Context) (Report, error) { return s.ApplyPlan(ctx, p, "ada") }
		},
	} {
		name := "rest-" + kind
		s := newScene(t, map[string]*feed{name: {records: people(all)}})
		do := again(s)
		ctx, _ := stopAt(t.Context(), early)
		r, err := do(ctx)
		made := r.Count(ident.ResultApplied)
		if !errors.Is(err, context.Canceled) || made < 2 || made >= all || !strings.Contains(r.Error, fmt.Sprintf("%d of %d operations are done", made, all)) {
			t.Errorf("%s: %s %q, %v", kind, r.Result, r.Error, err)
		}
		if r, err = do(t.Context()); err != nil || r.Count(ident.ResultApplied) != all-made {
			t.Errorf("%s: then %d of the %d that were left, %v", kind, r.Count(ident.ResultApplied), all-made, err)
		}
		if accounts := len(s.dc.Find(t, "(employeeNumber="+name+":*)")); accounts != all {
			t.Errorf("%s: %d accounts", kind, accounts)
		}
	}
}

// What failed is told beside who stopped it, unless it is the same.
func TestStoppedPlanSaysWhyOnce(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("stopped with Ctrl-C"))
	for failure, want := range map[error]string{
		context.Cause(ctx):        "the plan of automation staff was not made: stopped with Ctrl-C; nothing was written",
		errors.New("fetch: gone"): "the plan of automation staff was not made: stopped with Ctrl-C (fetch: gone); nothing was written",
	} {
		if got := stoppedPlan(ctx, "automation staff", failure); got.Error() != want {
			t.Errorf("got  %v\nwant %s", got, want)
		}
	}
}
