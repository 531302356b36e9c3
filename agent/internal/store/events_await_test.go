package store

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// tells lets the mirror add events, as a read does that sees changes.
func (w *writes) tells(events ...ident.Event) {
	w.Helper()
	must(w, w.UpdateMirror(w.Context(), func(tx MirrorTx) error {
		for i := range events {
			if err := tx.b.addEvent(&events[i]); err != nil {
				return err
			}
		}
		return nil
	}))
}

func (w *writes) judgeable(want ...int64) {
	w.Helper()
	var ids []int64
	for _, e := range must1[[]ident.Event](w)(w.OpenEvents(context.Background(), 0, 100)) {
		ids = append(ids, e.ID)
	}
	if !slices.Equal(ids, want) {
		w.Errorf("events %v can be judged, want %v", ids, want)
	}
}

// TestAnEventAwaitsItsWrite: a change may be read before the agent has recorded how its
// own write ended, and with it the link. Until then the event is not judged, nor later
// ones of the same object; others are.
func TestAnEventAwaitsItsWrite(t *testing.T) {
	now := time.Now()
	own, foreign, another := created(), modified("Chief"), modified("x")
	own.GUID, foreign.GUID, another.GUID = "guid-2", "guid-2", "guid-9"
	own.At, foreign.At, another.At = now, now, now

	w := openWrites(t)
	in, id := w.opens(creation())
	w.tells(own, foreign, another)
	w.judgeable(3)
	w.commits(in, id, ident.ResultApplied)
	w.judgeable(1, 2, 3)
}

// TestAnEventDoesNotAwaitAWriteForEver: a write may stay in doubt for days, and people
// must not wait for it.
func TestAnEventDoesNotAwaitAWriteForEver(t *testing.T) {
	own := modified("Lead")
	own.At = time.Now().Add(-awaitedFor - time.Minute)
	w := openWrites(t)
	w.opens(titled("Lead"))
	w.tells(own)
	w.judgeable(1)
}
