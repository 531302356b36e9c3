package service

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

type (
	// SeenEvent is an event of the directory with what became of it.
	SeenEvent = store.SeenEvent
	// ListedEvent is a part of the answer: first, if that is not 0, how many events there
	// are before those that are listed, then each of these.
	ListedEvent struct {
		Earlier int        `json:"earlier,omitempty"`
		Event   *SeenEvent `json:"event,omitempty"`
	}
	// EventsRequest asks what the directory showed.
	EventsRequest struct {
		User  string // as in ExplainRequest; "": of everybody
		Since time.Time
		Open  bool // events that no automation has judged yet
		Most  int  // so many of the newest
	}
)

// Events lists what the directory showed, the oldest first.
func (s *Service) Events(ctx context.Context, _ Caller, in EventsRequest) iter.Seq2[ListedEvent, error] {
	return listed(func(each func(ListedEvent) error) error {
		if in.Most < 1 || in.Most > MostExplained {
			return exit.Mistake(fmt.Errorf("--limit is %d; it must be from 1 to %d", in.Most, MostExplained))
		}
		f := store.EventFilter{Since: in.Since, Open: in.Open, Most: in.Most}
		if in.User != "" {
			who, err := s.whoIs(ctx, in.User)
			if err != nil {
				return err
			}
			if f.GUID = who.GUID; f.GUID == "" {
				return nil // only a record: the directory never had it
			}
		}
		list, earlier, err := s.agent.Store().SeenEvents(ctx, f)
		if err != nil {
			return err
		}
		if earlier > 0 {
			if err := each(ListedEvent{Earlier: earlier}); err != nil {
				return err
			}
		}
		for _, e := range list {
			if err := each(ListedEvent{Event: &e}); err != nil {
				return err
			}
		}
		return nil
	})
}
