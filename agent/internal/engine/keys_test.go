package engine

import (
	"cmp"
	"context"
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

// single is a feed that can be asked for one record.
type single struct {
	*feed
	no    string                            // see KeyFetcher.NoSingle
	other map[ident.Key]func() ident.Record // answers with something else
	one   []ident.Key                       // asked for
	// refuses says with which error a record is refused, after its answer in other.
	refuses map[ident.Key]error
}

// refusedOne is an error about one record.
type refusedOne struct {
	error
	suspect bool
}

var _ SingleError = refusedOne{}

func (r refusedOne) Suspect() bool { return r.suspect }

var _ KeyFetcher = (*single)(nil)

func (f *single) NoSingle() string { return f.no }

func (f *single) FetchOne(ctx context.Context, key ident.Key, each func([]ident.Record) error) error {
	f.mu.Lock()
	f.one = append(f.one, key)
	f.mu.Unlock()
	if f.block != nil {
		if err := f.block(ctx); err != nil {
			return err
		}
	}
	if f.fails != nil {
		return f.fails
	}
	if answer, is := f.other[key]; is {
		return cmp.Or(each([]ident.Record{answer()}), f.refuses[key])
	}
	if err := f.refuses[key]; err != nil {
		return err
	}
	var found []ident.Record
	for _, r := range f.records {
		if r.Key == key || r.Number != "" && r.Key == oneSpelling(key) {
			found = append(found, r)
		}
	}
	if found == nil {
		return nil
	}
	return each(found)
}

// keysScene is a scene whose automation can be asked for one record.
func keysScene(t *testing.T, name string, records ...ident.Record) (*scene, *single) {
	t.Helper()
	f := &single{feed: &feed{records: records}}
	s := newScene(t, map[string]*feed{name: f.feed})
	a := s.Automations[name]
	a.Source = f
	s.Automations[name] = a
	return s, f
}

func (s *scene) instant(automation string, keys ...ident.Key) Report {
	s.Helper()
	r, err := s.RunKeys(s.Context(), Request{Automation: automation, Kind: store.KindInstant, By: "test"}, keys)
	if err != nil {
		s.Fatalf("run of %v: %v", keys, err)
	}
	return r
}

func notes(r Report, key ident.Key) string {
	var out []string
	for _, n := range r.Summary.Notes {
		if n.Key == key {
			out = append(out, n.Text)
		}
	}
	return strings.Join(out, "\n")
}

// A run of one user creates and changes that user, leaves everybody else as they
// are, and the next whole run has nothing left to do about them.
func TestARunOfOneUser(t *testing.T) {
	s, f := keysScene(t, "oneuser", person("1", "One"), person("2", "Two"), person("3", "Three"))
	s.run("oneuser")
	f.records = append(f.records[:2:2], person("4", "Four")) // the third is gone, the fourth is new
	f.records[0] = person("1", "One", "title", "Boss")
	f.records[1] = person("2", "Two", "title", "Clerk")

	r := s.instant("oneuser", "1")
	if r.Kind != store.KindInstant || r.Result != store.RunOK || len(r.Outcomes) != 1 || r.Outcomes[0].Key != "1" || r.Summary.NobodyMissing == "" {
		t.Fatalf("%s %s %+v %+v", r.Kind, r.Result, r.Outcomes, r.Summary)
	}
	if got := s.account("oneuser:1").Attributes.First("title"); got != "Boss" {
		t.Errorf("title %q", got)
	}
	if got := s.account("oneuser:2").Attributes.First("title"); got != "" {
		t.Errorf("somebody else's title is %q", got)
	}
	if !slices.Equal(f.one, []ident.Key{"1"}) || len(f.from) != 1 {
		t.Errorf("asked for %v, and %d times for everybody", f.one, len(f.from)-1)
	}
	if r := s.instant("oneuser", "4"); len(r.Outcomes) != 1 || r.Outcomes[0].Operation.Class != ident.ClassCreate {
		t.Errorf("%+v", r.Outcomes)
	}
	if r := s.instant("oneuser", "4"); len(r.Outcomes) != 0 || r.Result != store.RunOK {
		t.Errorf("again: %+v", r.Outcomes)
	}
	// The third is no longer delivered: nobody is missing because of these runs.
	if r := s.instant("oneuser", "3"); len(r.Outcomes) != 0 || !strings.Contains(notes(r, "3"), "no record with this key") {
		t.Errorf("%+v, %+v", r.Outcomes, r.Summary.Notes)
	}
	if !s.enabled(s.account("oneuser:3").GUID) {
		t.Error("an account was disabled by a run of one user")
	}
	if whole := s.run("oneuser"); whole.Counts[ident.ClassUpdate][ident.ResultApplied] != 1 ||
		whole.Counts[ident.ClassDisable][ident.ResultApplied] != 1 || len(whole.Outcomes) != 2 {
		t.Errorf("the whole run made %+v", whole.Counts)
	}
}

// What left the scope is left to the whole run; so is a key that is reported as
// deleted, one that comes without a record, and an answer about somebody else.
func TestNobodyIsMissingBecauseOfARunOfOneUser(t *testing.T) {
	s, f := keysScene(t, "onegone", person("1", "One"), person("2", "Two"), person("3", "Three"), person("4", "Four"))
	s.change("onegone", func(p *plan.Settings) { p.SourceShrink = plan.Limit{} }) // nothing may be missing
	s.run("onegone")
	f.other = map[ident.Key]func() ident.Record{
		"2": func() ident.Record { return gone("2") },
		"3": func() ident.Record { return person("4", "Somebody") },
		"4": func() ident.Record { return ident.Record{Problem: "no id"} },
	}
	r := s.instant("onegone", "2", "3", "4", "5")
	for key, want := range map[ident.Key]string{
		"2": "reported as deleted", "3": "the record of the key 4", "4": "no usable primary key: no id", "5": "no record with this key",
	} {
		if got := notes(r, key); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	if len(r.Outcomes) != 0 || r.Result != store.RunOK || r.Summary.Doubt != "" {
		t.Errorf("%s %+v %+v", r.Result, r.Outcomes, r.Summary)
	}
	for _, anchor := range []string{"onegone:1", "onegone:2", "onegone:3", "onegone:4"} {
		if e := s.account(anchor); !s.enabled(e.GUID) || e.Attributes.First("displayName") == "Somebody" {
			t.Errorf("%s was touched: %v", anchor, e.Attributes)
		}
	}
	f.other = nil
	if whole := s.run("onegone"); len(whole.Outcomes) != 0 || whole.Result != store.RunOK {
		t.Errorf("the whole run after it: %s %+v", whole.Result, whole.Outcomes)
	}
}

// Two records under one key are set aside, as in a whole run. What a whole run
// said about others stays, and what it said about this user is replaced.
func TestQuarantineOfARunOfOneUser(t *testing.T) {
	s, f := keysScene(t, "oneaside", person("1", "One"), person("1", "One again"), person("2", "Two"), ident.Record{Endpoint: "users", Key: "2", Fields: map[string]any{"id": "2"}})
	f.records = append(f.records, person("3", "Three"))
	s.run("oneaside")
	if got := s.items("oneaside"); len(got) != 2 {
		t.Fatalf("items %q", got)
	}
	if r := s.instant("oneaside", "1"); r.Result != store.RunQuarantined || len(r.Summary.Quarantined) != 1 || r.Summary.Records.Quarantined != 1 {
		t.Errorf("%s %+v", r.Result, r.Summary)
	}
	if got := s.items("oneaside"); len(got) != 2 {
		t.Errorf("items %q", got)
	}
	f.records[1] = person("9", "Nine") // the first has one record again
	if r := s.instant("oneaside", "1"); r.Result != store.RunOK || len(r.Outcomes) != 1 {
		t.Errorf("%s %+v", r.Result, r.Outcomes)
	}
	if got := s.items("oneaside"); len(got) != 1 || !strings.HasPrefix(got[0], "2 ") {
		t.Errorf("items %q", got)
	}
	f.records = f.records[1:] // and none
	if r := s.instant("oneaside", "1", "3"); len(r.Outcomes) != 0 || len(s.items("oneaside")) != 1 {
		t.Errorf("%+v %q", r.Outcomes, s.items("oneaside"))
	}
}

// Both kinds of runs count for the same limits, and what one of them holds the
// other holds on.
func TestLimitsOfARunOfOneUser(t *testing.T) {
	s, f := keysScene(t, "onelimit", person("1", "One"), person("2", "Two"), person("3", "Three"), person("4", "Four"))
	s.run("onelimit")
	s.change("onelimit", func(p *plan.Settings) { p.Limits = map[ident.Class]plan.Limit{ident.ClassUpdate: {Count: 2}} })
	title := func(text string) {
		for i, r := range f.records {
			f.records[i] = person(r.Key, r.Fields["name"].(string), "title", text)
		}
	}
	title("A")
	for _, key := range []ident.Key{"1", "2"} {
		if r := s.instant("onelimit", key); r.Count(ident.ResultApplied) != 1 {
			t.Fatalf("%s: %+v", key, r.Outcomes)
		}
	}
	third := s.instant("onelimit", "3")
	if third.Result != store.RunHeld || third.Count(ident.ResultHeld) != 1 {
		t.Fatalf("the third is %s: %+v", third.Result, third.Outcomes)
	}
	if r := s.instant("onelimit", "1"); r.Result != store.RunOK || r.Waiting != 0 {
		t.Errorf("a run of another user says %s and waits for %d", r.Result, r.Waiting)
	}
	whole := s.run("onelimit")
	if whole.Count(ident.ResultApplied) != 0 || whole.Count(ident.ResultHeld) != 1 || whole.Waiting != 1 {
		t.Errorf("the whole run: applied %d, held %d, waiting %d", whole.Count(ident.ResultApplied), whole.Count(ident.ResultHeld), whole.Waiting)
	}
	if _, err := s.Reject(t.Context(), Decision{Run: third.ID, By: "ada"}); err != nil {
		t.Fatal(err)
	}
	if r := s.instant("onelimit", "3"); r.Result != store.RunOK || len(r.Outcomes) != 0 {
		t.Errorf("what was rejected is asked again: %s %+v", r.Result, r.Outcomes)
	}
	if r := s.instant("onelimit", "2"); r.Result != store.RunOK { // forgets no rejection of others
		t.Errorf("%s", r.Result)
	}
	if r := s.run("onelimit"); r.Count(ident.ResultHeld) != 0 {
		t.Errorf("a run of somebody else has forgotten the rejection: %+v", r.Outcomes)
	}
	approved, err := s.Approve(t.Context(), Decision{Run: whole.ID, By: "ada"})
	if err != nil || approved.Count(ident.ResultApplied) != 1 {
		t.Errorf("%+v, %v", approved.Outcomes, err)
	}
}

// One key that is refused holds up nobody: it is set aside, whatever came of its
// record before, and the others are run for. Held operations about it stay.
func TestOneKeyOfManyIsRefused(t *testing.T) {
	s, f := keysScene(t, "onerefused", person("1", "One"), person("2", "Two"), person("3", "Three"))
	s.run("onerefused")
	bad := errors.New("the path has two dots")
	f.refuses = map[ident.Key]error{"..": refusedOne{bad, false}, "3": refusedOne{errors.New("500"), true}}
	f.records[0], f.records[1] = person("1", "One", "title", "A"), person("2", "Two", "title", "B")
	f.other = map[ident.Key]func() ident.Record{"3": func() ident.Record { return person("3", "Three", "title", "C") }}
	r := s.instant("onerefused", "..", "1", "3", "2")
	if r.Result != store.RunQuarantined || r.Count(ident.ResultApplied) != 2 || len(r.Unread) != 2 {
		t.Fatalf("%s %+v %v", r.Result, r.Outcomes, r.Unread)
	}
	for anchor, want := range map[string]string{"onerefused:1": "A", "onerefused:2": "B", "onerefused:3": ""} {
		if e := s.account(anchor); !s.enabled(e.GUID) || e.Attributes.First("title") != want {
			t.Errorf("%s: %v", anchor, e.Attributes)
		}
	}
	if got := strings.Join(s.items("onerefused"), "\n"); !strings.Contains(got, ".. ") || !strings.Contains(got, "the path has two dots") {
		t.Errorf("items %s", got)
	}
	s.instant("onerefused", "..", "1")
	if got := s.items("onerefused"); len(got) != 2 {
		t.Errorf("items %q", got)
	}
	delete(f.refuses, "3")
	if r := s.instant("onerefused", "3"); r.Count(ident.ResultApplied) != 1 || len(s.items("onerefused")) != 1 {
		t.Errorf("%+v %q", r.Outcomes, s.items("onerefused"))
	}
}

// What concerns everybody fails the run: an error that is not about one record,
// the same fault several times in a row, and an error about all that were asked for.
func TestWhatConcernsEverybodyFailsTheRun(t *testing.T) {
	fault := refusedOne{errors.New("503"), true}
	for name, refuses := range map[string]map[ident.Key]error{
		"credentials": {"2": errors.New("401")},
		"faults":      {"2": fault, "3": fault, "4": fault},
		"all":         {"1": refusedOne{errors.New("no"), false}, "2": fault, "3": fault, "4": refusedOne{errors.New("no"), false}},
	} {
		s, f := keysScene(t, "onefails", person("1", "One"), person("2", "Two"), person("3", "Three"), person("4", "Four"))
		f.refuses = refuses
		_, err := s.RunKeys(s.Context(), Request{Automation: "onefails", Kind: store.KindInstant, By: "test"}, []ident.Key{"1", "2", "3", "4"})
		if err == nil || !strings.Contains(err.Error(), "key ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// With an endpoint of changes, a run of one user moves no position and settles
// nothing that was retained.
func TestARunOfOneUserMovesNoPosition(t *testing.T) {
	s, f := keysScene(t, "onecursor", person("1", "One"), person("2", "Two"))
	f.changes, f.cursor = true, "c1"
	s.run("onecursor")
	f.records = []ident.Record{person("1", "One", "title", "Boss")}
	f.cursor = "c9"
	if r := s.instant("onecursor", "1"); r.Count(ident.ResultApplied) != 1 {
		t.Fatalf("%+v", r.Outcomes)
	}
	f.records = nil
	s.run("onecursor")
	if from := f.asked(); from.Cursor != "c1" {
		t.Errorf("the next fetch continues after %q", from.Cursor)
	}
	if got := s.account("onecursor:1").Attributes.First("title"); got != "Boss" {
		t.Errorf("title %q", got)
	}
}

// Runs of single users are no whole runs: not for the last success, not for what
// the last delivery says, and not for the schedule.
func TestARunOfOneUserStandsForNoWholeRun(t *testing.T) {
	s, f := keysScene(t, "onestands", person("1", "One"), person("2", "Two"))
	heard := &noting{}
	s.Observer = heard
	s.run("onestands")
	before, success := heard.result, heard.success
	if r, err := s.RunKeys(t.Context(), Request{Automation: "onestands", By: "ada"}, []ident.Key{"1"}); err != nil || r.Kind != store.KindChosen {
		t.Fatalf("%s, %v", r.Kind, err)
	}
	f.fails = errors.New("no answer")
	if _, err := s.RunKeys(t.Context(), Request{Automation: "onestands", Kind: store.KindInstant, By: "x"}, []ident.Key{"1"}); err == nil {
		t.Fatal("a fetch failed, and the run did not")
	}
	f.fails = nil
	if heard.result != before || !heard.success.Equal(success) || len(heard.ended) != 1 {
		t.Errorf("stands %s since %v, was %s since %v; %d runs ended", heard.result, heard.success, before, success, len(heard.ended))
	}
	if last, err := s.Store.LastScheduled(t.Context(), "onestands"); err != nil || !last.IsZero() {
		t.Errorf("%v, %v", last, err)
	}
	f.records = append(f.records, person("3", "Three"))
	s.instant("onestands", "3") // makes a link that is delivered already
	s.change("onestands", func(p *plan.Settings) { p.SourceShrink = plan.Limit{Percent: 20} })
	if r := s.run("onestands"); r.Result != store.RunOK || len(r.Outcomes) != 0 {
		t.Errorf("%s %+v", r.Result, r.Summary)
	}
	if link, _ := s.link("onestands", "3"); !link.Delivered || link.Unseen {
		t.Errorf("%+v", link)
	}
}

// Without a request for one record, a person's run fetches everybody and looks at
// the chosen, and an instant run says that it cannot.
func TestARunOfOneUserWithoutASingleRequest(t *testing.T) {
	s, f := keysScene(t, "onewhole", person("1", "One"), person("2", "Two"))
	f.no = "the connector has no such request"
	var no *NoSingleError
	if _, err := s.RunKeys(t.Context(), Request{Automation: "onewhole", Kind: store.KindInstant, By: "x"}, []ident.Key{"1"}); !errors.As(err, &no) {
		t.Fatalf("%v", err)
	}
	p, err := s.PlanKeys(t.Context(), Request{Automation: "onewhole"}, []ident.Key{"2"})
	if err != nil || len(p.Changes) != 1 || p.Changes[0].Key != "2" {
		t.Fatalf("%+v, %v", p.Changes, err)
	}
	r, err := s.RunKeys(t.Context(), Request{Automation: "onewhole", By: "ada"}, []ident.Key{"2"})
	if err != nil || len(r.Outcomes) != 1 || r.Outcomes[0].Key != "2" {
		t.Fatalf("%+v, %v", r.Outcomes, err)
	}
	for _, keys := range [][]ident.Key{nil, {""}, make([]ident.Key, mostKeys+1)} {
		if _, err := s.RunKeys(t.Context(), Request{Automation: "onewhole", By: "x"}, keys); err == nil {
			t.Errorf("%d keys are taken", len(keys))
		}
	}
}

// A key that is a number has one spelling, however a person writes it, and nobody
// gets a second account while a link still has another one.
func TestSpellingsOfARunOfOneUser(t *testing.T) {
	number := func(key, spelled, name string) ident.Record {
		r := person(ident.Key(key), name)
		r.Number = spelled
		return r
	}
	s, f := keysScene(t, "onespelled", number("7", "7", "Seven"), number("12", "12", "Twelve"))
	s.run("onespelled")
	f.records[0] = number("7", "7.0", "Seven")
	f.records[0].Fields["title"] = "Of Nine"
	if r := s.instant("onespelled", "7.0"); len(r.Outcomes) != 1 || r.Outcomes[0].Key != "7" || notes(r, "7.0") != "" {
		t.Errorf("%+v %+v", r.Outcomes, r.Summary.Notes)
	}
	s.exec(`UPDATE links SET key = '12.0' WHERE key = '12'`)
	if r := s.instant("onespelled", "12"); len(r.Outcomes) != 0 || r.Result != store.RunQuarantined {
		t.Errorf("%s %+v", r.Result, r.Outcomes)
	}
	if r := s.run("onespelled"); r.Count(ident.ResultApplied) > 1 { // at most the anchor's spelling
		t.Errorf("%+v", r.Outcomes)
	}
	if r := s.instant("onespelled", "12"); len(r.Outcomes) != 0 || r.Result != store.RunOK {
		t.Errorf("%s %+v", r.Result, r.Outcomes)
	}
}

// A whole run that becomes due during a run of one user waits for it instead of
// being left out; a run of one user during a whole run is refused, to be asked
// again. Runs of single users wait for each other.
func TestARunOfOneUserBesideAWholeRun(t *testing.T) {
	s, f := keysScene(t, "onebeside", person("1", "One"), person("2", "Two"))
	s.run("onebeside")
	at, open := make(chan struct{}, 8), make(chan struct{})
	f.block = func(context.Context) error { at <- struct{}{}; <-open; return nil }
	results := make(chan error, 3)
	one := func(key ident.Key) {
		_, err := s.RunKeys(t.Context(), Request{Automation: "onebeside", Kind: store.KindInstant, By: "x"}, []ident.Key{key})
		results <- err
	}
	go one("1")
	<-at
	go one("2")
	go func() {
		_, err := s.Run(t.Context(), Request{Automation: "onebeside", Kind: store.KindScheduled, By: "schedule"})
		results <- err
	}()
	close(open)
	var leased *store.LeasedError
	refused := 0
	for range 3 {
		if err := <-results; errors.As(err, &leased) {
			refused++
		} else if err != nil {
			t.Error(err)
		}
	}
	if last, err := s.Store.LastScheduled(t.Context(), "onebeside"); err != nil || last.IsZero() {
		t.Errorf("the scheduled run was left out: %v, %v", last, err)
	}
	if refused > 1 {
		t.Errorf("%d were refused", refused)
	}

	open = make(chan struct{})
	done := make(chan error, 1)
	go func() {
		_, err := s.Run(t.Context(), Request{Automation: "onebeside", Kind: store.KindScheduled, By: "schedule"})
		done <- err
	}()
	waitFor(t, func() bool {
		runs, err := s.Store.Runs(t.Context(), 1)
		return err == nil && len(runs) == 1 && runs[0].Result == store.RunRunning
	})
	if _, err := s.RunKeys(t.Context(), Request{Automation: "onebeside", Kind: store.KindInstant, By: "x"}, []ident.Key{"1"}); !errors.As(err, &leased) {
		t.Errorf("during a whole run: %v", err)
	}
	close(open)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// waitFor waits until something is so.
func waitFor(t *testing.T, is func() bool) {
	t.Helper()
	for begun := time.Now(); !is(); time.Sleep(time.Millisecond) {
		if time.Since(begun) > 2*time.Minute {
			t.Fatal("it never came to that")
		}
	}
}

// Many runs of single users and whole runs at once leave nobody with two
// accounts, nobody disabled, and everybody as the application has them.
func TestManyRunsOfSingleUsers(t *testing.T) {
	var all []ident.Record
	for i := range 12 {
		all = append(all, person(ident.Key(fmt.Sprint(i)), fmt.Sprint("Person ", i)))
	}
	s, _ := keysScene(t, "onemany", all...)
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			for {
				_, err := s.RunKeys(t.Context(), Request{Automation: "onemany", Kind: store.KindInstant, By: "x"}, []ident.Key{ident.Key(fmt.Sprint(i))})
				var leased *store.LeasedError
				if errors.As(err, &leased) {
					time.Sleep(time.Millisecond)
					continue
				}
				if err != nil {
					t.Error(err)
				}
				return
			}
		})
	}
	wg.Go(func() {
		for range 2 {
			if _, err := s.Run(t.Context(), Request{Automation: "onemany", Kind: store.KindScheduled, By: "schedule"}); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	for i := range 12 {
		if e := s.account(fmt.Sprint("onemany:", i)); !s.enabled(e.GUID) {
			t.Errorf("%s is disabled", e.DN)
		}
	}
	if r := s.run("onemany"); len(r.Outcomes) != 0 {
		t.Errorf("%+v", r.Outcomes)
	}
}
