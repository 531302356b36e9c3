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

// The faults. Those of the second group replace the answer, those of the third
// spoil lists; the first work on any answer.
const (
	Latency  Kind = "latency"  // waits for Delay before the answer
	Reset    Kind = "reset"    // resets the connection after Bytes of the answer; nothing is carried out
	Truncate Kind = "truncate" // ends the body properly after Bytes
	Lost     Kind = "lost"     // carries the request out, then resets the connection instead of answering

	HTML      Kind = "html"      // 200 with an HTML page
	Blocked   Kind = "blocked"   // 403 with an HTML page
	TooMany   Kind = "too_many"  // 429; RetryAfter adds that header
	Status    Kind = "status"    // Code, for example 500 or 503, in the vendor's envelope
	DataEmpty Kind = "no_people" // 200 with an empty list

	PageRepeats Kind = "page_repeats" // the first page again, whatever was asked for
	Half        Kind = "half"         // only the first half of the people or agents
	DuplicateID Kind = "duplicate_id" // the second record of a page has the id of the first
	MissingID   Kind = "missing_id"   // the second record has no id
	WrongTypes  Kind = "wrong_types"  // the second record: firstName and displayName are numbers, contactInformation a string
	HugeNumbers Kind = "huge_numbers" // the second record has an id beyond 64 bits
)

// Fault is a misbehaviour of the next requests. Unused fields are zero.
type Fault struct {
	Kind       Kind   `json:"kind"`
	Route      string `json:"route"`       // persons, persons/batch, agents, oauth2/token, ...; "" is every request
	Method     string `json:"method"`      // GET, POST, ...; "" is every method
	Skip       int    `json:"skip"`        // requests that are let through first
	Times      int    `json:"times"`       // requests that are spoiled then; 0: until cleared
	Bytes      int    `json:"bytes"`       // reset and truncate
	Delay      string `json:"delay"`       // latency: a Go duration such as "1.5s"
	Code       int    `json:"code"`        // status
	RetryAfter int    `json:"retry_after"` // too_many: seconds; 0 is no header
}

func (f Fault) validate() error {
	switch f.Kind {
	case Reset, Lost, HTML, Blocked, TooMany, DataEmpty, PageRepeats, Half, DuplicateID, MissingID, WrongTypes, HugeNumbers:
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
func (f *faults) take(method, route string) activeFaults {
	f.mu.Lock()
	defer f.mu.Unlock()
	var active activeFaults
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
	case Lost:
		w.lost = true
		return true
	case PageRepeats:
		q := r.URL.Query()
		q.Del("page")
		r.URL.RawQuery = q.Encode()
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
	switch f.Kind {
	case HTML:
		writePage(w, http.StatusOK, "Maintenance", "We will be back soon.")
	case Blocked:
		writePage(w, http.StatusForbidden, "Access denied", "You have been blocked.")
	case TooMany:
		if f.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
		}
		refuse(w, http.StatusTooManyRequests, "")
	case Status:
		refuse(w, f.Code, "")
	case DataEmpty:
		writeJSON(w, http.StatusOK, map[string]any{"persons": []any{}, "agents": []any{}})
	}
}

func writePage(w http.ResponseWriter, status int, title, text string) {
	w.Header().Set("Content-Type", "text/html; charset=UTF-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<!DOCTYPE html>\n<html><head><title>%s</title></head><body>%s</body></html>\n", title, text)
}

// reset sends the beginning of a list and cuts the connection with a TCP RST.
func reset(w http.ResponseWriter, after int) {
	conn, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2: the stream is reset
	}
	if after > 0 {
		_, _ = fmt.Fprintf(buf, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", after+1000)
		const start = `{"persons":[`
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

// spoil changes record n of a page; id is that of the record before it.
func (a activeFaults) spoil(n int, before, record any) any {
	if n != 1 {
		return record
	}
	changes := map[string]any{}
	for _, f := range a {
		switch f.Kind {
		case DuplicateID:
			changes["id"] = before
		case MissingID:
			changes["id"] = nil
		case WrongTypes:
			changes["firstName"], changes["displayName"], changes["contactInformation"] = 17, 17, "none"
		case HugeNumbers:
			changes["id"] = json.RawMessage("92233720368547758089")
		}
	}
	if len(changes) == 0 {
		return record
	}
	return spoiled(record, changes)
}

// spoiled is a record with other members; nil removes one.
func spoiled(record any, changes map[string]any) any {
	members := map[string]any{}
	b, err := json.Marshal(record)
	if err == nil {
		err = json.Unmarshal(b, &members)
	}
	if err != nil {
		return record
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
