package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// journalConflicts notes in the journal which values of the application have lost
// against the directory's in a run. Nothing is written for those, so no outcome has
// them. A conflict that stays as it is, is in the summary of each run, and is noted once:
// not when the run before, or the whole run before, had it too.
func (s *Store) journalConflicts(ctx context.Context, tx *sql.Tx, run Run, summary json.RawMessage) error {
	found, err := conflictsOf(summary)
	if err != nil || len(found) == 0 {
		return err
	}
	for _, kinds := range [][2]Kind{{KindScheduled, KindManual}, {run.Kind, run.Kind}} {
		var text string
		err := tx.QueryRowContext(ctx, `SELECT plan_json FROM runs WHERE automation = ? AND id < ? AND kind IN (?, ?) AND plan_json <> ''
			ORDER BY id DESC LIMIT 1`, run.Automation, run.ID, kinds[0], kinds[1]).Scan(&text)
		if none(err) {
			continue
		}
		if err != nil {
			return err
		}
		before, err := conflictsOf(json.RawMessage(text))
		if err != nil {
			continue // what it told is not known, and that must not keep this run from ending
		}
		known := map[ident.Note]bool{}
		for _, n := range before {
			known[n] = true
		}
		found = slices.DeleteFunc(found, func(n ident.Note) bool { return known[n] })
	}
	b := s.newBatch(tx)
	for _, n := range found {
		b.note(JournalLine{
			Kind: JournalConflict, Automation: run.Automation, Application: run.Application, By: run.By, Run: run.ID,
			Text: fmt.Sprintf("%s (%s): %s", n.Name, n.Key, n.Text),
		})
	}
	return b.writeJournal(ctx, s)
}

// conflictsOf returns the conflicts that the summary of a run tells.
func conflictsOf(summary json.RawMessage) ([]ident.Note, error) {
	if len(summary) == 0 {
		return nil, nil
	}
	var s struct {
		Notes []ident.Note `json:"notes"`
	}
	if err := json.Unmarshal(summary, &s); err != nil {
		return nil, fmt.Errorf("read the summary of a run: %w", err)
	}
	return slices.DeleteFunc(s.Notes, func(n ident.Note) bool { return !n.Conflict }), nil
}
