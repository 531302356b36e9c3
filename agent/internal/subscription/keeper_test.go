package subscription

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// application is a vendor that remembers what it was asked.
type application struct {
	mu    sync.Mutex
	list  []Listed
	calls []string
	last  int
	fails map[string]error // by call
	want  Want
	lost  bool // the answer of make is lost
	shows func(*Listed)
}

var _ Vendor = (*application)(nil)

func (a *application) called(what string) error {
	a.calls = append(a.calls, what)
	name, _, _ := strings.Cut(what, " ")
	if err := a.fails[what]; err != nil {
		return err
	}
	return a.fails[name]
}

func (a *application) List(context.Context) ([]Listed, error) {
	defer time.Sleep(time.Millisecond) // so that whoever does not wait for his turn meets others
	a.mu.Lock()
	defer a.mu.Unlock()
	list := slices.Clone(a.list)
	for i := range list {
		if a.shows != nil {
			a.shows(&list[i])
		}
	}
	return list, a.called("list")
}

func (a *application) Make(context.Context) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.called("make"); err != nil {
		return "", err
	}
	a.last++
	id := fmt.Sprint(a.last)
	a.list = append(a.list, Listed{ID: id, URL: a.want.URL, Username: a.want.Username, Ours: true, Active: true})
	if a.lost {
		a.lost = false
		return "", errors.New("connection reset")
	}
	return id, nil
}

func (a *application) End(_ context.Context, id string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.called("end " + id); err != nil {
		return err
	}
	a.list = slices.DeleteFunc(a.list, func(l Listed) bool { return l.ID == id })
	return nil
}

// take returns what was asked since the last time.
func (a *application) take() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	calls := strings.Join(a.calls, ", ")
	a.calls = nil
	return calls
}

type scene struct {
	*testing.T
	*Keeper
	store *store.Store
	app   *application
	want  Want
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s, err := store.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	want := Want{URL: here, Username: "u", Reference: "@{env:P}"}
	return &scene{T: t, Keeper: New(s, time.Now), store: s, app: &application{want: want}, want: want}
}

func (s *scene) row() store.Subscription {
	s.Helper()
	row, _, err := s.store.Subscription(s.Context(), "crm")
	if err != nil {
		s.Fatal(err)
	}
	return row
}

func (s *scene) register() Outcome {
	s.Helper()
	out, err := s.Register(s.Context(), "crm", s.want, s.app, "ada", false)
	if err != nil {
		s.Fatal(err)
	}
	return out
}

func (s *scene) check() (Outcome, bool) {
	s.Helper()
	out, checked, err := s.Check(s.Context(), "crm", s.want, s.app)
	if err != nil {
		s.Fatal(err)
	}
	return out, checked
}

func (s *scene) asked(want string) {
	s.Helper()
	if got := s.app.take(); got != want {
		s.Errorf("the application was asked %q, want %q", got, want)
	}
}

func TestNothingIsMadeUnlessRegistered(t *testing.T) {
	s := newScene(t)
	if _, checked := s.check(); checked {
		t.Error("what nobody registered is checked")
	}
	s.asked("")
	s.register()
	if _, err := s.Unregister(t.Context(), "crm", s.want, s.app, "bo"); err != nil {
		t.Fatal(err)
	}
	s.app.take()
	if _, checked := s.check(); checked {
		t.Error("what was ended is checked")
	}
	s.asked("")
	if row := s.row(); row.State != store.SubscriptionEnded || row.By != "bo" || row.ID != "" {
		t.Errorf("%+v", row)
	}
	if out := s.register(); out.Made == "" || s.row().State != store.SubscriptionRegistered {
		t.Errorf("%+v", out)
	}
}

func TestARepairIsRemembered(t *testing.T) {
	s := newScene(t)
	s.register()
	s.asked("list, make")
	if out, checked := s.check(); !checked || out.Made != "" || s.row().Poll {
		t.Errorf("%+v, %+v", out, s.row())
	}
	s.asked("list")
	s.app.list = nil
	if out, _ := s.check(); out.Made != "2" {
		t.Errorf("%+v", out)
	}
	if row := s.row(); row.Repairs != 1 || !row.Poll || row.ID != "2" || !strings.Contains(row.RepairedWhy, "does not have it any more") || row.By != "ada" {
		t.Errorf("%+v", row)
	}
	if s.check(); s.row().Repairs != 1 || !s.row().Poll {
		t.Errorf("a run that is owed is forgotten: %+v", s.row())
	}
}

// TestACheckThatFailsChangesNothing: neither an application that does not answer
// nor one that refuses makes the agent forget what was registered.
func TestACheckThatFailsChangesNothing(t *testing.T) {
	s := newScene(t)
	s.register()
	before := s.row()
	for call, cause := range map[string]string{"list": "503", "make": "403"} {
		s.app.list = nil
		s.app.fails = map[string]error{call: errors.New(cause)}
		if _, _, err := s.Check(t.Context(), "crm", s.want, s.app); err == nil {
			t.Errorf("%s: no error", call)
		}
		row := s.row()
		if row.Cause != cause {
			t.Errorf("%s: cause %q", call, row.Cause)
		}
		row.Cause = ""
		if diff := cmp.Diff(before, row); diff != "" {
			t.Errorf("%s: %s", call, diff)
		}
	}
	s.app.fails = nil
	if out, _ := s.check(); out.Made == "" || s.row().Cause != "" {
		t.Errorf("%+v, %+v", out, s.row())
	}
}

// TestTheOldOneEndsLast: an address that cannot be registered leaves the one that
// works.
func TestTheOldOneEndsLast(t *testing.T) {
	s := newScene(t)
	s.register()
	s.app.take()
	s.want.URL, s.app.want.URL = here+"/new", here+"/new"
	s.app.fails = map[string]error{"make": errors.New("invalid URL")}
	if _, err := s.Register(t.Context(), "crm", s.want, s.app, "ada", false); err == nil || len(s.app.list) != 1 {
		t.Errorf("%v, %+v", err, s.app.list)
	}
	s.asked("list, make")
	s.app.fails = map[string]error{"end": errors.New("503")}
	if out := s.register(); out.Made != "2" || !strings.Contains(out.NotEnds, "503") || s.row().ID != "2" {
		t.Errorf("%+v", out)
	}
	s.asked("list, make, end 1")
}

// TestWhatDoesNotEndIsNotForgotten: after a change of the address the old
// subscription sends to nobody, and only its id tells that it is this agent's.
func TestWhatDoesNotEndIsNotForgotten(t *testing.T) {
	s := newScene(t)
	s.register()
	s.want.URL, s.app.want.URL = here+"/new", here+"/new"
	s.app.fails = map[string]error{"end": errors.New("503")}
	s.register()
	if row := s.row(); row.ID != "2" || !slices.Equal(row.Leftovers, []string{"1"}) {
		t.Errorf("%+v", row)
	}
	s.app.take()
	if out, _ := s.check(); out.Kept != "2" || out.NotEnds == "" || !slices.Equal(s.row().Leftovers, []string{"1"}) {
		t.Errorf("%+v, %+v", out, s.row())
	}
	s.asked("list, end 1")
	s.app.fails = nil
	if out, _ := s.check(); out.Kept != "2" || !slices.Equal(out.Ended, []string{"1"}) || s.row().Leftovers != nil || len(s.app.list) != 1 {
		t.Errorf("%+v, %+v", out, s.row())
	}
	s.app.take()
	s.check()
	s.asked("list")

	s.app.fails = map[string]error{"end": errors.New("503")}
	s.want.URL, s.app.want.URL = here, here
	s.check() // makes 3
	s.app.fails = map[string]error{"end 2": errors.New("503")}
	if _, err := s.Register(t.Context(), "crm", s.want, s.app, "ada", true); err != nil || !slices.Equal(s.row().Leftovers, []string{"2"}) {
		t.Errorf("of two, one has ended: %+v, %v", s.row(), err)
	}
	s.app.fails = nil
	out, err := s.Unregister(t.Context(), "crm", s.want, s.app, "bo")
	if err != nil || len(out.Ended) != 2 || len(s.app.list) != 0 || s.row().Leftovers != nil {
		t.Errorf("%+v, %v, %+v", out, err, s.row())
	}
}

// TestWhatAlwaysLooksOddIsReplacedOnce: an application may show an address or a
// name in its own way, and would show the next one in the same.
func TestWhatAlwaysLooksOddIsReplacedOnce(t *testing.T) {
	s := newScene(t)
	s.app.shows = func(l *Listed) { l.URL = "https://rollcall.example.com/***" }
	s.register()
	s.check()
	if out, _ := s.check(); out.Kept != "2" || out.Odd != "it sends to https://rollcall.example.com/***" || s.row().Repairs != 1 || len(s.app.list) != 1 {
		t.Errorf("%+v, %+v", out, s.row())
	}
	s.app.take()
	s.check()
	s.asked("list")

	s.app.shows = nil // and when somebody changes it later, it is replaced again
	if out, _ := s.check(); out.Odd != "" || s.row().Odd != "" {
		t.Errorf("%+v, %+v", out, s.row())
	}
	s.app.list[0].URL = "https://rollcall.example.com/***"
	if out, _ := s.check(); out.Made != "3" || s.row().Repairs != 2 {
		t.Errorf("%+v, %+v", out, s.row())
	}
}

// TestAnOddOneIsReplacedOnceBesideOthers: what counts is what the application showed of
// the registered one, not of another that sends to the same address, nor that somebody
// wanted it made anew.
func TestAnOddOneIsReplacedOnceBesideOthers(t *testing.T) {
	s := newScene(t)
	s.app.shows = func(l *Listed) {
		if l.ID != "0" {
			l.Username = "***"
		}
	}
	s.register()
	s.app.list = append([]Listed{{ID: "0", URL: here + "/", Username: "x", Ours: true, Active: true}}, s.app.list...)
	s.check()
	if out, _ := s.check(); out.Kept != "2" || out.Odd == "" {
		t.Errorf("replaced again: %+v, %+v", out, s.row())
	}
	if _, err := s.Register(t.Context(), "crm", s.want, s.app, "ada", true); err != nil {
		t.Fatal(err)
	}
	if out, _ := s.check(); out.Kept != "3" || out.Odd == "" {
		t.Errorf("replaced again after it was made anew: %+v, %+v", out, s.row())
	}
}

// forgetful is a store that remembers no more than so many rows.
type forgetful struct {
	Store
	left int
}

func (f *forgetful) PutSubscription(ctx context.Context, one store.Subscription, by, said string) error {
	if f.left--; f.left == -1 {
		return errors.New("disk full")
	}
	return f.Store.PutSubscription(ctx, one, by, said)
}

// TestACheckThatFailsLateForgetsNothing: what was made stays known when the end of the
// old one cannot be written down.
func TestACheckThatFailsLateForgetsNothing(t *testing.T) {
	s := newScene(t)
	s.register()
	s.want.URL, s.app.want.URL = here+"/new", here+"/new"
	s.Keeper = New(&forgetful{Store: s.store, left: 1}, time.Now)
	if _, _, err := s.Check(t.Context(), "crm", s.want, s.app); err == nil {
		t.Fatal("no error")
	}
	if row := s.row(); row.ID != "2" || row.URL != s.want.URL || !row.Poll || row.Cause != "disk full" {
		t.Errorf("%+v", row)
	}
	s.app.take()
	if out, _ := s.check(); out.Kept != "2" || s.row().Leftovers != nil {
		t.Errorf("%+v, %+v", out, s.row())
	}
}

func TestALostAnswerIsFound(t *testing.T) {
	s := newScene(t)
	s.app.lost = true
	if _, err := s.Register(t.Context(), "crm", s.want, s.app, "ada", false); err == nil {
		t.Error("no error")
	}
	if out := s.register(); out.Kept != "1" || len(s.app.list) != 1 {
		t.Errorf("%+v, %+v", out, s.app.list)
	}
	s.app.list[0].Active = false // and lost once more, in a check
	s.app.lost = true
	_, _, _ = s.Check(t.Context(), "crm", s.want, s.app)
	if out, _ := s.check(); out.Kept != "2" || !s.row().Poll {
		t.Errorf("%+v: what happened meanwhile is not looked for: %+v", out, s.row())
	}
}

// TestAnEndThatFailsIsNoReasonToMakeItAgain: the wish is remembered first.
func TestAnEndThatFailsIsNoReasonToMakeItAgain(t *testing.T) {
	s := newScene(t)
	s.register()
	for _, call := range []string{"list", "end"} {
		s.app.fails = map[string]error{call: errors.New("503")}
		if _, err := s.Unregister(t.Context(), "crm", s.want, s.app, "bo"); err == nil {
			t.Errorf("%s: no error", call)
		}
		if s.row().State != store.SubscriptionEnding {
			t.Errorf("%s: %+v", call, s.row())
		}
	}
	s.app.fails, s.app.list = nil, nil
	if _, checked := s.check(); checked {
		t.Error("it is made again")
	}
	if out, err := s.Unregister(t.Context(), "crm", s.want, s.app, "bo"); err != nil || len(out.Ended) != 0 || s.row().State != store.SubscriptionEnded {
		t.Errorf("%+v, %v, %+v", out, err, s.row())
	}
}

// TestUnregisterWithoutAReceiver: the table of the receiver may be gone by then.
func TestUnregisterWithoutAReceiver(t *testing.T) {
	s := newScene(t)
	s.register()
	if out, err := s.Unregister(t.Context(), "crm", Want{}, s.app, "ada"); err != nil || len(out.Ended) != 1 {
		t.Errorf("%+v, %v", out, err)
	}
}

// TestRegisterAndCheckAtOnce lets commands and the agent's own look meet: there is
// one subscription in the end.
func TestRegisterAndCheckAtOnce(t *testing.T) {
	s := newScene(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { _, _ = s.Register(t.Context(), "crm", s.want, s.app, "ada", false) })
		all.Go(func() { _, _, _ = s.Check(t.Context(), "crm", s.want, s.app) })
	}
	all.Wait()
	if len(s.app.list) != 1 {
		t.Errorf("%+v", s.app.list)
	}
}
