package main

import (
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// someExplanation has an entry of every kind: a title that comes from one
// application and goes to the other, and a person who leaves.
func someExplanation() explanation {
	const dn = ident.DN("CN=Ada Novak,OU=Staff,DC=ad,DC=test")
	at := func(ms int) time.Time { return noonAnd(0).Add(time.Duration(ms) * time.Millisecond) }
	origin := &ident.Origin{Application: "pipedrive", Automation: "staff", Run: 12}
	who := service.Person{
		Name: "Ada Novak", GUID: "3f2504e0-4f89-41d3-9a0c-0305e82c3301", DN: dn, Account: "anovak", UPN: "anovak@ad.test", Mail: "ada@example.com",
		State: service.PersonDisabled, Records: []string{"infobip:7f", "pipedrive:11", "pipedrive:9"}, Earlier: true,
		Links: []ident.Link{
			{Application: "infobip", Key: "7f", Orchestration: "tell_infobip", Origin: ident.OriginOutbound, Created: noonAnd(-30)},
			{Application: "pipedrive", Key: "11", Automation: "staff", Origin: ident.OriginCreated, Created: noonAnd(-40)},
		},
		Held: []store.Held{{Outcome: ident.Outcome{Run: 14, Operation: ident.Operation{Class: ident.ClassMove}}}},
		Open: []service.Instance{{
			ID: 21, Orchestration: "leaver", Status: store.InstanceBlocked, Step: "off", Since: noonAnd(2), Cause: "PUT /v1/users/11 answered 404", Next: "look whether the user was deleted there",
		}},
		Attend: []service.Attention{{Automation: "staff", QuarantineItem: ident.QuarantineItem{Key: "11", Part: "mail", Cause: "two users have the address", Next: "give one of them another"}}},
	}
	list := []service.TimelineEntry{
		{At: at(0), Receipt: &store.TimelineReceived{ID: 5, Application: "pipedrive", Delivery: "b1946ac9", Change: "change", Records: "user", Key: "11", State: "done", Runs: []int64{12}}},
		{At: at(40), Event: &service.TimelineChange{
			ID: 31, Object: ident.ObjectUser, Name: "Ada Novak", DN: dn, From: dn,
			Parts: []ident.EventPart{
				{Kind: ident.EventModified, Attribute: "title", Old: []string{"Clerk"}, New: []string{"Head of Sales"}, Origin: origin},
				{Kind: ident.EventModified, Attribute: "mobile", New: []string{"+420 1"}},
			},
		}},
		{At: at(41), Verdict: &store.TimelineJudged{Event: 31, Automation: "tell_pipedrive", Verdict: "echo", Cause: "the change came from pipedrive"}},
		{At: at(42), Verdict: &store.TimelineJudged{Event: 31, Automation: "tell_infobip", Verdict: "begun", Instance: 20, Orchestration: "tell_infobip"}},
		{At: at(42), Orchestration: &store.TimelineInstance{Instance: 20, Orchestration: "tell_infobip", Automation: "tell_infobip", Trigger: "modified", By: "directory", Became: service.BecameBegun}},
		{At: at(45), Outcome: &store.TimelineOperation{
			Automation: "staff", Application: "pipedrive", RunKind: "instant", By: "pipedrive",
			Outcome: ident.Outcome{Run: 12, Key: "11", DN: dn, Name: "Ada Novak", Result: ident.ResultApplied, Operation: ident.Operation{
				Class: ident.ClassUpdate, Reason: "pipedrive has other values", Attributes: []ident.AttributeChange{{Name: "title", Old: []string{"Clerk"}, New: []string{"Head of Sales"}}},
			}},
		}},
		{At: at(90), Step: &store.TimelineInstanceStory{
			Instance: 20, Orchestration: "tell_infobip", Webhook: "infobip/update_person", Application: "infobip",
			StoryLine: service.StoryLine{Step: "person", Delivery: 44, Attempt: 2, Request: "PUT /people/2/persons/7f\n\n{\"customAttributes\": {\"title\": \"Head of Sales\"}}", Status: 200, Answer: `{"id":"7f"}`, Result: "done"},
		}},
		{At: at(95), Orchestration: &store.TimelineInstance{Instance: 20, Orchestration: "tell_infobip", Became: "done"}},
		{At: at(60_000), Event: &service.TimelineChange{
			ID: 40, Object: ident.ObjectUser, Name: "Ada Novak", DN: dn, From: dn, Open: true, Unsure: "the bind account is not shown deleted objects",
			Group: &ident.EventGroup{Name: "Sales", DN: "CN=Sales,OU=Groups,DC=ad,DC=test"}, Parts: []ident.EventPart{{Kind: ident.EventMemberRemoved}},
		}},
		{At: at(60_001), Verdict: &store.TimelineJudged{Event: 40, Automation: "roles", Verdict: "aside", Cause: "where: no value for ad.title", Next: "`rollcall quarantine retry roles` judges it again"}},
		{At: at(61_000), Outcome: &store.TimelineOperation{
			Automation: "staff", Application: "pipedrive", RunKind: store.KindScheduled, By: "schedule",
			Outcome: ident.Outcome{Run: 13, Key: "11", DN: dn, Name: "Ada Novak", Result: ident.ResultHeld, Operation: ident.Operation{Class: ident.ClassDisable, Reason: "missing: pipedrive no longer delivers the key"}},
		}},
		{At: at(70_000), Outcome: &store.TimelineOperation{
			Automation: "staff", Application: "pipedrive", RunKind: store.KindScheduled, By: "schedule",
			Outcome: ident.Outcome{Run: 13, SettledBy: 15, Key: "11", DN: dn, Name: "Ada Novak", Result: ident.ResultApplied, Approved: "grace", Operation: ident.Operation{Class: ident.ClassDisable, Reason: "missing: pipedrive no longer delivers the key"}},
		}},
		{At: at(70_100), Event: &service.TimelineChange{
			ID: 41, Object: ident.ObjectUser, Name: "Ada Novak", DN: dn, From: "CN=Ada Novak,OU=Old,DC=ad,DC=test", Parts: []ident.EventPart{
				{Kind: ident.EventDisabled, Origin: &ident.Origin{Automation: "staff", Application: "pipedrive", Run: 15}},
				{Kind: ident.EventMoved, Old: []string{"CN=Ada Novak,OU=Old,DC=ad,DC=test"}, New: []string{string(dn)}, Origin: &ident.Origin{Automation: "leavers", Orchestration: "leaver", Instance: 19}},
			},
		}},
		{At: at(70_200), Orchestration: &store.TimelineInstance{Instance: 21, Orchestration: "leaver", Automation: "leavers", Trigger: "disabled", By: "directory", Became: service.BecameHeld, Cause: "more than limits.start"}},
		{At: at(80_000), Step: &store.TimelineInstanceStory{Instance: 21, Orchestration: "leaver", StoryLine: service.StoryLine{By: "grace", Result: "approved"}}},
		{At: at(81_000), Outcome: &store.TimelineOperation{Orchestration: "leaver", RunKind: store.KindOrchestrate, By: "directory", Outcome: ident.Outcome{
			Run: 16, DN: dn, Result: ident.ResultFailed, Cause: "the directory refused it: insufficient rights", Next: "grant the right",
			Operation: ident.Operation{Class: ident.ClassGroups, Reason: "step leave", Left: []ident.DN{"CN=Sales,OU=Groups,DC=ad,DC=test"}},
		}}},
		{At: at(90_000), Link: &service.LinkChange{Made: true, Application: "infobip", Kind: "person", Key: "7f", Origin: ident.OriginOutbound, Orchestration: "tell_infobip"}},
		{At: at(91_000), Link: &service.LinkChange{Application: "pipedrive", Key: "9", By: "ada"}},
	}
	return explanation{Person: who, Timeline: list}
}

// someProspects are what automations would do now, or why that is not known.
func someProspects(t *testing.T) []service.Prospect {
	t.Helper()
	mapped := someMapping().Records
	return []service.Prospect{
		{Automation: "staff", DataSource: "pipedrive_staff", Key: "11", Record: &mapped[0], Planned: true, Changes: mixedPlan(t).Changes[:1]},
		{Automation: "staff", DataSource: "pipedrive_staff", Key: "9", Notes: []string{"pipedrive has no record with this key"}, Planned: true},
		{Automation: "titles", DataSource: "pipedrive_staff", Key: "11", Record: &mapped[1], Problem: "ldaps://dc1.example.com: connection refused"},
		{Automation: "old", DataSource: "old_staff", Key: "11", Problem: "the record is not looked at, as everybody would have to be fetched for it: endpoint users has no call for one record", Next: "--fetch does that"},
	}
}

func goneExplanation() explanation {
	return explanation{Person: service.Person{
		Name: "Bo", DN: "CN=Bo,OU=Staff,DC=ad,DC=test", GUID: "3f2504e0-4f89-41d3-9a0c-0305e82c3302", State: service.PersonDeleted, Deleted: noonAnd(3), Records: []string{"pipedrive:8"},
	}}
}

// someEvents are the events of someExplanation, with what became of them.
func someEvents() []service.SeenEvent {
	var list []service.SeenEvent
	for _, e := range someExplanation().Timeline {
		if e.Event != nil {
			list = append(list, service.SeenEvent{At: e.At, TimelineChange: *e.Event})
		}
		if e.Verdict != nil {
			last := &list[len(list)-1]
			last.Verdicts = append(last.Verdicts, *e.Verdict)
		}
	}
	return list
}

// TestParseSince: a time, or how long ago.
func TestParseSince(t *testing.T) {
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.Local)
	for text, want := range map[string]time.Time{
		"": {}, "24h": now.Add(-24 * time.Hour), "7d": now.AddDate(0, 0, -7), "90m": now.Add(-90 * time.Minute), "2026-03-01": time.Date(2026, 3, 1, 0, 0, 0, 0, time.Local),
		"2026-03-01 14:05": time.Date(2026, 3, 1, 14, 5, 0, 0, time.Local), "2026-03-01T14:05:06Z": time.Date(2026, 3, 1, 14, 5, 6, 0, time.UTC),
	} {
		if got, err := parseSince(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q is %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"yesterday", "-1h", "7", "-2d", "2026-13-01"} {
		if got, err := parseSince(text, now); err == nil || !strings.Contains(err.Error(), "--since") {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
}

// TestLongValuesAreCut: a photo in the directory does not fill the screen.
func TestLongValuesAreCut(t *testing.T) {
	_, text := partText(ident.EventPart{Kind: ident.EventModified, Attribute: "info", New: []string{strings.Repeat("é", 900)}})
	if len([]rune(text)) > 300 || !strings.Contains(text, "(900 characters)") {
		t.Errorf("%d characters: %s", len([]rune(text)), text)
	}
}
