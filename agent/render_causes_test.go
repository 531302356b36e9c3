package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// sixty people have one cause, and somebody else has another.
func sixty() []ident.QuarantineItem {
	items := []ident.QuarantineItem{{Key: "1", Name: "Di", Cause: "no mail", Next: "add one, or: rollcall link add staff 1 ACCOUNT"}}
	for i := range 60 {
		key := ident.Key(fmt.Sprint(100 + i))
		name := fmt.Sprintf("李%02d", i)
		items = append(items, ident.QuarantineItem{
			Key: key, Name: name, Cause: fmt.Sprintf("agent.toml:41:18: sAMAccountName: nothing is left of user.name %q", name),
			Shared: "agent.toml:41:18: sAMAccountName: nothing is left of user.name", Next: fmt.Sprintf("add a form; or: rollcall link add staff %s ACCOUNT", key),
		})
	}
	return items
}

// TestSixtyPeopleWithOneCauseAreOneItem: the cause once, with how many and who.
func TestSixtyPeopleWithOneCauseAreOneItem(t *testing.T) {
	var few, all bytes.Buffer
	printQuarantine(&few, sixty(), "", "`--all` names them")
	const want = `
In quarantine (nothing is done about these records):
  60 people: agent.toml:41:18: sAMAccountName: nothing is left of user.name
      李00 (key 100), 李01 (key 101), 李02 (key 102), 李03 (key 103), 李04 (key 104) and 55 more: ` + "`--all` names them" + `
      such as: agent.toml:41:18: sAMAccountName: nothing is left of user.name "李00"
      next: add a form; or: rollcall link add staff KEY ACCOUNT
  Di (key 1): no mail
      next: add one, or: rollcall link add staff 1 ACCOUNT
`
	if few.String() != want {
		t.Errorf("got\n%s\nwant\n%s", few.String(), want)
	}
	printQuarantine(&all, sixty(), "", "")
	for i := range 60 {
		if line := fmt.Sprintf("      李%02d (key %d): agent.toml:41:18: sAMAccountName: nothing is left of user.name \"李%02d\"\n", i, 100+i, i); !strings.Contains(all.String(), line) {
			t.Errorf("no %q in\n%s", line, all.String())
		}
	}
	if n := strings.Count(all.String(), "next: "); n != 2 || strings.Contains(all.String(), "more") {
		t.Errorf("%d next steps in\n%s", n, all.String())
	}
}

// TestNotesOfOneCauseAreOne: what is worth knowing of many is told once, and has
// no next step.
func TestNotesOfOneCauseAreOne(t *testing.T) {
	summary := engine.Summary{Notes: []ident.Note{
		{Text: "the anchor attribute is in use"},
		{Key: "1", Name: "Di", Text: "stays there"},
		{Key: "2", Name: "Ed", Text: "left to the next run"},
		{Key: "3", Name: "Flo", Text: "left to the next run"},
	}}
	var out bytes.Buffer
	printSummary(pageOf(&out), summary, extent{}, "`rollcall runs 1` shows all")
	const want = `
Worth knowing:
  2 people: left to the next run
      Ed (key 2), Flo (key 3)
  the anchor attribute is in use
  Di (key 1): stays there
`
	if !strings.Contains(out.String(), want) || strings.Contains(out.String(), "next:") {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

// TestCausesAreKeptApart: parts of one cause are not records, and what differs
// in more than the key is not the same next step.
func TestCausesAreKeptApart(t *testing.T) {
	items := []ident.QuarantineItem{
		{Key: "1", Part: "title", Cause: "too long", Next: "cut it"},
		{Key: "2", Part: "mail", Cause: "too long", Next: "cut it"},
		{Key: "3", Part: ident.PartGroups, Cause: "gone", Next: "see 3"},
		{Key: "33", Part: ident.PartGroups, Cause: "gone", Next: "see 33, not 3"},
		{Cause: "no key"},
		{Cause: "no key"},
	}
	var got []string
	for _, c := range byCause(items) {
		got = append(got, fmt.Sprintf("%d %s | %s", len(c.people), c.cause, c.next))
	}
	want := "2 gone | see 3;2 no key | ;1 too long | cut it;1 too long | cut it"
	if s := strings.Join(got, ";"); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
	if got := forAnyKey(ident.QuarantineItem{Key: "3", Next: "rollcall link add staff 3 ACCOUNT 33; or 3"}); got != "rollcall link add staff KEY ACCOUNT 33; or KEY" {
		t.Error(got)
	}
}

// TestFailuresOfOneKindAreCounted: a short report lists three of them.
func TestFailuresOfOneKindAreCounted(t *testing.T) {
	r := engine.Report{Run: store.Run{ID: 7}}
	for i := range 60 {
		r.Outcomes = append(r.Outcomes, ident.Outcome{
			Run: 7, Key: ident.Key(fmt.Sprint(i)), Name: "Ada", Operation: ident.Operation{Class: ident.ClassUpdate}, Result: ident.ResultFailed,
			Code: 50, Cause: fmt.Sprintf("the agent's account lacks the right: object %d", i), Next: "delegate it on that OU",
		})
	}
	other := r.Outcomes[0]
	other.Code, other.Next, other.Cause = 19, "shorten it", "another"
	r.Outcomes = append(r.Outcomes, other)
	var brief, whole bytes.Buffer
	printReport(&brief, r, extent{brief: true})
	printReport(&whole, r, extent{})
	for text, want := range map[string]int{"lacks the right": 3, "another": 1, "  and 57 more of update failed in the same way: `rollcall runs 7` lists them\n": 1} {
		if n := strings.Count(brief.String(), text); n != want {
			t.Errorf("%q %d times, want %d, in\n%s", text, n, want, brief.String())
		}
	}
	if n := strings.Count(whole.String(), "lacks the right"); n != 60 || strings.Contains(whole.String(), "more of") {
		t.Errorf("the whole run has %d of 60", n)
	}
}
