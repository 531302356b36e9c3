package engine

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// aside returns what the quarantine of the automation holds about a key.
func (s *scene) aside(automation string, key ident.Key) []string {
	s.Helper()
	items, err := s.Store.Quarantine(s.Context(), automation)
	if err != nil {
		s.Fatal(err)
	}
	var out []string
	for _, q := range items {
		if q.Key == key {
			out = append(out, q.Part+": "+q.Cause)
		}
	}
	return out
}

func (s *scene) wantRun(automation string, result store.RunResult) Report {
	s.Helper()
	r := s.run(automation)
	if r.Result != result {
		s.Fatalf("run is %s, want %s: %+v", r.Result, result, r.Summary)
	}
	return r
}

// Somebody active whose account is disabled is told by each run, until a
// person has enabled it or said that it is meant to be so; when it has gone and
// come back, it is told again.
func TestDisabledByHandIsToldUntilSettled(t *testing.T) {
	source := &feed{records: []ident.Record{person("1", "Ada"), person("2", "Bo")}}
	s := newScene(t, map[string]*feed{"told": source})
	s.wantRun("told", store.RunOK)
	dn := s.account("told:1").DN
	s.dc.Replace(t, dn, "userAccountControl", "514")
	for range 2 {
		s.wantRun("told", store.RunQuarantined)
		if got := s.aside("told", "1"); len(got) != 1 || !strings.HasPrefix(got[0], "account: disabled by somebody else") {
			t.Fatalf("quarantine has %q", got)
		}
	}
	if _, err := s.Accept(t.Context(), "told", "2", "ada"); !errors.Is(err, ErrNothingToAccept) {
		t.Errorf("accepting what is not reported: %v", err)
	}
	var unknown *ident.UnknownNameError
	if _, err := s.Accept(t.Context(), "nobody", "1", "ada"); !errors.As(err, &unknown) {
		t.Errorf("an automation that is not there: %v", err)
	}
	accepted, err := s.Accept(t.Context(), "told", "1", "ada")
	if err != nil || len(accepted) != 1 {
		t.Fatalf("accepted %v, %v", accepted, err)
	}
	for range 2 {
		r := s.wantRun("told", store.RunOK)
		if len(r.Summary.Notes) != 1 || !strings.HasSuffix(r.Summary.Notes[0].Text, " (accepted by ada)") {
			t.Fatalf("notes %v", r.Summary.Notes)
		}
	}
	s.dc.Replace(t, dn, "userAccountControl", "512")
	if r := s.wantRun("told", store.RunOK); len(r.Summary.Notes) != 0 {
		t.Errorf("notes %v", r.Summary.Notes)
	}
	s.dc.Replace(t, dn, "userAccountControl", "514")
	s.wantRun("told", store.RunQuarantined)
}

// After a loss of the state, whoever left meanwhile is told by name by each
// run, until the account is disabled.
func TestStraysAreToldUntilSettled(t *testing.T) {
	source := &feed{records: []ident.Record{person("1", "Ada")}}
	s := newScene(t, map[string]*feed{"strays": source})
	left := func(name, key string) ident.DN {
		s.dc.AddUser(t, s.ou, name, "stray"+key, map[string][]string{"employeeNumber": {"strays:" + key}})
		return s.ou.Child(name)
	}
	first, second := left("Stray Bo", "2"), left("Stray Cy", "3")
	source.records = nil
	s.run("strays") // an empty answer decides nothing, and is no reason to stop believing anchors
	source.records = []ident.Record{person("1", "Ada")}
	for range 2 {
		s.wantRun("strays", store.RunQuarantined)
		for key, dn := range map[ident.Key]ident.DN{"2": first, "3": second} {
			if got := s.aside("strays", key); len(got) != 1 || !strings.Contains(got[0], string(dn)+" carries the anchor strays:"+string(key)) {
				t.Fatalf("quarantine of key %s has %q", key, got)
			}
		}
	}
	s.dc.Replace(t, first, "userAccountControl", "514")
	if _, err := s.Accept(t.Context(), "strays", "3", "ada"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if r := s.wantRun("strays", store.RunOK); len(r.Summary.Notes) != 1 || r.Summary.Notes[0].Key != "3" {
			t.Errorf("notes %v", r.Summary.Notes)
		}
	}
}

// A write that fails stands in the quarantine, not in that run's report alone,
// and its run is no success; nor is one that does not try the same again yet.
func TestFailedWritesStandInTheQuarantine(t *testing.T) {
	source := &feed{records: []ident.Record{person("1", "Ada"), person("2", "Bo")}}
	s := newScene(t, map[string]*feed{"writes": source})
	s.wantRun("writes", store.RunOK)
	scope := s.Rules.Scope
	s.Rules.Scope = []ident.DN{"OU=Elsewhere," + s.dc.BaseDN}
	source.records = []ident.Record{person("1", "Ada", "title", "CTO"), person("2", "Bo"), person("3", "Cy")}
	for _, why := range []string{"2 of 2 writes failed; the first: create of Cy", "nothing was written: 2 writes that the directory refused before wait to be tried again"} {
		if r := s.wantRun("writes", store.RunFailed); !strings.HasPrefix(r.Error, why) {
			t.Errorf("why the run failed: %q, want %q", r.Error, why)
		}
		if got := s.aside("writes", "1"); len(got) != 1 || !strings.HasPrefix(got[0], "account: update failed: ") {
			t.Errorf("quarantine has %q", got)
		}
		if got := s.aside("writes", "3"); len(got) != 1 || !strings.HasPrefix(got[0], ": create failed: ") {
			t.Errorf("quarantine has %q", got)
		}
	}
	s.Rules.Scope = scope
	source.records = append(source.records, person("4", "Di"))
	if r := s.wantRun("writes", store.RunPartial); r.Error != "2 writes that the directory refused before wait to be tried again: `rollcall quarantine list` says why and until when" {
		t.Errorf("what waits beside what was written: %q", r.Error)
	}
	if _, err := s.RetryRefused(t.Context(), "writes", ""); err != nil { // instead of waiting
		t.Fatal(err)
	}
	s.wantRun("writes", store.RunOK)
	if got := slices.Concat(s.aside("writes", "1"), s.aside("writes", "3")); len(got) != 0 {
		t.Errorf("quarantine has %q", got)
	}
}

// Two automations of one application lose their state: each restores its own
// links, in whatever order they run, and takes nobody of the other's for a
// leaver.
func TestStraysOfTwoAutomations(t *testing.T) {
	staff, temps := &feed{records: []ident.Record{person("1", "Ada")}}, &feed{records: []ident.Record{person("2", "Bo")}}
	s := newScene(t, map[string]*feed{"pairstaff": staff, "pairtemps": temps})
	automations := map[string]Automation{}
	for name, a := range s.configured.Load().automations {
		a.Settings.Application = "pair"
		automations[name] = a
	}
	s.Replace(automations, nil)
	for key, name := range map[string]string{"1": "Ada", "2": "Bo", "3": "Cy"} {
		s.dc.AddUser(t, s.ou, "Pair "+name, "pair"+key, map[string][]string{"employeeNumber": {"pair:" + key}, "displayName": {name}})
	}
	s.wantRun("pairstaff", store.RunQuarantined)
	if got := s.aside("pairstaff", ""); len(got) != 1 || got[0] != "account: 2 enabled accounts have an anchor of pair and no link since the loss of the state; pairtemps, which may know them, has not been run since" {
		t.Errorf("quarantine has %q", got)
	}
	if got := s.aside("pairstaff", "2"); len(got) != 0 {
		t.Errorf("somebody of the other automation is taken for a leaver: %q", got)
	}
	for _, name := range []string{"pairtemps", "pairstaff"} {
		if r := s.wantRun(name, store.RunQuarantined); r.Count(ident.ResultHeld) != 0 {
			t.Errorf("%s holds %+v", name, r.Outcomes)
		}
		if got := s.aside(name, "3"); len(got) != 1 || !strings.Contains(got[0], "carries the anchor pair:3") {
			t.Errorf("the leaver is not told by %s: %q", name, got)
		}
		if got := s.aside(name, ""); len(got) != 0 {
			t.Errorf("%s says %q", name, got)
		}
	}
	for key, name := range map[ident.Key]string{"1": "pairstaff", "2": "pairtemps"} {
		l, linked, err := s.Store.LinkByKey(t.Context(), ident.Users("pair"), key)
		if err != nil || !linked || l.Automation != name || l.Origin != ident.OriginRestored {
			t.Errorf("the link of %s: %+v, %v, %v", key, l, linked, err)
		}
	}
	// An anchor that comes up later is nobody's word.
	s.dc.AddUser(t, s.ou, "Pair Di", "pair4", map[string][]string{"employeeNumber": {"pair:4"}, "displayName": {"Di"}})
	temps.records = append(temps.records, person("4", "Di"))
	s.run("pairtemps")
	if _, linked, err := s.Store.LinkByKey(t.Context(), ident.Users("pair"), "4"); linked || err != nil {
		t.Errorf("linked without a review: %v, %v", linked, err)
	}
}

// A delivery that says nothing about who is missing settles nothing: what was
// accepted stays accepted.
func TestAcceptedOutlivesADoubtfulDelivery(t *testing.T) {
	whole := []ident.Record{person("1", "Ada"), person("2", "Bo"), person("3", "Cy")}
	source := &feed{records: whole}
	s := newScene(t, map[string]*feed{"doubt": source})
	s.wantRun("doubt", store.RunOK)
	s.dc.Replace(t, s.account("doubt:1").DN, "adminCount", "1")
	source.records = whole[1:]
	s.wantRun("doubt", store.RunQuarantined)
	if _, err := s.Accept(t.Context(), "doubt", "1", "ada"); err != nil {
		t.Fatal(err)
	}
	s.wantRun("doubt", store.RunOK)
	for name, doubtful := range map[string][]ident.Record{
		"a key twice": {whole[1], whole[2], whole[2]}, "no key": {whole[1], whole[2], person("", "Di")}, "nobody": {},
	} {
		source.records = doubtful
		if r := s.wantRun("doubt", store.RunDoubtful); !strings.HasPrefix(r.Error, "the delivery is in doubt: ") {
			t.Errorf("why the run is doubtful: %q", r.Error)
		}
		source.records = whole[1:]
		if r := s.run("doubt"); r.Result != store.RunOK || len(r.Summary.Notes) != 1 {
			t.Fatalf("after %s: %s, quarantine %q", name, r.Result, s.items("doubt"))
		}
	}
	s.dc.Replace(t, s.account("doubt:2").DN, "userAccountControl", "514")
	s.wantRun("doubt", store.RunQuarantined)
	if _, err := s.Accept(t.Context(), "doubt", "2", "ada"); err != nil {
		t.Fatal(err)
	}
	bad := whole[1]
	bad.Problem = "bad text in the field name"
	source.records = []ident.Record{bad, whole[2]}
	s.wantRun("doubt", store.RunQuarantined)
	source.records = whole[1:]
	s.wantRun("doubt", store.RunOK)
}

// When the directory shows far fewer objects than before, nothing is planned;
// the command that the error names says that it is so.
func TestADirectoryThatShrank(t *testing.T) {
	const name = "shrank"
	s := newScene(t, map[string]*feed{name: {records: []ident.Record{person("1", "Ada")}}})
	s.run(name)
	s.shrink()
	for range 2 {
		if _, err := s.Plan(t.Context(), Request{Automation: name}); err == nil || !strings.Contains(err.Error(), "say so once: rollcall plan --accept-shrink "+name) {
			t.Errorf("%v", err)
		}
	}
	if p, err := s.Plan(t.Context(), Request{Automation: name, AcceptShrink: true}); err != nil || len(p.Changes) != 0 {
		t.Errorf("%+v, %v", p.Changes, err)
	}
	s.wantRun(name, store.RunOK)
}

// shrink lets the mirror have far more than the directory shows.
func (s *scene) shrink() {
	s.Helper()
	state, err := s.Store.MirrorState(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	n, err := s.Store.CountEntries(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	err = s.Store.UpdateMirror(s.Context(), func(tx store.MirrorTx) error {
		for i := range 2 * (n + 100) {
			gone := ident.Entry{GUID: ident.GUID(fmt.Sprintf("00000000-0000-0000-0000-%012d", i)), DN: s.ou.Child(fmt.Sprint("Gone ", i))}
			if err := tx.Put(gone); err != nil {
				return err
			}
		}
		state.Cookie, state.Full = nil, false // so that everything is read anew
		return tx.SetState(state)
	})
	if err != nil {
		s.Fatal(err)
	}
}

// TestAShrinkIsAcceptedWithoutRecords: where all automations begin with what is in
// the directory, the mirror has to be told all the same.
func TestAShrinkIsAcceptedWithoutRecords(t *testing.T) {
	s := newScene(t, nil)
	settings := plan.Settings{Automation: "leavers"}
	for name, a := range map[string]Automation{
		"reacts": {Settings: settings, Reacts: "leaver"},
		"begins": {Settings: settings, Begins: &Beginning{Automation: "leavers", Orchestration: "leaver"}},
	} {
		s.Replace(map[string]Automation{"leavers": a}, nil)
		f := s.follower()
		s.catchUp(f)
		s.shrink()
		if _, err := f.Sync(t.Context()); err == nil || !strings.Contains(err.Error(), "rollcall plan --accept-shrink AUTOMATION, with the name of any automation that can run") {
			t.Errorf("%s: %v", name, err)
		}
		p, err := s.Plan(t.Context(), Request{Automation: "leavers", AcceptShrink: true})
		if err != nil || len(p.Changes) != 0 || len(p.Notes) != 1 || !strings.Contains(p.Notes[0].Text, "rollcall events") {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
		s.catchUp(f)
		if _, err := s.Plan(t.Context(), Request{Automation: "leavers"}); err == nil {
			t.Errorf("%s: there is a plan of an automation without records", name)
		}
	}
}
