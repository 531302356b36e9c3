package apply

import (
	"sync"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// One object is written by one operation at a time; other objects do not wait
// for it, nor does what has none yet.
func TestObjectsAreWrittenOneAtATime(t *testing.T) {
	var locks Objects
	counts := map[ident.GUID]*int{"a": new(int), "b": new(int)}
	var writers sync.WaitGroup
	for range 50 {
		for guid, n := range counts {
			writers.Go(func() {
				defer locks.Lock(guid)()
				*n++
			})
		}
	}
	writers.Wait()
	held := locks.Lock("a")
	locks.Lock("b")()
	locks.Lock("")()
	locks.Lock("")()
	held()
	if *counts["a"] != 50 || *counts["b"] != 50 || len(locks.held) != 0 {
		t.Errorf("%d, %d, %d locks are left", *counts["a"], *counts["b"], len(locks.held))
	}
}
