package sim

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Kind is a way in which the simulator misbehaves.
type Kind string

// The faults. Those of the first group replace the answer, those of the second
// spoil the list of users, Latency and Truncate work on any answer.
const (
	Latency  Kind = "latency"  // waits for Delay before the answer
	Reset    Kind = "reset"    // resets the connection after Bytes of the answer
	Truncate Kind = "truncate" // ends the body properly after Bytes

	HTML        Kind = "html"         // 200 with an HTML page
	Blocked     Kind = "blocked"      // 403 with the HTML page of the vendor's shield
	TooMany     Kind = "too_many"     // 429; Headers says whether with rate limit headers, RetryAfter adds that one
	Status      Kind = "status"       // Code, for example 500 or 503, in the vendor's envelope
	Unsuccess   Kind = "unsuccess"    // 200 with success:false and Text as the error
	DataNull    Kind = "data_null"    // 200 with data:null
	DataEmpty   Kind = "data_empty"   // 200 with data:[]
	Forbidden   Kind = "forbidden"    // 403 in the vendor's envelope
	PageRepeats Kind = "page_repeats" // the first page again, whatever was asked for

	Half        Kind = "half"         // only the first half of the people
	DuplicateID Kind = "duplicate_id" // the second person of a page has the id of the first
	MissingID   Kind = "missing_id"   // the second person has no id
	WrongTypes  Kind = "wrong_types"  // the second person: name is a number, email an object, active_flag a string
	HugeNumbers Kind = "huge_numbers" // the second person: numbers beyond 64 bits
)

// Fault is a misbehaviour of the next requests. Unused fields are zero.
type Fault struct {
	Kind       Kind   `json:"kind"`
	Route      string `json:"route"`       // users, users/find, users/me, users/{id}, oauth/token; "" is every request
	Skip       int    `json:"skip"`        // requests that are let through first
	Times      int    `json:"times"`       // requests that are spoiled then; 0: until cleared
	Bytes      int    `json:"bytes"`       // reset and truncate
	Delay      string `json:"delay"`       // latency: a Go duration such as "1.5s"
	Code       int    `json:"code"`        // status
	Text       string `json:"text"`        // unsuccess
	Headers    bool   `json:"headers"`     // too_many: with x-ratelimit-*, reset 2
	RetryAfter int    `json:"retry_after"` // too_many: seconds; 0 is no header
}

func (f Fault) validate() error {
	switch f.Kind {
	case Reset, HTML, Blocked, TooMany, Unsuccess, DataNull, DataEmpty, Forbidden, PageRepeats,
		Half, DuplicateID, MissingID, WrongTypes, HugeNumbers:
	case Truncate:
		if f.Bytes < 1 {
			return fmt.Errorf("truncate: bytes must be positive")
		}
	case Latency:
		if d, err := time.ParseDuration(f.Delay); err != nil || d <= 0 {
			return fmt.Errorf("latency: delay must be a duration such as \"1.5s\"")
		}
	case Status:
		if f.Code < 400 || f.Code > 599 {
			return fmt.Errorf("status: code must be from 400 to 599")
		}
	default:
		return fmt.Errorf("unknown kind of fault %q", f.Kind)
	}
	if f.Skip < 0 || f.Times < 0 || f.Bytes < 0 || f.RetryAfter < 0 {
		return fmt.Errorf("%s: numbers must not be negative", f.Kind)
	}
	return nil
}

// faults holds what is set.
type faults struct {
	mu  sync.Mutex
	set []Fault
}

// take counts a request and returns the faults that it meets.
func (f *faults) take(route string) activeFaults {
	f.mu.Lock()
	defer f.mu.Unlock()
	var active activeFaults
	kept := f.set[:0:0]
	for _, one := range f.set {
		if one.Route != "" && one.Route != route {
			kept = append(kept, one)
			continue
		}
		if one.Skip > 0 {
			one.Skip--
			kept = append(kept, one)
			continue
		}
		active = append(active, one)
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

// AddFault sets a fault beside those that are set.
func (s *Server) AddFault(f Fault) error {
	if err := f.validate(); err != nil {
		return fmt.Errorf("add fault: %w", err)
	}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.set = append(s.faults.set, f)
	return nil
}

// ClearFaults ends every fault.
func (s *Server) ClearFaults() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.set = nil
}

// Faults returns what is set, with what is left of Skip and Times.
func (s *Server) Faults() []Fault {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	return append([]Fault{}, s.faults.set...)
}

// activeFaults are the faults of one request.
type activeFaults []Fault

func (a activeFaults) has(k Kind) bool {
	for _, f := range a {
		if f.Kind == k {
			return true
		}
	}
	return false
}

// before does what comes before or instead of the answer and reports whether
// the request is to be served.
func (a activeFaults) before(w *response, r *http.Request) (serve bool) {
	for _, f := range a {
		if !f.before(w, r) {
			return false
		}
	}
	return true
}

func (f Fault) before(w *response, r *http.Request) (serve bool) {
	switch f.Kind {
	case Latency:
		d, _ := time.ParseDuration(f.Delay) // checked when it was set
		select {
		case <-time.After(d):
		case <-r.Context().Done():
			return false
		}
		return true
	case Truncate:
		w.limit = f.Bytes
		return true
	case PageRepeats:
		r.URL.RawQuery = ""
		return true
	case Half, DuplicateID, MissingID, WrongTypes, HugeNumbers:
		return true
	case Reset:
		reset(w, f.Bytes)
	default:
		f.answer(w)
	}
	return false
}

// answer writes the faults that replace the answer.
func (f Fault) answer(w http.ResponseWriter) {
	type envelope struct {
		Success bool   `json:"success"`
		Error   string `json:"error,omitempty"`
		Data    any    `json:"data"`
	}
	switch f.Kind {
	case HTML:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprint(w, "<!DOCTYPE html><html><head><title>Maintenance</title></head><body>We will be back soon.</body></html>")
	case Blocked:
		writeBlocked(w)
	case TooMany:
		if f.Headers {
			rateHeaders(w, plans["lite"].apiBurst, 0, int(burstWindow.Seconds()))
		}
		if f.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
		}
		problem{status: http.StatusTooManyRequests, text: "Request over limit", code: http.StatusTooManyRequests, short: true}.write(w)
	case Status:
		problem{status: f.Code, text: http.StatusText(f.Code)}.write(w)
	case Forbidden:
		forbidden(w)
	case Unsuccess:
		writeJSON(w, http.StatusOK, envelope{Error: f.Text})
	case DataNull:
		writeJSON(w, http.StatusOK, envelope{Success: true})
	case DataEmpty:
		writeJSON(w, http.StatusOK, envelope{Success: true, Data: []User{}})
	}
}

// reset sends the beginning of a list and cuts the connection with a TCP RST.
func reset(w http.ResponseWriter, after int) {
	conn, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2: the stream is reset
	}
	if after > 0 {
		_, _ = fmt.Fprintf(buf, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", after+1000)
		const start = `{"success":true,"data":[`
		for n := 0; n < after; n++ {
			c := byte(' ')
			if n < len(start) {
				c = start[n]
			}
			_ = buf.WriteByte(c)
		}
		_ = buf.Flush()
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// spoil changes item n of a page.
func (a activeFaults) spoil(n int, u User) any {
	if n != 1 {
		return u
	}
	changes := map[string]any{}
	for _, f := range a {
		switch f.Kind {
		case DuplicateID:
			changes["id"] = u.ID - 1
		case MissingID:
			changes["id"] = nil
		case WrongTypes:
			changes["name"], changes["email"], changes["active_flag"] = 17, map[string]any{"value": u.Email.Value}, "yes"
		case HugeNumbers:
			changes["id"], changes["role_id"] = json.RawMessage("92233720368547758089"), json.RawMessage("1e309")
		}
	}
	if len(changes) == 0 {
		return u
	}
	return spoiled(u, changes)
}

// spoiled is u with other members; nil removes one.
func spoiled(u User, changes map[string]any) any {
	members := map[string]any{}
	b, err := json.Marshal(u)
	if err == nil {
		err = json.Unmarshal(b, &members)
	}
	if err != nil {
		return u
	}
	for name, v := range changes {
		if v == nil {
			delete(members, name)
			continue
		}
		members[name] = v
	}
	return members
}
