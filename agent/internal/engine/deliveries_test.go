package engine

import (
	"context"
	"encoding/base64"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// change edits the settings of an automation between runs.
func (s *scene) change(automation string, edit func(*plan.Settings)) {
	a := s.Automations[automation]
	edit(&a.Settings)
	s.Automations[automation] = a
}

// A photo that comes apart from its record reaches both attributes byte for
// byte, once, and a broken one holds back nothing else of its record.
func TestAPhotoReachesTheDirectory(t *testing.T) {
	bytes := make([]byte, 90_000)
	for i := range bytes {
		bytes[i] = byte(rand.N(256))
	}
	copy(bytes, "\xff\xd8\xff\x00\r\n")
	part := func(key ident.Key, photo string) ident.Record {
		return ident.Record{Endpoint: "users", Key: key, Partial: true, Fields: map[string]any{"photo": photo}}
	}
	f := &feed{records: []ident.Record{
		part("1", base64.StdEncoding.EncodeToString(bytes)), person("1", "Photo One"), person("2", "Photo Two"), part("2", "no base64!"),
		person("3", "Photo Three"), part("4", "/9j/"),
	}}
	s := newScene(t, map[string]*feed{"photo": f})
	r := s.run("photo")
	if q := r.Summary.Quarantined; len(q) != 2 || q[0].Key != "2" || q[0].Part != "jpegPhoto" || q[1].Part != "thumbnailPhoto" || r.Summary.Records.Delivered != 3 {
		t.Errorf("quarantine %+v, counts %+v", r.Summary.Quarantined, r.Summary.Records)
	}
	if found := s.dc.Find(t, "(employeeNumber=photo:4)", "cn"); len(found) != 0 {
		t.Errorf("a photo without a record made %v", found)
	}
	e := s.account("photo:1")
	for _, name := range []string{"thumbnailPhoto", "jpegPhoto"} {
		if got := e.Attributes.Values(name); len(got) != 1 || got[0] != string(bytes) {
			t.Errorf("%s is not what was sent: %d values", name, len(got))
		}
	}
	if r := s.run("photo"); len(r.Outcomes) != 0 {
		t.Errorf("the second run did %+v", r.Outcomes)
	}
	f.records = []ident.Record{person("1", "Photo One"), part("1", "/9j/"), person("3", "Photo Three")}
	s.run("photo")
	if got := s.account("photo:1").Attributes.First("thumbnailPhoto"); got != "\xff\xd8\xff" {
		t.Errorf("the new photo is %.20q", got)
	}
}

// Held and approved, a photo is the same bytes.
func TestAHeldPhoto(t *testing.T) {
	f := &feed{records: []ident.Record{person("1", "Held Photo")}}
	s := newScene(t, map[string]*feed{"heldphoto": f})
	s.run("heldphoto")
	f.records[0].Fields["photo"] = "/9j/4AAQSkZJRg=="
	s.change("heldphoto", func(p *plan.Settings) { p.Approval = plan.ApprovalAlways })
	r := s.run("heldphoto")
	if _, err := s.Approve(t.Context(), Decision{Run: r.ID, By: "test"}); err != nil {
		t.Fatal(err)
	}
	if got := s.account("heldphoto:1").Attributes.First("jpegPhoto"); got != "\xff\xd8\xff\xe0\x00\x10JFIF" {
		t.Errorf("the approved photo is %q", got)
	}
}

// The cursor is committed by a run that came to its end, and by nothing else.
func TestCursors(t *testing.T) {
	f := &feed{changes: true, cursor: "1", records: []ident.Record{person("1", "Cursor One")}}
	s := newScene(t, map[string]*feed{"cursor": f})
	want := func(step, cursor string) {
		t.Helper()
		if got := f.asked(); got.Cursor != cursor || (cursor == "") != got.Since.IsZero() {
			t.Fatalf("%s: asked from %+v, want %q", step, got, cursor)
		}
	}
	if _, err := s.Plan(t.Context(), Request{Automation: "cursor"}); err != nil {
		t.Fatal(err)
	}
	first := s.run("cursor")
	want("after a dry run", "")
	f.cursor = "2"
	s.run("cursor")
	want("after a run", "1")
	if got := f.asked().Since; !got.Equal(first.Started) {
		t.Errorf("last_success is %s, the run started %s", got, first.Started)
	}
	f.cursor, f.fails = "3", errors.New("cut off")
	if _, err := s.Run(t.Context(), Request{Automation: "cursor", Kind: store.KindManual, By: "test"}); err == nil {
		t.Fatal("no error")
	}
	f.cursor, f.fails = "", nil
	s.run("cursor")
	want("after a fetch that failed", "2")
	s.run("cursor")
	want("after a fetch that said nothing", "2")

	connect := s.Connect
	f.cursor = "4"
	s.Connect = func(context.Context, string) (c Directory, err error) {
		return nil, errors.New("no domain controller")
	}
	if _, err := s.Run(t.Context(), Request{Automation: "cursor", Kind: store.KindManual, By: "test"}); err == nil {
		t.Fatal("no error")
	}
	s.Connect = connect
	s.run("cursor")
	want("after an outage of the directory", "2")

	f.records = append(f.records, ident.Record{Endpoint: "users", Fields: map[string]any{"name": "nobody"}})
	f.cursor = "5"
	s.run("cursor")
	want("before a record without a key", "4")
	f.records = f.records[:1]
	s.run("cursor")
	want("after a record without a key", "4")
	s.change("cursor", func(p *plan.Settings) { p.Config = "another" })
	s.run("cursor")
	want("with another configuration", "")
	f.changes = false
	s.run("cursor")
	want("in mode full", "")
	f.changes = true
	s.run("cursor")
	want("in mode changes again", "")
}

// Nothing that was delivered once is lost: held, in quarantine or refused, it
// is planned again until a run finds nothing left to do.
func TestChangesAreNotLost(t *testing.T) {
	f := &feed{changes: true, cursor: "1", records: []ident.Record{person("1", "Kept One"), person("2", "Kept Two"), person("3", "Kept Three")}}
	s := newScene(t, map[string]*feed{"kept": f})
	s.run("kept")

	// Everything is held; the broken photo is set aside.
	s.change("kept", func(p *plan.Settings) { p.Approval = plan.ApprovalAlways })
	f.records = []ident.Record{person("1", "Kept One", "title", "Boss"), person("2", "Kept Two", "photo", "broken!"), gone("3"), person("4", "Kept Four")}
	held := s.run("kept")
	if held.Count(ident.ResultHeld) != 3 || held.Summary.Records.Deleted != 1 {
		t.Fatalf("held %+v, counts %+v", held.Counts, held.Summary.Records)
	}
	f.records, f.cursor = nil, "2"
	again := s.run("kept")
	if again.Waiting != 3 || again.Count(ident.ResultHeld) != 0 || len(again.Summary.Quarantined) != 2 {
		t.Fatalf("the next run: %d wait, %+v, quarantine %+v", again.Waiting, again.Counts, again.Summary.Quarantined)
	}
	if _, err := s.Approve(t.Context(), Decision{Run: held.ID, By: "test"}); err != nil {
		t.Fatal(err)
	}
	if e := s.account("kept:1"); e.Attributes.First("title") != "Boss" {
		t.Errorf("%+v", e)
	}
	if e := s.account("kept:3"); e.Attributes.First("userAccountControl") != "514" {
		t.Errorf("reported as deleted and approved: %+v", e)
	}
	s.account("kept:4")

	// A newer word about a key takes the place of the older.
	s.change("kept", func(p *plan.Settings) { p.Approval = "" })
	f.records = []ident.Record{person("2", "Kept Second", "photo", "/9j/")}
	if r := s.run("kept"); len(r.Summary.Quarantined) != 0 || s.account("kept:2").Attributes.First("displayName") != "Kept Second" {
		t.Errorf("quarantine %+v", r.Summary.Quarantined)
	}
	// Somebody enables the account of 3 by hand: it is known to be deleted.
	f.records = nil
	e := s.account("kept:3")
	s.dc.Replace(t, e.DN, "userAccountControl", "512")
	s.run("kept")
	if e := s.account("kept:3"); e.Attributes.First("userAccountControl") != "514" {
		t.Error("a key that is reported as deleted was forgotten")
	}
	// And it comes back.
	f.records = []ident.Record{person("3", "Kept Three")}
	s.run("kept")
	if e := s.account("kept:3"); e.Attributes.First("userAccountControl") != "512" {
		t.Error("who is delivered again is not back")
	}
	f.records = nil
	s.run("kept")
	s.run("kept")
	if r := s.run("kept"); r.Summary.Records.Delivered+r.Summary.Records.Deleted != 0 || r.Waiting != 0 {
		t.Errorf("at rest, there is still %+v", r.Summary.Records)
	}
}

// In mode full too a deletion is about one key of one automation, and a key
// that is delivered as well is set aside.
func TestDeletionsOfOneKey(t *testing.T) {
	everybody := []ident.Record{person("1", "Del One"), person("2", "Del Two"), person("3", "Del Three")}
	f, other := &feed{records: everybody}, &feed{records: everybody[2:]}
	s := newScene(t, map[string]*feed{"del": f, "delother": other})
	s.run("del")
	s.run("delother")
	f.records = []ident.Record{everybody[0], gone("1"), gone("2"), everybody[2], gone("9"), {Endpoint: "users", Deleted: true}}
	r := s.run("del")
	if q := r.Summary.Quarantined; len(q) != 2 || q[1].Key != "1" || r.Summary.Records.Deleted != 2 || r.Summary.NobodyMissing != "" {
		t.Errorf("quarantine %+v, counts %+v, nobody missing %q", q, r.Summary.Records, r.Summary.NobodyMissing)
	}
	if q := r.Summary.Quarantined[0]; q.Key != "" || !strings.HasPrefix(q.Cause, "reported deletions that do not say which key: 1;") {
		t.Errorf("without a key: %+v", q)
	}
	for anchor, want := range map[string]string{"del:1": "512", "del:2": "514", "del:3": "512", "delother:3": "512"} {
		if got := s.account(anchor).Attributes.First("userAccountControl"); got != want {
			t.Errorf("%s: %s, want %s", anchor, got, want)
		}
	}
	f.records, f.fails = []ident.Record{gone("1"), gone("3")}, errors.New("cut off")
	if _, err := s.Run(t.Context(), Request{Automation: "del", Kind: store.KindManual, By: "test"}); err == nil {
		t.Fatal("no error")
	}
	for _, anchor := range []string{"del:1", "del:3"} {
		if got := s.account(anchor).Attributes.First("userAccountControl"); got != "512" {
			t.Errorf("a fetch that was cut off disabled %s", anchor)
		}
	}
}

// A run that ends before its end re-reads, and what it was given before is
// still there.
func TestAnInterruptedRunReadsAgain(t *testing.T) {
	f := &feed{changes: true, cursor: "1", records: []ident.Record{person("1", "Again One"), person("2", "Again Two")}}
	s := newScene(t, map[string]*feed{"again": f})
	ctx, stop := context.WithCancel(t.Context())
	connect := s.Connect
	s.Connect = func(c context.Context, prefer string) (Directory, error) {
		stop() // as the agent is stopped while it plans
		return connect(c, prefer)
	}
	if r, err := s.Run(ctx, Request{Automation: "again", Kind: store.KindManual, By: "test"}); err == nil || r.Result != store.RunInterrupted {
		t.Fatalf("result %s, %v", r.Result, err)
	}
	s.Connect = connect
	s.run("again")
	if got := f.asked().Cursor; got != "" {
		t.Errorf("asked from %q", got)
	}
	s.account("again:1")
	s.account("again:2")
}
