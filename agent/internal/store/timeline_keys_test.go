package store

import (
	"fmt"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// TestAnAdoptionThatIsNotMade: a record belongs to nobody because a run would have
// given it somebody's account. Their timelines stay apart, and the record's tells of
// what waits or was rejected.
func TestAnAdoptionThatIsNotMade(t *testing.T) {
	now := newClock()
	s := openTest(t, WithClock(now.Now))
	ctx := t.Context()
	lease, run := begin(t, s)
	adopt := func(result ident.Result) {
		now.Add(1)
		o := outcome(run, "7", ident.ClassAdopt, result)
		o.GUID, o.At = "guid-other", now.Now()
		must(t, s.Commit(ctx, lease, commit(o)))
		now.Add(1)
	}
	adopt(ident.ResultRejected)
	s.sql(t, fmt.Sprintf(`INSERT INTO receipts VALUES (1, 'crm', 'd1', %d, 'changed', 'user', '7', x'', 0, 'done', 0, 1, 0, 0, '')`, now.Now().UnixNano()))
	key := RecordKey{ident.Users("crm"), "7"}

	if keys := must1[[]RecordKey](t)(s.KeysOf(ctx, "guid-other")); len(keys) != 0 {
		t.Errorf("the account that was not adopted has the records %v", keys)
	}
	if owners := must1[[]ident.GUID](t)(s.ObjectsOfKey(ctx, key)); len(owners) != 0 {
		t.Errorf("the record is of %v", owners)
	}
	const rejected = "outcome adopt rejected run 1 manual by ada approved \"\" settled 0"
	const record = "earlier false\noutcome adopt held run 1 manual by ada approved \"\" settled 0\n" + rejected +
		"\nreceipt changed user crm:7 done runs []"
	if got := s.briefly(t, TimelineOf{Keys: []RecordKey{key}, Most: 50}); got != record {
		t.Errorf("the record:\n%s\nwant:\n%s", got, record)
	}
	must(t, s.PutLink(ctx, link("7", "guid-7"), "ada"))
	if got, want := s.briefly(t, TimelineOf{GUID: "guid-7", Keys: []RecordKey{key}, Most: 50}), record+"\nlink crm:7 made true run 0 by \"ada\""; got != want {
		t.Errorf("who got an account of their own:\n%s\nwant:\n%s", got, want)
	}
	adopt(ident.ResultApplied) // the account says itself that it was adopted
	if keys := must1[[]RecordKey](t)(s.KeysOf(ctx, "guid-other")); len(keys) != 1 || keys[0] != key {
		t.Errorf("the account that was adopted has the records %v", keys)
	}
	if got := s.briefly(t, TimelineOf{GUID: "guid-7", Keys: []RecordKey{key}, Most: 1}); got != "earlier true\nlink crm:7 made true run 0 by \"ada\"" {
		t.Errorf("an adoption for somebody else is told:\n%s", got)
	}
}

// TestALimitCountsWhatIsShown: what was about somebody else, who has the key now, takes
// no room from what was about the person.
func TestALimitCountsWhatIsShown(t *testing.T) {
	now := newClock()
	s := openTest(t, WithClock(now.Now))
	ctx := t.Context()
	lease, run := begin(t, s)
	id := 0
	happen := func(n int) {
		for range n {
			id++
			now.Add(1)
			s.sql(t, fmt.Sprintf(`INSERT INTO receipts VALUES (%d, 'crm', 'd%d', %d, 'changed', '', '7', x'', 0, 'done', 0, 1, 0, 0, '')`, id, id, now.Now().UnixNano()))
			o := outcome(run, "7", ident.ClassUpdate, ident.ResultFailed)
			o.GUID, o.At = "", now.Now()
			must(t, s.Commit(ctx, lease, commit(o)))
		}
	}
	must(t, s.PutLink(ctx, link("7", "guid-a"), "ada"))
	happen(4)
	now.Add(1)
	_, err := s.DeleteLink(ctx, lease, ident.Users("crm"), "7", "ada")
	must(t, err)
	now.Add(1)
	must(t, s.PutLink(ctx, link("7", "guid-b"), "ada"))
	happen(9)
	of := TimelineOf{GUID: "guid-a", Keys: []RecordKey{{ident.Users("crm"), "7"}}}
	for most, earlier := range map[int]bool{3: true, 9: true, 10: false} {
		of.Most = most
		list, more, err := s.Timeline(ctx, of)
		if err != nil || len(list) != most || more != earlier {
			t.Errorf("of ten entries %d were asked for: %d, earlier %v, %v", most, len(list), more, err)
		}
		for _, e := range list {
			if e.Receipt != nil && e.Receipt.ID > 4 {
				t.Errorf("receipt %d was about somebody else", e.Receipt.ID)
			}
		}
	}
}

// TestALinkSaysWhoseARecordIs: as long as there is a link, although it is forgotten
// when it was made.
func TestALinkSaysWhoseARecordIs(t *testing.T) {
	now := newClock()
	s := openTest(t, WithClock(now.Now))
	ctx := t.Context()
	l := link("7", "guid-b")
	l.Created = now.Now()
	must(t, s.PutLink(ctx, l, "ada"))
	now.Add(1)
	s.sql(t, `DELETE FROM link_changes`,
		fmt.Sprintf(`INSERT INTO receipts VALUES (1, 'crm', 'd1', %d, 'changed', '', '7', x'', 0, 'done', 0, 1, 0, 0, '')`, now.Now().UnixNano()))
	for guid, want := range map[ident.GUID]int{"guid-a": 0, "guid-b": 1} {
		list, _, err := s.Timeline(ctx, TimelineOf{GUID: guid, Keys: []RecordKey{{ident.Users("crm"), "7"}}, Most: 5})
		if err != nil || len(list) != want {
			t.Errorf("%s was told of %d receipts, %v", guid, len(list), err)
		}
	}
}
