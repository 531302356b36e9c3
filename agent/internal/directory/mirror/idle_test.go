package mirror

import (
	"context"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/dirtest"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// counted is a store that counts the transactions of the mirror.
type counted struct {
	Store
	commits int
	awaits  bool // the agent's own writes
}

func (c *counted) UpdateMirror(ctx context.Context, update func(store.MirrorTx) error) error {
	c.commits++
	return c.Store.UpdateMirror(ctx, update)
}

func (c *counted) MirrorState(ctx context.Context) (store.MirrorState, error) {
	state, err := c.Store.MirrorState(ctx)
	state.Awaits = state.Awaits || c.awaits
	return state, err
}

// TestWhatIsNotMirroredIsNotStored: what a busy domain controller changes besides the
// mirrored objects costs a commit now and then, and not with every look.
func TestWhatIsNotMirroredIsNotStored(t *testing.T) {
	dc := dirtest.InMemory(t)
	busy := int64(0)
	dir := dc.Connect(t, dirtest.AsAgent)
	s := newSubject(t, dc, &faulty{Directory: dir, usn: func(usn int64) int64 { return usn + busy }})
	clock := time.Now()
	s.spec.Now = func() time.Time { return clock }
	s.sync(t)
	c := &counted{Store: s.store}
	s.store = c
	commits := func(what string, want int) {
		t.Helper()
		c.commits = 0
		for range 3 {
			busy++
			s.sync(t)
		}
		if c.commits != want {
			t.Errorf("%s: %d commits, want %d", what, c.commits, want)
		}
	}
	commits("nothing that is mirrored changes", 0)
	clock = clock.Add(keptAfter - 1)
	commits("the cursor is nearly old", 0)
	clock = clock.Add(1)
	commits("the cursor is old", 1)
	clock = clock.Add(-time.Hour)
	commits("the clock was set back", 1)
	c.awaits = true
	commits("own writes are awaited", 3)
	c.awaits, s.spec.Events = false, true
	commits("events are asked for", 1)
	dc.Replace(t, dc.OU("Staff").Child("Hana Made"), "title", "Boss")
	commits("somebody has changed", 1)
	s.wantSame(t, dc, dir)
}
