package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// TestCall is a call to an application that a person made to try a webhook. It was
// sent, whatever came of it.
type TestCall struct {
	Application string
	Webhook     string
	GUID        ident.GUID
	DN          ident.DN
	Name        string
	Cause       string      // why it failed; "": it succeeded
	Link        *ident.Link // made or found; the key suffices
	Ends        *ident.Link // whose record it has deleted; the key suffices
}

// The statuses of test calls in the journal.
const (
	testDone   = "tested"
	testFailed = "test failed"
)

// NoteTestCall notes a test call in the journal, and makes its link as a delivery
// does, in one transaction. It returns the link, which may have been there before.
// When the key or the object is linked to something else, only the call is noted,
// and the error is a *LinkTakenError.
func (s *Store) NoteTestCall(ctx context.Context, c TestCall, by string) (link *ident.Link, err error) {
	var taken *LinkTakenError
	err = s.write(ctx, "note test call", func(tx *sql.Tx) error {
		b := s.newBatch(tx)
		if c.Link != nil {
			own := *c.Link
			err := s.linkOutbound(ctx, b, &own, deliveryBrief{application: c.Application, guid: c.GUID})
			switch {
			case err == nil:
				link = &own
			case errors.As(err, &taken):
				c.Cause = joinNonEmpty(c.Cause, taken.Error())
			default:
				return err
			}
		}
		if c.Ends != nil {
			if err := s.endLink(ctx, b, *c.Ends, deliveryBrief{application: c.Application, guid: c.GUID}); err != nil {
				return err
			}
		}
		for i := range b.lines {
			b.lines[i].By = by
		}
		status := testDone
		if c.Cause != "" {
			status = testFailed
		}
		b.note(JournalLine{
			Kind: JournalDelivery, Application: c.Application, By: by, Orchestrated: &Orchestrated{
				Webhook: c.Webhook, GUID: c.GUID, DN: c.DN, Name: c.Name, Status: status, Cause: c.Cause,
			},
		})
		return b.writeJournal(ctx, s)
	})
	if err == nil && taken != nil {
		err = taken
	}
	return link, err
}
