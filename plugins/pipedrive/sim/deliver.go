package sim

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"time"
)

// event is a change of a user.
type event struct {
	action        string // create, change or delete
	by            origin
	id            int64
	before, after *User
}

// The vendor's rules of delivery.
const (
	deliveryTimeout = 10 * time.Second
	banAfter        = 10 // failed first attempts
	banTime         = 30 * time.Minute
	deadAfter       = 3 * 24 * time.Hour // without success
)

func retries() []time.Duration {
	return []time.Duration{3 * time.Second, 30 * time.Second, 150 * time.Second}
}

// meta is the head of a delivery.
type meta struct {
	Action        string `json:"action"`
	Entity        string `json:"entity"`
	CompanyID     any    `json:"company_id"`
	CorrelationID string `json:"correlation_id"`
	EntityID      any    `json:"entity_id"`
	ID            string `json:"id"`
	IsBulkEdit    bool   `json:"is_bulk_edit"`
	Timestamp     string `json:"timestamp"`
	Type          string `json:"type"`
	UserID        any    `json:"user_id"`
	Version       string `json:"version"`
	WebhookID     any    `json:"webhook_id"`
	OwnerID       any    `json:"webhook_owner_id"`
	ChangeSource  origin `json:"change_source"`
	Attempt       int    `json:"attempt"`
	Host          string `json:"host"`
}

type delivery struct {
	Meta     meta           `json:"meta"`
	Data     map[string]any `json:"data"`
	Previous map[string]any `json:"previous"`
}

// emit starts the delivery of e to every webhook that subscribes to it.
func (s *Server) emit(e event) {
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	if len(s.hooks.byID) == 0 {
		return
	}
	now := s.opts.Now()
	data, previous := s.contents(e)
	if e.action == "change" && len(previous) == 0 {
		return
	}
	correlation := rand.Text()
	for _, id := range slices.Sorted(maps.Keys(s.hooks.byID)) {
		h := s.hooks.byID[id]
		if (h.Action != "*" && h.Action != e.action) || (h.Object != "*" && h.Object != "user") || h.Version != "2.0" || now.Before(h.banned) {
			continue
		}
		d := delivery{Data: data, Previous: previous, Meta: meta{
			Action: e.action, Entity: "user", CompanyID: s.metaID(companyID), CorrelationID: correlation, EntityID: s.metaID(e.id),
			ID: rand.Text(), Timestamp: now.UTC().Format(isoForm), Type: "general", UserID: s.metaID(1), Version: "2.0",
			WebhookID: s.metaID(h.ID), OwnerID: s.metaID(h.OwnerID), ChangeSource: e.by, Host: companyDomain + ".pipedrive.com",
		}}
		if s.reads("webhook_time", "seconds") {
			d.Meta.Timestamp = strconv.FormatInt(now.Unix(), 10)
		}
		s.attempt(h.ID, d, 0)
	}
}

func (s *Server) metaID(id int64) any {
	if s.reads("webhook_ids", "numbers") {
		return id
	}
	return strconv.FormatInt(id, 10)
}

// contents returns data and previous. A change lists only changed fields in
// previous; a deletion has no data.
func (s *Server) contents(e event) (data, previous map[string]any) {
	before, after := s.members(e.before), s.members(e.after)
	if e.action != "change" {
		return after, before
	}
	maps.DeleteFunc(before, func(name string, v any) bool { return reflect.DeepEqual(after[name], v) })
	return after, before
}

func (s *Server) members(u *User) map[string]any {
	if u == nil {
		return nil
	}
	m := map[string]any{}
	b, err := json.Marshal(s.visible(*u))
	if err != nil || json.Unmarshal(b, &m) != nil {
		return nil
	}
	delete(m, "is_you")
	if s.reads("webhook_user", "short") {
		maps.DeleteFunc(m, func(name string, _ any) bool {
			return !slices.Contains([]string{"id", "name", "email", "active_flag"}, name)
		})
	}
	return m
}

// attempt makes a delivery attempt after its waiting time.
func (s *Server) attempt(hookID int64, d delivery, failed int) {
	wait := time.Duration(0)
	if failed > 0 {
		wait = retries()[failed-1]
	}
	d.Meta.Attempt = failed + 1
	s.opts.AfterFunc(wait, func() {
		if s.deliver(hookID, d) || failed == len(retries()) {
			return
		}
		s.attempt(hookID, d, failed+1)
	})
}

// deliver makes one attempt and reports whether the delivery has ended. It
// sends to loopback addresses only, because a simulator must not contact
// anybody else.
func (s *Server) deliver(hookID int64, d delivery) (over bool) {
	s.hooks.mu.Lock()
	stored, ok := s.hooks.byID[hookID]
	if !ok {
		s.hooks.mu.Unlock()
		return true
	}
	h := *stored
	s.hooks.mu.Unlock()
	u, err := url.Parse(h.URL)
	if err != nil || !isLoopback(u) {
		return true
	}
	status := post(h, d)
	return s.delivered(hookID, d.Meta.Attempt, status)
}

// post returns the status; 0 for none.
func post(h hook, d delivery) int {
	ctx, cancel := context.WithTimeout(context.Background(), deliveryTimeout)
	defer cancel()
	body, err := json.Marshal(d)
	if err != nil {
		return 0
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(body))
	if err != nil {
		return 0
	}
	r.Header.Set("Content-Type", "application/json")
	if h.AuthUser != nil && h.AuthPassword != nil {
		r.SetBasicAuth(*h.AuthUser, *h.AuthPassword)
	}
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := client.Do(r)
	if err != nil {
		return 0
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// delivered records the outcome: any 2xx is a success.
func (s *Server) delivered(hookID int64, attempt, status int) (success bool) {
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	h, ok := s.hooks.byID[hookID]
	if !ok {
		return true
	}
	now := s.opts.Now()
	stamp := now.UTC().Format(isoForm)
	h.LastDelivery, h.LastStatus = &stamp, &status
	if status >= 200 && status < 300 {
		h.failures, h.success = 0, now
		return true
	}
	if attempt == 1 {
		h.failures++
		if h.failures >= banAfter {
			h.failures, h.banned = 0, now.Add(banTime)
		}
	}
	if now.Sub(h.success) >= deadAfter {
		delete(s.hooks.byID, hookID)
		return true
	}
	return false
}
