package engine

import (
	"errors"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// A link that is taken back takes with it what was held about its record, and
// nothing of others. Who did it stands in the journal.
func TestUnlinkDropsWhatIsHeld(t *testing.T) {
	s, _, held := holding(t, "unlinks")
	link, _, err := s.Store.LinkByKey(t.Context(), ident.Users("unlinks"), "1")
	if err != nil {
		t.Fatal(err)
	}
	gone, err := s.Unlink(t.Context(), ident.Users("unlinks"), "1", "eve")
	if err != nil || gone.GUID != link.GUID || len(gone.Dropped) != 1 || gone.Dropped[0].Run != held.ID || gone.Dropped[0].Name != "Held One" {
		t.Fatalf("%+v, %v", gone, err)
	}
	list, err := s.Store.Outcomes(t.Context(), held.ID)
	if err != nil || list[0].Result != ident.ResultDropped || list[0].Cause != "the link was removed by eve" || list[1].Result != ident.ResultHeld {
		t.Errorf("%+v, %v", list, err)
	}
	var last store.JournalLine
	if err := s.Store.EachJournal(t.Context(), func(l store.JournalLine) error { last = l; return nil }); err != nil {
		t.Fatal(err)
	}
	if last.Kind != store.JournalUnlink || last.By != "eve" || last.Link.GUID != link.GUID {
		t.Errorf("journal: %+v", last)
	}
	if _, err := s.Unlink(t.Context(), ident.Users("unlinks"), "1", "eve"); !errors.As(err, new(*store.NotLinkedError)) {
		t.Errorf("once more: %v", err)
	}
}

// While the link's automation runs, an approval is carried out, or a write
// about the record is in doubt, the link stays.
func TestUnlinkIsRefused(t *testing.T) {
	s, _, held := holding(t, "linked")
	refused := func(text string) {
		t.Helper()
		if _, err := s.Unlink(t.Context(), ident.Users("linked"), "1", "eve"); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%v, want %q", err, text)
		}
		if _, linked, err := s.Store.LinkByKey(t.Context(), ident.Users("linked"), "1"); err != nil || !linked {
			t.Errorf("the link is gone: %v", err)
		}
	}
	s.meanwhile(func() {
		refused("remove the link of linked key 1: another run of automation linked is under way, started by ada")
	})
	if r, err := s.Approve(t.Context(), Decision{Run: held.ID, By: "ada"}); err != nil || r.Count(ident.ResultApplied) != 2 {
		t.Fatalf("%+v, %v", r.Counts, err)
	}
	link, _, err := s.Store.LinkByKey(t.Context(), ident.Users("linked"), "1")
	if err != nil {
		t.Fatal(err)
	}
	id := s.leave(store.Intent{Automation: "linked", Key: "1", GUID: link.GUID, Operation: ident.Operation{Class: ident.ClassDisable}})
	refused("has carried out disable of Left 1 is not known yet: the next run of automation linked finds out (`rollcall apply linked`)")
	s.exec(`UPDATE intents SET operation_json = '{"class"' WHERE id = ?`, id)
	refused("has carried out an operation of Left 1 is not known yet")
}
