package host

import "github.com/tetratelabs/wazero/api"

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
