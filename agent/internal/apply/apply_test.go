package apply

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/write"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/operation"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// What a failed write means for the one user, the run, and the intent.
func TestHowAWriteFails(t *testing.T) {
	refusal := func(attribute string) write.Refusal {
		return write.Refusal{Attribute: attribute, Err: &write.Error{Kind: write.Invalid, Cause: "too long", Next: "shorten it"}}
	}
	for name, c := range map[string]struct {
		op       ident.Operation
		err      *write.Error
		written  bool // the error is the answer to a write that was made
		ends     bool // the run
		results  string
		told     string // part: cause
		open     int
		refusals int
		link     func(ident.Link) bool
	}{
		"unknown, and made":     {op: update("title", "one", "two"), err: &write.Error{Kind: write.Unknown}, written: true, ends: true, open: 1},
		"unknown, and not made": {op: update("title", "one", "two"), err: &write.Error{Kind: write.Unknown}, ends: true, open: 1},
		"unavailable":           {op: update("title", "one", "two"), err: &write.Error{Kind: write.Unavailable}, ends: true},
		"stale": {
			op: update("title", "one", "two"), err: &write.Error{Kind: write.Stale, Cause: "changed"},
			results: "update skipped",
		},
		"denied": {
			op: update("title", "one", "two"), err: &write.Error{Kind: write.Denied, Cause: "no right"},
			results: "update failed", told: "account: update failed: no right", refusals: 1,
		},
		"taken": {
			op: update("title", "one", "two"), err: &write.Error{Kind: write.ValueTaken, Attribute: "title", Cause: "taken"},
			results: "update failed", told: "title: update failed: taken", refusals: 1,
		},
		"without an attribute": {
			op: ident.Operation{Class: ident.ClassUpdate, Attributes: []ident.AttributeChange{
				{Name: "title", Old: []string{"one"}, New: []string{"two"}}, {Name: "mail", New: []string{"m@x"}},
			}},
			err: &write.Error{Kind: write.Invalid, Done: ident.ClassUpdate, Refused: []write.Refusal{refusal("mail")}}, written: true,
			results: "update applied, update failed", told: "mail: mail: refused by the directory: too long", refusals: 1,
			link: func(l ident.Link) bool {
				return l.Applied["title"] == operation.Digest([]string{"two"}) && l.Applied["mail"] == ""
			},
		},
		"disabled, and not moved": {
			op:  ident.Operation{Class: ident.ClassDisable, From: staff.Child("Person 1"), To: leavers.Child("Person 1")},
			err: &write.Error{Kind: write.NameTaken, Done: ident.ClassDisable, Cause: "somebody is there"}, written: true,
			results: "disable failed", told: "account: disable failed: somebody is there",
			link: func(l ident.Link) bool { return l.MissingSince != nil && l.Left == "" && l.Placed == staff },
		},
		"in some groups": {
			op:  ident.Operation{Class: ident.ClassGroups, Groups: []ident.DN{"CN=G,DC=x"}},
			err: &write.Error{Kind: write.Denied, Done: ident.ClassGroups, Cause: "no right"}, written: true,
			results: "groups failed", told: "groups: groups failed: no right",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := opened(t)
			e := s.created("1")
			s.fault = func(_ ident.Operation, written bool) error {
				if written == c.written {
					return c.err
				}
				return nil
			}
			err := s.apply(about("1", e, c.op))
			if (err != nil) != c.ends || len(s.open()) != c.open {
				t.Errorf("ended by %v, open: %+v", err, s.open())
			}
			if got := s.results(); got != c.results {
				t.Errorf("outcomes %q, want %q", got, c.results)
			}
			told := ""
			for _, item := range s.told {
				told += item.Part + ": " + item.Cause
			}
			if told != c.told || s.failures != 0 {
				t.Errorf("told %q, %d failures; want %q", told, s.failures, c.told)
			}
			refused, err := s.store.Refusals(t.Context(), "a")
			if err != nil || len(refused) != c.refusals {
				t.Errorf("remembered as refused: %+v, %v", refused, err)
			}
			if l, ok := s.link("1"); !ok || c.link != nil && !c.link(l) {
				t.Errorf("the link: %+v", l)
			}
		})
	}
}

// TestACreateThatWasCutOff: the account was made without some attributes, and nobody
// heard of it. What it does not have is not remembered as written, so that the next
// plan writes it.
func TestACreateThatWasCutOff(t *testing.T) {
	s := opened(t)
	task := creation("1")
	task.Op.Attributes = append(task.Op.Attributes,
		ident.AttributeChange{Name: "manager", New: []string{"CN=Bo, OU=Staff,DC=x"}}, ident.AttributeChange{Name: "Mail", New: []string{"a@x"}})
	s.fault = func(_ ident.Operation, written bool) error {
		if !written {
			return nil
		}
		for _, e := range s.accounts {
			e.Attributes.Set("mail")
			e.Attributes.Set("title", "by hand")
			e.Attributes.Set("manager", "cn=Bo,OU=Staff,DC=x") // as the directory spells it
		}
		return &write.Error{Kind: write.Unknown}
	}
	if err := s.apply(task); err == nil || len(s.open()) != 1 {
		t.Fatalf("%v, open: %+v", err, s.open())
	}
	s.fault = func(ident.Operation, bool) error { return nil }
	if err := s.apply(); err != nil || len(s.open()) != 0 {
		t.Fatalf("%v, open: %+v", err, s.open())
	}
	l, _ := s.link("1")
	if got := slices.Sorted(maps.Keys(l.Applied)); !slices.Equal(got, []string{"cn", "employeenumber", "manager"}) {
		t.Errorf("the link remembers %q", got)
	}
	if l.Origin != ident.OriginCreated || l.Placed != staff {
		t.Errorf("the link: %+v", l)
	}
	all, err := s.store.Outcomes(t.Context(), 1)
	if err != nil || len(all) != 1 || len(all[0].Operation.Attributes) != 2 {
		t.Errorf("outcomes: %+v, %v", all, err)
	}
}

func (s *scene) results() string {
	var list []string
	for _, o := range s.recorded {
		list = append(list, string(o.Operation.Class)+" "+string(o.Result))
	}
	return strings.Join(list, ", ")
}

// A panic in the middle of one write concerns one user; nobody else's write is
// left out, and the next run finds out what became of it.
func TestAPanicWhileWriting(t *testing.T) {
	for _, late := range []bool{false, true} {
		s := opened(t)
		s.fault = func(op ident.Operation, written bool) error {
			if op.To.Name() == "Person 1" && written == late {
				panic("the writer fell down")
			}
			return nil
		}
		first := creation("1")
		after := Task{Change: first.Change, Op: ident.Operation{Class: ident.ClassGroups, Groups: []ident.DN{"CN=G,DC=x"}}}
		if err := s.apply(first, creation("2"), after); err != nil || s.results() != "create applied" || s.failures != 1 {
			t.Fatalf("%v, %s, %d failures", err, s.results(), s.failures)
		}
		if item := s.told[0]; item.Key != "1" || !strings.HasPrefix(item.Cause, "internal error of rollcall in create: the writer fell down") {
			t.Errorf("%+v", item)
		}
		s.fault = func(ident.Operation, bool) error { return nil }
		if err := s.apply(creation("1")); err != nil || len(s.accounts) != 2 || len(s.open()) != 0 {
			t.Errorf("%v, %d accounts, open %+v", err, len(s.accounts), s.open())
		}
	}
}

// What somebody else has linked since the plan was made is skipped, and the
// history says to whom.
func TestLinkedSince(t *testing.T) {
	s := opened(t)
	e := s.created("1")
	other := about("1", ident.Entry{GUID: "20000000-2000-3000-4000-500000000000"}, update("title", "one", "two"))
	for cause, task := range map[string]Task{
		"the record has been linked since to " + string(e.GUID):                  creation("1"),
		"the record has been linked since to another account, " + string(e.GUID): other,
		"the record is not linked":                                               about("2", e, update("title", "one", "two")),
	} {
		if err := s.apply(task); err != nil || len(s.recorded) != 1 || s.recorded[0].Result != ident.ResultSkipped ||
			s.recorded[0].Cause != cause || s.recorded[0].Next != PlanAnew {
			t.Errorf("%v, %+v; want %q", err, s.recorded, cause)
		}
	}
	if len(s.accounts) != 1 || s.accounts[e.GUID].Attributes.First("title") != "one" {
		t.Errorf("%+v", s.accounts)
	}
}

// While it is not known what became of a write of another automation, its user
// is left alone by all; the others are dealt with.
func TestAnotherAutomationsWrite(t *testing.T) {
	s := opened(t)
	s.fault = func(ident.Operation, bool) error { return &write.Error{Kind: write.Unknown} }
	err := s.run("b", func(j *Job) error { return j.Apply(t.Context(), []Task{creation("1")}) })
	if err == nil || len(s.open()) != 1 {
		t.Fatalf("%v, %+v", err, s.open())
	}
	s.fault = func(ident.Operation, bool) error { return nil }
	if err := s.apply(creation("1"), creation("2")); err != nil || s.results() != "create applied" || s.recorded[0].Key != "2" {
		t.Fatalf("%v, %s", err, s.results())
	}
	if len(s.told) != 1 || s.told[0].Key != "1" || s.told[0].Next != "let it run: rollcall apply b" {
		t.Errorf("%+v", s.told)
	}
	s.settings.Configured = func(name string) bool { return name != "b" }
	if err := s.apply(creation("1")); err != nil || len(s.told) != 0 || s.results() != "create applied" || len(s.open()) != 0 {
		t.Errorf("of an automation that is gone: %v, %+v, %s", err, s.told, s.results())
	}
}

// While another automation is writing about a user, nobody else does, and
// there is nothing to tell about it.
func TestAWriteUnderWay(t *testing.T) {
	s := opened(t)
	asked := false
	s.fault = func(_ ident.Operation, written bool) error {
		if written || asked {
			return nil
		}
		asked = true
		if err := s.apply(creation("1")); err != nil || len(s.recorded)+len(s.told) != 0 {
			t.Errorf("beside it: %v, %s, %+v", err, s.results(), s.told)
		}
		return nil
	}
	err := s.run("b", func(j *Job) error { return j.Apply(t.Context(), []Task{creation("1")}) })
	if err != nil || !asked || s.results() != "create applied" {
		t.Errorf("%v, %s", err, s.results())
	}
}

// A run asks the domain controller that knows about the writes of runs, whatever a
// directory step is writing to another at the moment.
func TestPreferredServerOfRuns(t *testing.T) {
	open := []store.Intent{
		{Application: "app", Server: "ldaps://dc1.x"},
		{Orchestration: "leaver", Server: "ldaps://dc2.x"},
	}
	for n, want := range map[int]string{0: "ldaps://dc1.x", 1: ""} {
		if got, err := PreferredServer(t.Context(), journalOf{list: open[n:]}); err != nil || got != want {
			t.Errorf("%d: prefers %q, %v", n, got, err)
		}
	}
}

// journalOf has open intents.
type journalOf struct {
	Journal
	list []store.Intent
}

func (j journalOf) Intents(context.Context) ([]store.Intent, error) { return j.list, nil }

// Only the domain controller that a write went to knows what became of it, as
// long as it may come back.
func TestAnotherServer(t *testing.T) {
	s := opened(t)
	s.settings.Servers = append(s.settings.Servers, "ldaps://dc2.x")
	s.fault = func(ident.Operation, bool) error { return &write.Error{Kind: write.Unknown} }
	if err := s.apply(creation("1")); err == nil {
		t.Fatal("not in doubt")
	}
	if prefer, err := PreferredServer(t.Context(), s.store); err != nil || prefer != dc {
		t.Errorf("prefers %q, %v", prefer, err)
	}
	s.fault = func(ident.Operation, bool) error { return nil }
	s.server = "ldaps://dc2.x"
	err := s.apply(creation("1"))
	if err != nil || len(s.told) != 1 || !strings.Contains(s.told[0].Cause, "only "+dc+" knows") || len(s.open()) != 1 {
		t.Errorf("%v, %+v", err, s.told)
	}
	notes, err := Unsettled(t.Context(), s.store, ident.Users("app"))
	const left = "left out: whether create of run 1 was carried out is not known yet"
	if err != nil || len(notes) != 1 || notes[0].Key != "1" || !strings.HasPrefix(notes[0].Text, left) {
		t.Errorf("%+v, %v", notes, err)
	}
	s.settings.Servers = []string{"ldaps://dc2.x"}
	if err := s.apply(creation("1")); err != nil || len(s.open()) != 0 || len(s.accounts) != 1 {
		t.Errorf("gone for good: %v, %+v", err, s.open())
	}
}

// Several writes are under way at once, but those about one user keep their
// order.
func TestOneUserInOrder(t *testing.T) {
	s := opened(t)
	s.settings.Writers = 8
	var tasks []Task
	change := &ident.Change{Key: "1", GUID: s.created("1").GUID}
	title := "one"
	for i := range 12 {
		next := strings.Repeat("x", i+1)
		tasks = append(tasks, Task{Change: change, Op: update("title", title, next)})
		title = next
	}
	have := "one"
	s.fault = func(op ident.Operation, written bool) error {
		if written {
			have = op.Attributes[0].New[0]
		} else if op.Attributes[0].Old[0] != have {
			return &write.Error{Kind: write.Stale, Cause: "out of order"}
		}
		return nil
	}
	if err := s.apply(tasks...); err != nil || have != title {
		t.Errorf("%v, ends with %q: %s", err, have, s.results())
	}
}

// Operations that come after others wait for them, in whatever order they are
// given. What waits in vain is skipped, and an account that stepped aside gets
// back what it had.
func TestTwoSwap(t *testing.T) {
	for name, c := range map[string]struct {
		fails   string // the new value that the directory refuses
		want    string
		results string
	}{
		"all goes well":              {"", "two one", "update applied, update applied, update applied"},
		"the other does not get it":  {"one", "one two", "update applied, update failed, update skipped, update applied"},
		"nobody can step aside":      {"interim", "one two", "update failed, update skipped, update skipped"},
		"the last step is not taken": {"two", "one two", "update applied, update applied, update failed, update applied, update applied"},
	} {
		t.Run(name, func(t *testing.T) {
			s := opened(t)
			first, second := s.created("1"), s.created("2")
			if err := s.apply(about("2", second, update("title", "one", "two"))); err != nil {
				t.Fatal(err)
			}
			aside := about("1", first, update("title", "one", "interim"))
			aside.Op.Aside = true
			takes := about("2", second, update("title", "two", "one"))
			takes.Op.After = []ident.Step{{Class: ident.ClassUpdate, Key: "1"}}
			gets := Task{Change: aside.Change, Op: update("title", "interim", "two")}
			gets.Op.After, gets.Op.Digest = []ident.Step{{Class: ident.ClassUpdate, Key: "2"}}, "gets"
			refused := false
			s.fault = func(op ident.Operation, written bool) error {
				if written || refused || op.Attributes[0].New[0] != c.fails {
					return nil
				}
				refused = true
				return &write.Error{Kind: write.Denied, Cause: "no"}
			}
			if err := s.apply(takes, aside, gets); err != nil {
				t.Fatal(err)
			}
			got := s.accounts[first.GUID].Attributes.First("title") + " " + s.accounts[second.GUID].Attributes.First("title")
			if got != c.want || s.results() != c.results {
				t.Errorf("%s: %s; want %s: %s", got, s.results(), c.want, c.results)
			}
		})
	}
}

// TestWhatFollowsBeginsWithTheOutcome: an orchestration begins for an operation
// that was carried out, also when the run that did it was killed before it could
// say so, and for no other.
func TestWhatFollowsBeginsWithTheOutcome(t *testing.T) {
	s := opened(t)
	s.settings.Follows = func(automation, by string, o ident.Outcome, _ string) []store.NewInstance {
		return []store.NewInstance{{
			Orchestration: "joiner", Definition: []byte(`{}`), Automation: automation, Trigger: "after created", By: by, GUID: o.GUID, DN: o.DN, Name: o.Name,
		}}
	}
	if err := s.apply(creation("1")); err != nil {
		t.Fatal(err)
	}
	s.world.fault = func(ident.Operation, bool) error {
		return &write.Error{Kind: write.Invalid, Cause: "too long", Next: "shorten it"}
	}
	if err := s.apply(creation("2")); err != nil {
		t.Fatal(err)
	}
	due, err := s.store.DueInstances(t.Context(), time.Now(), 10)
	if err != nil || len(due) != 1 || due[0].GUID != s.created("1").GUID || due[0].Automation != "a" {
		t.Errorf("%+v, %v", due, err)
	}
}
