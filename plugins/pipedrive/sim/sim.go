// Package sim is a simulator of the users part of Pipedrive's API, for demos
// and tests: stateful, strict, with the vendor's rate limits, and with faults
// on demand. A request that the vendor's documentation does not allow is
// refused, so that a client which works here has at least read it.
//
// It is not a mock generated from a specification: it keeps state between
// requests. And it is not a proof of what the vendor does: README.md lists
// every answer that the documentation leaves open.
package sim

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Options configure a Server. The zero value is a company of one person.
type Options struct {
	Seed    uint64 // of the people: the same seed and count make the same people
	People  int    // generated people, numbered from 1; at least 1
	NoEmail int    // how many of them have no e-mail address: null, absent and empty in turn

	APIToken     string   // for the header x-api-token; default "sim-api-token"
	ClientID     string   // default "sim-client"
	ClientSecret string   // default "sim-secret"
	RefreshToken string   // a refresh token known from the start; default "1:1:sim-refresh"
	Scopes       []string // of OAuth tokens; default base, users:read
	Rotate       bool     // answer each refresh with a new refresh token and forget the old one
	TokenLife    time.Duration
	APIDomain    string // api_domain of token answers; default: this server, as the client called it

	NoAdmin           bool // the caller may not write
	NoAccountSettings bool // the caller does not see `modified`

	Paging   Paging // form of the answer to GET /users
	PageSize int    // page size when the client names none; default 100

	Plan      string // lite, growth, premium or ultimate: burst limits and daily budget; default lite
	Burst     int    // requests in 2 seconds for each token, instead of the plan's
	Budget    int    // tokens a day, instead of the plan's
	Unlimited bool   // no rate limits and no rate limit headers: for benchmarks

	Now func() time.Time // the clock of every limit and expiry; default time.Now
	Log *slog.Logger     // one line a request at level debug; default none
}

// Paging is the form in which GET /users answers.
type Paging string

// The forms. The vendor's answer to GET /users is unpaged; its other lists use
// offsets (v1) or cursors (v2).
const (
	Unpaged      Paging = "none"
	OffsetPaging Paging = "offset"
	CursorPaging Paging = "cursor"
)

// Server is the simulator. It is an http.Handler, and safe for concurrent use.
type Server struct {
	opts    Options
	log     *slog.Logger
	people  *people
	tokens  *tokens
	limits  *limits
	faults  faults
	journal journal
	control http.Handler

	mu       sync.Mutex
	paging   Paging
	pageSize int
}

var _ http.Handler = (*Server)(nil)

// New makes a simulator. It needs no closing.
func New(o Options) *Server {
	o = o.withDefaults()
	s := &Server{
		opts: o, log: o.Log,
		people: newPeople(o), tokens: newTokens(o), limits: newLimits(o),
		paging: o.Paging, pageSize: o.PageSize,
	}
	s.control = s.controlHandler()
	return s
}

func (o Options) withDefaults() Options {
	text := func(p *string, v string) {
		if *p == "" {
			*p = v
		}
	}
	text(&o.APIToken, "sim-api-token")
	text(&o.ClientID, "sim-client")
	text(&o.ClientSecret, "sim-secret")
	text(&o.RefreshToken, "1:1:sim-refresh")
	text((*string)(&o.Paging), string(Unpaged))
	text(&o.Plan, "lite")
	if len(o.Scopes) == 0 {
		o.Scopes = []string{"base", "users:read"}
	}
	if o.TokenLife == 0 {
		o.TokenLife = time.Hour
	}
	if o.PageSize == 0 {
		o.PageSize = 100
	}
	o.People = max(o.People, 1)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// ServeHTTP answers the vendor's paths, and the simulator's own below /_sim/.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/_sim/") || r.URL.Path == "/_sim" {
		s.control.ServeHTTP(w, r)
		return
	}
	rt := findRoute(r.URL.Path)
	out := &response{ResponseWriter: w}
	entry := s.journal.add(r)
	defer func() {
		s.journal.answered(entry, out.status)
		s.log.Debug("request", "method", r.Method, "path", r.URL.Path, "status", out.status, "bytes", out.bytes)
	}()
	active := s.faults.take(rt.name)
	if !active.before(out, r) {
		return
	}
	if rt.name == routeToken {
		s.serveToken(out, r)
		return
	}
	s.serveAPI(out, r, rt, active)
}

// SetPaging changes the form of the answer to GET /users; size 0 keeps the
// page size.
func (s *Server) SetPaging(form Paging, size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paging = form
	if size > 0 {
		s.pageSize = size
	}
}

func (s *Server) pagingForm() (Paging, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.paging, s.pageSize
}

// response remembers what was answered.
type response struct {
	http.ResponseWriter
	status int
	bytes  int
	limit  int // bytes of body let through; 0 is no limit
}

func (r *response) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
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
	if len(p) == 0 {
		return n, nil
	}
	if _, err := r.ResponseWriter.Write(p); err != nil {
		return 0, err
	}
	return n, nil
}

// Unwrap lets http.ResponseController reach the connection.
func (r *response) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // the client is gone: nobody is left to tell
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
	Auth   string `json:"auth,omitempty"` // api_token, bearer or basic
	Status int    `json:"status"`         // 0: not answered
}

const journalSize = 1000

// add notes a request when it comes: one that is reset is not answered.
func (j *journal) add(r *http.Request) *Request {
	e := &Request{Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery}
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case r.Header.Get("x-api-token") != "":
		e.Auth = "api_token"
	case scheme != "":
		e.Auth = strings.ToLower(scheme)
	}
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
