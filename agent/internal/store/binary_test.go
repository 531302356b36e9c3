package store

import (
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// A held operation keeps its bytes until it is decided; the history and the
// journal tell their size and digest.
func TestBinaryValuesOfOperations(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	lease, run := begin(t, s)
	photo := "\xff\xd8\x00" + strings.Repeat("\xfe", 5000)
	operation := func(key ident.Key, result ident.Result) Commit {
		o := outcome(run, key, ident.ClassUpdate, result)
		o.Operation.Attributes = []ident.AttributeChange{{Name: "jpegPhoto", Binary: true, Old: []string{"\xff"}, New: []string{photo}}}
		return commit(o)
	}
	must(t, s.Commit(ctx, lease, operation("1", ident.ResultHeld)))
	must(t, s.Commit(ctx, lease, operation("2", ident.ResultApplied)))
	must(t, s.PutLink(ctx, link("3", "guid-3"), "test"))
	intent := must1[int64](t)(s.OpenIntent(ctx, lease, Intent{Run: run, Automation: "staff", Application: "crm", Key: "3", GUID: "guid-3", Operation: operation("3", "").Outcome.Operation}))
	if got := must1[[]Intent](t)(s.Intents(ctx)); len(got) != 1 || got[0].ID != intent || got[0].Operation.Attributes[0].New[0] != photo {
		t.Error("the intent has other bytes")
	}
	held := must1[[]Held](t)(s.HeldOutcomes(ctx, "staff"))
	if len(held) != 1 || held[0].Operation.Attributes[0].New[0] != photo || held[0].Operation.Attributes[0].Old[0] != "\xff" {
		t.Fatalf("held: %d operations with other bytes", len(held))
	}
	must1[int](t)(s.RejectHeld(ctx, held[0].Run, held[0].Operation.Class, "ada"))
	for _, o := range must1[[]ident.Outcome](t)(s.Outcomes(ctx, run)) {
		if got := o.Operation.Attributes[0]; !strings.HasPrefix(got.New[0], "(binary, 5,003 bytes, SHA-256 ") || got.Binary {
			t.Errorf("%s: the history has %.60q", o.Key, got.New[0])
		}
	}
	must(t, s.VerifyJournal(ctx))
	must(t, s.EachJournal(ctx, func(l JournalLine) error {
		if l.Outcome != nil && len(l.Outcome.Operation.Attributes[0].New[0]) > 200 {
			t.Errorf("line %d holds the bytes", l.Seq)
		}
		return nil
	}))
}
