package engine

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
)

// crowded is a domain controller that answers the looks of the feed late while two
// writes are under way, and holds the first two until such a look was answered.
type crowded struct {
	mu       sync.Mutex
	under    int
	first    int
	two      chan struct{} // closed when two writes are under way
	answered chan struct{} // closed when a look was late
	after    int           // the most at once after that
}

type toCrowded struct {
	Directory
	*crowded
}

func (c toCrowded) HighestUSN(ctx context.Context) (int64, error) {
	time.Sleep(200 * time.Millisecond)
	return c.Directory.HighestUSN(ctx)
}

func (c toCrowded) Modify(ctx context.Context, t conn.Target, mods []conn.Mod, permissive bool) error {
	c.mu.Lock()
	c.under++
	early := c.first < 2
	if c.first++; c.first == 2 {
		close(c.two)
	}
	if !early {
		c.after = max(c.after, c.under)
	}
	c.mu.Unlock()
	if early {
		<-c.answered
	} else {
		time.Sleep(5 * time.Millisecond) // another could begin
	}
	err := c.Directory.Modify(ctx, t, mods, permissive)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.under--
	return err
}

// TestARunLeavesRoomForTheFeed: when a look of the feed waits behind the writes of a run,
// fewer of them are under way at once.
func TestARunLeavesRoomForTheFeed(t *testing.T) {
	t.Parallel()
	const name = "crowd"
	s, _ := staffOf(t, name, 20)
	c := &crowded{two: make(chan struct{}), answered: make(chan struct{})}
	connect := s.Connect
	s.Connect = func(ctx context.Context, prefer string) (Directory, error) {
		d, err := connect(ctx, prefer)
		return toCrowded{d, c}, err
	}
	f := s.follower()
	var ran sync.WaitGroup
	ran.Go(func() { s.run(name) })
	<-c.two
	if _, err := f.HighestUSN(t.Context()); err != nil {
		t.Error(err)
	}
	close(c.answered)
	ran.Wait()
	if c.first < 20 || c.after != 1 {
		t.Errorf("%d writes, up to %d at once after the feed had waited, want 20 and 1", c.first, c.after)
	}
}
