package sim

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"fmt"
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

// waits returns the wait before each attempt of a delivery.
func waits() []time.Duration {
	return []time.Duration{0, 3 * time.Second, 30 * time.Second, 150 * time.Second}
}

// shortened returns one of the vendor's times at the speed of the options.
func (s *Server) shortened(d time.Duration) time.Duration {
	return d / time.Duration(s.opts.WebhookSpeed)
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
		if !h.wants(e.action, "user") || now.Before(h.banned) {
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
		s.hand(h.ID, d)
	}
}

// wants reports whether events of an action on an object are for h.
func (h *hook) wants(action, object string) bool {
	return h.IsActive == 1 && h.Version == "2.0" && (h.Action == "*" || h.Action == action) && (h.Object == "*" || h.Object == object)
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

// attempt makes a delivery attempt after its waiting time, and more of them
// until one succeeds. then, when it is not nil, follows the first one.
func (s *Server) attempt(hookID int64, d delivery, failed int, then func()) {
	s.opts.AfterFunc(s.shortened(waits()[failed]), func() {
		s.attemptNow(hookID, d, failed)
		if then != nil {
			then()
		}
	})
}

func (s *Server) attemptNow(hookID int64, d delivery, failed int) {
	d.Meta.Attempt = failed + 1
	if failed > 0 && s.reads("webhook_retry_id", "new") {
		d.Meta.ID = rand.Text()
	}
	if !s.deliver(hookID, d) && failed+1 < len(waits()) {
		s.attempt(hookID, d, failed+1, nil)
	}
}

// deliver makes one attempt and reports whether the delivery has ended. It
// sends to loopback addresses only, because a simulator must not contact
// anybody else.
func (s *Server) deliver(hookID int64, d delivery) (over bool) {
	s.hooks.mu.Lock()
	stored, ok := s.hooks.byID[hookID]
	if !ok || stored.IsActive == 0 {
		s.hooks.mu.Unlock()
		return true
	}
	h := *stored
	s.hooks.mu.Unlock()
	u, err := url.Parse(h.URL)
	if err != nil || !isLoopback(u) {
		return true
	}
	status := s.post(h, d)
	return s.delivered(hookID, d, status)
}

// post returns the status; 0 when there was no answer in time.
func (s *Server) post(h hook, d delivery) int {
	ctx, cancel := context.WithTimeout(context.Background(), s.opts.WebhookTimeout)
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
	transport := &http.Transport{DisableKeepAlives: true}
	if s.opts.WebhookRoots != nil {
		transport.TLSClientConfig = &tls.Config{RootCAs: s.opts.WebhookRoots, MinVersion: tls.VersionTLS12}
	}
	client := http.Client{
		Transport:     transport,
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
func (s *Server) delivered(hookID int64, d delivery, status int) (success bool) {
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	now := s.opts.Now()
	s.hooks.note(Attempt{
		Webhook: hookID, ID: d.Meta.ID, Action: d.Meta.Action, Entity: fmt.Sprint(d.Meta.EntityID),
		Attempt: d.Meta.Attempt, Status: status, At: now,
	})
	h, ok := s.hooks.byID[hookID]
	if !ok || h.IsActive == 0 {
		return true
	}
	stamp := now.UTC().Format(isoForm)
	h.LastDelivery, h.LastStatus = &stamp, &status
	if status >= 200 && status < 300 {
		h.failures, h.success = 0, now
		return true
	}
	if d.Meta.Attempt == 1 {
		h.failures++
		if h.failures >= banAfter {
			h.failures, h.banned = 0, now.Add(s.shortened(banTime))
		}
	}
	if now.Sub(h.success) >= s.shortened(deadAfter) {
		s.removeHook(h, removedByVendor)
		return true
	}
	return false
}
