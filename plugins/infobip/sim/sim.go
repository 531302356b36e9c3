// Package sim is a simulator of the parts of Infobip's API that a directory
// synchronization uses: People, agents of Conversations, and what leads to
// them. It is stateful and strict, has the vendor's rate limits, and faults on
// demand. A request that the vendor's documentation does not allow is refused,
// so that a client which works here has at least read it.
//
// It is not a mock generated from a specification: it keeps state between
// requests. And it is not a proof of what the vendor does: where the
// documentation is open, Readings lists the answers that can be switched, and
// README.md lists the rest.
package sim

import (
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// Options configure a Server. The zero value is an account without people.
type Options struct {
	Seed   uint64 // of people and agents: the same seed and count make the same ones
	People int    // generated people, numbered from 1
	Agents int    // generated agents

	APIKey    string   // for Authorization: App; default "sim-api-key"
	Username  string   // for Basic, sessions and OAuth; default "sim-user"
	Password  string   // default "sim-password"
	Scopes    []string // what every credential allows; nil is AllScopes
	TokenLife time.Duration

	PerSecond int  // requests a second for each endpoint that the vendor limits, instead of the vendor's numbers
	Unlimited bool // no rate limits: for benchmarks

	Readings map[string]string // answers to open questions; see Readings

	Now func() time.Time // the clock of every limit, expiry and time stamp; default time.Now
	Log *slog.Logger     // one line a request at level debug; default none
}

// Server is the simulator. It is an http.Handler, and safe for concurrent use.
type Server struct {
	opts     Options
	log      *slog.Logger
	routes   []*route
	people   *people
	agents   *agents
	tokens   *tokens
	limits   *limits
	readings *readings
	faults   faults
	journal  journal
	control  http.Handler
}

var _ http.Handler = (*Server)(nil)

// New makes a simulator. It needs no closing. Readings that do not exist are
// a mistake in the program: it panics.
func New(o Options) *Server {
	o = o.withDefaults()
	for name, value := range o.Readings {
		if err := CheckReading(name, value); err != nil {
			panic("sim: " + err.Error())
		}
	}
	s := &Server{
		opts: o, log: o.Log, routes: routes(), people: newPeople(o), agents: newAgents(o),
		tokens: newTokens(o), limits: newLimits(o), readings: newReadings(o.Readings),
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
	text(&o.APIKey, "sim-api-key")
	text(&o.Username, "sim-user")
	text(&o.Password, "sim-password")
	if o.Scopes == nil {
		o.Scopes = AllScopes()
	}
	if o.TokenLife == 0 {
		o.TokenLife = time.Hour
	}
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
	rt, param := s.findRoute(r.URL)
	name := ""
	if rt != nil {
		name = rt.name
	}
	out := &response{ResponseWriter: w}
	entry := s.journal.add(r)
	defer func() {
		s.journal.answered(entry, out.status)
		s.log.Debug("request", "method", r.Method, "path", r.URL.Path, "status", out.status, "bytes", out.bytes)
	}()
	active := s.faults.take(r.Method, name)
	if !active.before(out, r) {
		return
	}
	s.serveAPI(out, &call{Request: r, param: param, faults: active}, rt)
	if active.has(Lost) {
		out.lose()
	}
}
