package store

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// events returns all events in the order of their ids.
func events(t testing.TB, s *Store) []ident.Event {
	t.Helper()
	rows, err := s.reader.QueryContext(t.Context(), selectEvents+` ORDER BY id`)
	must(t, err)
	return must1[[]ident.Event](t)(collect(rows, scanEvent))
}

// TestValuesThatAreNotKept: what stands for a value that was too long is no value that
// the object had.
func TestValuesThatAreNotKept(t *testing.T) {
	s := openTest(t)
	long := strings.Repeat("x", keptBytes+1)
	e := ident.Event{
		Object: ident.ObjectUser, GUID: "g1", DN: "CN=A,DC=c", From: "CN=A,DC=c", Image: ident.Attributes{"info": {long}, "title": {"b"}},
		Parts: []ident.EventPart{
			{Kind: ident.EventModified, Attribute: "info", Old: []string{"short"}, New: []string{long}},
			{Kind: ident.EventModified, Attribute: "jpegphoto", Old: []string{long}},
			{Kind: ident.EventModified, Attribute: "title", Old: []string{"a"}, New: []string{"b"}},
		},
	}
	must(t, s.UpdateMirror(t.Context(), func(m MirrorTx) error { return m.b.addEvent(&e) }))
	kept := events(t, s)[0]
	if d := cmp.Diff(ident.Attributes{"info": {"short"}, "title": {"a"}}, kept.Before()); d != "" {
		t.Errorf("before (-want +got)\n%s", d)
	}
	if old := kept.Parts[1].Old; len(old) != 1 || !strings.HasPrefix(old[0], "(8193 bytes, SHA-256 ") {
		t.Errorf("a person reads %q of a long value", old)
	}
}

func TestEventsAreKept(t *testing.T) {
	s := openTest(t)
	at := time.Date(2026, 3, 1, 12, 0, 0, 5, time.UTC)
	photo := "\xff\xd8" + strings.Repeat("x", keptBytes)
	changed := ident.Event{
		At: at, Object: ident.ObjectUser, GUID: "g1", DN: "CN=Ada,DC=c", From: "CN=A,DC=c", Name: "ada",
		Parts: []ident.EventPart{
			{Kind: ident.EventRenamed, Old: []string{"CN=A,DC=c"}, New: []string{"CN=Ada,DC=c"}},
			{Kind: ident.EventModified, Attribute: "logo", Old: []string{"\xff\x00"}, Origin: &ident.Origin{Application: "crm", Run: 4}},
		},
		Image: ident.Attributes{"mail": {"a@x", "b@x"}, "logo": {"\xfe", "text"}}, Unsure: "",
	}
	joined := ident.Event{
		At: at, Object: ident.ObjectUser, GUID: "g1", DN: "CN=Ada,DC=c", From: "CN=Ada,DC=c", Name: "ada",
		Group: &ident.EventGroup{GUID: "g2", DN: "CN=G,DC=c", Name: "crm"},
		Parts: []ident.EventPart{{Kind: ident.EventMemberAdded}}, Image: ident.Attributes{},
	}
	gone := ident.Event{
		At: at, Object: ident.ObjectUser, GUID: "g3", DN: "CN=Bo,DC=c", From: "CN=Bo,DC=c", Name: "bo", Unsure: "not shown",
		Parts: []ident.EventPart{{Kind: ident.EventDeleted}}, Image: ident.Attributes{"mail": {"bo@x"}, "jpegphoto": {photo}},
	}
	must(t, s.UpdateMirror(t.Context(), func(m MirrorTx) error {
		for _, e := range []*ident.Event{&changed, &joined, &gone} {
			if err := m.b.addEvent(e); err != nil {
				return err
			}
		}
		return nil
	}))
	delete(gone.Image, "jpegphoto") // too long to be kept
	if d := cmp.Diff([]ident.Event{changed, joined, gone}, events(t, s)); d != "" || changed.ID == 0 || joined.ID <= changed.ID {
		t.Errorf("(-written +read)\n%s", d)
	}
}
