package simkit

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Kind is a way in which a simulator misbehaves.
type Kind string

// The kinds that every simulator has. A vendor adds its own.
const (
	Latency  Kind = "latency"  // waits for Delay before the answer
	Reset    Kind = "reset"    // resets the connection after Bytes of the answer; nothing is carried out
	Truncate Kind = "truncate" // ends the body properly after Bytes
	Lost     Kind = "lost"     // carries the request out, then resets the connection instead of answering

	HTML    Kind = "html"     // 200 with an HTML page
	Blocked Kind = "blocked"  // 403 with an HTML page
	TooMany Kind = "too_many" // 429; Headers adds rate limit headers, RetryAfter adds Retry-After
	Status  Kind = "status"   // Code, for example 500 or 503, in the vendor's envelope

	PageRepeats Kind = "page_repeats" // the first page again, whatever page was requested
	Half        Kind = "half"         // only the first half of the records, without any notice
	DuplicateID Kind = "duplicate_id" // the second record of a page has the id of the first
	MissingID   Kind = "missing_id"   // the second record has no id
	WrongTypes  Kind = "wrong_types"  // the second record has members of wrong types
	HugeNumbers Kind = "huge_numbers" // the second record has numbers beyond 64 bits
	BadText     Kind = "bad_text"     // the second record has half of a surrogate pair in the member that Text names
)

// Kinds lists the common kinds.
func Kinds() []Kind {
	return []Kind{
		Latency, Reset, Truncate, Lost, HTML, Blocked, TooMany, Status,
		PageRepeats, Half, DuplicateID, MissingID, WrongTypes, HugeNumbers, BadText,
	}
}

// Fault is a misbehaviour of the next requests. Fields that a kind does not use
// are zero.
type Fault struct {
	Kind       Kind   `json:"kind"`
	Route      string `json:"route"`       // name of a route in the simulator; "" is every request
	Method     string `json:"method"`      // "" is every method
	Skip       int    `json:"skip"`        // requests to let through first
	Times      int    `json:"times"`       // requests to spoil after that; 0: until cleared
	Bytes      int    `json:"bytes"`       // reset and truncate
	Delay      string `json:"delay"`       // latency: a Go duration such as "1.5s"
	Code       int    `json:"code"`        // status
	Text       string `json:"text"`        // bad_text, and for kinds of the vendor
	Headers    bool   `json:"headers"`     // too_many: with the vendor's rate limit headers
	RetryAfter int    `json:"retry_after"` // too_many: seconds; 0 is no header
}

// Vendor holds what faults must know about the API. Only Refuse is required;
// leave fields zero for features that the vendor lacks.
type Vendor struct {
	Refuse     func(w http.ResponseWriter, status int) // an error in the vendor's envelope
	RateHeader func(w http.ResponseWriter)             // headers of a 429
	BlockPage  string                                  // of Blocked
	ListStart  string                                  // the beginning of a list, for a reset in the middle of it
	FirstPage  func(url.Values)                        // removes the paging parameters
	Wrong      map[string]any                          // members of WrongTypes
	Huge       map[string]any                          // members of HugeNumbers, json.RawMessage

	Own    []Kind                                    // kinds of its own
	Answer func(w http.ResponseWriter, f Fault) bool // answers with an own kind; false lets the request be served
}

const (
	maintenancePage = "<!DOCTYPE html><html><head><title>Maintenance</title></head><body>We will be back soon.</body></html>\n"
	blockedPage     = "<!DOCTYPE html>\n<html><head><title>Access denied</title></head><body>You have been blocked.</body></html>\n"
)

// Faults holds the faults that are set. It is safe for concurrent use.
type Faults struct {
	vendor Vendor

	mu  sync.Mutex
	set []Fault
}

// NewFaults returns an empty set.
func NewFaults(v Vendor) *Faults {
	if v.BlockPage == "" {
		v.BlockPage = blockedPage
	}
	return &Faults{vendor: v}
}

func (f *Faults) validate(one Fault) error {
	switch one.Kind {
	case Truncate:
		if one.Bytes < 1 {
			return fmt.Errorf("truncate: bytes must be positive")
		}
	case Latency:
		if d, err := time.ParseDuration(one.Delay); err != nil || d <= 0 {
			return fmt.Errorf("latency: delay must be a duration such as \"1.5s\"")
		}
	case Status:
		if one.Code < 400 || one.Code > 599 {
			return fmt.Errorf("status: code must be from 400 to 599")
		}
	case BadText:
		if one.Text == "" {
			return fmt.Errorf("bad_text: text must name a member")
		}
	default:
		if !slices.Contains(Kinds(), one.Kind) && !slices.Contains(f.vendor.Own, one.Kind) {
			return fmt.Errorf("unknown kind of fault %q", one.Kind)
		}
	}
	if one.Skip < 0 || one.Times < 0 || one.Bytes < 0 || one.RetryAfter < 0 {
		return fmt.Errorf("%s: numbers must not be negative", one.Kind)
	}
	return nil
}

// Add sets a fault, in addition to those that are set.
func (f *Faults) Add(one Fault) error {
	if err := f.validate(one); err != nil {
		return fmt.Errorf("add fault: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.set = append(f.set, one)
	return nil
}

// Clear ends every fault.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.set = nil
}

// List returns the faults that are set, with the remaining Skip and Times.
func (f *Faults) List() []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Fault{}, f.set...)
}

// take counts a request and returns the faults that apply to it.
func (f *Faults) take(method, route string) Active {
	f.mu.Lock()
	defer f.mu.Unlock()
	active := Active{vendor: &f.vendor}
	kept := f.set[:0:0]
	for _, one := range f.set {
		if (one.Route != "" && one.Route != route) || (one.Method != "" && one.Method != method) {
			kept = append(kept, one)
			continue
		}
		if one.Skip > 0 {
			one.Skip--
			kept = append(kept, one)
			continue
		}
		active.faults = append(active.faults, one)
		if one.Times == 1 {
			continue
		}
		if one.Times > 1 {
			one.Times--
		}
		kept = append(kept, one)
	}
	f.set = kept
	return active
}

// before carries out the faults that come before or instead of the answer, and
// reports whether the request must still be served.
func (f *Faults) before(active Active, w *Response, r *http.Request) (serve bool) {
	for _, one := range active.faults {
		if !f.act(one, w, r) {
			return false
		}
	}
	return true
}

func (f *Faults) act(one Fault, w *Response, r *http.Request) (serve bool) {
	switch one.Kind {
	case Latency:
		d, _ := time.ParseDuration(one.Delay) // it was checked when it was set
		select {
		case <-time.After(d):
		case <-r.Context().Done():
			return false
		}
	case Truncate:
		w.limit = one.Bytes
	case Lost:
		w.lost = true
	case PageRepeats:
		q := r.URL.Query()
		if f.vendor.FirstPage != nil {
			f.vendor.FirstPage(q)
		}
		r.URL.RawQuery = q.Encode()
	case Half, DuplicateID, MissingID, WrongTypes, HugeNumbers, BadText:
	case Reset:
		reset(w, one.Bytes, f.vendor.ListStart)
		return false
	default:
		return !f.answer(one, w)
	}
	return true
}

// answer carries out the faults that replace the answer.
func (f *Faults) answer(one Fault, w http.ResponseWriter) bool {
	switch one.Kind {
	case HTML:
		WriteHTML(w, http.StatusOK, maintenancePage)
	case Blocked:
		WriteHTML(w, http.StatusForbidden, f.vendor.BlockPage)
	case TooMany:
		if one.Headers && f.vendor.RateHeader != nil {
			f.vendor.RateHeader(w)
		}
		if one.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(one.RetryAfter))
		}
		f.vendor.Refuse(w, http.StatusTooManyRequests)
	case Status:
		f.vendor.Refuse(w, one.Code)
	default:
		return f.vendor.Answer != nil && f.vendor.Answer(w, one)
	}
	return true
}
