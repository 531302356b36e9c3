package store

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// sql executes statements as they are.
func (s *Store) sql(t *testing.T, statements ...string) {
	t.Helper()
	for _, one := range statements {
		_, err := s.writer.ExecContext(t.Context(), one)
		must(t, err)
	}
}

// brief writes an entry as one line, without its time.
func (e TimelineEntry) brief() string {
	switch e.Kind {
	case TimelineReceipt:
		return fmt.Sprintf("receipt %s %s %s:%s %s runs %v", e.Receipt.Change, e.Receipt.Records, e.Receipt.Application, e.Receipt.Key, e.Receipt.State, e.Receipt.Runs)
	case TimelineOutcome:
		o := e.Outcome
		return fmt.Sprintf("outcome %s %s run %d %s by %s approved %q settled %d", o.Operation.Class, o.Result, o.Run, o.RunKind, o.By, o.Approved, o.SettledBy)
	case TimelineLink:
		return fmt.Sprintf("link %s:%s made %v run %d by %q", e.Link.Application, e.Link.Key, e.Link.Made, e.Link.Run, e.Link.By)
	case TimelineEvent:
		return fmt.Sprintf("event %d %s %v group %v", e.Event.ID, e.Event.Name, e.Event.Parts[0].Kind, e.Event.Group)
	case TimelineVerdict:
		return fmt.Sprintf("verdict %d %s %s %d %s %s", e.Verdict.Event, e.Verdict.Automation, e.Verdict.Verdict, e.Verdict.Instance, e.Verdict.Orchestration, e.Verdict.Cause)
	case TimelineOrchestration:
		return fmt.Sprintf("orchestration %d %s %s", e.Orchestration.Instance, e.Orchestration.Orchestration, e.Orchestration.Became)
	case TimelineStep:
		return fmt.Sprintf("step %d %s %s %s by %q", e.Step.Instance, e.Step.Step, e.Step.Webhook, e.Step.Result, e.Step.By)
	}
	return "?"
}

func (s *Store) briefly(t *testing.T, of TimelineOf) string {
	t.Helper()
	list, earlier, err := s.Timeline(t.Context(), of)
	must(t, err)
	lines := []string{fmt.Sprint("earlier ", earlier)}
	for i, e := range list {
		lines = append(lines, e.brief())
		if i > 0 && e.At.Before(list[i-1].At) {
			t.Errorf("%s stands after %s", e.brief(), list[i-1].brief())
		}
	}
	return strings.Join(lines, "\n")
}

// TestTimeline: everything that is kept about a person stands in order of time,
// nothing of others, and a held operation twice.
func TestTimeline(t *testing.T) {
	now := newClock()
	s := openTest(t, WithClock(now.Now))
	ctx := t.Context()
	lease, run := begin(t, s)
	at := func(n int) int64 { return now.Now().Add(time.Duration(n) * time.Second).UnixNano() }

	made := outcome(run, "7", ident.ClassCreate, ident.ResultApplied)
	made.At = now.Now()
	c := commit(made)
	l := link("7", "guid-7")
	c.Link = &l
	must(t, s.Commit(ctx, lease, c))
	held := outcome(run, "7", ident.ClassDisable, ident.ResultHeld)
	held.At = now.Now()
	must(t, s.Commit(ctx, lease, commit(held)))
	other := outcome(run, "8", ident.ClassCreate, ident.ResultApplied)
	must(t, s.Commit(ctx, lease, commit(other)))
	failed := outcome(run, "7", ident.ClassCreate, ident.ResultFailed)
	failed.GUID, failed.At = "", now.Now().Add(-time.Minute)
	must(t, s.Commit(ctx, lease, commit(failed)))
	now.Add(time.Minute)
	must(t, s.FinishRun(ctx, lease, Run{ID: run, Automation: "staff", Result: RunHeld}))
	now.Add(time.Minute)
	must1[int](t)(s.RejectHeld(ctx, run, "", "grace"))
	now.Add(time.Minute)
	one := NewInstance{
		Orchestration: "leaver", Definition: json.RawMessage(`{"name":"leaver"}`), Automation: "leavers", Trigger: "disabled", By: "feed",
		GUID: "guid-7", DN: "CN=7,DC=c", Name: "Seven", Step: "off",
	}
	ids := must1[[]int64](t)(s.StartInstances(ctx, lease, []NewInstance{one}))
	s.sql(t,
		fmt.Sprintf(`INSERT INTO events (id, at, object, guid, dn, from_dn, name, group_guid, group_dn, group_name, parts_json, image_json, unsure, open) VALUES (5, %d, 'user', 'guid-7', 'CN=7,DC=c', 'CN=7,DC=c', 'Seven', '', '', '',
			'[{"kind":"disabled"}]', '{"samaccountname":["seven"]}', '', 0)`, at(0)-1000),
		fmt.Sprintf(`INSERT INTO events (id, at, object, guid, dn, from_dn, name, group_guid, group_dn, group_name, parts_json, image_json, unsure, open) VALUES (6, %d, 'user', 'guid-7', 'CN=7,DC=c', '', 'Seven', 'guid-g', 'CN=g,DC=c', 'g',
			'[{"kind":"member_added"}]', '{}', '', 1)`, at(30)),
		fmt.Sprintf(`INSERT INTO events (id, at, object, guid, dn, from_dn, name, group_guid, group_dn, group_name, parts_json, image_json, unsure, open) VALUES (7, %d, 'user', 'guid-8', 'CN=8,DC=c', '', 'Eight', '', '', '', '[{"kind":"created"}]', '{}', '', 1)`, at(30)),
		fmt.Sprintf(`INSERT INTO event_verdicts VALUES (5, 'leavers', 'begun', %d, '', '', %d), (7, 'joiners', 'begun', 9, '', '', %d)`, ids[0], at(0)-500, at(0)),
		fmt.Sprintf(`INSERT INTO receipts VALUES (1, 'crm', 'd1', %d, 'changed', 'user', '7', x'', 0, 'done', %d, 1, 0, 0, '')`, at(-600), run),
		fmt.Sprintf(`INSERT INTO receipt_runs (receipt, automation, run, failed, at) VALUES (1, 'staff', %d, 0, %d), (1, 'roles', 99, 0, %d)`, run, at(1), at(1)),
		fmt.Sprintf(`INSERT INTO receipts VALUES (2, 'crm', 'd2', %d, 'changed', 'person', '7', x'', 0, 'done', 1, 1, 0, 0, '')`, at(-600)),
	)
	now.Add(time.Minute)
	must(t, s.CancelInstance(ctx, ids[0], "ada"))
	now.Add(time.Minute)
	_, err := s.DeleteLink(ctx, lease, ident.Users("crm"), "7", "grace")
	must(t, err)

	keys := must1[[]RecordKey](t)(s.KeysOf(ctx, "guid-7"))
	if len(keys) != 1 || keys[0] != (RecordKey{ident.Users("crm"), "7"}) {
		t.Fatalf("keys: %v", keys)
	}
	of := TimelineOf{GUID: "guid-7", Keys: keys, Most: 50}
	const want = `earlier false
receipt changed user crm:7 done runs [1 99]
outcome create failed run 1 manual by ada approved "" settled 0
outcome create applied run 1 manual by ada approved "" settled 0
link crm:7 made true run 1 by "ada"
outcome disable held run 1 manual by ada approved "" settled 0
outcome disable rejected run 1 manual by ada approved "" settled 0
event 5 Seven disabled group <nil>
verdict 5 leavers begun 1 leaver 
orchestration 1 leaver begun
event 6 Seven member_added group &{guid-g CN=g,DC=c g}
step 1 off  cancelled by "ada"
orchestration 1 leaver cancelled
link crm:7 made false run 0 by "grace"`
	if got := s.briefly(t, of); got != want {
		t.Errorf("timeline:\n%s\nwant:\n%s", got, want)
	}
	lines := strings.Split(want, "\n")
	for most := 1; most < len(lines); most++ {
		of.Most = most
		want := strings.Join(append([]string{fmt.Sprint("earlier ", most < len(lines)-1)}, lines[len(lines)-most:]...), "\n")
		if got := s.briefly(t, of); got != want {
			t.Errorf("the newest %d:\n%s\nwant:\n%s", most, got, want)
		}
	}
	of.Most, of.Since = 50, now.Now().Add(-time.Minute)
	if got := s.briefly(t, of); got != "earlier false\n"+strings.Join(lines[len(lines)-3:], "\n") {
		t.Errorf("since a minute:\n%s", got)
	}
}

// TestSeenEvents: events by person, time and whether they are judged, with verdicts.
func TestSeenEvents(t *testing.T) {
	s := openTest(t)
	for id, guid := range []string{1: "a", 2: "b", 3: "a", 4: "a"} {
		if guid != "" {
			s.sql(t, fmt.Sprintf(`INSERT INTO events (id, at, object, guid, dn, from_dn, name, group_guid, group_dn, group_name, parts_json, image_json, unsure, open) VALUES (%d, %d, 'user', '%s', 'CN=x', '', 'X', '', '', '', '[{"kind":"created"}]', '{}', '', %d)`, id, id*10, guid, id/4))
		}
	}
	s.sql(t, `INSERT INTO event_verdicts VALUES (3, 'z', 'echo', 0, 'why', 'what', 1), (3, 'b', 'begun', 7, '', '', 1)`)
	for _, test := range []struct {
		f    EventFilter
		want string
	}{
		{EventFilter{Most: 9}, "1 2 3+b begun+z echo 4 0"},
		{EventFilter{Most: 2}, "3+b begun+z echo 4 2"},
		{EventFilter{Most: 1, Since: moment(20), GUID: "a"}, "4 1"},
		{EventFilter{Most: 9, GUID: "b"}, "2 0"},
		{EventFilter{Most: 9, Open: true}, "4 0"},
		{EventFilter{Most: 9, Since: moment(20), GUID: "a"}, "3+b begun+z echo 4 0"},
		{EventFilter{Most: 3, GUID: "a"}, "1 3+b begun+z echo 4 0"},
	} {
		list, earlier, err := s.SeenEvents(t.Context(), test.f)
		must(t, err)
		got := ""
		for _, e := range list {
			got += fmt.Sprint(e.ID)
			for _, v := range e.Verdicts {
				got += "+" + v.Automation + " " + v.Verdict
			}
			got += " "
		}
		if got += fmt.Sprint(earlier); got != test.want {
			t.Errorf("%+v: %s, want %s", test.f, got, test.want)
		}
	}
}

// TestADamagedEventIsListed: a row that cannot be read hides no others.
func TestADamagedEventIsListed(t *testing.T) {
	s := openTest(t)
	for _, parts := range []string{`[{"kind":"created"}]`, `[{`} {
		s.sql(t, `INSERT INTO events (at, object, guid, dn, from_dn, name, group_guid, group_dn, group_name, parts_json, image_json, unsure, open)
			VALUES (5, 'user', 'a', 'CN=x', '', 'X', '', '', '', '`+parts+`', '{}', '', 1)`)
	}
	list, _, err := s.SeenEvents(t.Context(), EventFilter{Most: 9})
	if err != nil || len(list) != 2 || len(list[0].Parts) != 1 || list[0].Unsure != "" || list[1].Parts != nil || !strings.Contains(list[1].Unsure, "damaged") {
		t.Errorf("%+v, %v", list, err)
	}
	if told, _, err := s.Timeline(t.Context(), TimelineOf{GUID: "a", Most: 9}); err != nil || len(told) != 2 {
		t.Errorf("%+v, %v", told, err)
	}
}

// TestOldLinkChangesGo: what became of links is kept as long as the journal.
func TestOldLinkChangesGo(t *testing.T) {
	now := newClock()
	s := openTest(t, WithClock(now.Now))
	ctx := t.Context()
	must(t, s.PutLink(ctx, link("7", "guid-7"), "ada"))
	now.Add(time.Hour)
	must(t, s.PutLink(ctx, link("8", "guid-8"), "ada"))
	for _, test := range []struct {
		before time.Time
		want   int
	}{{time.Time{}, 2}, {now.Now().Add(-time.Minute), 1}, {now.Now().Add(time.Minute), 0}} {
		must1[Removed](t)(s.Retain(ctx, Retention{Runs: now.Now(), Journal: test.before}))
		n := 0
		must(t, s.reader.QueryRowContext(ctx, `SELECT count(*) FROM link_changes`).Scan(&n))
		if n != test.want {
			t.Errorf("%d are kept before %v, want %d", n, test.before, test.want)
		}
	}
}

// TestAKeyOfTwoPeople: what an application said about a record belongs to the person
// who had it then.
func TestAKeyOfTwoPeople(t *testing.T) {
	now := newClock()
	s := openTest(t, WithClock(now.Now))
	ctx := t.Context()
	lease, _ := begin(t, s)
	receipt := func(id int) {
		s.sql(t, fmt.Sprintf(`INSERT INTO receipts VALUES (%d, 'crm', 'd%d', %d, 'changed', '', '7', x'', 0, 'done', 0, 1, 0, 0, '')`, id, id, now.Now().UnixNano()))
		now.Add(time.Minute)
	}
	receipt(1)
	must(t, s.PutLink(ctx, link("7", "guid-a"), "ada"))
	receipt(2)
	_, err := s.DeleteLink(ctx, lease, ident.Users("crm"), "7", "ada")
	must(t, err)
	receipt(3)
	must(t, s.PutLink(ctx, link("7", "guid-b"), "ada"))
	receipt(4)
	key := RecordKey{ident.Users("crm"), "7"}
	for guid, want := range map[ident.GUID]string{"guid-a": "[1 2]", "guid-b": "[3 4]"} {
		list, _, err := s.Timeline(ctx, TimelineOf{GUID: guid, Keys: []RecordKey{key}, Most: 50})
		must(t, err)
		var got []int64
		for _, e := range list {
			if e.Kind == TimelineReceipt {
				got = append(got, e.Receipt.ID)
			}
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%s was told of %v, want %s", guid, got, want)
		}
	}
	if owners := must1[[]ident.GUID](t)(s.ObjectsOfKey(ctx, key)); fmt.Sprint(owners) != "[guid-b guid-a]" {
		t.Errorf("the key was of %v", owners)
	}
	if !must1[bool](t)(s.KnowsKey(ctx, key)) || must1[bool](t)(s.KnowsKey(ctx, RecordKey{ident.Users("crm"), "8"})) {
		t.Error("whether something happened to a key is not known")
	}
}

// TestFormerObjects: a person who is gone is found by what the store still knows.
func TestFormerObjects(t *testing.T) {
	s := openTest(t)
	ctx := t.Context()
	lease, run := begin(t, s)
	must(t, s.Commit(ctx, lease, commit(outcome(run, "7", ident.ClassCreate, ident.ResultApplied))))
	s.sql(t,
		`INSERT INTO events (id, at, object, guid, dn, from_dn, name, group_guid, group_dn, group_name, parts_json, image_json, unsure, open) VALUES (1, 10, 'user', 'guid-x', 'CN=Ada,OU=New,DC=c', 'CN=Ada,OU=Old,DC=c', 'Ada Novak', '', '', '', '[{"kind":"moved"}]', '{}', '', 0)`,
		`INSERT INTO events (id, at, object, guid, dn, from_dn, name, group_guid, group_dn, group_name, parts_json, image_json, unsure, open) VALUES (2, 20, 'user', 'guid-x', 'CN=Ada,OU=New,DC=c', 'CN=Ada,OU=New,DC=c', 'Ada Novak', '', '', '', '[{"kind":"deleted"}]',
			'{"samaccountname":["anovak"],"mail":["ada@c.test"],"proxyaddresses":["SMTP:ada.n@c.test"]}', '', 0)`,
		`INSERT INTO mirror_deleted (guid, at) VALUES ('guid-x', 21)`,
	)
	for name, want := range map[string]string{
		"ada novak": "guid-x", "ANOVAK": "guid-x", "ada@c.test": "guid-x", "ada.n@c.test": "guid-x",
		"cn=ada, ou=old,dc=c": "guid-x", "CN=Ada,OU=New,DC=c": "guid-x", "Name 7": "guid-7", "cn=7,dc=c": "guid-7", "ada": "", "": "",
	} {
		got := ""
		for _, o := range must1[[]FormerObject](t)(s.FormerObjects(ctx, name)) {
			got += string(o.GUID)
		}
		if got != want {
			t.Errorf("%q was %q, want %q", name, got, want)
		}
	}
	last, found, err := s.LastKnown(ctx, "guid-x")
	if err != nil || !found || last.Name != "Ada Novak" || last.At.UnixNano() != 20 {
		t.Errorf("last known: %+v, %v, %v", last, found, err)
	}
	if _, found, err := s.LastKnown(ctx, "nobody"); found || err != nil {
		t.Errorf("nobody: %v, %v", found, err)
	}
	if at, unsure, err := s.DeletedAt(ctx, "guid-x"); err != nil || at.UnixNano() != 21 || unsure != "" {
		t.Errorf("deleted at %v, in doubt %q, %v", at, unsure, err)
	}
}
