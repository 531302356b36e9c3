package store

import (
	"errors"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// TestNoteTestCall: a test call makes its link as a delivery does, and everything
// stands in the journal with who made it, also when the link is taken.
func TestNoteTestCall(t *testing.T) {
	s := openTest(t)
	call := TestCall{Application: "crm", Webhook: "crm/create", GUID: "g-1", DN: "CN=Ada,DC=x", Name: "Ada", Link: &ident.Link{Key: "7"}}
	made, err := s.NoteTestCall(t.Context(), call, "root")
	if err != nil || made.Key != "7" || made.Origin != ident.OriginOutbound || made.Automation != "" || made.GUID != "g-1" {
		t.Fatalf("%+v, %v", made, err)
	}
	again, err := s.NoteTestCall(t.Context(), call, "root")
	if err != nil || again.Key != made.Key || !again.Created.Equal(made.Created) {
		t.Errorf("%+v, %v", again, err)
	}
	call.GUID, call.Name = "g-2", "Bo"
	var taken *LinkTakenError
	if link, err := s.NoteTestCall(t.Context(), call, "root"); link != nil || !errors.As(err, &taken) {
		t.Errorf("%+v, %v", link, err)
	}
	call.Link, call.Cause = nil, "the application answered 503"
	if _, err := s.NoteTestCall(t.Context(), call, "root"); err != nil {
		t.Error(err)
	}
	var got []string
	err = s.EachJournal(t.Context(), func(l JournalLine) error {
		line := l.Kind + " " + l.By
		if o := l.Orchestrated; o != nil {
			line += " " + o.Webhook + " " + o.Name + " " + o.Status
		}
		got = append(got, line)
		return nil
	})
	want := []string{
		"link root", "delivery root crm/create Ada tested", "delivery root crm/create Ada tested",
		"delivery root crm/create Bo test failed", "delivery root crm/create Bo test failed",
	}
	if err != nil || len(got) != len(want) {
		t.Fatalf("%q, %v", got, err)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%q, want %q", got[i], want[i])
		}
	}
}
