package host

import "github.com/rollcall-agent/rollcall/host/internal/web"

// limited is what the calls of one application share with each other, but with
// no other application: the turn to send, and connections.
type limited struct {
	limiter *web.Limiter
	pool    *web.Pool
}

// network returns what the calls of an application share.
func (h *Host) network(application string) limited {
	h.mu.Lock()
	defer h.mu.Unlock()
	n, ok := h.limiters[application]
	if !ok {
		n = limited{limiter: web.NewLimiter(application, h.settings.Ledger, h.log), pool: &web.Pool{}}
		h.limiters[application] = n
	}
	return n
}

// disconnect closes the connections of all applications.
func (h *Host) disconnect() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, n := range h.limiters {
		n.pool.Close()
	}
}
