package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// each is an endpoint that is called for each record of another one.
type each struct {
	feed
	name, of string
	answer   func(ctx context.Context, parent ident.Record) ([]ident.Record, error)

	called sync.Map // the keys asked for
	state  func(parent ident.Record) string
}

var _ DependentFetcher = (*each)(nil)

func (f *each) Endpoint() string { return f.name }
func (f *each) Parent() string   { return f.of }

func (f *each) State(parent ident.Record) string {
	if f.state == nil {
		return ""
	}
	return f.state(parent)
}

func (f *each) Fetch(context.Context, ident.Position, func([]ident.Record) error) (string, error) {
	return "", errors.New("a dependent endpoint was called for everybody")
}

func (f *each) FetchFor(ctx context.Context, parent ident.Record) ([]ident.Record, error) {
	if _, again := f.called.LoadOrStore(parent.Key, true); again {
		return nil, fmt.Errorf("%s was asked for twice", parent.Key)
	}
	return f.answer(ctx, parent)
}

// asked returns for whom it was called, and forgets that.
func (f *each) asked() []ident.Key {
	var keys []ident.Key
	f.called.Range(func(key, _ any) bool { keys = append(keys, key.(ident.Key)); return true })
	f.called.Clear()
	slices.Sort(keys)
	return keys
}

// dependentScene is a scene with so many users, and hr that is called for each of them. It
// answers with the title of the parent's name.
func dependentScene(t *testing.T, inner bool, where string, users int) (*scene, *single, *each) {
	t.Helper()
	var all []ident.Record
	for i := range users {
		all = append(all, person(ident.Key(strconv.Itoa(i+1)), "Ada "+strconv.Itoa(i+1)))
	}
	s, lead, _ := joinScene(t, inner, where, all, nil)
	hr := &each{name: "hr", of: "users"}
	hr.answer = func(_ context.Context, parent ident.Record) ([]ident.Record, error) { return titleOf(parent), nil }
	a := s.Automations["crm"]
	a.Join = &Join{Inner: inner, Partners: []Fetcher{hr}}
	s.Automations["crm"] = a
	s.Replace(s.Automations, nil)
	return s, lead, hr
}

func titleOf(parent ident.Record) []ident.Record {
	return []ident.Record{ofHR(parent.Key, "title", fmt.Sprint("Title of ", parent.Fields["name"]), "on", "yes")}
}

// A dependent endpoint is called once for each parent, at most a few times at once, and
// whoever answers first or last gets the record that belongs to them.
func TestDependentEndpoint(t *testing.T) {
	const people = 40
	s, _, hr := dependentScene(t, false, "", people)
	var now, most atomic.Int32
	hr.answer = func(_ context.Context, parent ident.Record) ([]ident.Record, error) {
		n := now.Add(1)
		defer now.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		i, _ := strconv.Atoi(string(parent.Key))
		time.Sleep(time.Duration(i*7%5) * time.Millisecond)
		return titleOf(parent), nil
	}
	if r := s.run("crm"); r.Result != store.RunOK || r.Count(ident.ResultApplied) != people {
		t.Fatalf("%+v", r)
	}
	for i := range people {
		key := strconv.Itoa(i + 1)
		if got := s.title(key); got != "Title of Ada "+key+" 512" {
			t.Errorf("%s has %q", key, got)
		}
	}
	if got := hr.asked(); len(got) != people || most.Load() != mostAtOnce {
		t.Errorf("%d were asked for, at most %d at once", len(got), most.Load())
	}
}

// What cannot be had of one person sets that person aside, and nobody else: they stay as
// they are, whatever the filter would say without the record.
func TestADependentEndpointRefusesOne(t *testing.T) {
	one := func(key ident.Key, answer func(parent ident.Record) ([]ident.Record, error)) func(context.Context, ident.Record) ([]ident.Record, error) {
		return func(_ context.Context, parent ident.Record) ([]ident.Record, error) {
			if parent.Key == key {
				return answer(parent)
			}
			return []ident.Record{ofHR(parent.Key, "title", "New", "on", "yes")}, nil
		}
	}
	for name, c := range map[string]struct {
		answer func(ident.Record) ([]ident.Record, error)
		says   string // of key 2
		title  string
	}{
		"refused": {func(ident.Record) ([]ident.Record, error) {
			return nil, fmt.Errorf("asked: %w", refusedOne{errors.New("not found"), false})
		}, "2: endpoint hr: not found", "Title of Ada 2 512"},
		"doubled": {
			func(p ident.Record) ([]ident.Record, error) { return append(titleOf(p), titleOf(p)...), nil },
			"2: endpoint hr delivered the key 2 more than once", "Title of Ada 2 512",
		},
		"bad": {func(p ident.Record) ([]ident.Record, error) {
			return []ident.Record{{Endpoint: "hr", Key: p.Key, Problem: "half a letter"}}, nil
		}, "2: half a letter", "Title of Ada 2 512"},
		"nothing": {
			func(ident.Record) ([]ident.Record, error) { return nil, nil },
			"1 of the records has no record in endpoint hr (the first: key 2)", "Title of Ada 2 514",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, _, hr := dependentScene(t, false, `default(endpoints.hr.on, "no") == "yes"`, 5)
			s.change("crm", func(p *plan.Settings) { p.SourceShrink = plan.Limit{Percent: 20} })
			s.run("crm")
			hr.asked()
			hr.answer = one("2", c.answer)
			if got := told(s.planned("crm")); !strings.Contains(got, c.says) {
				t.Errorf("the plan says\n%s\nwant %s", got, c.says)
			}
			hr.asked()
			s.run("crm")
			if got := s.title("2"); got != c.title {
				t.Errorf("the account is %q, want %q", got, c.title)
			}
			for _, key := range []string{"1", "3", "5"} {
				if got := s.title(key); got != "New 512" {
					t.Errorf("%s has %q", key, got)
				}
			}
		})
	}
}

// An outage ends the run without a change, and so does an endpoint that refuses everybody.
// Whom it was about is told.
func TestAnOutageOfADependentEndpoint(t *testing.T) {
	s, lead, hr := dependentScene(t, false, "", 20)
	s.run("crm")
	down := errors.New("connection refused")
	refused := refusedOne{errors.New("not found"), false}
	for name, c := range map[string]struct {
		answer func(context.Context, ident.Record) ([]ident.Record, error)
		is     error
		says   string
	}{
		"outage of one": {func(_ context.Context, p ident.Record) ([]ident.Record, error) {
			if p.Key == "17" {
				return nil, down
			}
			return titleOf(p), nil
		}, down, "endpoint hr: key 17: connection refused"},
		"everybody refused": {
			func(context.Context, ident.Record) ([]ident.Record, error) { return nil, refused }, nil,
			"endpoint hr: none of the 20 records that it was called for gets an answer; the first: key 1: not found",
		},
		"panic": {func(context.Context, ident.Record) ([]ident.Record, error) { panic("seven") }, nil, "panic: seven"},
	} {
		hr.asked()
		lead.records[0] = person("1", "Eve")
		hr.answer = c.answer
		_, err := s.Run(t.Context(), Request{Automation: "crm", Kind: store.KindManual, By: "test"})
		if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if s.title("1") != "Title of Ada 1 512" || s.title("20") != "Title of Ada 20 512" {
			t.Errorf("%s: %s, %s", name, s.title("1"), s.title("20"))
		}
		for i := range int64(20) {
			if n, err := s.Store.CountStaged(t.Context(), -i); err != nil || n > 0 {
				t.Errorf("%s: %d records are still staged, %v", name, n, err)
			}
		}
	}
}

// One that has nothing any more for too many people holds everything, as any further
// endpoint does. Those whom it refuses are set aside, and are no answer that counts as less.
func TestADependentEndpointThatAnswersShort(t *testing.T) {
	nothing := func(ident.Record) ([]ident.Record, error) { return nil, nil }
	refused := func(ident.Record) ([]ident.Record, error) { return nil, refusedOne{errors.New("not found"), false} }
	s, _, hr := dependentScene(t, false, `default(endpoints.hr.on, "no") == "yes"`, 20)
	s.change("crm", func(p *plan.Settings) { p.SourceShrink = plan.Limit{Percent: 20} })
	s.run("crm")
	for i, c := range []struct {
		answer func(ident.Record) ([]ident.Record, error)
		want   store.RunResult
	}{{nothing, store.RunDoubtful}, {refused, store.RunQuarantined}, {nothing, store.RunDoubtful}, {func(p ident.Record) ([]ident.Record, error) { return titleOf(p), nil }, store.RunOK}} {
		hr.asked()
		hr.answer = func(_ context.Context, p ident.Record) ([]ident.Record, error) {
			if len(p.Key) == 1 {
				return c.answer(p)
			}
			return titleOf(p), nil
		}
		if r := s.run("crm"); r.Result != c.want || s.title("2") != "Title of Ada 2 512" {
			t.Errorf("%d: %s, want %s: %s", i, r.Result, c.want, s.title("2"))
		}
	}
}

// Only parents to whom something could be joined are asked for: not a doubled or faulty
// record, and not one of a further endpoint that belongs to nobody.
func TestForWhomADependentEndpointIsCalled(t *testing.T) {
	s, lead, hr := dependentScene(t, false, "", 3)
	lead.records = append(lead.records, person("4", "Twice"), person("4", "Twice"), ident.Record{Endpoint: "users", Key: "5", Problem: "a fault"},
		ident.Record{Endpoint: "users", Problem: "no key"})
	s.run("crm")
	if got := hr.asked(); !slices.Equal(got, []ident.Key{"1", "2", "3"}) {
		t.Errorf("asked for %v", got)
	}
	middle := &further{&single{feed: &feed{records: []ident.Record{
		{Endpoint: "cards", Key: "2", Fields: map[string]any{"name": "card 2"}}, {Endpoint: "cards", Key: "77", Fields: map[string]any{"name": "card 77"}},
	}}}, "cards"}
	hr.of = "cards"
	a := s.Automations["crm"]
	a.Join = &Join{Partners: []Fetcher{hr, middle}}
	s.Automations["crm"] = a
	s.Replace(s.Automations, nil)
	if s.run("crm"); s.title("2") != "Title of card 2 512" {
		t.Errorf("%s", s.title("2"))
	}
	if got := hr.asked(); !slices.Equal(got, []ident.Key{"2"}) {
		t.Errorf("asked for %v", got)
	}
}

// A run for one user asks for that user's record alone.
func TestDependentEndpointForChosenUsers(t *testing.T) {
	s, lead, hr := dependentScene(t, true, "", 5)
	request := Request{Automation: "crm", Kind: store.KindInstant, By: "test"}
	for _, no := range []string{"", "there is no such request"} {
		if lead.no = no; no != "" {
			request.Kind = store.KindChosen
		}
		lead.records[1] = person("2", "Bea"+no)
		r, err := s.RunKeys(t.Context(), request, []ident.Key{"2"})
		if err != nil || r.Count(ident.ResultApplied) == 0 || s.title("2") != "Title of Bea"+no+" 512" {
			t.Fatalf("%+v, %v", r, err)
		}
		if got := hr.asked(); !slices.Equal(got, []ident.Key{"2"}) {
			t.Errorf("asked for %v", got)
		}
	}
	hr.answer = func(_ context.Context, p ident.Record) ([]ident.Record, error) {
		return nil, map[ident.Key]error{"3": refusedOne{errors.New("not found"), false}}[p.Key]
	}
	p, err := s.PlanKeys(t.Context(), request, []ident.Key{"3"})
	if err != nil || len(p.Changes) > 0 || !strings.Contains(told(p), "3: endpoint hr: not found") {
		t.Errorf("%s, %v", told(p), err)
	}
}

// Where the parent's record tells of changes, only parents that have changed are asked for,
// and everybody after a day. A person who is asked about by name is always asked for, and
// what was refused or came twice is asked for again.
func TestOnlyForParentsThatHaveChanged(t *testing.T) {
	s, lead, hr := dependentScene(t, false, "", 5)
	hr.state = func(parent ident.Record) string {
		if parent.Key == "5" {
			return "" // its record does not tell
		}
		return fmt.Sprint(parent.Fields["name"])
	}
	refused := ident.Key("3")
	hr.answer = func(_ context.Context, parent ident.Record) ([]ident.Record, error) {
		switch parent.Key {
		case refused:
			return nil, refusedOne{errors.New("not found"), false}
		case "4":
			return nil, nil
		}
		return titleOf(parent), nil
	}
	now := time.Now()
	s.Now = func() time.Time { return now }
	step := func(what string, want ...ident.Key) {
		t.Helper()
		s.run("crm")
		if got := hr.asked(); !slices.Equal(got, want) {
			t.Errorf("%s: asked for %v, want %v", what, got, want)
		}
	}
	step("at first", "1", "2", "3", "4", "5")
	step("nothing has changed", "3", "5")
	if got := s.title("1"); got != "Title of Ada 1 512" {
		t.Errorf("what came before is lost: %s", got)
	}
	refused = ""
	lead.records[1].Fields["name"] = "Eve"
	step("one has changed", "2", "3", "5")
	if got := s.title("2"); got != "Title of Eve 512" {
		t.Errorf("after the change: %s", got)
	}
	s.instant("crm", "1")
	if got := hr.asked(); !slices.Equal(got, []ident.Key{"1"}) {
		t.Errorf("asked about by name: asked for %v", got)
	}
	now = now.Add(25 * time.Hour)
	step("a day later", "1", "2", "3", "4", "5")
}
