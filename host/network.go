package host

import "github.com/rollcall-agent/rollcall/host/internal/web"

// network is what all calls of one application share, and no other
// application's: its turn to send, and its connections.
type network struct {
	limiter *web.Limiter
	pool    web.Pool
}

// network finds what the calls of an application share.
func (h *Host) network(application string) *network {
	h.mu.Lock()
	defer h.mu.Unlock()
	n, ok := h.networks[application]
	if !ok {
		n = &network{limiter: web.NewLimiter(application, h.settings.Ledger, h.log)}
		h.networks[application] = n
	}
	return n
}

// disconnect closes the connections of all applications.
func (h *Host) disconnect() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, n := range h.networks {
		n.pool.Close()
	}
}
