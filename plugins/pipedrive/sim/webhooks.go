package sim

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-agent/rollcall/plugins/internal/simkit"
)

// hook is a webhook as the vendor shows it.
type hook struct {
	ID           int64   `json:"id"`
	CompanyID    int64   `json:"company_id"`
	OwnerID      int64   `json:"owner_id"`
	UserID       int64   `json:"user_id"`
	Action       string  `json:"event_action"`
	Object       string  `json:"event_object"`
	URL          string  `json:"subscription_url"`
	Version      string  `json:"version"`
	IsActive     int     `json:"is_active"`
	AddTime      string  `json:"add_time"`
	RemoveTime   *string `json:"remove_time"`
	Type         string  `json:"type"`
	AuthUser     *string `json:"http_auth_user"`
	AuthPassword *string `json:"http_auth_password"`
	RemoveReason *string `json:"remove_reason"`
	LastDelivery *string `json:"last_delivery_time"`
	LastStatus   *int    `json:"last_http_status"`
	AdminID      int64   `json:"admin_id"`
	Name         string  `json:"name"`

	failures int       // failed first attempts since the last success
	banned   time.Time // until this time
	success  time.Time // the last success; at first the creation
}

// hooks holds the webhooks, and what happens to their deliveries.
type hooks struct {
	mu       sync.Mutex
	byID     map[int64]*hook
	last     int64
	spoils   []DeliveryFault
	held     func()    // the delivery that waits for the next one; nil: none
	attempts []Attempt // the last ones
}

func newHooks() *hooks { return &hooks{byID: map[int64]*hook{}} }

func (h *hooks) reset() {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.byID)
	h.spoils, h.held, h.attempts = nil, nil, nil
}

const (
	maxHooks = 40 // for one user
	isoForm  = "2006-01-02T15:04:05.000Z"
)

func hookRoutes() []route {
	text := simkit.Schema{Type: simkit.String, Null: true}
	body := &simkit.Schema{Members: map[string]simkit.Schema{
		"subscription_url": {Type: simkit.String, Required: true},
		"event_action":     {Type: simkit.String, Required: true, Enum: []any{"create", "change", "delete", "*"}},
		"event_object": {Type: simkit.String, Required: true, Enum: []any{
			"activity", "deal", "lead", "note", "organization", "person", "pipeline", "product", "stage", "user", "*",
		}},
		"name":               {Type: simkit.String, Required: true, NotEmpty: true, Max: 255},
		"user_id":            {Type: simkit.Integer},
		"http_auth_user":     text,
		"http_auth_password": text,
		"version":            {Type: simkit.String, Enum: []any{"1.0", "2.0"}},
	}}
	return []route{
		{name: "webhooks", hook: true, ops: map[string]operation{
			http.MethodGet:  reading(scopeAdmin, 10, (*Server).listHooks),
			http.MethodPost: writing(10, body, (*Server).addHook),
		}},
		{name: "webhooks/{id}", hook: true, ops: map[string]operation{http.MethodDelete: writing(6, nil, (*Server).deleteHook)}},
	}
}

// hookAnswer is the envelope of answers about webhooks.
type hookAnswer struct {
	Status  string `json:"status"`
	Success bool   `json:"success"`
	Data    any    `json:"data,omitempty"`
}

func (s *Server) listHooks(w http.ResponseWriter, _ *call) {
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	list := []hook{}
	for _, id := range slices.Sorted(maps.Keys(s.hooks.byID)) {
		list = append(list, *s.hooks.byID[id])
	}
	simkit.WriteJSON(w, http.StatusOK, hookAnswer{"ok", true, list})
}

func (s *Server) addHook(w http.ResponseWriter, c *call) {
	target := c.body["subscription_url"].(string)
	if !s.reachable(target, c.Host) {
		hookErrors(w, http.StatusBadRequest, "subscription_url", "invalid or non-reachable URL")
		return
	}
	owner, given := c.body["user_id"].(int64)
	if !given {
		owner = 1
	}
	if u, ok := s.people.Get(owner); !ok || u.IsDeleted {
		hookErrors(w, http.StatusBadRequest, "user_id", "is not a user")
		return
	}
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	own := 0
	for _, h := range s.hooks.byID {
		if h.UserID == owner && h.IsActive == 1 {
			own++
		}
	}
	if own >= maxHooks {
		hookErrors(w, http.StatusBadRequest, "user_id", fmt.Sprintf("has %d webhooks already", maxHooks))
		return
	}
	now := s.opts.Now()
	s.hooks.last++
	h := &hook{
		ID: s.hooks.last, CompanyID: companyID, OwnerID: owner, UserID: owner, AdminID: 1, Type: "general", IsActive: 1,
		Action: c.body["event_action"].(string), Object: c.body["event_object"].(string), URL: target, Version: "2.0",
		Name: c.body["name"].(string), AddTime: now.UTC().Format(isoForm), success: now,
	}
	if v, given := c.body["version"].(string); given {
		h.Version = v
	}
	for member, field := range map[string]**string{"http_auth_user": &h.AuthUser, "http_auth_password": &h.AuthPassword} {
		if v, given := c.body[member].(string); given {
			*field = &v
		}
	}
	s.hooks.byID[h.ID] = h
	simkit.WriteJSON(w, http.StatusCreated, hookAnswer{"ok", true, *h})
}

// reachable checks what can be known about a URL without requesting it: the
// vendor requires a public one, and not one of its own API, which was called as
// self. Loopback URLs are for tests.
func (s *Server) reachable(target, self string) bool {
	u, err := url.Parse(target)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "" || u.User != nil {
		return false
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if u.Host == self || host == "pipedrive.com" || strings.HasSuffix(host, ".pipedrive.com") {
		return false
	}
	if isLoopback(u) {
		return s.opts.LoopbackWebhooks
	}
	ip := net.ParseIP(u.Hostname())
	if ip == nil {
		return strings.Contains(strings.Trim(u.Hostname(), "."), ".")
	}
	return !ip.IsPrivate() && !ip.IsUnspecified() && !ip.IsLinkLocalUnicast() && !ip.IsMulticast()
}

func isLoopback(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

func (s *Server) deleteHook(w http.ResponseWriter, c *call) {
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	if h := s.hooks.byID[c.id]; h == nil || h.IsActive == 0 {
		hookErrors(w, http.StatusNotFound, "id", "not found")
		return
	}
	delete(s.hooks.byID, c.id)
	simkit.WriteJSON(w, http.StatusOK, hookAnswer{Status: "ok", Success: true})
}

// removedByVendor is the reason of the vendor for the end of a webhook. Its text
// is not documented.
const removedByVendor = "no successful delivery in 3 days"

// removeHook ends a webhook as the vendor does. The caller holds the lock.
func (s *Server) removeHook(h *hook, reason string) {
	if s.reads("webhook_removed", "absent") {
		delete(s.hooks.byID, h.ID)
		return
	}
	stamp := s.opts.Now().UTC().Format(isoForm)
	h.IsActive, h.RemoveTime, h.RemoveReason = 0, &stamp, &reason
}
