package store

import (
	"encoding/json"
	"testing"
	"time"
)

// TestAConflictIsNotedOnce: what the directory has won stands in the journal, once for as
// long as it stays the same, also when runs for single users come in between.
func TestAConflictIsNotedOnce(t *testing.T) {
	s := openTest(t)
	lease := must1[Lease](t)(s.AcquireLease(t.Context(), "automation:staff", "test", 1000*time.Hour))
	noted := func() (texts []string) {
		t.Helper()
		must(t, s.EachJournal(t.Context(), func(l JournalLine) error {
			if l.Kind == JournalConflict {
				texts = append(texts, l.Text)
			}
			return nil
		}))
		return texts
	}
	run := func(kind Kind, notes string) {
		t.Helper()
		id := must1[int64](t)(s.StartRun(t.Context(), lease, Run{Automation: "staff", Application: "crm", Kind: kind, By: "ada"}))
		must(t, s.FinishRun(t.Context(), lease, Run{ID: id, Result: RunOK, Plan: json.RawMessage(`{"notes":[` + notes + `]}`)}))
	}
	const (
		ada   = `{"key":"7","name":"Ada","text":"both changed title","conflict":true}`
		bob   = `{"key":"8","name":"Bob","text":"both changed mail","conflict":true}`
		other = `{"key":"9","name":"Eve","text":"left alone"}`
	)
	run(KindScheduled, ada+`,`+other)
	same(t, "the first time", []string{"Ada (7): both changed title"}, noted())
	run(KindScheduled, ada)
	run(KindChosen, bob)
	run(KindChosen, ada+`,`+bob)
	run(KindScheduled, other+`,`+ada)
	same(t, "as it stays", []string{"Ada (7): both changed title", "Bob (8): both changed mail"}, noted())
	run(KindScheduled, "")
	run(KindScheduled, ada)
	same(t, "once more", 3, len(noted()))
	must(t, s.exec(t.Context(), "damage", `UPDATE runs SET plan_json = '{'`))
	run(KindScheduled, ada) // a run ends although what it is compared with cannot be read
	same(t, "after the damage", 4, len(noted()))
}
