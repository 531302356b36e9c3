package engine

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// noting is an Observer that notes how one automation stands.
type noting struct {
	silent
	mu      sync.Mutex
	result  string
	success time.Time
	aside   int
	held    map[string]int
	since   time.Time
	ended   []string
}

func (n *noting) RunEnded(_, result string, _ time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ended = append(n.ended, result)
}

func (n *noting) Stands(_ string, results []string, success time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.result, n.success = strings.Join(results, "+"), success
}

func (n *noting) Quarantined(_ string, items int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.aside = items
}

func (n *noting) Held(_, operation string, items int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.held == nil {
		n.held = map[string]int{}
	}
	n.held[operation] = items
}

func (n *noting) HeldSince(_ string, oldest time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.since = oldest
}

func (n *noting) stands() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return fmt.Sprintf("%s, success %t, aside %d, held %d", n.result, !n.success.IsZero(), n.aside, n.held["create"])
}

// TestHowAnAutomationStands: the metrics follow each run, and a new agent knows
// the same from the history; an approval is not taken for a run of the whole.
func TestHowAnAutomationStands(t *testing.T) {
	source := &feed{}
	s := newScene(t, map[string]*feed{"stands": source})
	a := s.configured.Load().automations["stands"]
	a.Settings.Limits = map[ident.Class]plan.Limit{ident.ClassCreate: {Count: 1}}
	s.Replace(map[string]Automation{"stands": a}, nil)
	live := &noting{}
	s.Observer = live
	check := func(what, want string) {
		t.Helper()
		anew := &noting{}
		s.Observer = anew
		if err := s.Observe(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.Observer = live
		if live.stands() != want || anew.stands() != want {
			t.Errorf("%s: it stands at %q, and after a new start at %q; want %q", what, live.stands(), anew.stands(), want)
		}
	}
	s.wantRun("stands", store.RunDoubtful)
	check("nobody came", "doubtful, success false, aside 0, held 0")
	source.records = []ident.Record{person("1", "Ada"), person("2", "Bo"), {Endpoint: "users", Key: "3", Problem: "bad text"}}
	r := s.wantRun("stands", store.RunHeld)
	check("one over the limit", "held+quarantined, success true, aside 1, held 1")
	if !live.since.Equal(r.Outcomes[slices.IndexFunc(r.Outcomes, func(o ident.Outcome) bool { return o.Result == ident.ResultHeld })].At) {
		t.Errorf("held since %s: %+v", live.since, r.Outcomes)
	}
	source.fails = errors.New("cut off")
	if _, err := s.Run(t.Context(), Request{Automation: "stands", Kind: store.KindScheduled, By: "schedule"}); err == nil {
		t.Fatal("the fetch did not fail")
	}
	check("cut off", "failed, success true, aside 1, held 1")
	if _, err := s.Approve(t.Context(), Decision{Run: r.ID, By: "ada"}); err != nil {
		t.Fatal(err)
	}
	check("approved, and still cut off", "failed, success true, aside 1, held 0")
	if !live.since.IsZero() {
		t.Errorf("something is held since %s", live.since)
	}
}

// TestASavedPlanKeepsItsDoubt: what was in doubt when it was made is so when it
// is applied.
func TestASavedPlanKeepsItsDoubt(t *testing.T) {
	s := newScene(t, map[string]*feed{"saved": {}})
	p, err := s.Plan(t.Context(), Request{Automation: "saved"})
	if err != nil || p.Doubt == "" {
		t.Fatalf("%q, %v", p.Doubt, err)
	}
	if r, err := s.ApplyPlan(t.Context(), p, "ada"); err != nil || r.Result != store.RunDoubtful {
		t.Errorf("%s, %v", r.Result, err)
	}
}

// TestWhatCannotRunIsAFailedRun of its history when it was due; by hand, the
// answer says it, and a name that does not exist leaves nothing.
func TestWhatCannotRunIsAFailedRun(t *testing.T) {
	s := newScene(t, map[string]*feed{})
	why := errors.New("no connector")
	s.Replace(nil, map[string]error{"broken": why})
	live := &noting{}
	s.Observer = live
	for _, req := range []Request{{Automation: "broken", Kind: store.KindManual}, {Automation: "other", Kind: store.KindScheduled}} {
		if r, err := s.Run(t.Context(), req); err == nil || r.ID != 0 {
			t.Errorf("%+v: run %d, %v", req, r.ID, err)
		}
	}
	r, err := s.Run(t.Context(), Request{Automation: "broken", Kind: store.KindScheduled, By: "schedule"})
	if !errors.Is(err, why) || r.Result != store.RunFailed || r.Error != "no connector" || !slices.Equal(live.ended, []string{"failed"}) {
		t.Errorf("%+v, %v; the metrics know of %q", r.Run, err, live.ended)
	}
	if got := live.stands(); got != "failed, success false, aside 0, held 0" {
		t.Errorf("it stands at %q", got)
	}
}
