package store

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

func TestCommit(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	lease, run := begin(t, s)
	l := link("1", "guid-1")
	in := Intent{
		Run: run, Automation: "staff", Application: "crm", Kind: ident.UserKind, Key: "1", DN: "CN=1,DC=c", Name: "One", Server: "dc1", Anchor: "crm:1",
		Operation: outcome(run, "1", ident.ClassCreate, "").Operation, Link: &l, By: "ada", Created: l.Created,
	}
	id, err := s.OpenIntent(ctx, lease, in)
	must(t, err)
	in.ID = id
	if d := cmp.Diff([]Intent{in}, must1[[]Intent](t)(s.Intents(ctx))); d != "" {
		t.Error(d)
	}
	c := commit(outcome(run, "1", ident.ClassCreate, ident.ResultApplied))
	c.Link, c.Intent = &l, id
	must(t, s.Commit(ctx, lease, c))
	if d := cmp.Diff([]ident.Outcome{c.Outcome}, must1[[]ident.Outcome](t)(s.Outcomes(ctx, run))); d != "" {
		t.Error(d)
	}
	if got, found, err := s.LinkByKey(ctx, ident.Users("crm"), "1"); err != nil || !found || !cmp.Equal(l, got) {
		t.Errorf("link %v, %v, %v", got, found, err)
	}
	if left := must1[[]Intent](t)(s.Intents(ctx)); len(left) != 0 {
		t.Errorf("intents left: %v", left)
	}
	var last JournalLine
	must(t, s.EachJournal(ctx, func(line JournalLine) error { last = line; return nil }))
	if last.Kind != JournalOutcome || !cmp.Equal(last.Outcome, &c.Outcome) || !cmp.Equal(last.Link, &l) || last.By != "ada" || last.Run != run {
		t.Errorf("journal: %+v", last)
	}

	gone := commit(outcome(run, "1", ident.ClassDelete, ident.ResultApplied))
	gone.Unlink = true
	must(t, s.Commit(ctx, lease, gone))
	if _, found, err := s.LinkByKey(ctx, ident.Users("crm"), "1"); found || err != nil {
		t.Errorf("the link is still there: %v", err)
	}
	must(t, s.EachJournal(ctx, func(line JournalLine) error { last = line; return nil }))
	if !last.Unlinked || !cmp.Equal(last.Link, &l) {
		t.Errorf("journal: %+v", last)
	}
}

// TestCommitIsAtomic has each part of a commit fail: nothing of it, nor of the
// others in its batch, may be left.
func TestCommitIsAtomic(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	lease, run := begin(t, s)
	must(t, s.PutLink(ctx, link("9", "guid-9"), "ada"))
	taken, l := link("2", "guid-9"), link("2", "guid-2")
	intent, err := s.OpenIntent(ctx, lease, creating(run, "2"))
	must(t, err)
	lines := countJournal(t, s)
	for name, spoil := range map[string]func(*Commit){
		"link taken":      func(c *Commit) { c.Link = &taken },
		"unknown intent":  func(c *Commit) { c.Intent = 99 },
		"not held":        func(c *Commit) { c.HeldID = 99 },
		"unknown run":     func(c *Commit) { c.Outcome.Run = 99 },
		"link and unlink": func(c *Commit) { c.Unlink = true },
	} {
		t.Run(name, func(t *testing.T) {
			good, bad := commit(outcome(run, "1", "create", "applied")), commit(outcome(run, "2", "create", "applied"))
			goodLink := link("1", "guid-1")
			good.Link, bad.Link, bad.Intent = &goodLink, &l, intent
			spoil(&bad)
			if err := s.CommitAll(ctx, lease, []Commit{good, bad}); err == nil {
				t.Fatal("it is accepted")
			}
			if list := must1[[]ident.Outcome](t)(s.Outcomes(ctx, run)); len(list) != 0 {
				t.Errorf("outcomes left: %v", list)
			}
			for _, key := range []ident.Key{"1", "2"} {
				if _, found, _ := s.LinkByKey(ctx, ident.Users("crm"), key); found {
					t.Errorf("link %s left", key)
				}
			}
			if left := must1[[]Intent](t)(s.Intents(ctx)); len(left) != 1 {
				t.Errorf("intents: %v", left)
			}
			if n := countJournal(t, s); n != lines {
				t.Errorf("%d journal lines left", n-lines)
			}
		})
	}
}

func countJournal(t *testing.T, s *Store) (n int) {
	t.Helper()
	must(t, s.EachJournal(t.Context(), func(JournalLine) error { n++; return nil }))
	return n
}

func TestCountApplied(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	lease, run := begin(t, s)
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	add := func(class ident.Class, result ident.Result, approved string, when time.Time, automation string) {
		c := commit(outcome(run, "1", class, result))
		c.Outcome.Approved, c.Outcome.At, c.Automation = approved, when, automation
		must(t, s.Commit(ctx, lease, c))
	}
	add(ident.ClassCreate, ident.ResultApplied, "", at, "staff")
	add(ident.ClassCreate, ident.ResultApplied, "", at.Add(time.Hour), "staff")
	add(ident.ClassDisable, ident.ResultApplied, "", at, "staff")
	add(ident.ClassDisable, ident.ResultApplied, "eve", at, "staff")
	add(ident.ClassDisable, ident.ResultFailed, "", at, "staff")
	add(ident.ClassDisable, ident.ResultHeld, "", at, "staff")
	add(ident.ClassDisable, ident.ResultApplied, "", at.Add(-time.Nanosecond), "staff")
	add(ident.ClassDelete, ident.ResultApplied, "", at, "other")
	add(ident.ClassReferences, ident.ResultApplied, "", at, "staff") // of the account that the run made
	other := commit(outcome(run, "2", ident.ClassReferences, ident.ResultApplied))
	other.Outcome.At, other.Automation = at, "staff"
	must(t, s.Commit(ctx, lease, other))
	want := map[ident.Class]int{ident.ClassCreate: 2, ident.ClassDisable: 1, ident.ClassReferences: 1}
	if d := cmp.Diff(want, must1[map[ident.Class]int](t)(s.CountApplied(ctx, "staff", at))); d != "" {
		t.Error(d)
	}
}

func TestIntents(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	lease, run := begin(t, s)
	first, err := s.OpenIntent(ctx, lease, creating(run, "1"))
	must(t, err)
	handed := creating(run, "2")
	handed.Password = []byte("sealed")
	second, err := s.OpenIntent(ctx, lease, handed)
	must(t, err)
	must(t, s.CloseIntent(ctx, lease, first, ident.Operation{}))
	if err := s.CloseIntent(ctx, lease, first, ident.Operation{}); err == nil {
		t.Error("it closes twice")
	}
	c := commit(outcome(run, "1", "create", "applied"))
	c.Intent = first
	if err := s.Commit(ctx, lease, c); err == nil {
		t.Error("a closed intent is committed")
	}
	left := must1[[]Intent](t)(s.Intents(ctx))
	if len(left) != 1 || left[0].ID != second || string(left[0].Password) != "sealed" || left[0].Link != nil || left[0].Created.IsZero() {
		t.Errorf("%+v", left)
	}
}

// TestIntentsAreChecked refuses an intent about a record that another is open
// about, and one whose link is not what the operation goes by.
func TestIntentsAreChecked(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	lease, run := begin(t, s)
	must(t, s.PutLink(ctx, link("1", "guid-1"), "test"))
	in := func(key ident.Key, guid ident.GUID, class ident.Class) Intent {
		i := creating(run, key)
		i.GUID, i.Operation.Class = guid, class
		return i
	}
	other := in("1", "guid-1", ident.ClassUpdate)
	other.Application = "erp"
	for name, tc := range map[string]struct {
		intent Intent
		want   any // a pointer to the error that is expected; nil for none
	}{
		"create":               {in("2", "", ident.ClassCreate), nil},
		"create, linked":       {in("1", "", ident.ClassCreate), new(*LinkTakenError)},
		"adopt":                {in("2", "guid-2", ident.ClassAdopt), nil},
		"adopt, key linked":    {in("1", "guid-2", ident.ClassAdopt), new(*LinkTakenError)},
		"adopt, object linked": {in("2", "guid-1", ident.ClassAdopt), new(*LinkTakenError)},
		"link, object linked":  {in("2", "guid-1", ident.ClassLink), new(*LinkTakenError)},
		"update":               {in("1", "guid-1", ident.ClassUpdate), nil},
		"update, other object": {in("1", "guid-2", ident.ClassUpdate), new(*LinkTakenError)},
		"disable, no link":     {in("2", "guid-2", ident.ClassDisable), new(*NotLinkedError)},
		"other application":    {other, new(*NotLinkedError)},
	} {
		id, err := s.OpenIntent(ctx, lease, tc.intent)
		if tc.want == nil {
			must(t, err)
			if _, err := s.OpenIntent(ctx, lease, tc.intent); !errors.As(err, new(*UnderWayError)) {
				t.Errorf("%s, a second time: %v", name, err)
			}
			must(t, s.CloseIntent(ctx, lease, id, ident.Operation{}))
		} else if !errors.As(err, tc.want) {
			t.Errorf("%s: %v, want %T", name, err, tc.want)
		}
	}
	if left := must1[[]Intent](t)(s.Intents(ctx)); len(left) != 0 {
		t.Errorf("intents: %+v", left)
	}
}
