// Package sim simulates the parts of Infobip's API that a directory
// synchronization uses: People, agents of Conversations, and the login and
// account operations that they need. It is stateful and strict, enforces the
// vendor's rate limits, and misbehaves on demand. It refuses any request that
// the vendor's documentation does not allow, so that a client that works here
// at least follows the documentation.
//
// It is not a mock generated from a specification: it keeps state between
// requests. And it does not prove how the vendor behaves: where the
// documentation is open, Readings lists the answers that can be switched, and
// README.md lists the rest.
package sim

import (
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/plugins/internal/simkit"
)

// Options configures a Server. The zero value is an account without people.
type Options struct {
	Seed   uint64 // for people and agents: the same seed and count give the same ones
	People int    // generated people, numbered from 1
	Agents int    // generated agents

	APIKey    string   // for Authorization: App; default "sim-api-key"
	Username  string   // for Basic, sessions and OAuth; default "sim-user"
	Password  string   // default "sim-password"
	Scopes    []string // what every credential allows; nil is AllScopes
	TokenLife time.Duration

	PerSecond int  // requests a second for each endpoint that the vendor limits, instead of the vendor's limits
	Unlimited bool // no rate limits: for benchmarks

	Readings map[string]string // answers to open questions; see Readings

	Now func() time.Time // the clock of every limit, expiry and time stamp; default time.Now
	Log *slog.Logger     // one line a request at level debug; default none
}

// Server is the simulator. It is an http.Handler, and safe for concurrent use.
type Server struct {
	opts     Options
	routes   []*route
	people   *people
	agents   *agents
	tokens   *tokens
	limits   *limits
	kit      *simkit.Kit
	readings *simkit.Readings
	control  http.Handler
}

var _ http.Handler = (*Server)(nil)

// New returns a simulator, which needs no closing. It panics when the options
// name a reading that does not exist; use CheckReadings first.
func New(o Options) *Server {
	o = o.withDefaults()
	kit, err := simkit.New(vendor(), Readings(), o.Readings, o.Log)
	if err != nil {
		panic("sim: " + err.Error())
	}
	s := &Server{
		opts: o, routes: routes(), people: newPeople(o), agents: newAgents(o),
		tokens: newTokens(o), limits: newLimits(o), kit: kit, readings: kit.Readings,
	}
	s.control = s.controlHandler()
	return s
}

// CheckReadings returns an error unless the chosen answers exist.
func CheckReadings(chosen map[string]string) error {
	_, err := simkit.NewReadings(Readings(), chosen)
	return err
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
	return o
}

// ServeHTTP serves the vendor's paths, and the simulator's own below /_sim/.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if simkit.IsControl(r) {
		s.control.ServeHTTP(w, r)
		return
	}
	rt, param := s.findRoute(r.URL)
	name := ""
	if rt != nil {
		name = rt.name
	}
	form, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	s.kit.Serve(w, r, name, strings.ToLower(form), func(w *simkit.Response, r *http.Request, active simkit.Active) {
		s.serveAPI(w, &call{Request: r, param: param, faults: active}, rt)
	})
}
