package host

import (
	"time"

	"github.com/tetratelabs/wazero/api"
)

// Grace is how long the host waits for the rest of what is incomplete.
const Grace = grace

// Forget drops what calls of an application share, as a restart does.
func (h *Host) Forget(application string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n, ok := h.limiters[application]; ok {
		n.pool.Close()
	}
	delete(h.limiters, application)
}

// UsePlain has the version that serves now compiled from other bytes than those
// that were made of its file, so that a benchmark can leave the checks out. It
// must not have been compiled yet.
func (c *Connector) UsePlain(wasm []byte) {
	v := c.host.catalog.serves(c.module.Manifest.Name)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.wasm = wasm
}

// Look has f called with the memory of each instance at the end of its call,
// before the instance is closed. Set it before the first call.
func (h *Host) Look(f func(memory []byte)) {
	h.look = func(m api.Memory) {
		if all, ok := m.Read(0, m.Size()); ok {
			f(all)
		}
	}
}

// Started returns how many instances there have been.
func (h *Host) Started() int64 { return h.started.Load() }

// Idle returns how many instances wait for another call.
func (h *Host) Idle() int {
	h.idle.mu.Lock()
	defer h.idle.mu.Unlock()
	return len(h.idle.all)
}

// EndIdle ends the instances that wait.
func (h *Host) EndIdle() { h.idle.end(func(*resting) bool { return true }) }

// RestFor sets how long instances wait for another call. No call
// may be running.
func (h *Host) RestFor(d time.Duration) { h.idle.last = d }

// Bounds of instances that are kept.
const (
	MaxCalls = maxCalls
	MaxKept  = maxKept
	MaxEach  = maxEach
	MaxIdle  = maxIdle
)

// Host returns the host of a connector.
func (c *Connector) Host() *Host { return c.host }
