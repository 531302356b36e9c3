package react

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host/soak"
)

func begin(t *testing.T) *scene {
	t.Helper()
	s := newScene(t.Context(), t, t.TempDir())
	t.Cleanup(s.close)
	return s
}

// TestWhoAsksForAnEvent: kinds, attributes, kind of object, and the former or the
// present place.
func TestWhoAsksForAnEvent(t *testing.T) {
	s := begin(t)
	group := ident.EventGroup{GUID: "guid-crm", DN: "CN=CRM,OU=Groups,DC=x", Name: "CRM"}
	for name, c := range map[string]struct {
		on   []ident.On
		e    func(*ident.Event)
		part []ident.EventPart
		want string // the trigger; "" is not asked for
	}{
		"the kind":                   {on: on("disabled"), part: []ident.EventPart{part(ident.EventDisabled)}, want: "directory: disabled"},
		"another kind":               {on: on("enabled"), part: []ident.EventPart{part(ident.EventDisabled)}},
		"one of several":             {on: on("moved", "disabled"), part: []ident.EventPart{part(ident.EventDisabled), part(ident.EventMoved)}, want: "directory: moved; disabled"},
		"an attribute":               {on: on("modified(title)"), part: []ident.EventPart{modified("mail", "", "a"), modified("title", "", "b")}, want: "directory: modified mail, title"},
		"another attribute":          {on: on("modified(title)"), part: []ident.EventPart{modified("mail", "", "a")}},
		"any attribute":              {on: on("modified"), part: []ident.EventPart{modified("mail", "", "a")}, want: "directory: modified mail"},
		"what changes by itself":     {on: on("modified"), part: []ident.EventPart{modified("lastlogontimestamp", "1", "2"), modified("useraccountcontrol", "1", "2")}},
		"what changes, by name":      {on: on("modified(lastlogontimestamp)"), part: []ident.EventPart{modified("lastlogontimestamp", "1", "2")}, want: "directory: modified lastLogonTimestamp"},
		"the same change of a group": {on: on("renamed"), part: []ident.EventPart{part(ident.EventRenamed)}, e: func(e *ident.Event) { e.Object = ident.ObjectGroup }},
		"elsewhere":                  {on: on("disabled"), part: []ident.EventPart{part(ident.EventDisabled)}, e: func(e *ident.Event) { e.DN, e.From = "CN=a,OU=Other,DC=x", "CN=a,OU=Other,DC=x" }},
		"from there":                 {on: on("moved"), part: []ident.EventPart{part(ident.EventMoved)}, e: func(e *ident.Event) { e.DN = "CN=a,OU=Other,DC=x" }, want: "directory: moved"},
		"to there":                   {on: on("moved"), part: []ident.EventPart{part(ident.EventMoved)}, e: func(e *ident.Event) { e.From = "CN=a,OU=Other,DC=x" }, want: "directory: moved"},
		"a membership":               {on: on("member_added"), part: []ident.EventPart{part(ident.EventMemberAdded)}, e: func(e *ident.Event) { e.Group = &group }, want: "directory: member_added CRM"},
		"many attributes": {on: on("modified"), part: []ident.EventPart{
			modified("a", "", "1"), modified("b", "", "1"), modified("c", "", "1"), modified("d", "", "1"), modified("e", "", "1"), modified("f", "", "1"),
		}, want: "directory: modified a, b, c, d, e and 1 more"},
	} {
		t.Run(name, func(t *testing.T) {
			s.anew(t)
			s.automation("a", c.on, "")
			e := user("ada", c.part...)
			if c.e != nil {
				c.e(&e)
			}
			s.add(e)
			s.judge()
			got := ""
			for _, i := range s.instances() {
				got += i.Trigger
			}
			if verdicts := s.verdicts(1); got != c.want || (len(verdicts) == 0) != (c.want == "") {
				t.Errorf("%q begins, %q", got, verdicts)
			}
		})
	}
}

// TestVerdicts: one event of each kind of verdict, and the one after it goes on.
func TestVerdicts(t *testing.T) {
	s := begin(t)
	own := ident.Origin{Automation: "a", Orchestration: "to_crm"}
	crm := ident.Origin{Application: "crm", Automation: "staff", Run: 4}
	deleted := user("gone", part(ident.EventDeleted))
	deleted.Unsure = "the bind account is not shown deletions"
	left := user("left", part(ident.EventMemberRemoved))
	left.Unsure, left.Group = "about the group: it is not shown", &ident.EventGroup{GUID: "g", DN: "CN=CRM,OU=Groups,DC=x", Name: "CRM"}
	came := left
	came.Parts = []ident.EventPart{part(ident.EventMemberAdded)}
	lost := user("lost", modified("title", "a", ""), modified("mail", "b", ""))
	lost.Unsure = "it is no longer shown"
	several := user("several", modified("mail", "b", ""), modified("title", "a", ""), part(ident.EventDisabled))
	several.Unsure = "it is no longer shown"
	second := user("second", modified("mail", "b", ""), part(ident.EventDisabled))
	second.Unsure = "it is no longer shown"
	back := user("back", part(ident.EventRestored))
	back.Unsure = "the bind account may read it again"
	for name, c := range map[string]struct {
		where string
		to    []string
		e     ident.Event
		want  string
	}{
		"begun":                                 {"", []string{"crm"}, user("ada", part(ident.EventDisabled)), "begun"},
		"filtered":                              {`ad.title == "Clerk"`, []string{"crm"}, user("ada", part(ident.EventDisabled)), "filtered"},
		"not clear":                             {`ad.title > 5`, []string{"crm"}, user("ada", part(ident.EventDisabled)), "aside: where: agent.toml:7:"},
		"no value":                              {`ad.department > 5`, []string{"crm"}, user("ada", part(ident.EventDisabled)), "aside: where: agent.toml:7:10: it has no value"},
		"not certain":                           {"", []string{"crm"}, deleted, "aside: it is not certain that CN=gone,OU=Staff,DC=x was deleted: the bind account"},
		"not certain, with a group":             {"", []string{"crm"}, left, "aside: it is not certain that CN=left,OU=Staff,DC=x has left CN=CRM,OU=Groups,DC=x: about the group: it is not shown"},
		"not certain, with a group again":       {"", []string{"crm"}, came, "aside: it is not certain that CN=left,OU=Staff,DC=x came to CN=CRM,OU=Groups,DC=x: about the group"},
		"not certain, back":                     {"", []string{"crm"}, back, "aside: it is not certain that CN=back,OU=Staff,DC=x was restored: the bind account"},
		"not certain, attributes":               {"", []string{"crm"}, lost, "aside: it is not certain that title of CN=lost,OU=Staff,DC=x was changed: it is no longer shown"},
		"not certain, of several kinds":         {"", []string{"crm"}, several, "aside: it is not certain that CN=several,OU=Staff,DC=x was disabled, and that title of CN=several,OU=Staff,DC=x was changed: it is"},
		"not certain, the first not asked for":  {"", []string{"crm"}, second, "aside: it is not certain that CN=second,OU=Staff,DC=x was disabled: it is"},
		"not certain, of no interest":           {`ad.title == "Clerk"`, []string{"crm"}, deleted, "filtered"},
		"its own":                               {"", []string{"crm"}, user("ada", from(modified("title", "a", "b"), own)), "echo: an orchestration that this automation began has written it"},
		"its own, and somebody else":            {"", []string{"crm"}, user("ada", from(modified("title", "a", "b"), own), part(ident.EventDisabled)), "begun"},
		"its own, not asked for":                {"", []string{"crm"}, user("ada", from(modified("mail", "a", "b"), own), part(ident.EventDisabled)), "begun"},
		"from where it goes":                    {"", []string{"crm"}, user("ada", from(modified("title", "a", "b"), crm)), "echo: it came from crm, and goes nowhere else"},
		"from where it goes, and others":        {"", []string{"crm", "hr"}, user("ada", from(modified("title", "a", "b"), crm)), "begun"},
		"from where it goes, and somebody else": {"", []string{"crm"}, user("ada", from(modified("title", "a", "b"), crm), part(ident.EventDisabled)), "begun"},
		"many hops":                             {"", []string{"crm"}, user("ada", from(modified("title", "a", "b"), ident.Origin{Orchestration: "x", Automation: "b", Hops: 8})), "aside: 9 changes in a row"},
		"fewer hops":                            {"", []string{"crm"}, user("ada", from(modified("title", "a", "b"), ident.Origin{Orchestration: "x", Automation: "b", Hops: 7})), "begun"},
		"change and old":                        {`change.kind == "modified" && "title" in change.attributes && old.title == "Clerk" && ad.title == "Boss"`, []string{"crm"}, user("ada", modified("title", "Clerk", "Boss")), "begun"},
	} {
		t.Run(name, func(t *testing.T) {
			s.anew(t)
			s.automation("a", on("modified(title)", "disabled", "deleted", "restored", "member_added", "member_removed"), c.where, c.to...)
			s.automation("z", on("disabled", "deleted", "modified"), "", "other")
			s.add(c.e, user("next", part(ident.EventDisabled)))
			s.judge()
			got := s.verdicts(2)
			if len(got) < 2 || !strings.HasPrefix(got[0], "1 a "+c.want) {
				t.Errorf("%q, not %q", got, c.want)
			}
			if !slices.Contains(got, "2 z begun") {
				t.Errorf("the automation beside it does not go on: %q", got)
			}
			if n, err := s.store.CountOpenEvents(t.Context()); n != 0 || err != nil {
				t.Errorf("%d events are open: %v", n, err)
			}
		})
	}
}

// TestWhatAnInstanceKnows: its event, where that came from, and what was before.
func TestWhatAnInstanceKnows(t *testing.T) {
	s := begin(t)
	s.automation("a", on("modified(title)", "deleted", "member_added", "created"), "", "crm", "hr")
	crm := ident.Origin{Application: "crm", Hops: 2}
	gone := user("gone", part(ident.EventDeleted))
	joined := user("joins", part(ident.EventMemberAdded))
	joined.Group = &ident.EventGroup{GUID: "g", DN: "CN=CRM,OU=Groups,DC=x", Name: "CRM"}
	created := user("new", part(ident.EventCreated))
	created.From = ""
	s.add(user("ada", from(modified("title", "Clerk", "Boss"), crm)), gone, joined, created)
	s.judge()
	list := s.instances()
	if len(list) != 4 {
		t.Fatalf("%d instances: %q", len(list), s.verdicts(4))
	}
	old := func(name, title string) *ident.Entry {
		return &ident.Entry{GUID: ident.GUID("guid-" + name), DN: ident.DN("CN=" + name + ",OU=Staff,DC=x"), Attributes: ident.Attributes{"title": {title}}}
	}
	want := []orchestration.Input{
		{Event: 1, From: []string{"crm"}, Hops: 3, Change: &orchestration.Change{Kind: "modified", Kinds: []string{"modified"}, Attributes: []string{"title"}}, Old: old("ada", "Clerk")},
		{Event: 2, Change: &orchestration.Change{Kind: "deleted", Kinds: []string{"deleted"}}, Old: old("gone", "Boss"), Image: old("gone", "Boss")},
		{Event: 3, Change: &orchestration.Change{Kind: "member_added", Kinds: []string{"member_added"}, Group: &orchestration.ChangeGroup{GUID: "g", DN: "CN=CRM,OU=Groups,DC=x", Name: "CRM"}}, Old: old("joins", "Boss")},
		{Event: 4, Change: &orchestration.Change{Kind: "created", Kinds: []string{"created"}}},
	}
	for k, i := range list {
		if d := cmp.Diff(want[k], input(s, i)); d != "" {
			t.Errorf("instance %d (-want +got)\n%s", i.ID, d)
		}
	}
	if i := list[0]; i.Name != "Dr ada" || i.By != "directory" || i.Automation != "a" || i.Step != "call0" || i.GUID != "guid-ada" {
		t.Errorf("%+v", i)
	}
}

// TestMoreThanTheLimit: what exceeds is held in one run, which a person approves.
func TestMoreThanTheLimit(t *testing.T) {
	s, ctx := begin(t), t.Context()
	a := s.automation("a", on("disabled"), "", "crm")
	a.Limit = func(context.Context) (store.StartLimit, error) { return store.StartLimit{Most: 2}, nil }
	for i := range 5 {
		s.add(user(fmt.Sprint("u", i), part(ident.EventDisabled)))
		if i%2 == 1 {
			s.judge()
		}
	}
	s.judge()
	const tooMany = "limits.start: 2 orchestrations began in 24 hours, and 2 may"
	want := []string{"1 a begun", "2 a begun", "3 a held: " + tooMany, "4 a held: " + tooMany, "5 a held: " + tooMany}
	if d := cmp.Diff(want, s.verdicts(5)); d != "" {
		t.Error(d)
	}
	runs, err := s.store.Runs(ctx, 10)
	if err != nil || len(runs) != 1 || runs[0].Kind != store.KindEvents || runs[0].Result != store.RunHeld || runs[0].HeldStarts != 3 || runs[0].Automation != "a" {
		t.Fatalf("%+v, %v", runs, err)
	}
	if n, err := s.store.ApproveInstances(ctx, store.Holding{Run: runs[0].ID}, "eve"); n != 3 || err != nil {
		t.Errorf("%d approved, %v", n, err)
	}
	s.add(user("u5", part(ident.EventDisabled)))
	s.judge()
	if runs, err = s.store.Runs(ctx, 10); len(runs) != 2 || err != nil || runs[0].HeldStarts != 1 || runs[1].HeldStarts != 0 {
		t.Errorf("what is held later is not in a run of its own: %+v, %v", runs, err)
	}
}

// TestSetAside: nothing is dropped, until a person drops it or it can be judged.
func TestSetAside(t *testing.T) {
	s, ctx := begin(t), t.Context()
	a := s.automation("a", on("disabled"), "", "crm")
	a.Broken = errors.New("the orchestration cannot be carried out")
	for i := range 4 {
		s.add(user(fmt.Sprint("u", i), part(ident.EventDisabled)))
	}
	s.judge()
	aside, err := s.store.AsideEvents(ctx, "a", 0, 100)
	if err != nil || len(aside) != 4 || aside[1].Cause != "the orchestration cannot be carried out" || aside[1].Event.Name != "u1" ||
		aside[1].Next != "put that right, then `rollcall quarantine retry a 2`" {
		t.Fatalf("%+v, %v", aside, err)
	}
	if list, err := s.reactor.Retry(ctx, Again{Automation: "a", By: "eve"}); len(list) != 4 || err != nil || list[0].Verdict != store.EventAside {
		t.Errorf("%+v, %v", list, err)
	}
	a.Broken = nil
	if list, err := s.reactor.Retry(ctx, Again{Automation: "a", Event: 2, By: "eve"}); len(list) != 1 || err != nil || list[0].Verdict != store.EventBegun {
		t.Errorf("%+v, %v", list, err)
	}
	if list, err := s.store.DropAside(ctx, "a", 3, "eve"); len(list) != 1 || err != nil || list[0].Event.Name != "u2" {
		t.Errorf("%+v, %v", list, err)
	}
	a.On = on("enabled") // the configuration has changed
	if list, err := s.reactor.Retry(ctx, Again{Automation: "a", Event: 1, By: "eve"}); len(list) != 1 || err != nil || list[0].Verdict != store.EventFiltered {
		t.Errorf("%+v, %v", list, err)
	}
	a.On = on("disabled")
	if list, err := s.reactor.Retry(ctx, Again{Automation: "a", By: "eve"}); len(list) != 1 || err != nil {
		t.Errorf("%+v, %v", list, err)
	}
	want := []string{
		"1 a filtered: the automation does not ask for such changes any more", "2 a begun",
		"3 a dropped: dropped by eve; it was set aside as the orchestration cannot be carried out", "4 a begun",
	}
	if d := cmp.Diff(want, s.verdicts(4)); d != "" {
		t.Error(d)
	}
	if _, err := s.reactor.Retry(ctx, Again{Automation: "nobody", By: "eve"}); err == nil {
		t.Error("an automation that does not exist is judged again")
	}
}

// TestTheLeaseIsGivenBack when the reactor ends, so that whoever comes next need not wait
// until it is over.
func TestTheLeaseIsGivenBack(t *testing.T) {
	for name, end := range map[string]func(*scene){
		"closed": func(s *scene) { s.judge(); s.reactor.Close(t.Context()) },
		"stopped": func(s *scene) {
			ctx, stop := context.WithCancel(t.Context())
			s.reactor.Settings.Judged = func(context.Context, []store.Judged) { stop() }
			s.reactor.Run(ctx)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			s.automation("a", on("disabled"), "", "crm")
			s.add(user("ada", part(ident.EventDisabled)))
			end(s)
			if d := cmp.Diff([]string{"1 a begun"}, s.verdicts(1)); d != "" {
				t.Fatal(d)
			}
			lease, err := s.store.AcquireLease(t.Context(), "events", "somebody else", time.Minute)
			if err != nil || lease.Owner != "somebody else" {
				t.Errorf("%+v, %v", lease, err)
			}
		})
	}
}

// TestAPanicAboutOneEvent sets it aside, and the others go on.
func TestAPanicAboutOneEvent(t *testing.T) {
	s := begin(t)
	a := s.automation("a", on("disabled"), "", "crm")
	a.Compiled = nil // nobody would do that
	s.automation("b", on("disabled"), "", "crm")
	s.add(user("ada", part(ident.EventDisabled)))
	s.judge()
	got := s.verdicts(1)
	if len(got) != 2 || !strings.HasPrefix(got[0], "1 a aside: ") || got[1] != "1 b begun" {
		t.Errorf("%q", got)
	}
}

// TestEachEventIsJudgedOnce: whatever fails or is killed, before or after what is
// written, each event has one verdict of each automation that asks for it, and one
// instance where that says so.
func TestEachEventIsJudgedOnce(t *testing.T) {
	s := newScene(context.Background(), t, t.TempDir())
	defer s.close()
	soak.Check(t, 15, 500, func(r *rapid.T) {
		s.anew(r)
		s.automation("a", on("disabled"), "", "crm")
		s.automation("b", on("disabled", "enabled"), `ad.title == "Boss"`, "crm")
		s.automation("c", on("modified"), `ad.title > 5`, "crm")
		limited := s.automation("d", on("enabled"), "", "hr")
		limited.Limit = func(context.Context) (store.StartLimit, error) { return store.StartLimit{Most: 3}, nil }
		kinds := []ident.EventPart{part(ident.EventDisabled), part(ident.EventEnabled), modified("mail", "a", "b")}
		var added []ident.EventKind
		for range rapid.IntRange(1, 12).Draw(r, "steps") {
			switch rapid.SampledFrom([]string{"add", "add", "judge", "fail", "die", "restart"}).Draw(r, "what") {
			case "add":
				for range rapid.IntRange(1, 4).Draw(r, "events") {
					p := rapid.SampledFrom(kinds).Draw(r, "part")
					s.add(user(rapid.SampledFrom([]string{"ada", "bo"}).Draw(r, "who"), p))
					added = append(added, p.Kind)
				}
			case "judge":
				s.judge()
			case "fail":
				s.fault = func(bool) error { return errDied }
				_, _ = s.reactor.Judge(s.ctx)
			case "die": // after the commit, before anybody is told
				s.fault = func(written bool) error {
					if written {
						return errDied
					}
					return nil
				}
				_, _ = s.reactor.Judge(s.ctx)
				s.close()
				s.open()
			case "restart":
				s.close()
				s.open()
			}
			s.fault = nil
		}
		s.judge()
		checkOnce(r, s, added)
	})
}

func checkOnce(r *rapid.T, s *scene, added []ident.EventKind) {
	begun := map[int64]int{}
	last := map[string]int64{} // of an object and an automation: in order
	for _, i := range s.instances() {
		var in orchestration.Input
		if err := json.Unmarshal(i.Input, &in); err != nil {
			r.Fatal(err)
		}
		begun[in.Event-s.before[0]]++
		key := i.Automation + string(i.GUID)
		if in.Event <= last[key] {
			r.Errorf("event %d began after event %d of the same object", in.Event, last[key])
		}
		last[key] = in.Event
	}
	judged := s.judgedBy()
	for k, kind := range added {
		id := int64(k + 1)
		want := map[ident.EventKind][]string{
			ident.EventDisabled: {"a", "b"}, ident.EventEnabled: {"b", "d"}, ident.EventModified: {"c"},
		}[kind]
		list := judged[s.before[0]+id]
		var who []string
		instances := 0
		for _, v := range list {
			who = append(who, v.Automation)
			if v.Instance != 0 {
				instances++
			}
			if (v.Verdict == string(store.EventAside)) != (v.Automation == "c") {
				r.Errorf("event %d: %+v", id, v)
			}
		}
		if !slices.Equal(who, want) || begun[id] != instances || kind != ident.EventModified && instances != len(want) {
			r.Errorf("event %d (%s): judged by %q, not %q; %d instances, %d named by verdicts", id, kind, who, want, begun[id], instances)
		}
	}
}
