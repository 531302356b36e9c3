package sim

import (
	"net/http"
	"strings"
	"sync"
)

// response remembers what was answered.
type response struct {
	http.ResponseWriter
	status int
	bytes  int
	limit  int  // bytes of body let through; 0 is no limit
	lost   bool // nothing is let through
}

func (r *response) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	if !r.lost {
		r.ResponseWriter.WriteHeader(status)
	}
}

func (r *response) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n := len(p)
	if r.limit > 0 && r.bytes+n > r.limit {
		p = p[:max(r.limit-r.bytes, 0)]
	}
	r.bytes += n
	if len(p) == 0 || r.lost {
		return n, nil
	}
	if _, err := r.ResponseWriter.Write(p); err != nil {
		return 0, err
	}
	return n, nil
}

// Unwrap lets http.ResponseController reach the connection.
func (r *response) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// lose resets the connection instead of an answer that was written.
func (r *response) lose() {
	r.status = 0 // nobody has seen it
	reset(r, 0)
}

// journal keeps the last requests, for tests that count them.
type journal struct {
	mu   sync.Mutex
	last []*Request
	n    int
}

// Request is one request as the simulator saw it. It holds no credentials.
type Request struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Query  string `json:"query,omitempty"`
	Auth   string `json:"auth,omitempty"` // app, basic, ibsso or bearer
	Status int    `json:"status"`         // 0: not answered
}

const journalSize = 1000

// add notes a request when it comes: one that is reset is not answered.
func (j *journal) add(r *http.Request) *Request {
	e := &Request{Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery}
	name, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	e.Auth = strings.ToLower(name)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.n++
	if len(j.last) == journalSize {
		j.last = j.last[1:]
	}
	j.last = append(j.last, e)
	return e
}

func (j *journal) answered(e *Request, status int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	e.Status = status
}

// Requests returns the last requests, at most 1000, oldest first.
func (s *Server) Requests() []Request {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	list := make([]Request, 0, len(s.journal.last))
	for _, e := range s.journal.last {
		list = append(list, *e)
	}
	return list
}
