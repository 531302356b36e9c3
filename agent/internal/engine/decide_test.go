package engine

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// holding makes two accounts and a run that holds a new title for each.
func holding(t *testing.T, name string) (*scene, *feed, Report) {
	t.Helper()
	f := &feed{records: []ident.Record{person("1", "Held One"), person("2", "Held Two")}}
	s := newScene(t, map[string]*feed{name: f})
	s.run(name)
	f.records = []ident.Record{person("1", "Held One", "title", "Chief"), person("2", "Held Two", "title", "Chief")}
	s.change(name, func(p *plan.Settings) { p.Approval = plan.ApprovalAlways })
	r := s.run(name)
	if r.Count(ident.ResultHeld) != 2 {
		t.Fatalf("held: %+v", r.Counts)
	}
	return s, f, r
}

// titles counts the accounts of an automation that have the title.
func (s *scene) titles(name string) (n int) {
	for _, key := range []string{"1", "2"} {
		if s.account(name+":"+key).Attributes.First("title") == "Chief" {
			n++
		}
	}
	return n
}

// meanwhile has something happen when the next run connects to the directory.
func (s *scene) meanwhile(do func()) {
	connect := s.Connect
	s.Connect = func(ctx context.Context, prefer string) (Directory, error) {
		s.Connect = connect
		do()
		return connect(ctx, prefer)
	}
}

// database opens the store's file beside the store, to put it into a state in
// which only an older rollcall left it.
func (s *scene) database() *sql.DB {
	s.Helper()
	db, err := sql.Open("sqlite", filepath.Join(s.state, store.FileName))
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = db.Close() })
	return db
}

func (s *scene) exec(query string, args ...any) {
	s.Helper()
	if _, err := s.database().ExecContext(s.Context(), query, args...); err != nil {
		s.Fatal(err)
	}
}

// Whatever somebody decides while an approval is carried out, it is refused
// with the run's number, and what was approved is done, once.
func TestDecisionsWhileAnApprovalIsCarriedOut(t *testing.T) {
	s, _, held := holding(t, "twice")
	d := Decision{Run: held.ID, By: "ada"}
	refused := map[string]string{}
	s.meanwhile(func() {
		for name, decide := range map[string]func() error{
			"reject":  func() error { _, err := s.Reject(s.Context(), Decision{Run: held.ID, By: "eve"}); return err },
			"approve": func() error { _, err := s.Approve(s.Context(), d); return err },
			"only": func() error {
				_, err := s.Approve(s.Context(), Decision{Run: held.ID, Only: ident.ClassUpdate, By: "eve"})
				return err
			},
			"run": func() error { _, err := s.Run(s.Context(), Request{Automation: "twice", By: "eve"}); return err },
		} {
			if err := decide(); err != nil {
				refused[name] = err.Error()
			}
		}
	})
	r, err := s.Approve(t.Context(), d)
	if err != nil || r.Count(ident.ResultApplied) != 2 {
		t.Fatalf("%+v, %v", r.Counts, err)
	}
	for name, want := range map[string]string{
		"reject":  "nothing was rejected: reject held operations: update of Held One is being carried out by run",
		"approve": "another run of automation twice is under way, started by ada", "only": "is under way, started by ada", "run": "is under way, started by ada",
	} {
		if !strings.Contains(refused[name], want) {
			t.Errorf("%s: %q, want %q", name, refused[name], want)
		}
	}
	if n := s.titles("twice"); n != 2 {
		t.Errorf("%d titles were set", n)
	}
	for name, err := range map[string]error{
		"approve again": second(s.Approve(t.Context(), d)), "reject after": second(s.Reject(t.Context(), d)),
	} {
		if !errors.Is(err, ErrNothingHeld) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.change("twice", func(p *plan.Settings) { p.Approval = plan.ApprovalOverLimit })
	if r := s.run("twice"); len(r.Outcomes) != 0 || r.Result != store.RunOK {
		t.Errorf("the next run: %s, %+v", r.Result, r.Outcomes)
	}
}

func second[T any](_ T, err error) error { return err }

// A decision that came between the request to approve and its lease counts:
// nothing of what was rejected is begun.
func TestARejectionBeforeTheApprovalBegins(t *testing.T) {
	s, _, held := holding(t, "first")
	lease, err := s.Store.AcquireLease(t.Context(), "automation/first", "test", leaseTime)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := s.Reject(t.Context(), Decision{Run: held.ID, By: "eve"}); err != nil || n != 2 {
		t.Fatalf("%d rejected, %v", n, err)
	}
	if err := s.Store.ReleaseLease(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
	a, err := s.automation("first")
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.record(t.Context(), a, Request{Automation: "first", By: "ada"}, func(ctx context.Context, r *run) error {
		return s.claim(ctx, r, Decision{Run: held.ID})
	})
	if !errors.Is(err, ErrNothingHeld) {
		t.Errorf("claimed what was rejected: %v", err)
	}
	if n := s.titles("first"); n != 0 {
		t.Errorf("%d titles were set", n)
	}
}

// An older rollcall left an intent whose held operation had been decided
// otherwise. It is settled, whether its write was carried out or not, and the
// automation goes on.
func TestRecoveryOfWhatWasDecidedOtherwise(t *testing.T) {
	for _, decided := range []ident.Result{ident.ResultRejected, ident.ResultDropped, ident.ResultApplied} {
		for _, carriedOut := range []bool{true, false} {
			name := "old" + string(decided)
			if carriedOut {
				name += "done"
			}
			t.Run(name, func(t *testing.T) {
				s, f, held := holding(t, name)
				if carriedOut {
					s.dc.Replace(t, s.account(name+":1").DN, "title", "Chief")
				}
				s.leaveIntent(held, "1")
				s.exec(`UPDATE outcomes SET result = ? WHERE result = 'held'`, decided)
				f.records = []ident.Record{person("1", "Held One"), person("2", "Held Two"), person("3", "Held Three")}
				s.change(name, func(p *plan.Settings) { p.Approval = plan.ApprovalOverLimit })
				r := s.run(name)
				if r.Count(ident.ResultFailed)+r.Count(ident.ResultSkipped) != 0 {
					t.Errorf("%+v", r.Outcomes)
				}
				s.account(name + ":3")
				if left, err := s.Store.Intents(t.Context()); err != nil || len(left) != 0 {
					t.Errorf("intents left: %+v, %v", left, err)
				}
				list, err := s.Store.Outcomes(t.Context(), held.ID)
				if err != nil {
					t.Fatal(err)
				}
				if len(list) == 3 != carriedOut {
					t.Errorf("outcomes: %+v", list)
				}
				if want := "was " + string(decided); carriedOut && (list[2].Result != ident.ResultApplied || !strings.HasSuffix(list[2].Cause, want)) {
					t.Errorf("recovered as %+v", list[2])
				}
				if err := s.Store.VerifyJournal(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// leaveIntent opens the intent of a held operation as a run does that is then
// cut off.
func (s *scene) leaveIntent(held Report, key ident.Key) {
	s.Helper()
	list, err := s.Store.HeldOfRun(s.Context(), held.ID)
	if err != nil {
		s.Fatal(err)
	}
	i := 0
	for list[i].Key != key {
		i++
	}
	link, _, err := s.Store.LinkByKey(s.Context(), ident.Users(held.Automation), key)
	if err != nil {
		s.Fatal(err)
	}
	lease, err := s.Store.AcquireLease(s.Context(), "automation/"+held.Automation, "test", leaseTime)
	if err != nil {
		s.Fatal(err)
	}
	if _, err := s.Store.ClaimHeld(s.Context(), lease, held.ID, "", held.ID); err != nil {
		s.Fatal(err)
	}
	_, err = s.Store.OpenIntent(s.Context(), lease, store.Intent{
		Run: held.ID, Automation: held.Automation, Application: held.Automation, Key: key, GUID: link.GUID, Name: list[i].Name, DN: list[i].DN,
		Server: s.url, Anchor: held.Automation + ":" + string(key), Operation: list[i].Operation, Link: &link, By: "ada", HeldID: list[i].ID,
	})
	if err != nil {
		s.Fatal(err)
	}
	if err := s.Store.ReleaseLease(s.Context(), lease); err != nil {
		s.Fatal(err)
	}
}
