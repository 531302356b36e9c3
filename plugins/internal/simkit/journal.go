package simkit

import (
	"net/http"
	"sync"
)

// Journal keeps the last requests, for tests that count them. The zero value is
// ready for use.
type Journal struct {
	mu   sync.Mutex
	last []*Request
	n    int
}

// Request is one request as the simulator saw it. It holds no credentials.
type Request struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Query  string `json:"query,omitempty"`
	Auth   string `json:"auth,omitempty"` // the kind of credential
	Status int    `json:"status"`         // 0: the client got no answer
}

const journalSize = 1000

// add records a request on arrival, because a request that is reset never gets
// an answer.
func (j *Journal) add(r *http.Request, auth string) *Request {
	e := &Request{Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, Auth: auth}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.n++
	if len(j.last) == journalSize {
		j.last = j.last[1:]
	}
	j.last = append(j.last, e)
	return e
}

func (j *Journal) answered(e *Request, status int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	e.Status = status
}

// Requests returns the last requests, at most 1000, oldest first.
func (j *Journal) Requests() []Request {
	j.mu.Lock()
	defer j.mu.Unlock()
	list := make([]Request, 0, len(j.last))
	for _, e := range j.last {
		list = append(list, *e)
	}
	return list
}

// Count returns how many requests came in all.
func (j *Journal) Count() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.n
}
