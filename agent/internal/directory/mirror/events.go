package mirror

import (
	"context"
	"fmt"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// wantsEvents reports whether differences from the mirror are to count from now on.
func (s *synchroniser) wantsEvents() bool {
	if s.spec.EventsAsBefore {
		return s.before.Events
	}
	return s.spec.Events
}

// recording reports whether this synchronisation records events: if they counted
// before, and it is known what was mirrored.
func (s *synchroniser) recording() bool {
	return s.before.Events && s.wantsEvents() && s.comparable != nil && !s.otherBase()
}

// otherBase reports whether the mirror is of another naming context.
func (s *synchroniser) otherBase() bool { return s.last.Base != "" && s.last.Base != s.base.Fold() }

// record makes events of what a transaction changes.
func (s *synchroniser) record(tx store.MirrorTx) {
	if !s.recording() {
		return
	}
	comparable := map[string]bool{}
	for _, name := range s.comparable {
		comparable[name] = true
	}
	named := make([]string, len(s.spec.Named))
	for i, name := range s.spec.Named {
		named[i] = text.Lower(name)
	}
	tx.Record(store.EventRules{Named: named, Comparable: comparable, Recorded: &s.recorded, Undone: s.undone})
}

// announceEvents tells from when on events count, and how many there are.
func (s *synchroniser) announceEvents() {
	s.report.Events, s.report.Newest = s.recorded.Events, s.recorded.Newest
	if !s.wantsEvents() || s.recording() {
		return
	}
	why := "nothing asked for events before"
	switch {
	case !s.before.Full:
		why = "the directory was read for the first time"
	case s.otherBase():
		why = "the mirror was of another domain"
	case s.before.Events:
		why = "it is not known which attributes the mirror held"
	}
	s.log.Info("changes in the directory count as events from now on; what happened before does not", "cause", why, "server", s.report.Server)
}

// outOfSight is why a deletion is not certain.
const outOfSight = "the bind account is shown neither the object nor its deletion: it was deleted, or the account may no longer read it"

// doubts says which of the objects that are no longer shown are not certain to
// be deleted, and why.
func (s *synchroniser) doubts(ctx context.Context, gone []ident.GUID) (map[ident.GUID]string, error) {
	doubts := map[ident.GUID]string{}
	if !s.recording() {
		return doubts, nil
	}
	for part := range slices.Chunk(gone, lookUpSize) {
		deleted, err := s.lookUpDeleted(ctx, part)
		if err != nil {
			return nil, fmt.Errorf("look whether objects were deleted: %w", err)
		}
		for _, guid := range part {
			if !deleted[guid] {
				doubts[guid] = outOfSight
			}
		}
	}
	return doubts, nil
}

// lookUpDeleted looks for objects among the deleted ones. A server that refuses
// to show them shows none.
func (s *synchroniser) lookUpDeleted(ctx context.Context, guids []ident.GUID) (map[ident.GUID]bool, error) {
	filter, err := conn.FilterOfGUIDs(guids)
	if err != nil {
		return nil, err
	}
	deleted := map[ident.GUID]bool{}
	query := conn.Query{Base: s.base, Filter: filter, Attributes: []string{isDeleted}, Deleted: true}
	err = s.dir.Search(ctx, query, func(e ident.Entry) error {
		deleted[e.GUID] = text.Same(e.Attributes.First(isDeleted), "TRUE")
		return nil
	})
	if refused(err) {
		return nil, nil
	}
	return deleted, err
}

// doubt passes on why deletions are not certain.
func doubt(tx store.MirrorTx, doubts map[ident.GUID]string) {
	for guid, why := range doubts {
		tx.Doubt(guid, why)
	}
}
