package apply

import (
	"sync"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Objects lets only one operation at a time write to an object, across all
// runs. An operation checks the old values before it writes; no other write of
// the agent may come in between.
type Objects struct {
	mu   sync.Mutex
	held map[ident.GUID]*object
}

type object struct {
	sync.Mutex
	waiting int
}

// Lock waits until no other operation uses the object. The returned function
// releases it. An object still to be created has no GUID and needs no lock:
// nothing else could write to it.
func (o *Objects) Lock(guid ident.GUID) (unlock func()) {
	if guid == "" {
		return func() {}
	}
	o.mu.Lock()
	if o.held == nil {
		o.held = map[ident.GUID]*object{}
	}
	one, ok := o.held[guid]
	if !ok {
		one = &object{}
		o.held[guid] = one
	}
	one.waiting++
	o.mu.Unlock()
	one.Lock()
	return func() {
		one.Unlock()
		o.mu.Lock()
		defer o.mu.Unlock()
		if one.waiting--; one.waiting == 0 {
			delete(o.held, guid)
		}
	}
}
