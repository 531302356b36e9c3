package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	diff "github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/dirtest"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/memory"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/progress"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// staffOf is a scene with an automation that has made n accounts, and is about to
// give each of them a title.
func staffOf(t *testing.T, name string, n int) (*scene, *feed) {
	t.Helper()
	source := &feed{}
	for key := range n {
		source.records = append(source.records, person(ident.Key(fmt.Sprint(key)), fmt.Sprintf("%s Person %d", name, key)))
	}
	s := newScene(t, map[string]*feed{name: source})
	s.change(name, func(p *plan.Settings) { p.Limits = map[ident.Class]plan.Limit{ident.ClassUpdate: {Unlimited: true}} })
	s.run(name)
	for key := range n {
		source.records[key].Fields["title"] = fmt.Sprintf("Title %d", key)
	}
	return s, source
}

// inThePlan calls do once, in the middle of the plan of whoever uses the context.
func inThePlan(ctx context.Context, do func()) context.Context {
	done := false
	return progress.With(ctx, func(step progress.Step) {
		if step.Phase == "planning record" && step.Done > 1 && !done {
			done = true
			do()
		}
	})
}

func (s *scene) follower() *Follower {
	s.Helper()
	f, err := s.Follow(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = f.Close() })
	return f
}

// catchUp brings the mirror up to date as the feed does.
func (s *scene) catchUp(f *Follower) {
	s.Helper()
	if _, err := f.Sync(s.Context()); err != nil {
		s.Fatal(err)
	}
}

// disturb changes, by hand, accounts on both sides of where the plan is: one is
// disabled, one deleted, one moved away, and two have each other's names.
func disturb(s *scene, name string) {
	at := func(key int) ident.DN { return s.account(fmt.Sprintf("%s:%d", name, key)).DN }
	for _, first := range []int{0, 150} {
		s.dc.Replace(s, at(first), "userAccountControl", "514")
		s.dc.Replace(s, at(first+1), "title", "by hand")
		s.dc.Delete(s, at(first+2))
		s.dc.Replace(s, at(first+3), "employeeNumber", "nobody:1")
		a, b := at(first+4), at(first+5)
		s.dc.Move(s, a, "CN=interim", s.ou)
		s.dc.Move(s, b, a.RDN(), s.ou)
		s.dc.Move(s, s.ou.Child("interim"), b.RDN(), s.ou)
	}
}

// While a plan is being made, the feed brings the mirror up to date without
// waiting, and the plan is the one that would have been made without it.
func TestAPlanReadsOneMomentWhileTheFeedGoesOn(t *testing.T) {
	const name = "moment"
	s, _ := staffOf(t, name, 200)
	f := s.follower()
	s.catchUp(f)
	before, err := s.Plan(t.Context(), Request{Automation: name})
	if err != nil {
		t.Fatal(err)
	}
	guid := s.account(name + ":152").GUID
	disturbed := false
	ctx := inThePlan(t.Context(), func() {
		disturb(s, name)
		s.catchUp(f)
		_, there, err := s.Store.EntryByGUID(t.Context(), guid)
		if disturbed = true; err != nil || there {
			t.Errorf("the mirror did not go on: %v, %v", there, err)
		}
	})
	during, err := s.Plan(ctx, Request{Automation: name})
	if err != nil {
		t.Fatal(err)
	}
	if !disturbed || len(before.Changes) != 200 {
		t.Fatalf("nothing happened during the plan, or it is another: %v, %d", disturbed, len(before.Changes))
	}
	if d := diff.Diff(before.Changes, during.Changes); d != "" {
		t.Errorf("the plan is another:\n%s", d)
	}
	if d := diff.Diff(before.Quarantined, during.Quarantined); d != "" {
		t.Errorf("the quarantine is another:\n%s", d)
	}
}

// A run whose plan is overtaken by the feed writes only to the people whom it
// planned for, and to none who has changed since.
func TestNoWrongPersonWhileTheFeedGoesOn(t *testing.T) {
	const name = "wrong"
	s, _ := staffOf(t, name, 200)
	f := s.follower()
	was := map[ident.GUID]string{}
	for _, e := range s.dc.Find(t, "(employeeNumber="+name+":*)", "employeeNumber") {
		was[e.GUID] = strings.TrimPrefix(e.Attributes.First("employeeNumber"), name+":")
	}
	ctx := inThePlan(t.Context(), func() { disturb(s, name); s.catchUp(f) })
	r, err := s.Run(ctx, Request{Automation: name, Kind: store.KindManual, By: "test"})
	if err != nil {
		t.Fatal(err)
	}
	if r.Count(ident.ResultApplied) < 180 || r.Count(ident.ResultSkipped) == 0 {
		t.Errorf("counts: %+v", r.Counts)
	}
	for _, e := range s.dc.Find(t, "(sAMAccountName="+name+"*)", "title", "employeeNumber", "sAMAccountName") {
		key := was[e.GUID]
		if sam := e.Attributes.First("sAMAccountName"); sam != name+key {
			t.Errorf("%s has the sAMAccountName %s, and was of the key %s", e.DN, sam, key)
		}
		switch title := e.Attributes.First("title"); title {
		case "", "by hand", "Title " + key:
		default:
			t.Errorf("%s, the account of the key %s, has the title %q", e.DN, key, title)
		}
		if number := e.Attributes.First("employeeNumber"); number != name+":"+key && number != "nobody:1" {
			t.Errorf("the account of the key %s has the anchor %s", key, number)
		}
	}
	for _, key := range []int{1, 151} {
		if title := s.account(fmt.Sprintf("%s:%d", name, key)).Attributes.First("title"); title != "by hand" {
			t.Errorf("what was set by hand during the plan of %d was overwritten with %q", key, title)
		}
	}
}

// A read of everything takes several transactions: it waits for the plan.
func TestTheFeedReadsEverythingOnlyInItsTurn(t *testing.T) {
	const name = "turn"
	s, _ := staffOf(t, name, 150)
	f, err := s.Under(func() Settings {
		other := s.Settings
		other.Mirror.Attributes = append([]string{"department"}, other.Mirror.Attributes...)
		return other
	}()).Follow(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	read := make(chan error, 1)
	waiting := make(chan string, 8)
	planned, err := s.Plan(inThePlan(t.Context(), func() {
		go func() {
			_, err := f.Sync(progress.With(t.Context(), func(step progress.Step) {
				if strings.HasPrefix(step.Phase, "waiting") {
					waiting <- step.Phase
				}
			}))
			read <- err
		}()
		select {
		case who := <-waiting:
			if who != "waiting until automation turn has read the directory" {
				t.Errorf("waits: %s", who)
			}
		case err := <-read:
			t.Errorf("it did not wait: %v", err)
			read <- err
		}
	}), Request{Automation: name})
	if err != nil || len(planned.Changes) != 150 {
		t.Errorf("the plan: %d changes, %v", len(planned.Changes), err)
	}
	if err := <-read; err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// When a run has read another domain controller, the feed goes there instead of
// reading everything again; and while it is there, so do the runs.
func TestTheFeedAndRunsReadTheSameDomainController(t *testing.T) {
	d, err := memory.New("DC=ad,DC=test", nil)
	if err != nil {
		t.Fatal(err)
	}
	admin := memory.Account{DN: "CN=Administrator,CN=Users,DC=ad,DC=test", Administrator: true}
	one, two := "ldaps://dc1.ad.test", "ldaps://dc2.ad.test"
	var asked []string
	connect := func(_ context.Context, prefer string) (Directory, error) {
		asked = append(asked, prefer)
		dc := strings.TrimSuffix(strings.TrimPrefix(cmp.Or(prefer, one), "ldaps://"), ".ad.test")
		c, err := d.Connect(admin, dc)
		return remembered{c}, err
	}
	s := newSceneIn(t, &dirtest.Domain{BaseDN: "DC=ad,DC=test"}, one, connect, nil)
	follow := func() *Follower {
		f, err := s.Follow(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	f := follow()
	s.catchUp(f)
	client, err := s.Connect(t.Context(), two)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.sync(t.Context(), "one", client, true, nil); err != nil { // as a run that has to ask this one
		t.Fatal(err)
	}
	unit := ident.Attributes{"objectclass": {"organizationalUnit"}}
	if err := client.Add(t.Context(), "OU=New,DC=ad,DC=test", unit); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Sync(t.Context()); !errors.Is(err, ErrElsewhere) {
		t.Errorf("the feed: %v", err)
	}
	g := follow()
	report, err := g.Sync(t.Context())
	if err != nil || report.Full || report.Changed != 1 {
		t.Errorf("the next: %+v, %v", report, err)
	}
	if err := s.connected(t.Context(), func(Directory) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if got := asked[len(asked)-1]; got != two {
		t.Errorf("a run asks %q", got)
	}
	_, _ = f.Close(), g.Close()
	if err := s.connected(t.Context(), func(Directory) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if got := asked[len(asked)-1]; got != "" {
		t.Errorf("without a feed a run asks %q", got)
	}
}

// When a run has brought the mirror up to date between a look of the feed and its
// read, the feed does not take its older USN for a directory that was restored.
func TestTheFeedIsOvertakenByARun(t *testing.T) {
	const name = "overtaken"
	s, _ := staffOf(t, name, 1)
	f := s.follower()
	s.catchUp(f)
	if _, err := f.HighestUSN(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.run(name) // which writes, and so
	s.run(name) // the next one reads more than the feed has seen
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ctx = progress.With(ctx, func(step progress.Step) {
		if strings.HasPrefix(step.Phase, "waiting") { // for its turn to read everything
			cancel()
		}
	})
	err := s.alone(t.Context(), "planning", func() error { _, err := f.Sync(ctx); return err })
	if err != nil {
		t.Error(err)
	}
	if _, err := f.HighestUSN(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.dc.AddUser(t, s.ou, "Late", "late", nil) // after the look: the read may show it already
	s.catchUp(f)
	if _, err := f.HighestUSN(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.catchUp(f)
	if list, err := s.Store.EntriesByValue(t.Context(), "sAMAccountName", "late"); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
}

// After a restart too, the feed goes to the domain controller that the mirror is from,
// and so do runs as long as what differs is an event.
func TestTheDomainControllerOfTheMirrorIsPreferredAfterARestart(t *testing.T) {
	d, err := memory.New("DC=ad,DC=test", nil)
	if err != nil {
		t.Fatal(err)
	}
	admin := memory.Account{DN: "CN=Administrator,CN=Users,DC=ad,DC=test", Administrator: true}
	two := "ldaps://dc2.ad.test"
	var asked string
	connect := func(_ context.Context, prefer string) (Directory, error) {
		asked = prefer
		c, err := d.Connect(admin, "dc2")
		return remembered{c}, err
	}
	s := newSceneIn(t, &dirtest.Domain{BaseDN: "DC=ad,DC=test"}, two, connect, nil)
	restarted := func() *Engine {
		e, err := New(t.Context(), s.Engine.Settings)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(e.Close)
		return e
	}
	for _, events := range []bool{false, true} {
		s.Mirror.Events = events
		s.ReplaceMirror(s.Mirror)
		s.catchUp(s.follower())
		e := restarted()
		f, err := e.Follow(t.Context())
		if err != nil || asked != two {
			t.Errorf("events %v: the feed asks %q, %v", events, asked, err)
			continue
		}
		_ = f.Close()
		want := map[bool]string{true: two}[events]
		if err := e.connected(t.Context(), func(Directory) error { return nil }); err != nil || asked != want {
			t.Errorf("events %v: a run asks %q, %v", events, asked, err)
		}
	}
}

// TestAnotherMirrorIsReadAndInventsNothing: once an orchestration can be carried out
// that reads more attributes, the mirror has them, and nobody has changed by that.
func TestAnotherMirrorIsReadAndInventsNothing(t *testing.T) {
	const name = "renewed"
	s, _ := staffOf(t, name, 2)
	s.run(name)
	who := s.account(name + ":1")
	s.dc.Replace(s, who.DN, "department", "Sales")
	s.Mirror.Events = true
	s.ReplaceMirror(s.Mirror)
	f := s.follower()
	s.catchUp(f)
	more := s.Mirror
	more.Optional = []string{"department"}
	s.ReplaceMirror(more)
	s.catchUp(f)
	e, there, err := s.Store.EntryByGUID(t.Context(), who.GUID)
	if err != nil || !there || e.Attributes.First("department") != "Sales" {
		t.Errorf("the mirror does not have it: %+v, %v", e.Attributes, err)
	}
	events := func() []ident.Event {
		list, err := s.Store.OpenEvents(t.Context(), 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	if list := events(); len(list) != 0 {
		t.Errorf("events that nobody caused: %+v", list)
	}
	s.dc.Replace(s, who.DN, "department", "Support")
	s.catchUp(f)
	if list := events(); len(list) != 1 || len(list[0].Parts) != 1 || fmt.Sprint(list[0].Parts[0].Old) != "[Sales]" {
		t.Errorf("the change that follows: %+v", list)
	}
}

// A read that found something asks how far the domain controller is afterwards, too:
// what the feed saw before is too old for that.
func TestWhatTheFeedSawIsTakenOnce(t *testing.T) {
	d, err := memory.New("DC=ad,DC=test", nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := d.Connect(memory.Account{DN: "CN=Administrator,CN=Users,DC=ad,DC=test", Administrator: true}, "dc1")
	if err != nil {
		t.Fatal(err)
	}
	now, err := c.HighestUSN(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l := &looked{Directory: remembered{c}, engine: &Engine{turn: newTurnstile()}, usn: now - 7}
	for _, want := range []int64{now - 7, now} {
		if got, err := l.HighestUSN(t.Context()); got != want || err != nil {
			t.Errorf("%d, %v, want %d", got, err, want)
		}
	}
}
