package dirstep

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/dirtest"
	"github.com/rollcall-agent/rollcall/agent/internal/dispatch"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// TestEachAction: old and new value are in the history and in the journal, and a
// step that finds everything done writes nothing.
func TestEachAction(t *testing.T) { dirtest.OnBoth(t, testEachAction) }

func testEachAction(t *testing.T, d *dirtest.Domain) {
	s := opened(t, d)
	s.limits[ident.ClassDelete] = plan.Limit{Count: 1}
	guid, dn := s.user(s.OU("Staff"), "mobile", "+43 1")
	_, managerDN := s.user(s.OU("Staff"))
	group := s.AddGroup(t, s.OU("Groups"), "steps "+dn.Name(), dn)
	other := s.AddGroup(t, s.OU("Groups"), "steps too "+dn.Name())
	groups := func(action orchestration.Action, list ...ident.DN) orchestration.Write {
		return orchestration.Write{Action: action, Groups: list}
	}
	for _, c := range []struct {
		name  string
		write orchestration.Write
		want  string // outcomes
		told  string // of what is written
		check func(ident.Entry) bool
	}{
		{
			"update", set("mobile", "+43 2", "title", "Clerk", "otherMobile", "1|2"), "update applied", "mobile: +43 1 -> +43 2",
			func(e ident.Entry) bool {
				return e.Attributes.First("mobile") == "+43 2" && e.Attributes.First("title") == "Clerk" && len(e.Attributes.Values("otherMobile")) == 2
			},
		},
		{"clear", set("title", "", "department", ""), "update applied", "title: Clerk -> (none)", func(e ident.Entry) bool { return e.Attributes.First("title") == "" }},
		{
			"a DN", set("manager", strings.ToLower(string(managerDN))), "update applied", "manager: (none) -> ",
			func(e ident.Entry) bool { return managerDN.EqualFold(ident.DN(e.Attributes.First("manager"))) },
		},
		{"rename", set("cn", dn.Name()+" new"), "rename applied", dn.Name() + " new", func(e ident.Entry) bool { return e.DN.Name() == dn.Name()+" new" }},
		{"add to groups", groups(orchestration.ActionAddGroups, group, other, other), "groups applied", "add to", func(e ident.Entry) bool { return len(e.Attributes.Values("memberOf")) == 2 }},
		{
			"remove from groups", groups(orchestration.ActionRemoveGroups, group, other), "groups applied, groups applied", "remove from",
			func(e ident.Entry) bool { return len(e.Attributes.Values("memberOf")) == 0 },
		},
		{"disable", do(orchestration.ActionDisable), "disable applied", "disable", func(e ident.Entry) bool { off, _ := e.Disabled(); return off }},
		{"enable", do(orchestration.ActionEnable), "enable applied", "enable", func(e ident.Entry) bool { off, _ := e.Disabled(); return !off }},
		{
			"move",
			orchestration.Write{Action: orchestration.ActionMove, OU: s.OU("Leavers")},
			"move applied", "-> CN=" + dn.Name(),
			func(e ident.Entry) bool { return e.DN.Parent().EqualFold(s.OU("Leavers")) },
		},
	} {
		before := len(s.outcomes())
		done := s.act(guid, c.write)
		if done.Error != "" || done.Held != "" || !strings.Contains(done.Request, c.told) {
			t.Fatalf("%s: %+v", c.name, done)
		}
		if e := s.entry(guid); !c.check(e) {
			t.Errorf("%s: %+v", c.name, e)
		}
		var got []string
		for _, o := range s.outcomes()[before:] {
			got = append(got, string(o.Operation.Class)+" "+string(o.Result))
			if o.GUID != guid || o.Key != "" || o.Approved != "" || o.Operation.Reason != "step off of orchestration leaver" {
				t.Errorf("%s: %+v", c.name, o)
			}
		}
		if d := cmp.Diff(c.want, strings.Join(got, ", ")); d != "" {
			t.Errorf("%s\n%s", c.name, d)
		}
		before = len(s.outcomes())
		if done := s.act(guid, c.write); done.Error != "" || !strings.HasPrefix(done.Answer, "nothing to do") || len(s.outcomes()) != before {
			t.Errorf("%s once more: %+v", c.name, done)
		}
	}
	if done := s.act(guid, do(orchestration.ActionDelete)); done.Error != "" {
		t.Errorf("%+v", done)
	}
	if done := s.act(guid, do(orchestration.ActionDelete)); done.Error != "" || !strings.Contains(done.Answer, "nothing is left to delete") {
		t.Errorf("gone: %+v", done)
	}
	if done := s.act(guid, do(orchestration.ActionEnable)); !strings.Contains(done.Error, "does not exist in the directory any more") || done.Retry {
		t.Errorf("gone: %+v", done)
	}
	s.wantJournal(guid)
}

// wantJournal requires the old and the new value, and whose step it was.
func (s *scene) wantJournal(guid ident.GUID) {
	s.Helper()
	found := false
	err := s.store.EachJournal(s.Context(), func(l store.JournalLine) error {
		if l.Outcome == nil || l.Outcome.GUID != guid || len(l.Outcome.Operation.Attributes) == 0 {
			return nil
		}
		text, _ := json.Marshal(l) //nolint:errchkjson // for the eye
		if strings.Contains(string(text), `"old":["+43 1"],"new":["+43 2"]`) && l.Orchestrated != nil && l.Orchestrated.Instance == 7 &&
			l.Orchestrated.Orchestration == "leaver" && l.Orchestrated.Step == "off" && l.Run == s.run {
			found = true
		}
		return nil
	})
	if err != nil || !found {
		s.Errorf("the journal has no line with old and new value and the step: %v", err)
	}
}

// TestRefused: what our own rules or the directory refuse fails the step for good.
func TestRefused(t *testing.T) { dirtest.OnBoth(t, testRefused) }

func testRefused(t *testing.T, d *dirtest.Domain) {
	s := opened(t, d)
	guid, dn := s.user(s.OU("Staff"))
	outside, _ := s.user(s.OU("Elsewhere"))
	protected, _ := s.user(s.OU("Staff"), "adminCount", "1")
	member, memberDN := s.user(s.OU("Staff"))
	s.AddMember(t, "CN=Domain Admins,CN=Users,"+d.BaseDN, memberDN)
	foreign := s.AddGroup(t, s.OU("Elsewhere"), "steps of others "+dn.Name())
	for _, c := range []struct {
		name    string
		guid    ident.GUID
		write   orchestration.Write
		cause   string
		results string // of this step
	}{
		{"out of scope", outside, set("mobile", "1"), "is outside the scope of [directory]", "update failed"},
		{"protected", protected, do(orchestration.ActionDisable), "the account is protected: adminCount is 1; next: ", "disable failed"},
		{"a privileged member", member, set("mobile", "1"), "it is a member of Domain Admins", "update failed"},
		{"the target is out of scope", guid, orchestration.Write{Action: orchestration.ActionMove, OU: s.OU("Elsewhere")}, "is outside the scope", "move failed"},
		{
			"the target does not exist", guid,
			orchestration.Write{Action: orchestration.ActionMove, OU: "OU=None," + s.OU("Staff")},
			"OU=None", "move failed",
		},
		{
			"a group out of scope", guid,
			orchestration.Write{Action: orchestration.ActionAddGroups, Groups: []ident.DN{foreign}},
			"is outside the scope", "groups failed",
		},
		{
			"a privileged group", guid,
			orchestration.Write{Action: orchestration.ActionAddGroups, Groups: []ident.DN{"CN=Domain Admins,CN=Users," + d.BaseDN}},
			"groups failed", "groups failed",
		},
		{"too long", guid, set("department", strings.Repeat("x", 65)), "department: \"" + strings.Repeat("x", 60) + "\"... is longer than 64 characters; next: shorten", ""},
		{"two for one", guid, set("mobile", "1|2"), "mobile: it takes one value, and there are 2", ""},
		{"no such attribute", guid, set("favouriteColour", "1"), "favouriteColour: the directory does not know the attribute", "update failed"},
		{"one such attribute", guid, set("favouriteColour", "1", "mobile", "1"), "favouriteColour: the attribute does not exist in this directory", ""},
		{"a bad number", guid, set("countryCode", "x"), "countryCode: \"x\" is not a whole number", ""},
		{"two names", guid, set("cn", "a|b"), "an account has one name", ""},
		{"a DN of nobody", guid, set("manager", "CN=Nobody,"+string(s.OU("Staff"))), "a value names an object that does not exist", "update failed"},
	} {
		before, entry := len(s.outcomes()), s.entry(c.guid)
		done := s.act(c.guid, c.write)
		if !strings.Contains(done.Error, c.cause) || done.Retry || done.Unsure {
			t.Errorf("%s: %+v", c.name, done.Result)
		}
		var got []string
		for _, o := range s.outcomes()[before:] {
			got = append(got, string(o.Operation.Class)+" "+string(o.Result))
		}
		if d := cmp.Diff(c.results, strings.Join(got, ", ")); d != "" {
			t.Errorf("%s\n%s", c.name, d)
		}
		if d := cmp.Diff(entry, s.entry(c.guid)); d != "" || s.open() != 0 {
			t.Errorf("%s: it was changed, or is in doubt\n%s", c.name, d)
		}
	}
	none := ident.GUID("11111111-2222-3333-4444-555555555555")
	if done := s.act(none, set("mobile", "1"), func(a *dispatch.Action) { a.Instance.Run = 0 }); !strings.Contains(done.Error, "would belong to no run") || done.Retry {
		t.Errorf("without a run: %+v", done)
	}
}

// TestTheDirectoryIsDown: the step is tried again, and nothing is in doubt.
func TestTheDirectoryIsDown(t *testing.T) {
	s := opened(t, dirtest.InMemory(t))
	guid, _ := s.user(s.OU("Staff"))
	s.down = errors.New("no route to host")
	if done := s.act(guid, set("mobile", "1")); !done.Retry || done.Unsure || !strings.Contains(done.Error, "connect to the directory: no route") {
		t.Errorf("%+v", done)
	}
	s.down = nil
	if done := s.act(guid, set("mobile", "1")); done.Error != "" || s.results() != "update applied" {
		t.Errorf("%+v, %s", done, s.results())
	}
}

// TestStale: somebody else is faster; the next attempt starts from what they wrote.
func TestStale(t *testing.T) {
	s := opened(t, dirtest.InMemory(t))
	guid, dn := s.user(s.OU("Staff"), "mobile", "1")
	s.before = func(attributes []string) {
		if slices.Contains(attributes, "tokenGroups") { // the writer reads the object once more
			s.before = nil
			s.Replace(t, dn, "mobile", "2")
		}
	}
	if done := s.act(guid, set("mobile", "3")); !done.Retry || done.Unsure || !strings.Contains(done.Error, `expected "1", found "2"`) {
		t.Errorf("%+v", done)
	}
	if done := s.act(guid, set("mobile", "3")); done.Error != "" || s.results() != "update skipped, update applied" {
		t.Errorf("%+v, %s", done, s.results())
	}
	if last := s.outcomes()[1].Operation.Attributes[0]; last.Old[0] != "2" || last.New[0] != "3" || s.outcomes()[0].Next != "the step reads the object again and tries anew" {
		t.Errorf("%+v", s.outcomes())
	}
}

// TestLimits: what exceeds a limit is held, with what it would do; what a person
// has approved is made and not counted.
func TestLimits(t *testing.T) {
	s := opened(t, dirtest.InMemory(t))
	s.limits[ident.ClassDisable] = plan.Limit{Count: 1}
	ada, _ := s.user(s.OU("Staff"))
	bob, bobDN := s.user(s.OU("Staff"))
	if done := s.act(ada, do(orchestration.ActionDisable)); done.Error != "" || done.Held != "" {
		t.Fatalf("%+v", done)
	}
	done := s.act(bob, do(orchestration.ActionDisable))
	want := "limits.disable of orchestration leaver is 1: 1 in 24 hours may be made, 1 were, and this step makes 1: disable of " + string(bobDN)
	if done.Held != want || s.results() != "disable applied" {
		t.Errorf("%+v, %s", done, s.results())
	}
	if done := s.act(bob, do(orchestration.ActionDelete)); !strings.HasPrefix(done.Held, "limits.delete of orchestration leaver is 0:") {
		t.Errorf("%+v", done)
	}
	if done := s.act(bob, do(orchestration.ActionDisable), func(a *dispatch.Action) { a.Instance.Orchestration = "other" }); done.Held != "" || done.Error != "" {
		t.Errorf("another orchestration: %+v", done)
	}
	cy, _ := s.user(s.OU("Staff"))
	done = s.act(cy, do(orchestration.ActionDisable), s.approved("eve"))
	if last := s.outcomes()[len(s.outcomes())-1]; done.Error != "" || last.Approved != "eve" || last.GUID != cy {
		t.Errorf("%+v, %+v", done, last)
	}
	used, err := s.store.CountSteps(t.Context(), "leaver", s.actor.Now().AddDate(0, 0, -1))
	if err != nil || used[ident.ClassDisable] != 1 {
		t.Errorf("%v, %v", used, err)
	}
	s.asked = 0
	s.limits[ident.ClassUpdate] = plan.Limit{Percent: 2}
	for i, want := range []string{"", "", "limits.update of orchestration leaver is 2%: 2 in 24 hours may be made, 2 were"} {
		done := s.act(ada, set("mobile", strings.Repeat("1", i+1)))
		if !strings.HasPrefix(done.Held, want) || want == "" && done.Held != "" {
			t.Errorf("%d: %+v", i, done)
		}
	}
	if s.asked != 3 {
		t.Errorf("the people were counted %d times", s.asked)
	}
}

// approved makes a step one that a person has approved.
func (s *scene) approved(by string) func(*dispatch.Action) {
	s.Helper()
	return func(a *dispatch.Action) {
		ids, err := s.store.StartInstances(s.Context(), s.lease, []store.NewInstance{{
			Orchestration: "leaver", Definition: []byte("{}"), GUID: a.Instance.GUID, Run: s.run, Held: true,
		}})
		if err != nil {
			s.Fatal(err)
		}
		if _, err := s.store.ApproveInstances(s.Context(), store.Holding{Run: s.run}, by); err != nil {
			s.Fatal(err)
		}
		a.Instance.ID, a.Approved = ids[0], true
	}
}

// TestLimitsBesideAnotherStep: of a step that is under way, what is recorded and
// what is still to be written count once each.
func TestLimitsBesideAnotherStep(t *testing.T) {
	s := opened(t, dirtest.InMemory(t))
	s.limits[ident.ClassGroups] = plan.Limit{Count: 3}
	ada, dn := s.user(s.OU("Staff"))
	bob, _ := s.user(s.OU("Staff"))
	cy, _ := s.user(s.OU("Staff"))
	one, two := s.AddGroup(t, s.OU("Groups"), "one "+dn.Name()), s.AddGroup(t, s.OU("Groups"), "two "+dn.Name())
	join := func(who ident.GUID, groups ...ident.DN) dispatch.Done {
		return s.act(who, orchestration.Write{Action: orchestration.ActionAddGroups, Groups: groups})
	}
	var beside, over dispatch.Done
	writes := 0
	s.fault = func(written bool) error {
		if written {
			return nil
		}
		if writes++; writes == 2 {
			beside, over = join(bob, one), join(cy, one)
		}
		return nil
	}
	if done := join(ada, one, two); done.Error != "" || done.Held != "" {
		t.Fatalf("%+v", done)
	}
	if beside.Error != "" || beside.Held != "" {
		t.Errorf("one is recorded, one is being written, and one more may be made: %+v", beside)
	}
	if !strings.Contains(over.Held, "3 in 24 hours may be made, 3 were, and this step makes 1") {
		t.Errorf("a fourth: %+v", over)
	}
}
