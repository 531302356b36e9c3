package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// gate is an Observer that stops the first run of an automation which has
// applied something, until it is opened.
type gate struct {
	silent
	automation string
	once       sync.Once
	reached    chan struct{}
	open       chan struct{}
}

func newGate(automation string) *gate {
	return &gate{automation: automation, reached: make(chan struct{}), open: make(chan struct{})}
}

func (g *gate) Change(automation, _, _ string) {
	if automation == g.automation {
		g.once.Do(func() { close(g.reached); <-g.open })
	}
}

// stopped begins a run of an automation that stops after its first write. The
// answer lets it go on and returns its report.
func (s *scene) stopped(automation string) (finish func() Report) {
	s.Helper()
	g := newGate(automation)
	s.Observer, s.Writers = g, 1
	type ended struct {
		Report
		error
	}
	done := make(chan ended, 1)
	go func() {
		r, err := s.Run(s.Context(), Request{Automation: automation, Kind: store.KindManual, By: "test"})
		done <- ended{r, err}
	}()
	select {
	case <-g.reached:
	case e := <-done:
		s.Fatalf("the run ended before it wrote anything: %+v, %v", e.Report, e.error)
	}
	return func() Report {
		s.Helper()
		close(g.open)
		e := <-done
		if e.error != nil {
			s.Fatalf("run of %s: %v", automation, e.error)
		}
		return e.Report
	}
}

// named gives automations a mapping in which people can have each other's
// names and addresses.
func (s *scene) named(automations ...string) {
	s.Helper()
	src := func(text string) *expr.Source { return &expr.Source{Text: text} }
	for _, name := range automations {
		m, errs := mapping.Compile(mapping.Definition{
			Primary: "id", OU: src(string(s.ou)),
			Attributes: []mapping.AttributeDef{
				{Name: "displayName", Value: src("{{ user.name }}")},
				{Name: "mail", Value: src("{{ user.mail }}"), Unique: mapping.UniqueForest},
				{
					Name: "sAMAccountName", Formats: []expr.Source{*src("{{ user.sam }}"), *src("{{ user.sam }}2"), *src("{{ user.sam }}3")},
					Apply: ident.ApplyCreate, Unique: mapping.UniqueDomain,
				},
				{Name: "cn", Formats: []expr.Source{*src("{{ user.name }}"), *src("{{ user.name }} ({{ attributes.sAMAccountName }})")}, Unique: mapping.UniqueContainer},
			},
		})
		for _, err := range errs {
			s.Fatal(err)
		}
		a := s.Automations[name]
		a.Mapper = m
		s.Automations[name] = a
	}
}

func named(key ident.Key, name, sam, mail string) ident.Record {
	return person(key, name, "sam", sam, "mail", mail)
}

// A large import holds up neither the runs of other automations nor a plan.
func TestAnImportHoldsUpNobody(t *testing.T) {
	imported := &feed{records: []ident.Record{person("1", "Import One"), person("2", "Import Two")}}
	other := &feed{records: []ident.Record{person("1", "Beside One")}}
	s := newScene(t, map[string]*feed{"imports": imported, "beside": other})
	finish := s.stopped("imports")
	s.run("beside")
	s.account("beside:1")
	for _, name := range []string{"beside", "imports"} {
		if _, err := s.Plan(t.Context(), Request{Automation: name}); err != nil {
			t.Errorf("plan of %s: %v", name, err)
		}
	}
	if r := finish(); r.Count(ident.ResultApplied) != 2 {
		t.Errorf("the import: %+v", r.Counts)
	}
}

// What a run is about to write counts as taken for the others, from the moment
// at which it was planned: logins, addresses in any of their attributes, names
// in a container, also those that only Windows takes for the same.
func TestNamesPromisedToAnotherRun(t *testing.T) {
	first := &feed{records: []ident.Record{
		named("1", "First One", "promo1", "one@promo.test"), named("2", "Promo Müller", "promo2", "two@promo.test"),
	}}
	second := &feed{records: []ident.Record{
		named("1", "Second One", "promo9", "Two@Promo.test"), // the address of somebody who is not there yet
		named("2", "Promo Muller", "promo2", "four@promo.test"),
	}}
	s := newScene(t, map[string]*feed{"promises": first, "promised": second})
	s.named("promises", "promised")
	finish := s.stopped("promises")
	r := s.run("promised")
	if q := r.Summary.Quarantined; len(q) != 1 || q[0].Key != "1" || !strings.Contains(q[0].Cause, "CN=Promo Müller,") {
		t.Errorf("quarantine: %+v", q)
	}
	e := s.account("promised:2", "sAMAccountName", "cn")
	if sam, cn := e.Attributes.First("sAMAccountName"), e.Attributes.First("cn"); sam != "promo22" || cn != "Promo Muller (promo22)" {
		t.Errorf("the second got %s, %s", sam, cn)
	}
	if r := finish(); r.Count(ident.ResultApplied) != 2 {
		t.Errorf("the first: %+v", r.Outcomes)
	}
	if found := s.dc.Find(t, "(mail=two@promo.test)", "cn"); len(found) != 1 {
		t.Errorf("one address at %v", found)
	}
	if left := s.promises.others(""); len(left) != 0 {
		t.Errorf("promises are left: %+v", left)
	}
}

// What was approved or saved some time ago does not take what somebody else
// has, or has been promised, since.
func TestWhatWasPlannedEarlierIsCheckedAgain(t *testing.T) {
	held := &feed{records: []ident.Record{
		named("1", "Earlier One", "earlier1", "one@earlier.test"), named("2", "Earlier Two", "earlier2", "two@earlier.test"), named("3", "Earlier Three", "earlier3", "three@earlier.test"),
	}}
	later := &feed{records: []ident.Record{named("8", "Later Eight", "earlier8", "eight@earlier.test"), named("9", "Later Nine", "earlier9", "two@earlier.test")}}
	s := newScene(t, map[string]*feed{"earlier": held, "later": later})
	s.named("earlier", "later")
	s.change("earlier", func(p *plan.Settings) { p.Approval = plan.ApprovalAlways })
	saved, err := s.Plan(t.Context(), Request{Automation: "earlier"})
	if err != nil {
		t.Fatal(err)
	}
	run := s.run("earlier")
	s.dc.AddUser(t, s.ou, "By Hand", "byhand", map[string][]string{"mail": {"ONE@earlier.test"}})
	finish := s.stopped("later")
	r, err := s.Approve(t.Context(), Decision{Run: run.ID, By: "test"})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range r.Outcomes {
		want := map[ident.Key]string{"1": `mail "one@earlier.test" has been taken since by CN=By Hand,`, "2": `mail "two@earlier.test" has been taken since by CN=Later Nine,`, "3": ""}[o.Key]
		if !strings.HasPrefix(o.Cause, want) || (o.Result == ident.ResultApplied) != (want == "") {
			t.Errorf("key %s: %s %q, want %q", o.Key, o.Result, o.Cause, want)
		}
	}
	finish()
	for i := range saved.Changes {
		for j := range saved.Changes[i].Operations {
			saved.Changes[i].Operations[j].Verdict = ident.VerdictApply
		}
	}
	s.change("earlier", func(p *plan.Settings) { p.Approval = plan.ApprovalOverLimit })
	if r, err := s.ApplyPlan(t.Context(), saved, "test"); err != nil || r.Count(ident.ResultSkipped) != 3 {
		t.Errorf("the saved plan: %+v, %v", r.Outcomes, err)
	}
	for _, mail := range []string{"one@earlier.test", "two@earlier.test", "three@earlier.test"} {
		if found := s.dc.Find(t, "(mail="+mail+")", "cn"); len(found) != 1 {
			t.Errorf("%s at %d accounts", mail, len(found))
		}
	}
}

// Somebody whose account another run is about to make gets no second one: not
// from another application that matches by address, and not from another
// automation of the same.
func TestOnePersonInTwoRuns(t *testing.T) {
	first := &feed{records: []ident.Record{named("1", "Pair One", "pair1", "one@pair.test"), named("2", "Pair Two", "pair2", "two@pair.test")}}
	s := newScene(t, map[string]*feed{
		"pairs": first, "match": {records: []ident.Record{named("7", "Pair Two", "two", "two@pair.test")}}, "samekeys": {records: first.records},
	})
	s.named("pairs", "match", "samekeys")
	s.change("match", func(p *plan.Settings) { p.Match, p.Adopt = []string{"mail"}, plan.AdoptAuto })
	s.change("samekeys", func(p *plan.Settings) { p.Application = "pairs" })
	finish := s.stopped("pairs")
	r := s.run("match")
	if q := r.Summary.Quarantined; len(q) != 1 || len(r.Outcomes) != 0 || !strings.Contains(q[0].Cause, "is already pairs:2") {
		t.Errorf("the other application: %+v, %+v", q, r.Outcomes)
	}
	r = s.run("samekeys")
	if len(r.Outcomes) != 0 || len(r.Summary.Quarantined) != 0 || r.Result != store.RunOK {
		t.Errorf("the other automation: %s, %+v, %+v", r.Result, r.Outcomes, r.Summary.Quarantined)
	}
	if notes := fmt.Sprint(r.Summary.Notes); !strings.Contains(notes, "automation pairs is changing this user right now") {
		t.Errorf("notes: %s", notes)
	}
	if r := finish(); r.Count(ident.ResultApplied) != 2 {
		t.Errorf("%+v", r.Outcomes)
	}
	for _, mail := range []string{"one@pair.test", "two@pair.test"} {
		if found := s.dc.Find(t, "(mail="+mail+")", "cn"); len(found) != 1 {
			t.Errorf("%d accounts have %s", len(found), mail)
		}
	}
	if r := s.run("samekeys"); r.Result != store.RunOK || len(r.Outcomes) != 0 {
		t.Errorf("afterwards: %s, %+v", r.Result, r.Outcomes)
	}
}

// Runs of three automations that want the same names and addresses, side by
// side and over again, never give one to two people, and come to rest.
func TestRunsBesideEachOther(t *testing.T) {
	names := []string{"besidea", "besideb", "besidec"}
	feeds := map[string]*feed{}
	for _, name := range names {
		feeds[name] = &feed{}
	}
	s := onDC(t, feeds)
	s.named(names...)
	r := rand.New(rand.NewPCG(7, 7))
	for round := range 4 {
		var runs sync.WaitGroup
		for _, name := range names {
			var list []ident.Record
			for key := range 6 {
				n := r.IntN(9)
				list = append(list, named(ident.Key(fmt.Sprint(key)), fmt.Sprint("Beside ", n), fmt.Sprint("beside", n), fmt.Sprintf("%d@beside.test", n)))
			}
			feeds[name].records = list
		}
		for _, name := range names {
			runs.Go(func() {
				if _, err := s.Run(t.Context(), Request{Automation: name, Kind: store.KindManual, By: "test"}); err != nil {
					t.Errorf("round %d: %s: %v", round, name, err)
				}
			})
		}
		runs.Wait()
		for n := range 9 {
			if found := s.dc.Find(t, fmt.Sprintf("(mail=%d@beside.test)", n), "mail"); len(found) > 1 {
				t.Fatalf("round %d: %d@beside.test is at %v", round, n, found)
			}
		}
		if left, err := s.Store.Intents(t.Context()); err != nil || len(left) != 0 {
			t.Errorf("round %d: intents %+v, %v", round, left, err)
		}
	}
}

// A command that is cancelled while it waits for its turn ends, and one that
// waits says behind whom.
func TestWaitingForTheTurn(t *testing.T) {
	s := newScene(t, map[string]*feed{"waits": {}, "reads": {}})
	log := s.logged()
	s.turn.notice = time.Millisecond
	reading, free := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- s.alone(t.Context(), "reads", func() error { close(reading); <-free; return nil })
	}()
	<-reading
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := s.Plan(ctx, Request{Automation: "waits"})
		ended <- err
	}()
	log.wait(t, "automation=waits behind=reads")
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "the plan of automation waits was not made") {
		t.Errorf("%v", err)
	}
	close(free)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := s.Plan(t.Context(), Request{Automation: "waits"}); err != nil {
		t.Errorf("the turn was not given back: %v", err)
	}
}

// Two plans that begin in the same moment keep their records apart.
func TestPlansOfOneMoment(t *testing.T) {
	names := []string{"momenta", "momentb"}
	s := newScene(t, map[string]*feed{
		names[0]: {records: []ident.Record{person("1", "Moment One")}}, names[1]: {records: []ident.Record{person("2", "Moment Two")}},
	})
	now := time.Now()
	s.Now = func() time.Time { return now }
	log := s.logged()
	s.turn.notice = time.Millisecond
	var plans sync.WaitGroup
	made := map[string]ident.Plan{}
	var mu sync.Mutex
	err := s.alone(t.Context(), "reads", func() error {
		for _, name := range names {
			plans.Go(func() {
				p, err := s.Plan(t.Context(), Request{Automation: name})
				mu.Lock()
				defer mu.Unlock()
				if made[name] = p; err != nil {
					t.Errorf("%s: %v", name, err)
				}
			})
			log.wait(t, "automation="+name+" behind=reads") // it has fetched
		}
		return nil
	})
	plans.Wait()
	for i, name := range names {
		if c := made[name].Changes; len(c) != 1 || c[0].Key != ident.Key(fmt.Sprint(i+1)) {
			t.Errorf("%s would change %+v", name, c)
		}
	}
	if err != nil {
		t.Error(err)
	}
}

// A turn that comes at the moment at which its command is cancelled is given
// back.
func TestACancelledTurnIsGivenBack(t *testing.T) {
	s := newScene(t, map[string]*feed{"cancelled": {}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 { // either may be seen first
		if err := s.alone(ctx, "cancelled", func() error { return nil }); !errors.Is(err, context.Canceled) {
			t.Fatalf("%v", err)
		}
	}
	if len(s.turn.free) != 1 {
		t.Error("nobody can have the turn any more")
	}
}
