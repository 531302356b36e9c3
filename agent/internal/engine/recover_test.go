package engine

import (
	"cmp"
	"fmt"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/dctest"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// leave opens an intent as a run does that is then cut off.
func (s *scene) leave(in store.Intent) int64 {
	s.Helper()
	lease, err := s.Store.AcquireLease(s.Context(), "automation/"+in.Automation, "test", leaseTime)
	if err != nil {
		s.Fatal(err)
	}
	if in.Run, err = s.Store.StartRun(s.Context(), lease, store.Run{Automation: in.Automation, By: "test"}); err != nil {
		s.Fatal(err)
	}
	in.Application, in.Name, in.By = in.Automation, "Left "+string(in.Key), "test"
	in.Anchor = in.Application + ":" + string(in.Key)
	if in.Server == "" {
		in.Server = s.url
	}
	in.Operation.Verdict, in.Operation.Reason, in.Operation.Digest = ident.VerdictApply, "because", "d"+string(in.Key)
	if in.Link == nil {
		in.Link = &ident.Link{Application: in.Application, Key: in.Key, GUID: in.GUID, Automation: in.Automation, Origin: ident.OriginCreated}
	}
	if in.Operation.Class != ident.ClassCreate {
		in.GUID = cmp.Or(in.GUID, "10000000-2000-3000-4000-500000000000")
		in.Link.GUID = in.GUID
		if err := s.Store.PutLink(s.Context(), *in.Link, "test"); err != nil {
			s.Fatal(err)
		}
	}
	id, err := s.Store.OpenIntent(s.Context(), lease, in)
	if err != nil {
		s.Fatal(err)
	}
	if err := s.Store.FinishRun(s.Context(), lease, store.Run{ID: in.Run, Result: store.RunInterrupted}); err != nil {
		s.Fatal(err)
	}
	if err := s.Store.ReleaseLease(s.Context(), lease); err != nil {
		s.Fatal(err)
	}
	return id
}

// What cannot be settled of one user is an item of the quarantine, run after
// run, until a person has settled it. Everybody else goes on.
func TestRecoveryBlocksOneUserOnly(t *testing.T) {
	for name, tc := range map[string]struct {
		leave  func(*scene, string) // of the user with key 1
		cause  string
		next   string
		settle func(*scene, string)
	}{
		"anchors": {
			func(s *scene, name string) {
				s.dc.AddUser(s, s.ou, name+" a", name+"a", map[string][]string{"employeeNumber": {name + ":1"}})
				s.dc.AddUser(s, s.ou, name+" b", name+"b", map[string][]string{"employeeNumber": {name + ":1"}})
				s.leave(store.Intent{Automation: name, Key: "1", Operation: ident.Operation{Class: ident.ClassCreate}})
			},
			"2 accounts carry the anchor anchors:1: CN=anchors a,", "clear employeeNumber on those that do not belong to this person",
			func(s *scene, name string) { s.dc.Replace(s, s.ou.Child(name+" a"), "employeeNumber") },
		},
		"taken": {
			func(s *scene, name string) {
				guid := s.dc.AddUser(s, s.ou, name+" a", name+"a", map[string][]string{"employeeNumber": {name + ":1"}})
				link := ident.Link{Application: name, Key: "9", GUID: guid, Automation: "elsewhere", Origin: ident.OriginManual}
				if err := s.Store.PutLink(s.Context(), link, "test"); err != nil {
					s.Fatal(err)
				}
				s.leave(store.Intent{Automation: name, Key: "1", Operation: ident.Operation{Class: ident.ClassCreate}})
			},
			"was carried out and cannot be recorded", "if the other link is wrong, remove it: rollcall link remove taken 9",
			func(s *scene, name string) {
				if _, err := s.Unlink(s.Context(), ident.Users(name), "9", "test"); err != nil {
					s.Fatal(err)
				}
			},
		},
		"unreadable": {
			func(s *scene, name string) {
				id := s.leave(store.Intent{Automation: name, Key: "1", Operation: ident.Operation{Class: ident.ClassCreate}})
				s.exec(`UPDATE intents SET operation_json = '{"class":7' WHERE id = ?`, id)
			},
			"what it was about to do cannot be read", "run it once with the rollcall that wrote it",
			func(s *scene, _ string) { s.exec(`UPDATE intents SET operation_json = '{"class":"create"}'`) },
		},
		"linkless": {
			func(s *scene, name string) {
				id := s.leave(store.Intent{Automation: name, Key: "1", Operation: ident.Operation{Class: ident.ClassCreate}})
				s.exec(`UPDATE intents SET link_json = 'null' WHERE id = ?`, id)
			},
			"it has no link", "run it once with the rollcall that wrote it",
			func(s *scene, name string) {
				s.exec(`UPDATE intents SET link_json = json_object('application', ?, 'key', '1')`, name)
			},
		},
		"newer": {
			func(s *scene, name string) {
				s.leave(store.Intent{Automation: name, Key: "1", Operation: ident.Operation{Class: "teleport"}})
			},
			`does not know the operation "teleport"`, "run it once with the newer rollcall",
			func(s *scene, _ string) { s.exec(`UPDATE intents SET operation_json = '{"class":"create"}'`) },
		},
		"denied": {
			func(s *scene, name string) {
				guid := s.dc.Add(s, s.ou.Child(name+" a"), map[string][]string{"objectClass": {"contact"}}) // it has no userAccountControl to read
				s.leave(store.Intent{Automation: name, Key: "1", GUID: guid, Operation: ident.Operation{Class: ident.ClassEnable}})
			},
			"userAccountControl of CN=denied a,", "give the bind account the right to read that account",
			func(s *scene, name string) { s.dc.Delete(s, s.ou.Child(name+" a")) },
		},
		"elsewhere": {
			func(s *scene, name string) {
				s.Servers = []string{s.url, "ldaps://dc9.example.com"}
				s.leave(store.Intent{Automation: name, Key: "1", Server: "ldaps://dc9.example.com", Operation: ident.Operation{Class: ident.ClassCreate}})
			},
			"only ldaps://dc9.example.com knows, and it cannot be reached", "take it out of urls in [directory]",
			func(s *scene, _ string) { s.Servers = []string{s.url} },
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := &feed{records: []ident.Record{person("1", "Left One"), person("2", "Good Two")}}
			s := newScene(t, map[string]*feed{name: f})
			s.change(name, func(p *plan.Settings) { p.Adopt = plan.AdoptAuto })
			tc.leave(s, name)
			for round := range 2 {
				r := s.run(name)
				if r.Result != store.RunQuarantined || r.Count(ident.ResultSkipped)+r.Count(ident.ResultFailed) != 0 {
					t.Errorf("round %d: %s, %+v", round, r.Result, r.Outcomes)
				}
				items, err := s.Store.Quarantine(t.Context(), name)
				if err != nil || len(items) != 1 || items[0].Key != "1" || !strings.Contains(items[0].Cause, tc.cause) || !strings.Contains(items[0].Next, tc.next) {
					t.Errorf("round %d: quarantine %+v, %v", round, items, err)
				}
				s.account(name + ":2")
				if left, err := s.Store.Intents(t.Context()); err != nil || len(left) != 1 {
					t.Errorf("round %d: intents %+v, %v", round, left, err)
				}
			}
			tc.settle(s, name)
			s.run(name)
			if left, err := s.Store.Intents(t.Context()); err != nil || len(left) != 0 {
				t.Errorf("after it was settled: intents %+v, %v", left, err)
			}
		})
	}
}

// An operation that was carried out and cannot be recorded stops nobody else,
// and is made once: by this run, and by those that find it afterwards.
func TestACommitThatFails(t *testing.T) {
	f := &feed{records: []ident.Record{person("1", "Lost One"), person("2", "Good Two"), person("3", "Good Three")}}
	s := newScene(t, map[string]*feed{"lost": f})
	s.exec(`CREATE TRIGGER lost BEFORE INSERT ON outcomes WHEN NEW.key = '1' AND NEW.result = 'applied' BEGIN SELECT RAISE(ABORT, 'no'); END`)
	for round, want := range []store.RunResult{store.RunPartial, store.RunFailed} {
		r := s.run("lost")
		items, err := s.Store.Quarantine(t.Context(), "lost")
		if err != nil || r.Result != want || len(items) != 1 || items[0].Key != "1" || len(r.Summary.Quarantined) != 1 {
			t.Fatalf("round %d: %s, %+v, %v", round, r.Result, items, err)
		}
		for _, key := range []string{"1", "2", "3"} {
			s.account("lost:" + key)
		}
	}
	s.exec(`DROP TRIGGER lost`)
	s.run("lost")
	if r := s.run("lost"); r.Result != store.RunOK || len(r.Outcomes) != 0 {
		t.Errorf("after it was mended: %s, %+v", r.Result, r.Outcomes)
	}
	if _, linked, err := s.Store.LinkByKey(t.Context(), ident.Users("lost"), "1"); err != nil || !linked {
		t.Errorf("not linked: %v", err)
	}
}

// An outage is no fault of one user: it ends the run, and nobody is set aside.
func TestAnOutageInRecoveryEndsTheRun(t *testing.T) {
	dc := dctest.Start(t)
	proxy := dc.Proxy(t)
	s := newSceneAt(t, dc, proxy.URL, map[string]*feed{"outage": {}})
	guid := s.dc.AddUser(t, s.ou, "outage a", "outagea", nil)
	s.leave(store.Intent{Automation: "outage", Key: "1", GUID: guid, Operation: ident.Operation{Class: ident.ClassDisable}})
	a, err := s.automation("outage")
	if err != nil {
		t.Fatal(err)
	}
	client, err := s.Connect(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	r := &run{automation: a, Run: store.Run{Automation: "outage"}}
	s.begin(r, client, nil)
	proxy.Refuse()
	if err := r.job.Recover(t.Context()); err == nil || len(r.aside) != 0 {
		t.Errorf("%v, set aside: %+v", err, r.aside)
	}
}

// A user about whom another automation of the application has a write in doubt
// is left to that one: nobody is given a second account.
func TestAnotherAutomationsIntentIsAvoided(t *testing.T) {
	f, g := &feed{records: []ident.Record{person("1", "Left One"), person("2", "Good Two")}}, &feed{}
	s := newScene(t, map[string]*feed{"avoids": f, "avoided": g})
	s.change("avoids", func(p *plan.Settings) { p.Application = "avoided" })
	s.leave(store.Intent{Automation: "avoided", Key: "1", Server: "ldaps://dc9.example.com", Operation: ident.Operation{Class: ident.ClassCreate}})
	s.Servers = []string{s.url, "ldaps://dc9.example.com"}
	r := s.run("avoids")
	if n := len(r.Summary.Quarantined); n != 1 || r.Summary.Quarantined[0].Next != "let it run: rollcall apply avoided" {
		t.Errorf("%+v", r.Summary.Quarantined)
	}
	s.account("avoided:2")
	if found := s.dc.Find(t, "(employeeNumber=avoided:1)", "cn"); len(found) != 0 {
		t.Errorf("an account was made for whom another automation may have made one: %v", found)
	}
	if r := s.run("avoided"); !strings.Contains(fmt.Sprint(r.Summary.Quarantined), "only ldaps://dc9.example.com knows") {
		t.Errorf("%+v", r.Summary.Quarantined)
	}
}

// A write of an automation that is no longer configured, such as one that was
// renamed, is settled by another of its application: nobody else could do it.
func TestTheIntentOfAnAutomationThatIsGone(t *testing.T) {
	f := &feed{records: []ident.Record{person("1", "Left One"), person("2", "Left Two")}}
	s := newScene(t, map[string]*feed{"renamed": f})
	s.change("renamed", func(p *plan.Settings) { p.Application = "former" })
	create := ident.Operation{Class: ident.ClassCreate}
	made := s.dc.AddUser(t, s.ou, "former a", "formera", map[string][]string{"employeeNumber": {"former:1"}})
	s.leave(store.Intent{Automation: "former", Key: "1", Operation: create})
	s.leave(store.Intent{Automation: "former", Key: "2", Operation: create}) // was not carried out
	r := s.run("renamed")
	if len(r.Summary.Quarantined) != 0 {
		t.Errorf("%+v", r.Summary.Quarantined)
	}
	if left, err := s.Store.Intents(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("%+v, %v", left, err)
	}
	if e := s.account("former:1"); e.GUID != made {
		t.Errorf("a second account: %s", e.DN)
	}
	s.account("former:2")
}

// A dry run does not settle what was cut off, and makes nothing of it: the
// account of a create that was carried out is no anchor that somebody edited.
func TestAPlanBesideAnOpenIntent(t *testing.T) {
	f := &feed{records: []ident.Record{person("1", "Left One"), person("2", "Good Two")}}
	s := newScene(t, map[string]*feed{"dry": f})
	s.change("dry", func(p *plan.Settings) { p.Adopt = plan.AdoptReview })
	s.run("dry")
	f.records = append(f.records, person("3", "Left Three"))
	s.dc.AddUser(t, s.ou, "dry a", "drya", map[string][]string{"employeeNumber": {"dry:3"}})
	s.leave(store.Intent{Automation: "dry", Key: "3", Operation: ident.Operation{Class: ident.ClassCreate}})
	p, err := s.Plan(t.Context(), Request{Automation: "dry", By: "test"})
	if err != nil || len(p.Changes) != 0 || len(p.Notes) != 1 || p.Notes[0].Key != "3" || !strings.HasPrefix(p.Notes[0].Text, "left out: whether create of run 2 was carried out is not known yet") {
		t.Errorf("%+v, %+v, %v", p.Changes, p.Notes, err)
	}
	if r := s.run("dry"); r.Count(ident.ResultHeld) != 0 {
		t.Errorf("%+v", r.Counts)
	}
}

// Whoever is left out of a saved plan is told by its run, and in the
// quarantine: the run is not taken for one that did everything.
func TestASavedPlanBesideAnOpenIntent(t *testing.T) {
	f := &feed{records: []ident.Record{person("1", "Left One"), person("2", "Good Two")}}
	s := newScene(t, map[string]*feed{"savedleft": f})
	saved, err := s.Plan(t.Context(), Request{Automation: "savedleft"})
	if err != nil || len(saved.Changes) != 2 {
		t.Fatalf("%+v, %v", saved.Changes, err)
	}
	id := s.leave(store.Intent{Automation: "savedleft", Key: "1", Operation: ident.Operation{Class: ident.ClassCreate}})
	s.exec(`UPDATE intents SET operation_json = '{"class":7' WHERE id = ?`, id)
	r, err := s.ApplyPlan(t.Context(), saved, "test")
	if err != nil || r.Result != store.RunQuarantined || r.Count(ident.ResultApplied) != 1 {
		t.Errorf("%s, %+v, %v", r.Result, r.Counts, err)
	}
	s.account("savedleft:2")
	for where, items := range map[string][]string{"the quarantine": s.aside("savedleft", "1"), "the report": needs(r)} {
		if len(items) != 1 || !strings.Contains(items[0], "it cannot be found out whether an operation of run 1 was carried out: ") {
			t.Errorf("%s has %q", where, items)
		}
	}
}
