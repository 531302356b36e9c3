package dispatch

import (
	"sync"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
)

// occupied knows the instances that are not moved on now: those with a step under way
// that is no delivery, those that wait until there is room for such a step, and those
// that are left alone for a while.
type occupied struct {
	mu      sync.Mutex
	busy    map[int64]bool                 // with a step under way
	left    []int64                        // those in busy whose step has ended
	acts    map[orchestration.Kind]int     // how many steps are
	waiting map[orchestration.Kind][]int64 // for room, in the order in which they came
	waits   map[int64]bool                 // those in waiting
	later   map[int64]time.Time            // left alone until then
}

func newOccupied() *occupied {
	return &occupied{
		busy: map[int64]bool{}, acts: map[orchestration.Kind]int{}, waiting: map[orchestration.Kind][]int64{}, waits: map[int64]bool{},
		later: map[int64]time.Time{},
	}
}

// free lets those go on whose step has ended, those that were left alone until now, and
// as many of those that wait for room as there is room for. It returns how many others
// must be skipped. It is called before due instances are read: one whose step ends
// later may have been read as it was before.
func (o *occupied) free(now time.Time) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, id := range o.left {
		delete(o.busy, id)
	}
	o.left = nil
	for id, until := range o.later {
		if !now.Before(until) {
			delete(o.later, id)
		}
	}
	for kind, ids := range o.waiting {
		room := min(acting-o.acts[kind], len(ids))
		for _, id := range ids[:room] {
			delete(o.waits, id)
		}
		o.waiting[kind] = ids[room:]
	}
	return len(o.later) + len(o.busy) + len(o.waits)
}

// resting reports whether an instance is not to be moved on now.
func (o *occupied) resting(id int64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, later := o.later[id]
	return later || o.busy[id] || o.waits[id]
}

// rest leaves an instance alone for a while.
func (o *occupied) rest(id int64, until time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.later[id] = until
}

// enter takes room for a step of an instance. When there is none it returns false,
// and the instance waits until there is some.
func (o *occupied) enter(id int64, kind orchestration.Kind) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.acts[kind] >= acting {
		o.waiting[kind] = append(o.waiting[kind], id)
		o.waits[id] = true
		return false
	}
	o.acts[kind]++
	o.busy[id] = true
	return true
}

// leave gives back what enter took.
func (o *occupied) leave(id int64, kind orchestration.Kind) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.acts[kind]--
	o.left = append(o.left, id)
}

// crowded reports whether an instance waits for room.
func (o *occupied) crowded() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.waits) > 0
}
