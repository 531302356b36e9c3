package sim

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/plugins/internal/simkit"
)

const webhooksHelp = `  GET    /_sim/webhooks                 the webhooks, with what the vendor shows to nobody
  POST   /_sim/webhooks/ID/remove       as the vendor does after three days without a success
  POST   /_sim/webhooks/ID/ban          as after 10 failed first attempts: nothing for 30 minutes
  POST   /_sim/webhooks/ID/pardon       end of the ban
  GET    /_sim/deliveries               the last 1000 attempts
  POST   /_sim/deliveries/faults        {"kind":"drop|duplicate|reorder|delay","times":1,"delay":"1.5s"}
  GET    /_sim/deliveries/faults        DELETE clears them
`

// Webhook is a webhook with what the vendor shows to nobody.
type Webhook struct {
	ID       int64  `json:"id"`
	UserID   int64  `json:"user_id"`
	Event    string `json:"event"` // ACTION.OBJECT
	URL      string `json:"subscription_url"`
	AuthUser string `json:"http_auth_user,omitempty"`
	Active   bool   `json:"active"`
	// Failures counts the failed first attempts since the last success.
	Failures    int       `json:"failures"`
	BannedUntil time.Time `json:"banned_until,omitzero"`
	LastSuccess time.Time `json:"last_success"` // at first the creation
}

// Webhooks lists the webhooks.
func (s *Server) Webhooks() []Webhook {
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	list := []Webhook{}
	for _, id := range slices.Sorted(maps.Keys(s.hooks.byID)) {
		list = append(list, s.seen(s.hooks.byID[id]))
	}
	return list
}

func (s *Server) seen(h *hook) Webhook {
	w := Webhook{
		ID: h.ID, UserID: h.UserID, Event: h.Action + "." + h.Object, URL: h.URL,
		Active: h.IsActive == 1, Failures: h.failures, LastSuccess: h.success,
	}
	if h.AuthUser != nil {
		w.AuthUser = *h.AuthUser
	}
	if s.opts.Now().Before(h.banned) {
		w.BannedUntil = h.banned
	}
	return w
}

// ErrNoWebhook is the error for an id that no active webhook has.
var ErrNoWebhook = fmt.Errorf("no such webhook: %w", simkit.ErrNotFound)

// RemoveWebhook ends a webhook as the vendor does after three days without a
// successful delivery.
func (s *Server) RemoveWebhook(id int64) (Webhook, error) {
	return s.changeHook(id, func(h *hook) { s.removeHook(h, removedByVendor) })
}

// BanWebhook bans a webhook as the vendor does after failed first attempts. What
// happens meanwhile is lost.
func (s *Server) BanWebhook(id int64) (Webhook, error) {
	return s.changeHook(id, func(h *hook) { h.failures, h.banned = 0, s.opts.Now().Add(s.shortened(banTime)) })
}

// PardonWebhook ends the ban of a webhook.
func (s *Server) PardonWebhook(id int64) (Webhook, error) {
	return s.changeHook(id, func(h *hook) { h.banned = time.Time{} })
}

func (s *Server) changeHook(id int64, change func(*hook)) (Webhook, error) {
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	h := s.hooks.byID[id]
	if h == nil || h.IsActive == 0 {
		return Webhook{}, fmt.Errorf("webhook %d: %w", id, ErrNoWebhook)
	}
	change(h)
	return s.seen(h), nil
}

func (s *Server) controlWebhooks(mux *http.ServeMux) {
	mux.HandleFunc("GET /_sim/webhooks", func(w http.ResponseWriter, _ *http.Request) { simkit.WriteJSON(w, http.StatusOK, s.Webhooks()) })
	mux.HandleFunc("POST /_sim/webhooks/{id}/remove", simkit.ControlRecord(s.RemoveWebhook))
	mux.HandleFunc("POST /_sim/webhooks/{id}/ban", simkit.ControlRecord(s.BanWebhook))
	mux.HandleFunc("POST /_sim/webhooks/{id}/pardon", simkit.ControlRecord(s.PardonWebhook))
	mux.HandleFunc("GET /_sim/deliveries", func(w http.ResponseWriter, _ *http.Request) { simkit.WriteJSON(w, http.StatusOK, s.Attempts()) })
	mux.HandleFunc("GET /_sim/deliveries/faults", func(w http.ResponseWriter, _ *http.Request) {
		simkit.WriteJSON(w, http.StatusOK, s.DeliveryFaults())
	})
	mux.HandleFunc("POST /_sim/deliveries/faults", func(w http.ResponseWriter, r *http.Request) {
		var f DeliveryFault
		if simkit.ControlBody(w, r, &f) {
			simkit.ControlDone(w, s.AddDeliveryFault(f))
		}
	})
	mux.HandleFunc("DELETE /_sim/deliveries/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.ClearDeliveryFaults()
		simkit.ControlDone(w, nil)
	})
}
