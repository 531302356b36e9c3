// Package sim simulates the parts of Pipedrive's API that a directory
// synchronization uses: users, roles, permission sets, teams, webhooks and
// persons, for demos and tests. It is stateful and strict, enforces the
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
	"cmp"
	"crypto/x509"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/plugins/internal/simkit"
)

// Options configures a Server. The zero value is a company of one person.
type Options struct {
	Seed    uint64 // for people: the same seed and count give the same ones
	People  int    // generated people, numbered from 1; at least 1
	Persons int    // generated contacts of API v2, numbered from 1
	NoEmail int    // how many people have no e-mail address: null, absent and empty in turn
	Seats   int    // active users that the company has paid for; 0 is no limit

	APIToken     string   // for the header x-api-token; default "sim-api-token"
	ClientID     string   // default "sim-client"
	ClientSecret string   // default "sim-secret"
	RefreshToken string   // a refresh token known from the start; default "1:1:sim-refresh"
	Scopes       []string // of OAuth tokens; default base, users:read
	Rotate       bool     // the reading refresh_token=rotated
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

	Readings map[string]string // answers to open questions; see Readings

	LoopbackWebhooks bool                        // subscriptions may have loopback URLs, and get deliveries; the vendor requires public ones
	WebhookRoots     *x509.CertPool              // whom deliveries to https trust; nil: as the system does. The vendor takes none self-made
	WebhookTimeout   time.Duration               // of an attempt of a delivery; default the vendor's 10 seconds
	WebhookSpeed     int                         // divides the waits between attempts, the ban and the time until a removal; default 1
	AfterFunc        func(time.Duration, func()) // runs a delivery of a webhook after a wait; default a timer with its own goroutine
	Now              func() time.Time            // the clock of every limit, expiry and time stamp; default time.Now
	Log              *slog.Logger                // one line a request at level debug; default none
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

// Valid reports whether p is a form that the simulator knows.
func (p Paging) Valid() bool { return p == Unpaged || p == OffsetPaging || p == CursorPaging }

// Server is the simulator. It is an http.Handler, and safe for concurrent use.
type Server struct {
	opts    Options
	kit     *simkit.Kit
	routes  []route
	people  *people
	persons *persons
	roles   *roles
	teams   *teams
	hooks   *hooks
	tokens  *tokens
	limits  *limits
	paging  *paging
	control http.Handler
}

var _ http.Handler = (*Server)(nil)

// New returns a simulator, which needs no closing. It panics when the options
// name a reading that does not exist, because that is a mistake in the program.
func New(o Options) *Server {
	o = o.withDefaults()
	kit, err := simkit.New(faultsOfTheVendor(), Readings(), o.Readings, o.Log)
	if err != nil {
		panic("sim: " + err.Error())
	}
	s := &Server{
		opts: o, kit: kit, routes: routes(), people: newPeople(o), persons: newPersons(o),
		roles: newRoles(), teams: newTeams(), hooks: newHooks(), tokens: newTokens(o), limits: newLimits(o),
		paging: &paging{form: o.Paging, size: o.PageSize},
	}
	s.control = s.controlHandler()
	return s
}

func (o Options) withDefaults() Options {
	o.APIToken = cmp.Or(o.APIToken, "sim-api-token")
	o.ClientID = cmp.Or(o.ClientID, "sim-client")
	o.ClientSecret = cmp.Or(o.ClientSecret, "sim-secret")
	o.RefreshToken = cmp.Or(o.RefreshToken, "1:1:sim-refresh")
	o.Paging = cmp.Or(o.Paging, Unpaged)
	o.Plan = cmp.Or(o.Plan, "lite")
	if len(o.Scopes) == 0 {
		o.Scopes = []string{"base", "users:read"}
	}
	o.TokenLife = cmp.Or(o.TokenLife, time.Hour)
	o.PageSize = cmp.Or(o.PageSize, 100)
	o.WebhookTimeout = cmp.Or(o.WebhookTimeout, deliveryTimeout)
	o.WebhookSpeed = max(o.WebhookSpeed, 1)
	o.People = max(o.People, 1)
	if o.Rotate {
		o.Readings = maps.Clone(o.Readings)
		if o.Readings == nil {
			o.Readings = map[string]string{}
		}
		o.Readings["refresh_token"] = "rotated"
	}
	if o.AfterFunc == nil {
		o.AfterFunc = func(d time.Duration, f func()) { time.AfterFunc(d, f) }
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
	rt, params := s.findRoute(r.URL.Path)
	s.kit.Serve(w, r, rt.name, authOf(r), func(out *simkit.Response, r *http.Request, active simkit.Active) {
		if rt.name == routeToken {
			s.serveToken(out, r)
			return
		}
		s.serveAPI(out, &call{Request: r, params: params, faults: active}, rt)
	})
}

func authOf(r *http.Request) string {
	if r.Header.Get("x-api-token") != "" {
		return "api_token"
	}
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.ToLower(scheme)
}

// Request is one request as the simulator saw it.
type Request = simkit.Request

// Requests returns the last requests, at most 1000, oldest first.
func (s *Server) Requests() []Request { return s.kit.Journal.Requests() }

// stamp returns a time as most of the vendor's fields show it.
func (s *Server) stamp() string { return s.opts.Now().UTC().Format(time.DateTime) }
