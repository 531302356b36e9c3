package sim

import (
	"fmt"
	"slices"
	"time"
)

// DeliveryFault is what happens to the next deliveries of webhooks on their way.
// The vendor promises nothing about the order, nor that an event comes at all.
type DeliveryFault struct {
	Kind DeliveryFaultKind `json:"kind"`
	// Times is how many deliveries it meets; 0 is all until the faults are cleared.
	Times int    `json:"times"`
	Delay string `json:"delay,omitempty"` // of DelayDelivery: "1.5s"
}

// DeliveryFaultKind says what a DeliveryFault does.
type DeliveryFaultKind string

// The faults of deliveries.
const (
	DropDelivery      DeliveryFaultKind = "drop"      // it never comes
	DuplicateDelivery DeliveryFaultKind = "duplicate" // it comes twice, with the same id
	ReorderDelivery   DeliveryFaultKind = "reorder"   // it comes after the one that follows it
	DelayDelivery     DeliveryFaultKind = "delay"     // it comes later, and those behind it do not wait
)

// AddDeliveryFault sets a fault of deliveries. When several are set, the oldest
// one meets the next delivery.
func (s *Server) AddDeliveryFault(f DeliveryFault) error {
	if !slices.Contains([]DeliveryFaultKind{DropDelivery, DuplicateDelivery, ReorderDelivery, DelayDelivery}, f.Kind) {
		return fmt.Errorf("unknown fault of deliveries %q: drop, duplicate, reorder or delay", f.Kind)
	}
	if d, err := time.ParseDuration(f.Delay); f.Kind == DelayDelivery && (err != nil || d <= 0) {
		return fmt.Errorf("delay: %q is not a wait such as 1.5s", f.Delay)
	}
	if f.Times < 0 {
		return fmt.Errorf("times: %d is negative", f.Times)
	}
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	s.hooks.spoils = append(s.hooks.spoils, f)
	return nil
}

// ClearDeliveryFaults ends every fault of deliveries. A delivery that was held
// back comes now.
func (s *Server) ClearDeliveryFaults() {
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	s.hooks.spoils = nil
	if held := s.hooks.held; held != nil {
		s.hooks.held = nil
		s.opts.AfterFunc(0, held)
	}
}

// DeliveryFaults returns the faults that are set, with the remaining Times.
func (s *Server) DeliveryFaults() []DeliveryFault {
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	return slices.Clone(s.hooks.spoils)
}

// spoil returns the fault that meets the next delivery, and counts it.
func (h *hooks) spoil() (f DeliveryFault) {
	if len(h.spoils) == 0 {
		return DeliveryFault{}
	}
	f = h.spoils[0]
	switch f.Times {
	case 0:
	case 1:
		h.spoils = h.spoils[1:]
	default:
		h.spoils[0].Times--
	}
	return f
}

// hand sends a delivery on its way. The caller holds the lock.
func (s *Server) hand(hookID int64, d delivery) {
	start := func() { s.attempt(hookID, d, 0, nil) }
	switch f := s.hooks.spoil(); f.Kind {
	case DropDelivery:
		return
	case DuplicateDelivery:
		start()
	case DelayDelivery:
		wait, _ := time.ParseDuration(f.Delay) // AddDeliveryFault has checked it
		s.opts.AfterFunc(wait, start)
		return
	case ReorderDelivery:
		if s.hooks.held == nil {
			s.hooks.held = func() { s.attemptNow(hookID, d, 0) }
			return
		}
	}
	if held := s.hooks.held; held != nil {
		s.hooks.held = nil
		s.attempt(hookID, d, 0, held)
		return
	}
	start()
}

// Attempt is one attempt to deliver an event, as the simulator saw it.
type Attempt struct {
	Webhook int64     `json:"webhook"`
	ID      string    `json:"id"`
	Action  string    `json:"action"`
	Entity  string    `json:"entity_id"`
	Attempt int       `json:"attempt"`
	Status  int       `json:"status"` // 0: no answer in time
	At      time.Time `json:"at"`
}

// keptAttempts is how many attempts the simulator remembers.
const keptAttempts = 1000

// note remembers an attempt. The caller holds the lock.
func (h *hooks) note(a Attempt) {
	h.attempts = append(h.attempts, a)
	if over := len(h.attempts) - keptAttempts; over > 0 {
		h.attempts = slices.Delete(h.attempts, 0, over)
	}
}

// Attempts returns the last attempts of deliveries, oldest first.
func (s *Server) Attempts() []Attempt {
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	return slices.Clone(s.hooks.attempts)
}
