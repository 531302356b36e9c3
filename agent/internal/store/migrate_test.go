package store

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// rawDB opens a database without migrating it.
func rawDB(t *testing.T, dir string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, FileName)+"?_txlock=immediate&_pragma=foreign_keys(1)")
	must(t, err)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// schema is everything that migrations make, as text.
func schema(t *testing.T, db *sql.DB) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `SELECT type || ' ' || name || ': ' || coalesce(sql, '') FROM sqlite_schema ORDER BY type, name`)
	must(t, err)
	list, err := collect(rows, func(row scanner) (line string, err error) {
		err = row.Scan(&line)
		return line, err
	})
	must(t, err)
	return list
}

// TestMigrateFromEveryVersion takes a store of each version, with the data in
// testdata/version_N.sql in it, to the newest.
func TestMigrateFromEveryVersion(t *testing.T) {
	list := migrations()
	fresh := rawDB(t, t.TempDir())
	must(t, migrate(t.Context(), fresh, list))
	want := schema(t, fresh)
	for version := 0; version <= len(list); version++ {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			dir := t.TempDir()
			old := rawDB(t, dir)
			must(t, migrate(t.Context(), old, list[:version]))
			if version > 0 {
				data, err := os.ReadFile(filepath.Join("testdata", fmt.Sprintf("version_%d.sql", version)))
				must(t, err)
				_, err = old.ExecContext(t.Context(), string(data))
				must(t, err)
			}
			must(t, old.Close())
			s := openAt(t, dir)
			if d := cmp.Diff(want, schema(t, s.writer)); d != "" {
				t.Errorf("schema (-fresh +migrated)\n%s", d)
			}
			if version > 0 {
				checkLinkChanges(t, s, version)
				checkMigrated(t, s)
			}
			if version > 1 {
				checkDeliveries(t, s)
			}
			if version > 2 {
				checkAccepted(t, s)
				checkRefusals(t, s)
			}
			if version > 6 {
				checkOutbox(t, s)
			}
			if version > 8 {
				checkKinds(t, s)
			}
			if version > 11 {
				checkEvents(t, s)
				checkEchoes(t, s)
				checkReceipts(t, s)
				checkSubscription(t, s)
			}
			if version > 14 {
				checkAttachments(t, s)
			}
		})
	}
}

func checkAttachments(t *testing.T, s *Store) {
	t.Helper()
	seen, found, err := s.Seen(t.Context(), "staff", "1", "thumbnailPhoto")
	if err != nil || !found || seen.Digest != "d1" || seen.At.Year() != 2026 {
		t.Errorf("what was attached: %+v, %v, %v", seen, found, err)
	}
}

// checkMigrated finds the data of testdata/version_N.sql, the same in every
// version.
func checkMigrated(t *testing.T, s *Store) {
	t.Helper()
	l, found, err := s.LinkByKey(t.Context(), ident.Users("crm"), "1")
	if err != nil || !found || l.GUID != "guid-1" || l.Kind != ident.UserKind || l.Applied["sn"] != "d" {
		t.Errorf("link: %v, %v, %v", l, found, err)
	}
	held, err := s.HeldOutcomes(t.Context(), "staff")
	if err != nil || len(held) != 1 || held[0].Operation.Class != "disable" || held[0].Kind != ident.UserKind {
		t.Errorf("held: %v, %v", held, err)
	}
	if run, found, err := s.RunByID(t.Context(), 1); err != nil || !found || run.Application != "crm" || run.Held != 1 {
		t.Errorf("run: %+v, %v, %v", run, found, err)
	}
	intents, err := s.Intents(t.Context())
	if err != nil || len(intents) != 1 || intents[0].Anchor != "crm:3" || intents[0].Space() != ident.Users("crm") {
		t.Errorf("intents: %v, %v", intents, err)
	}
	e, found, err := s.EntryByDN(t.Context(), "cn=ada, dc=c")
	if err != nil || !found || e.Attributes.First("sn") != "Novak" {
		t.Errorf("entry: %v, %v, %v", e, found, err)
	}
	aside, err := s.Quarantine(t.Context(), "staff")
	if err != nil || len(aside) != 1 || aside[0].Cause != "no mail" || aside[0].Part != "" {
		t.Errorf("quarantine: %v, %v", aside, err)
	}
	state, err := s.MirrorState(t.Context())
	if err != nil || string(state.Cookie) != "cookie" || !state.Full {
		t.Errorf("mirror state: %v, %v", state, err)
	}
	must(t, s.VerifyJournal(t.Context()))
	lines := 0
	must(t, s.EachJournal(t.Context(), func(JournalLine) error { lines++; return nil }))
	if lines != 2 {
		t.Errorf("%d journal lines", lines)
	}
	must(t, s.PutLink(t.Context(), link("2", "guid-2"), "test")) // and it goes on
	goesOn(t, s, intents[0], held[0])
	must(t, s.VerifyJournal(t.Context()))
}

// goesOn finishes what an older version had begun: the write that was cut off, and
// the operation that is held. A record of another kind with the same key is in
// nobody's way.
func goesOn(t *testing.T, s *Store, in Intent, held Held) {
	t.Helper()
	person := link("3", "guid-4")
	person.Kind = "person"
	must(t, s.PutLink(t.Context(), person, "test"))
	lease := must1[Lease](t)(s.AcquireLease(t.Context(), "staff", "test", time.Hour))
	must(t, s.Commit(t.Context(), lease, Commit{
		Automation: in.Automation, Application: in.Application, Kind: in.Kind, Intent: in.ID,
		Outcome: ident.Outcome{Run: in.Run, Key: in.Key, GUID: "guid-3", DN: in.DN, Operation: in.Operation, Result: ident.ResultApplied},
		Link:    &ident.Link{Application: in.Application, Kind: in.Kind, Key: in.Key, GUID: "guid-3", Automation: in.Automation},
	}))
	if l, found, err := s.LinkByKey(t.Context(), in.Space(), in.Key); err != nil || !found || l.GUID != "guid-3" {
		t.Errorf("link of the write that was cut off: %+v, %v, %v", l, found, err)
	}
	done := held.Outcome
	done.Result = ident.ResultApplied
	must(t, s.Commit(t.Context(), lease, Commit{
		Automation: held.Automation, Application: held.Application, Kind: held.Kind, HeldID: held.ID, Outcome: done,
	}))
}

// checkEchoes finds a write of version 12 whose change has yet to be read.
func checkEchoes(t *testing.T, s *Store) {
	t.Helper()
	e := ident.Event{GUID: "guid-1", Parts: []ident.EventPart{{Kind: ident.EventDisabled}}}
	must(t, s.UpdateMirror(t.Context(), func(tx MirrorTx) error { _, err := tx.b.recognise(&e); return err }))
	if o := e.Parts[0].Origin; o == nil || o.Automation != "staff" || o.Instance != 3 || o.Hops != 1 {
		t.Errorf("origin: %+v", o)
	}
}

// checkDeliveries finds what version 2 added.
func checkDeliveries(t *testing.T, s *Store) {
	t.Helper()
	e := Endpoint{Automation: "staff", Application: "crm", Name: "changes"}
	d, err := s.Position(t.Context(), e)
	if err != nil || d.Cursor != "page-7" || d.Config != "c0ffee" || d.Since.IsZero() || d.Run != 1 {
		t.Errorf("position: %+v, %v", d, err)
	}
	must(t, s.StageRetained(t.Context(), 5, e))
	if got := staged(t, s, 5); len(got) != 1 || got[0].Record.Key != "9" || got[0].Record.Fields["name"] != "Di" {
		t.Errorf("retained: %+v", got)
	}
	if text, err := s.LedgerText(t.Context(), "crm"); err != nil || text != "spent 7" {
		t.Errorf("ledger: %q, %v", text, err)
	}
}

// checkLinkChanges finds that the link of Ada was made, which version 12 remembers,
// and then also that another was removed.
func checkLinkChanges(t *testing.T, s *Store, version int) {
	t.Helper()
	list, _, err := s.Timeline(t.Context(), TimelineOf{GUID: "guid-1", Most: 50})
	must(t, err)
	var got []string
	for _, e := range list {
		if e.Kind == TimelineLink {
			got = append(got, fmt.Sprintf("%s:%s %v", e.Link.Application, e.Link.Key, e.Link.Made))
		}
	}
	want := "[crm:1 true]"
	if version >= 12 {
		want = "[crm:1 true crm:9 false]"
	}
	if fmt.Sprint(got) != want {
		t.Errorf("changes of links: %v, want %s", got, want)
	}
}

// checkKinds finds what version 9 added: a link of another kind with a key that a
// user has too.
func checkKinds(t *testing.T, s *Store) {
	t.Helper()
	l, found, err := s.LinkByKey(t.Context(), ident.SpaceOf("crm", "person"), "1")
	if err != nil || !found || l.GUID != "guid-2" || l.Orchestration != "leaver" || l.Kind != "person" {
		t.Errorf("link of a person: %+v, %v, %v", l, found, err)
	}
}

// checkReceipts finds what version 12 added for what applications send.
func checkReceipts(t *testing.T, s *Store) {
	t.Helper()
	got, err := s.OpenReceipts(t.Context(), "crm", s.now())
	if err != nil || len(got) != 1 || got[0].ID != 5 || got[0].Key != "7" || got[0].Run != 3 || !slices.Equal(got[0].Ran, []string{"staff"}) ||
		got[0].Tries["groups"].Attempts != 4 {
		t.Errorf("receipts: %+v, %v", got, err)
	}
}

// checkEvents finds what version 12 added for events: one that waits, and what a
// full read had found before it was cut off.
func checkEvents(t *testing.T, s *Store) {
	t.Helper()
	aside, err := s.AsideEvents(t.Context(), "leavers", 0, 10)
	if err != nil || len(aside) != 1 || aside[0].Event.ID != 6 || aside[0].Cause != "where has no value" || aside[0].Next != "correct where" {
		t.Errorf("set aside: %+v, %v", aside, err)
	}
	if open, err := s.OpenEvents(t.Context(), 0, 10); err != nil || len(open) != 1 || open[0].ID != 5 {
		t.Errorf("open: %+v, %v", open, err)
	}
	got := events(t, s)
	if len(got) != 2 || got[0].ID != 5 || got[0].Parts[1].Old[0] != "\xff\x00" || got[0].Image.First("logo") != "\xff" || got[0].From != "CN=A,DC=c" {
		t.Errorf("events: %+v", got)
	}
	update(t, s, record, beginSweep, put(entry("guid-1", "CN=Ada,DC=c", "objectclass", "user", "sn", "Novak")),
		put(entry("guid-9", "CN=Cy,DC=c", "objectclass", "user")), put(entry("guid-8", "CN=G,DC=c", "objectclass", "group", "member", "CN=Ada,DC=c")))
	update(t, s, record, sweep)
	var now []string
	for _, e := range events(t, s)[2:] {
		now = append(now, inWords(e))
	}
	want := []string{"guid-1 renamed, modified sn", "guid-9 restored", "guid-8 created", "guid-1 member_added guid-8"}
	if d := cmp.Diff(want, now); d != "" {
		t.Errorf("events of the read that goes on (-want +got)\n%s", d)
	}
}

// checkSubscription finds what version 12 added for what is registered at
// applications.
func checkSubscription(t *testing.T, s *Store) {
	t.Helper()
	got, known, err := s.Subscription(t.Context(), "crm")
	if err != nil || !known || got.ID != "77" || got.State != SubscriptionRegistered || got.By != "ada" || got.Repairs != 1 || !got.Poll ||
		!slices.Equal(got.Leftovers, []string{"70"}) {
		t.Errorf("subscription: %+v, %v, %v", got, known, err)
	}
}

// checkOutbox finds what version 7 added, and takes the delivery that waits.
func checkOutbox(t *testing.T, s *Store) {
	t.Helper()
	i, err := s.Instance(t.Context(), 3)
	if err != nil || i.Orchestration != "leaver" || i.Status != InstanceDelivering || string(i.State) != `{"turn":1}` || i.Trigger != "after disabled" {
		t.Errorf("instance: %+v, %v", i, err)
	}
	if text, err := s.Definition(t.Context(), i.Digest); err != nil || string(text) != `{"name":"leaver"}` {
		t.Errorf("definition: %s, %v", text, err)
	}
	if sealed, err := s.InitialPassword(t.Context(), 3); err != nil || string(sealed) != "sealed" {
		t.Errorf("password: %q, %v", sealed, err)
	}
	story, err := s.Story(t.Context(), 3)
	if err != nil || len(story) != 1 || story[0].Cause != "503" || story[0].Request != "PUT /users/7" {
		t.Errorf("story: %+v, %v", story, err)
	}
	if st, err := s.Beginnings(t.Context(), "stale", "leaver", "guid-1"); err != nil || st.Started.IsZero() || st.UnderWay != 3 {
		t.Errorf("starts: %+v, %v", st, err)
	}
	lease := must1[Lease](t)(s.AcquireLease(t.Context(), "outbox", "test", time.Hour))
	got, err := s.TakeDeliveries(t.Context(), lease, s.now(), map[string]int{"crm": 5})
	if err != nil || len(got) != 1 || got[0].ID != 4 || got[0].Attempts != 2 || string(got[0].Call) != "call" || !got[0].Again {
		t.Errorf("delivery: %+v, %v", got, err)
	}
}

// Links by hand of a store of version 2 may have a wrong key: they wait
// for a delivery of it. All others were made for a record.
func TestMigrateLinksByHand(t *testing.T) {
	dir := t.TempDir()
	old := rawDB(t, dir)
	must(t, migrate(t.Context(), old, migrations()[:2]))
	_, err := old.ExecContext(t.Context(), `INSERT INTO links (application, key, guid, automation, origin, created, placed, missing_since, applied_json)
		VALUES ('crm', '1', 'g1', 'staff', 'manual', 1, '', 0, 'null'), ('crm', '2', 'g2', 'staff', 'adopted', 1, '', 0, 'null')`)
	must(t, err)
	must(t, old.Close())
	s := openAt(t, dir)
	for key, unseen := range map[ident.Key]bool{"1": true, "2": false} {
		l, found, err := s.LinkByKey(t.Context(), ident.Users("crm"), key)
		if err != nil || !found || l.Unseen != unseen {
			t.Errorf("link %s: %+v, %v, %v", key, l, found, err)
		}
		l.Unseen = !l.Unseen
		must(t, s.PutLink(t.Context(), l, "test"))
		if again, _, _ := s.LinkByKey(t.Context(), ident.Users("crm"), key); again.Unseen == unseen {
			t.Errorf("link %s does not keep whether its key was seen", key)
		}
	}
}

// checkAccepted finds what version 3 added for what is meant to be so.
func checkAccepted(t *testing.T, s *Store) {
	t.Helper()
	got, err := s.Accepted(t.Context(), "staff")
	if err != nil || got[ident.QuarantineItem{Key: "9", Part: "account", Cause: "disabled by somebody else"}] != "ada" {
		t.Errorf("accepted: %v, %v", got, err)
	}
}

// checkRefusals finds what version 3 added for what the directory refused.
func checkRefusals(t *testing.T, s *Store) {
	t.Helper()
	got, err := s.Refusals(t.Context(), "staff")
	want := []ident.Refusal{{Key: "9", Part: "title", Digest: "c0ffee", Cause: "title: refused", Next: "shorten it", Tries: 2, Again: time.Unix(0, 1767323045000000006).UTC()}}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("refusals (-want +got)\n%s%v", d, err)
	}
}

func TestMigrateStepByStep(t *testing.T) {
	list := []migration{
		{"0001_a.sql", `CREATE TABLE a (x TEXT); INSERT INTO a VALUES ('kept');`},
		{"0002_b.sql", `CREATE TABLE b (y TEXT); INSERT INTO b SELECT x FROM a`}, // no semicolon at the end
		{"0003_c.sql", `ALTER TABLE b ADD COLUMN z TEXT; INSERT INTO nowhere VALUES (1);`},
	}
	db := rawDB(t, t.TempDir())
	version := func(want int) {
		t.Helper()
		if got := must1[int](t)(schemaVersion(t.Context(), db)); got != want {
			t.Errorf("version %d, want %d", got, want)
		}
	}
	version(0)
	must(t, migrate(t.Context(), db, list[:1]))
	version(1)
	err := migrate(t.Context(), db, list)
	if err == nil || !strings.Contains(err.Error(), "version 3 (0003_c.sql)") {
		t.Fatalf("a broken migration: %v", err)
	}
	version(2)
	var y string
	must(t, db.QueryRowContext(t.Context(), `SELECT y FROM b`).Scan(&y))
	if y != "kept" {
		t.Errorf("y is %q", y)
	}
	if _, err := db.ExecContext(t.Context(), `SELECT z FROM b`); err == nil {
		t.Error("half of a broken migration was kept")
	}
	must(t, migrate(t.Context(), db, list[:2])) // nothing to do
}

func TestMigrateNewerSchema(t *testing.T) {
	dir := t.TempDir()
	db := rawDB(t, dir)
	must(t, migrate(t.Context(), db, append(migrations(), migration{"next", `CREATE TABLE next (x TEXT)`})))
	must(t, db.Close())
	_, err := Open(t.Context(), dir)
	var newer *NewerSchemaError
	if !errors.As(err, &newer) || newer.Found != len(migrations())+1 || !strings.Contains(err.Error(), filepath.Join(dir, FileName)+" has schema version") || !strings.Contains(err.Error(), "use the newer rollcall") {
		t.Errorf("%v", err)
	}
}
