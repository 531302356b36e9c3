package apply

import (
	"context"
	"sync"
	"time"
)

// Room bounds how many writes of runs may be under way at once while a change feed
// asks the same domain controller. One that carries out a write at a time, as Samba
// does, lets every question wait behind all the writes that have come before it: more
// of them at once make a run no faster there, and changes are told late. The feed's
// looks, which cost next to nothing by themselves, tell how long a question waits.
//
// A zero Room has no bound, nor has one that nobody looks through.
type Room struct {
	mu      sync.Mutex
	under   int           // writes that are under way
	waiting int           // writes that wait for room
	most    int           // how many may be under way; 0: any number
	usual   time.Duration // how long a look takes while nothing is written
	widen   time.Time     // not before this is the bound raised
	pause   time.Duration // between two steps up
	freed   chan struct{} // closed when there is room again; nil: nobody waits
}

const (
	lateLook   = 25 * time.Millisecond // beside three times what a look takes otherwise
	firstPause = 5 * time.Second
	longPause  = time.Minute
)

// enter waits until there is room for a write, and returns what to call when it has
// ended. When ctx ends it does not wait any longer: the write finds that out itself.
func (r *Room) enter(ctx context.Context) (leave func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.most > 0 && r.under >= r.most && ctx.Err() == nil {
		if r.freed == nil {
			r.freed = make(chan struct{})
		}
		freed := r.freed
		r.waiting++
		r.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
		}
		r.mu.Lock()
		r.waiting--
	}
	r.under++
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.under--
		r.free()
	}
}

// free wakes whoever waits for room.
func (r *Room) free() {
	if r.freed != nil {
		close(r.freed)
		r.freed = nil
	}
}

// Look notes that the feed asks how far the domain controller is. It returns what to
// call when that was answered.
func (r *Room) Look() (answered func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	began, before := time.Now(), r.under
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.looked(time.Now(), time.Since(began), max(before, r.under))
	}
}

// looked adapts the bound to how long a look has taken beside a number of writes.
func (r *Room) looked(now time.Time, took time.Duration, writes int) {
	late := took > 3*r.usual+lateLook
	switch {
	case writes == 0 && r.usual == 0:
		r.usual = took
	case writes == 0:
		r.usual = (7*r.usual + took) / 8
	case late && writes > 1:
		r.most = writes / 2
		r.pause = min(max(2*r.pause, firstPause), longPause)
		r.widen = now.Add(r.pause)
		return
	}
	if r.most == 0 || late || now.Before(r.widen) {
		return
	}
	r.widen = now.Add(r.pause)
	if r.most++; r.waiting == 0 && r.under < r.most {
		r.most = 0 // nobody needs the bound any more
	}
	r.free()
}
