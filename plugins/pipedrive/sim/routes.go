package sim

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall-agent/rollcall/plugins/internal/simkit"
)

const (
	routeToken = "oauth/token" //nolint:gosec // G101: a path, not a credential

	scopeBase  = "base"
	scopeRead  = "users:read"
	scopeAdmin = "admin"
)

// route is a path: {id} and {..._id} are positive integers, {uuid} is text.
// Faults call it by its name; names of v2 routes begin with "v2/".
type route struct {
	name string
	ops  map[string]operation
	hook bool // reports errors in the envelope of webhooks
}

// operation is one method of a path.
type operation struct {
	scopes []string // an OAuth token needs one of them
	cost   int      // tokens of the daily budget
	search bool     // counts against the limit of searches
	body   *simkit.Schema
	handle func(*Server, http.ResponseWriter, *call)
}

func reading(scope string, cost int, handle func(*Server, http.ResponseWriter, *call)) operation {
	return operation{scopes: []string{scope}, cost: cost, handle: handle}
}

func writing(cost int, body *simkit.Schema, handle func(*Server, http.ResponseWriter, *call)) operation {
	return operation{scopes: []string{scopeAdmin}, cost: cost, body: body, handle: handle}
}

// routes is the table of the vendor's routes. A literal path comes before one
// with a parameter in the same place.
func routes() []route {
	return slices.Concat(userRoutes(), roleRoutes(), permissionSetRoutes(), teamRoutes(), hookRoutes(), personRoutes())
}

// findRoute finds a route under one of the vendor's three prefixes.
func (s *Server) findRoute(path string) (route, map[string]string) {
	if path == "/oauth/token" || path == "/oauth/token/" {
		return route{name: routeToken}, nil
	}
	rest, ok := strings.CutPrefix(path, "/v1/")
	if !ok {
		rest, ok = strings.CutPrefix(path, "/api/v1/")
	}
	if v2, second := strings.CutPrefix(path, "/api/v2/"); second {
		rest, ok = "v2/"+v2, true
	}
	if !ok || strings.HasPrefix(path, "/v1/v2/") || strings.HasPrefix(path, "/api/v1/v2/") {
		return route{}, nil
	}
	for _, rt := range s.routes {
		if params, ok := match(rt.name, rest); ok {
			return rt, params
		}
	}
	return route{}, nil
}

func match(pattern, path string) (map[string]string, bool) {
	want, have := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(have) {
		return nil, false
	}
	params := map[string]string{}
	for i, part := range want {
		if name, isParam := strings.CutPrefix(part, "{"); isParam && have[i] != "" {
			params[strings.TrimSuffix(name, "}")] = have[i]
		} else if part != have[i] {
			return nil, false
		}
	}
	return params, true
}

// call is one authenticated request for a known operation.
type call struct {
	*http.Request
	params map[string]string
	ids    map[string]int64 // the parameters that are numbers
	id     int64            // {id}
	body   map[string]any
	caller caller
	faults simkit.Active
}

// serveAPI checks a request's authentication, rate limits, path, method, scope,
// budget, rights, ids and body, in that order, and serves it.
func (s *Server) serveAPI(w http.ResponseWriter, c *call, rt route) {
	who, refused := s.authenticate(c.Request)
	if refused != nil {
		refused.write(w)
		return
	}
	c.caller = who
	op, known := rt.ops[c.Method]
	if s.burst(w, who, op.search || (rt.name == routeFind && s.reads("find_limit", "search"))) {
		return
	}
	if rt.ops == nil || (rt.name == routeUser && c.Method == http.MethodDelete && s.reads("delete_user", "404")) {
		missing(w, "Not found")
		return
	}
	if !known {
		w.Header().Set("Allow", allowed(rt.ops))
		problem{status: http.StatusMethodNotAllowed, text: "Method not allowed"}.write(w)
		return
	}
	if who.oauth && !slices.ContainsFunc(op.scopes, func(scope string) bool { return slices.Contains(who.scopes, scope) }) {
		problem{status: http.StatusForbidden, text: "Scope and URL mismatch", code: http.StatusForbidden, short: true}.write(w)
		return
	}
	if s.spend(w, c, op.cost) {
		return
	}
	if s.opts.NoAdmin && c.Method != http.MethodGet && slices.Contains(op.scopes, scopeAdmin) {
		if rt.hook {
			hookForbidden(w)
			return
		}
		forbidden(w)
		return
	}
	if c.readIDs(w) && s.readBody(w, c, op, rt.hook) {
		op.handle(s, w, c)
	}
}

// readIDs reads the ids in the path. When it returns false, it has answered the
// request; readBody does the same.
func (c *call) readIDs(w http.ResponseWriter) bool {
	c.ids = map[string]int64{}
	for name, text := range c.params {
		if name == "uuid" {
			continue
		}
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil || id < 1 {
			invalid(w, name+": must be a positive integer")
			return false
		}
		c.ids[name] = id
	}
	c.id = c.ids["id"]
	return true
}

func (s *Server) readBody(w http.ResponseWriter, c *call, op operation, hook bool) bool {
	if op.body == nil {
		return true
	}
	raw, err := simkit.ReadBody(w, c.Request)
	switch {
	case errors.Is(err, simkit.ErrMediaType):
		problem{status: http.StatusUnsupportedMediaType, text: "Unsupported media type: use application/json"}.write(w)
		return false
	case err != nil:
		problem{status: http.StatusBadRequest, text: "Body cannot be read"}.write(w)
		return false
	}
	body, found := op.body.Read(raw, s.reads("unknown_members", "ignored"))
	if len(found) == 0 {
		c.body = body
		return true
	}
	if hook {
		hookErrors(w, http.StatusBadRequest, found[0].Path, found[0].Text)
		return false
	}
	invalid(w, found.Error())
	return false
}

func allowed(ops map[string]operation) string {
	var methods []string
	for m := range ops {
		methods = append(methods, m)
	}
	slices.Sort(methods)
	return strings.Join(methods, ", ")
}
