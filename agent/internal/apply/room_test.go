package apply

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// serial is a domain controller that carries out one exchange after the other, in the
// order in which they come; parallel carries out all at once.
type server interface{ exchange(took time.Duration) }

type serial struct {
	mu   sync.Mutex
	free time.Time
}

func (s *serial) exchange(took time.Duration) {
	s.mu.Lock()
	if now := time.Now(); s.free.Before(now) {
		s.free = now
	}
	s.free = s.free.Add(took)
	end := s.free
	s.mu.Unlock()
	time.Sleep(time.Until(end))
}

type parallel struct{}

func (parallel) exchange(took time.Duration) { time.Sleep(took) }

// besides lets a run make writes, four at once, for a time, while a feed looks ten times
// a second. It returns how many writes were made, and how long the looks of the second
// half took.
func besides(t *testing.T, r *Room, dc server, during time.Duration) (writes int, looks []time.Duration) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), during)
	defer cancel()
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for ctx.Err() == nil {
				leave := r.enter(ctx)
				dc.exchange(30 * time.Millisecond)
				leave()
				mu.Lock()
				writes++
				mu.Unlock()
			}
		})
	}
	for ctx.Err() == nil {
		asked, answered := time.Now(), r.Look()
		dc.exchange(time.Millisecond)
		answered()
		if time.Since(began) > during/2 {
			looks = append(looks, time.Since(asked))
		}
		time.Sleep(100 * time.Millisecond)
	}
	all.Wait()
	slices.Sort(looks)
	return writes, looks
}

// TestRoomBesideAServerThatWritesOneAtATime: a question of the feed waits for one write
// and not for four, and the run is not slower.
func TestRoomBesideAServerThatWritesOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		writes, looks := besides(t, &Room{}, &serial{}, 3*time.Minute)
		if at := looks[len(looks)*99/100]; at > 32*time.Millisecond {
			t.Errorf("99 of 100 looks took up to %s, and one write takes 30ms", at)
		}
		if most := int(3 * time.Minute / (30 * time.Millisecond)); writes < most*97/100 {
			t.Errorf("%d writes, without looks it is %d", writes, most)
		}
	})
}

// TestRoomBesideAServerThatWritesAllAtOnce: nothing is bounded where nothing waits, also
// over a slow network.
func TestRoomBesideAServerThatWritesAllAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, network := range []time.Duration{0, 80 * time.Millisecond} {
			r := &Room{}
			for range 10 { // nothing is written yet
				answered := r.Look()
				time.Sleep(network)
				answered()
			}
			if writes, _ := besides(t, r, parallel{}, time.Minute); writes < 4*2000 {
				t.Errorf("%d writes, want 8000", writes)
			}
			if r.most != 0 {
				t.Errorf("at most %d writes at once", r.most)
			}
		}
	})
}

// TestRoomOpensAgain: the bound goes when nobody needs it, and nobody waits for room for
// ever.
func TestRoomOpensAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &Room{}
		besides(t, r, &serial{}, time.Minute)
		if r.most == 0 {
			t.Fatal("nothing was bounded")
		}
		for range 1000 {
			answered := r.Look()
			time.Sleep(100 * time.Millisecond)
			answered()
		}
		if r.most != 0 || r.under != 0 || r.waiting != 0 {
			t.Errorf("at most %d at once, %d under way, %d wait", r.most, r.under, r.waiting)
		}
	})
}

// TestRoomDoesNotHoldUpAnEnd: whoever is told to end does not wait for room.
func TestRoomDoesNotHoldUpAnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &Room{most: 1}
		leave := r.enter(t.Context())
		ctx, cancel := context.WithCancel(t.Context())
		entered := make(chan func())
		go func() { entered <- r.enter(ctx) }()
		synctest.Wait()
		select {
		case <-entered:
			t.Fatal("there was no room")
		default:
		}
		cancel()
		(<-entered)()
		leave()
		if r.under != 0 || r.waiting != 0 {
			t.Errorf("%d under way, %d wait", r.under, r.waiting)
		}
	})
}

// TestOneWriteAloneWaitsForNoRoom: a change of a single user goes before those of a run
// of many.
func TestOneWriteAloneWaitsForNoRoom(t *testing.T) {
	s := opened(t)
	s.settings.Room = &Room{most: 1}
	leave := s.settings.Room.enter(t.Context())
	if err := s.apply(creation("1")); err != nil {
		t.Fatal(err)
	}
	if len(s.accounts) != 1 {
		t.Errorf("%d accounts", len(s.accounts))
	}
	leave()
	if err := s.apply(creation("2"), creation("3")); err != nil {
		t.Fatal(err)
	}
	if len(s.accounts) != 3 || s.settings.Room.under != 0 {
		t.Errorf("%d accounts, %d writes are under way", len(s.accounts), s.settings.Room.under)
	}
}
