package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

func TestLinks(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	missing := time.Date(2026, 2, 3, 4, 5, 6, 7, time.UTC)
	full := link("1", "guid-1")
	full.Left, full.LeftOU = "OU=Special,DC=c", "OU=Staff,DC=c"
	full.Placed, full.MissingSince, full.Applied = "OU=Staff,DC=c", &missing, map[string]string{"sn": "d1"}
	bare := link("2", "guid-2")
	other := link("1", "guid-1") // the same key and object in another application
	other.Application, other.Automation = "hr", "hr_staff"
	for _, l := range []ident.Link{full, bare, other} {
		must(t, s.PutLink(ctx, l, "ada"))
	}
	for _, want := range []ident.Link{full, bare, other} {
		got, found, err := s.LinkByKey(ctx, want.Space(), want.Key)
		if d := cmp.Diff(want, got); err != nil || !found || d != "" {
			t.Errorf("LinkByKey: %v, %v\n%s", found, err, d)
		}
		got, found, err = s.LinkByGUID(ctx, want.Space(), want.GUID)
		if d := cmp.Diff(want, got); err != nil || !found || d != "" {
			t.Errorf("LinkByGUID: %v, %v\n%s", found, err, d)
		}
	}
	for _, app := range []string{"crm", "nowhere"} {
		if _, found, err := s.LinkByKey(ctx, ident.Users(app), "9"); found || err != nil {
			t.Errorf("LinkByKey of nothing: %v, %v", found, err)
		}
		if _, found, err := s.LinkByGUID(ctx, ident.Users(app), "guid-9"); found || err != nil {
			t.Errorf("LinkByGUID of nothing: %v, %v", found, err)
		}
	}
	full.MissingSince, full.Applied, full.Automation = nil, nil, "leavers"
	must(t, s.PutLink(ctx, full, "ada"))
	if got, _, err := s.LinkByKey(ctx, ident.Users("crm"), "1"); err != nil || !cmp.Equal(full, got) {
		t.Errorf("after a change: %v, %v", got, err)
	}
	for automation, want := range map[string]int{"staff": 1, "leavers": 1, "hr_staff": 1, "none": 0} {
		if n := must1[int](t)(s.CountLinks(ctx, automation)); n != want {
			t.Errorf("%s has %d links, want %d", automation, n, want)
		}
	}
	lease := must1[Lease](t)(s.AcquireLease(ctx, "staff", "ada", time.Hour))
	if gone := must1[Unlinked](t)(s.DeleteLink(ctx, lease, ident.Users("crm"), "1", "ada")); !cmp.Equal(gone.Link, full) || len(gone.Dropped) != 0 {
		t.Errorf("DeleteLink: %+v", gone)
	}
	if _, err := s.DeleteLink(ctx, lease, ident.Users("crm"), "1", "ada"); !errors.As(err, new(*NotLinkedError)) {
		t.Errorf("DeleteLink once more: %v", err)
	}
	if _, found, _ := s.LinkByKey(ctx, ident.Users("crm"), "1"); found {
		t.Error("the link is still there")
	}
	if _, found, _ := s.LinkByKey(ctx, ident.Users("hr"), "1"); !found {
		t.Error("the link of another application is gone")
	}
}

func TestLinkTaken(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	must(t, s.PutLink(ctx, link("1", "guid-1"), "ada"))
	must(t, s.PutLink(ctx, link("2", "guid-2"), "ada"))
	lease, run := begin(t, s)
	for name, wanted := range map[string]ident.Link{"key": link("1", "guid-3"), "object": link("3", "guid-1"), "crossed": link("1", "guid-2")} {
		c := commit(outcome(run, wanted.Key, ident.ClassCreate, ident.ResultApplied))
		c.Link = &wanted
		for how, err := range map[string]error{"PutLink": s.PutLink(ctx, wanted, "ada"), "Commit": s.Commit(ctx, lease, c)} {
			var taken *LinkTakenError
			if !errors.As(err, &taken) || taken.Wanted.Key != wanted.Key || taken.Wanted.GUID != wanted.GUID {
				t.Errorf("%s, %s: %v", name, how, err)
				continue
			}
			if taken.Holder.Key != wanted.Key && taken.Holder.GUID != wanted.GUID {
				t.Errorf("%s, %s: the holder %v has neither", name, how, taken.Holder)
			}
			for _, word := range []string{string(wanted.GUID), string(taken.Holder.Key), string(taken.Holder.GUID)} {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%s, %s: the error does not name %s: %v", name, how, word, err)
				}
			}
		}
	}
	if list := must1[[]ident.Outcome](t)(s.Outcomes(ctx, run)); len(list) != 0 {
		t.Errorf("refused commits left %d outcomes", len(list))
	}
	for _, l := range []ident.Link{{Key: "1", GUID: "g"}, {Application: "a", GUID: "g"}, {Application: "a", Key: "1"}} {
		if err := s.PutLink(ctx, l, "ada"); err == nil {
			t.Errorf("%v is accepted", l)
		}
	}
}

func TestEachLink(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	var want []string
	for i := range 2*linkBatch + 1 {
		want = append(want, fmt.Sprintf("crm:%05d", i))
	}
	_, err := s.writer.ExecContext(ctx, `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO links (application, kind, key, guid, automation, origin, created, placed, missing_since, applied_json)
		SELECT 'crm', 'user', printf('%05d', i), 'guid-' || i, 'staff', 'created', 1, '', 0, 'null' FROM n`, 2*linkBatch)
	must(t, err)
	hr := link("1", "guid-1")
	hr.Application = "hr"
	must(t, s.PutLink(ctx, hr, "ada"))
	walk := func(app string) (got []string) {
		must(t, s.Links(ctx, app, func(l ident.Link) error {
			got = append(got, l.Application+":"+string(l.Key))
			_, _, err := s.LinkByKey(ctx, l.Space(), l.Key) // the store can be used meanwhile
			return err
		}))
		return got
	}
	if d := cmp.Diff(want, walk("crm")); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(append(want, "hr:1"), walk("")); d != "" {
		t.Error(d)
	}
	stop := errors.New("stop")
	if err := s.Links(ctx, "", func(ident.Link) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
}

func TestPeakLinks(t *testing.T) {
	c := newClock()
	s, ctx := openTest(t, WithClock(c.Now)), t.Context()
	start := c.Now()
	for _, n := range []int{100, 120, 110} {
		must(t, s.NoteLinks(ctx, "staff", n))
	}
	c.Add(48 * time.Hour)
	must(t, s.NoteLinks(ctx, "staff", 90))
	must(t, s.NoteLinks(ctx, "other", 500))
	for since, want := range map[time.Time]int{
		start.Add(-time.Hour):     120,
		start.Add(6 * time.Hour):  120, // the same day
		start.Add(18 * time.Hour): 90,
		start.Add(72 * time.Hour): 0,
	} {
		if n := must1[int](t)(s.PeakLinks(ctx, "staff", since)); n != want {
			t.Errorf("since %s: %d, want %d", since, n, want)
		}
	}
}

func TestMarkDelivered(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	for _, key := range []ident.Key{"1", "2", "3"} {
		l := link(key, "guid-"+ident.GUID(key))
		l.Delivered = key == "2"
		must(t, s.PutLink(ctx, l, "ada"))
	}
	lease, err := s.AcquireLease(ctx, "automation/staff", "test", time.Minute)
	must(t, err)
	must(t, s.MarkDelivered(ctx, lease, ident.Users("crm"), []ident.Key{"1"}, []ident.Key{"2", "none"}))
	for key, want := range map[ident.Key]bool{"1": true, "2": false, "3": false} {
		if l, _, err := s.LinkByKey(ctx, ident.Users("crm"), key); err != nil || l.Delivered != want {
			t.Errorf("link %s: delivered %t, %v", key, l.Delivered, err)
		}
	}
	must(t, s.ReleaseLease(ctx, lease))
	var fenced *FencedError
	if err := s.MarkDelivered(ctx, lease, ident.Users("crm"), []ident.Key{"3"}, nil); !errors.As(err, &fenced) {
		t.Errorf("without the lease: %v", err)
	}
}

// The accounts of links are named as the local image of the directory has them.
func TestLinkedAccounts(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	for key, application := range map[ident.Key]string{"1": "crm", "2": "crm", "3": "crm", "4": "other"} {
		l := link(key, ident.GUID("guid-"+key))
		l.Application = application
		must(t, s.PutLink(ctx, l, "test"))
	}
	for _, e := range []ident.Entry{
		entry("guid-1", "CN=Ada,DC=c", "displayName", "Ada Novak", "sn", "Novak"), entry("guid-2", `CN=Bo\, Ek,DC=c`, "sn", "Ek"),
		entry("guid-4", "CN=Di,DC=c"), entry("guid-9", "CN=Nobody,DC=c"),
	} {
		must(t, s.UpdateMirror(ctx, put(e)))
	}
	// The last run made 3; 2 is as the directory has it by now, and 9 is of no link.
	lease, run := begin(t, s)
	for _, key := range []ident.Key{"2", "3", "9"} {
		must(t, s.Commit(ctx, lease, commit(outcome(run, key, ident.ClassUpdate, ident.ResultApplied))))
	}
	failed := outcome(run, "3", ident.ClassRename, ident.ResultFailed)
	failed.Name = "Never"
	must(t, s.Commit(ctx, lease, commit(failed)))
	crm := map[ident.GUID]Account{
		"guid-1": {"Ada Novak", "CN=Ada,DC=c"}, "guid-2": {"Bo, Ek", `CN=Bo\, Ek,DC=c`}, "guid-3": {"Name 3", "CN=3,DC=c"},
	}
	of := func(application string) map[ident.GUID]Account {
		found := map[ident.GUID]Account{}
		must(t, s.LinkedAccounts(ctx, application, "", func(l ident.Link, a *Account) error {
			if a != nil {
				found[l.GUID] = *a
			}
			return nil
		}))
		return found
	}
	if d := cmp.Diff(crm, of("crm")); d != "" {
		t.Errorf("of one application (-want +got)\n%s", d)
	}
	crm["guid-4"] = Account{"Di", "CN=Di,DC=c"}
	if d := cmp.Diff(crm, of("")); d != "" {
		t.Errorf("of all (-want +got)\n%s", d)
	}
}

// Links are listed as people read keys, over more batches than one, and a link
// that goes meanwhile is left out.
func TestLinkedAccountsInOrder(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	_, err := s.writer.ExecContext(ctx, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO links (application, kind, key, guid, automation, origin, created, placed, missing_since, applied_json)
		SELECT 'crm', 'user', i, 'guid-' || i, 'staff', 'created', 1, '', 0, 'null' FROM n`, 2*linkBatch+1)
	must(t, err)
	for _, key := range []ident.Key{"9", "10"} {
		l := link(key, ident.GUID("guid-"+key))
		l.Application = "a"
		must(t, s.PutLink(ctx, l, "ada"))
	}
	want := []string{"a:9", "a:10"}
	for i := range 2*linkBatch + 1 {
		if i+1 != 2*linkBatch {
			want = append(want, fmt.Sprintf("crm:%d", i+1))
		}
	}
	lease := must1[Lease](t)(s.AcquireLease(ctx, "staff", "ada", time.Hour))
	var got []string
	must(t, s.LinkedAccounts(ctx, "", "", func(l ident.Link, a *Account) error {
		if a != nil {
			t.Errorf("%s has the account %v", l.Key, a)
		}
		got = append(got, l.Application+":"+string(l.Key))
		if l.Application == "crm" && l.Key == "1" {
			_, err := s.DeleteLink(ctx, lease, ident.Users("crm"), ident.Key(fmt.Sprint(2*linkBatch)), "ada")
			return err
		}
		return nil
	}))
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	enough := errors.New("enough")
	if err := s.LinkedAccounts(ctx, "crm", "", func(ident.Link, *Account) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("the error of who reads is %v", err)
	}
}
