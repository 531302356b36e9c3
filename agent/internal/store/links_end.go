package store

import (
	"context"
	"errors"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// endLink removes the link of an object whose record a delivery has deleted, and
// notes that in the journal. ended says which key of which kind the call was about: what
// the object is linked to now may be another one.
//
// A link that belongs to an automation stays: its runs find the record missing and do
// what follows from that, which they could not without the link. So does one of a
// record that a run works on at this moment.
func (s *Store) endLink(ctx context.Context, b *batch, ended ident.Link, row deliveryBrief) error {
	ended.Application, ended.GUID = row.application, row.guid
	present, err := scanLink(b.tx.QueryRowContext(ctx, selectLinks+` WHERE application = ? AND kind = ? AND key = ? AND guid = ?`,
		ended.Application, ended.Space().Kind(), ended.Key, ended.GUID))
	if none(err) || err == nil && present.Automation != "" {
		return nil
	}
	if err != nil {
		return err
	}
	var busy *UnderWayError
	err = checkAlone(ctx, b.tx, Intent{Application: ended.Application, Kind: ended.Kind, Key: ended.Key})
	if errors.As(err, &busy) {
		return nil
	}
	if err != nil {
		return err
	}
	gone, err := s.deleteLink(ctx, b.tx, ended.Space(), ended.Key, linkCause{orchestration: row.orchestration})
	if err != nil || gone == nil {
		return err
	}
	b.note(JournalLine{Kind: JournalUnlink, Application: gone.Application, Link: gone})
	return nil
}
