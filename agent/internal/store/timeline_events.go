package store

import (
	"context"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// SeenEvent is an event of the directory with what became of it.
type SeenEvent struct {
	At time.Time `json:"at"`
	TimelineChange
	Verdicts []TimelineJudged `json:"verdicts"` // of the automations that ask for it
}

// EventFilter chooses events; what is empty chooses all.
type EventFilter struct {
	GUID  ident.GUID
	Since time.Time
	Open  bool // those that no automation has judged yet
	Most  int  // so many of the newest
}

// SeenEvents returns the newest of the chosen events, the oldest first. earlier is how
// many others there are before them.
func (s *Store) SeenEvents(ctx context.Context, f EventFilter) (list []SeenEvent, earlier int, err error) {
	w := &where{}
	andOf(w, "guid", f.GUID)
	if f.Open {
		w.and("open = 1")
	}
	if !f.Since.IsZero() {
		w.and("at >= ?", stamp(f.Since))
	}
	//nolint:gosec // conditions are written in this file
	query := `SELECT ` + eventColumns + ` FROM events` + w.String() + ` ORDER BY id DESC LIMIT ?`
	rows, err := s.reader.QueryContext(ctx, query, append(w.args, f.Most+1)...)
	if err != nil {
		return nil, 0, s.fail("events", err)
	}
	list, err = collect(rows, func(row scanner) (SeenEvent, error) {
		var e TimelineEntry
		var at int64
		if err := scanTimelineEvent(row, &e, &at, &e.id); err != nil {
			return SeenEvent{}, err
		}
		return SeenEvent{At: moment(at), TimelineChange: *e.Event}, nil
	})
	if err != nil {
		return nil, 0, s.fail("events", err)
	}
	if len(list) > f.Most {
		list = list[:f.Most]
		w.and("id < ?", list[f.Most-1].ID)
		err = s.reader.QueryRowContext(ctx, `SELECT count(*) FROM events`+w.String(), w.args...).Scan(&earlier)
		if err != nil {
			return nil, 0, s.fail("count events", err)
		}
	}
	slices.Reverse(list)
	for i := range list {
		if list[i].Verdicts, err = s.judgements(ctx, list[i].ID); err != nil {
			return nil, 0, s.fail("events", err)
		}
	}
	return list, earlier, nil
}

// judgements returns what automations made of an event, in the order of their names.
func (s *Store) judgements(ctx context.Context, event int64) ([]TimelineJudged, error) {
	rows, err := s.reader.QueryContext(ctx, `SELECT v.event, v.automation, v.verdict, v.instance, coalesce(i.orchestration, ''),
		v.cause, v.next FROM event_verdicts v LEFT JOIN instances i ON i.id = v.instance WHERE v.event = ? ORDER BY v.automation`, event)
	if err != nil {
		return nil, err
	}
	list, err := collect(rows, func(row scanner) (v TimelineJudged, err error) {
		err = row.Scan(&v.Event, &v.Automation, &v.Verdict, &v.Instance, &v.Orchestration, &v.Cause, &v.Next)
		return v, err
	})
	if list == nil {
		list = []TimelineJudged{} // as JSON needs it
	}
	return list, err
}
