package apply

import (
	"sync"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Objects lets one operation at a time write to an object, whichever run it
// belongs to: an operation checks the old values before it writes, and nothing
// of ours may come in between.
type Objects struct {
	mu   sync.Mutex
	held map[ident.GUID]*object
}

type object struct {
	sync.Mutex
	waiting int
}

// Lock waits for an object; the answer gives it back. A new one has no GUID
// and nobody else who could write to it.
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
