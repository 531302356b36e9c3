package engine

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

func (s *scene) enabled(guid ident.GUID) bool {
	s.Helper()
	e := s.dc.Get(s, ident.DN("<GUID="+string(guid)+">"), "userAccountControl")
	return e.Attributes.First("userAccountControl") == "512"
}

func (s *scene) link(application string, key ident.Key) (ident.Link, bool) {
	s.Helper()
	l, ok, err := s.Store.LinkByKey(s.Context(), ident.Users(application), key)
	if err != nil {
		s.Fatal(err)
	}
	return l, ok
}

// needs tells what of a run needs a person, a line each.
func needs(r Report) (lines []string) {
	for _, q := range r.Summary.Quarantined {
		lines = append(lines, string(q.Key)+": "+q.Cause)
	}
	return lines
}

// TestLinkByHand links only what an adoption would take, to a record that is
// there; and when somebody insists on a key that nobody knows, the account is
// left alone until it is delivered.
func TestLinkByHand(t *testing.T) {
	source := &feed{records: []ident.Record{person("1", "Good One")}}
	s := onDC(t, map[string]*feed{"byhand": source})
	s.run("byhand")
	mine := s.dc.AddUser(t, s.ou, "H. byhand", "made-byhand", map[string][]string{"mail": {"h.made@x"}})
	s.dc.AddGroup(t, s.ou, "Crowd")
	add := func(key ident.Key, account string, change func(*LinkRequest)) (Linked, error) {
		req := LinkRequest{Automation: "byhand", Key: key, Account: account, By: "test"}
		change(&req)
		return s.Link(t.Context(), req)
	}
	asIs := func(*LinkRequest) {}
	good := source.records
	source.records = append(slices.Clone(good), ident.Record{Key: "3", Problem: "/name has a fault"})
	for _, c := range []struct {
		key           ident.Key
		account, says string
	}{
		{"3", "made-byhand", "the record of the key 3 cannot be used: /name has a fault"},
		{"99999", "made-byhand", "byhand does not deliver a record with the key 99999"},
		{"1", "made-byhand", "the key 1 is linked to"},
		{"2", "Crowd", "is no user account"},
		{"2", "krbtgt", "krbtgt"},
	} {
		if _, err := add(c.key, c.account, asIs); !errors.Is(err, ErrCannotLink) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("link %s to %s: %v", c.key, c.account, err)
		}
	}
	source.records = good
	s.run("byhand")
	if !s.enabled(mine) {
		t.Fatal("an account was disabled although no link was made")
	}

	dry, err := add("99999", "made-byhand", func(r *LinkRequest) { r.WithoutRecord, r.DryRun = true, true })
	if err != nil || dry.Account.SAMAccountName != "made-byhand" || dry.Account.Mail != "h.made@x" || !dry.Account.Enabled || len(dry.Warnings) == 0 {
		t.Errorf("dry run: %+v, %v", dry, err)
	}
	if _, made := s.link("byhand", "99999"); made {
		t.Fatal("a dry run made a link")
	}
	if _, err := add("99999", "made-byhand", func(r *LinkRequest) { r.WithoutRecord = true }); err != nil {
		t.Fatal(err)
	}
	if l, ok := s.link("byhand", "99999"); !ok || !l.Unseen || l.Origin != ident.OriginManual || l.GUID != mine {
		t.Errorf("link: %+v, %t", l, ok)
	}
	r := s.run("byhand")
	if !s.enabled(mine) || r.Result != store.RunQuarantined || !slices.ContainsFunc(needs(r), func(l string) bool { return strings.Contains(l, "has never delivered") }) {
		t.Errorf("after a link with a wrong key: enabled %t, %s, %q", s.enabled(mine), r.Result, needs(r))
	}
	source.records = append(source.records, person("99999", "H Made"))
	s.run("byhand")
	if l, _ := s.link("byhand", "99999"); l.Unseen {
		t.Error("the key was delivered, and the link does not know it")
	}
	source.records = source.records[:1]
	s.run("byhand")
	if s.enabled(mine) {
		t.Error("who was delivered once and is missing is not disabled")
	}
}

// TestLinkToARecord writes link and anchor at once, as one run of the history.
func TestLinkToARecord(t *testing.T) {
	source := &feed{records: []ident.Record{person("1", "Good One")}}
	s := newScene(t, map[string]*feed{"torecord": source})
	s.run("torecord")
	mine := s.dc.AddUser(t, s.ou, "H. torecord", "made-torecord", map[string][]string{"displayName": {"h made"}})
	source.records = append(source.records, person("2", "H Made"))
	got, err := s.Link(t.Context(), LinkRequest{Automation: "torecord", Key: "2", Account: "made-torecord", By: "ada"})
	if err != nil || got.Unseen || got.GUID != mine || got.Record.Name != "H Made" || len(got.Warnings) != 0 {
		t.Fatalf("link: %+v, %v", got, err)
	}
	if s.account("torecord:2").GUID != mine {
		t.Error("the anchor was not written")
	}
	runs, err := s.Store.Runs(t.Context(), 1)
	if err != nil || len(runs) != 1 || runs[0].Kind != store.KindLink || runs[0].By != "ada" || runs[0].Result != store.RunOK {
		t.Errorf("history: %+v, %v", runs, err)
	}
	if r := s.run("torecord"); len(r.Counts[ident.ClassCreate]) > 0 || !s.enabled(mine) {
		t.Errorf("the next run: %+v", r.Counts)
	}
	if _, err := s.Unlink(t.Context(), ident.Users("torecord"), "2", "ada"); err != nil {
		t.Fatal(err)
	}
	if r := s.run("torecord"); r.Counts[ident.ClassAdopt][ident.ResultHeld] != 1 || len(r.Counts) != 1 || !s.enabled(mine) {
		t.Errorf("after link remove: %+v", r.Counts)
	}
}

// TestAdoptionApprovedLate approves an adoption after its record has left: the
// account is not disabled for a key that was not delivered since.
func TestAdoptionApprovedLate(t *testing.T) {
	source := &feed{records: []ident.Record{person("1", "Good One")}}
	s := newScene(t, map[string]*feed{"late": source})
	s.run("late")
	mine := s.dc.AddUser(t, s.ou, "H. late", "made-late", map[string][]string{"employeeNumber": {"late:2"}})
	source.records = append(source.records, person("2", "H Made"))
	held := s.run("late")
	source.records = source.records[:1]
	if _, err := s.Approve(t.Context(), Decision{Run: held.ID, By: "ada"}); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.link("late", "2"); !ok {
		t.Fatal("the adoption was not applied")
	}
	if r := s.run("late"); !s.enabled(mine) || len(needs(r)) != 1 {
		t.Errorf("enabled %t, %q", s.enabled(mine), needs(r))
	}
}

// TestLinkBesideAnother links a record that another automation of the
// application has linked to somebody else in the meantime: the answer says so.
func TestLinkBesideAnother(t *testing.T) {
	const app = "besidelink"
	source := &feed{records: []ident.Record{person("1", "Good One")}}
	s := newScene(t, map[string]*feed{app: source})
	s.run(app)
	s.dc.AddUser(t, s.ou, "H. "+app, "made-"+app, nil)
	source.records = append(source.records, person("2", "H Made"))
	theirs := ident.Link{Application: app, Key: "2", GUID: "10000000-2000-3000-4000-500000000000", Automation: "other", Origin: ident.OriginManual}
	s.meanwhile(func() { // the first connection is for the proposal
		s.meanwhile(func() {
			if err := s.Store.PutLink(t.Context(), theirs, "eve"); err != nil {
				t.Error(err)
			}
		})
	})
	got, err := s.Link(t.Context(), LinkRequest{Automation: app, Key: "2", Account: "made-" + app, By: "ada"})
	if !errors.Is(err, ErrCannotLink) || !strings.Contains(err.Error(), "has been linked since to "+string(theirs.GUID)) {
		t.Errorf("%+v, %v", got.Link, err)
	}
}
