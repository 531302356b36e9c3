package sim

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Names of routes: what faults and the journal call them.
const (
	routeUsers = "users"
	routeFind  = "users/find"
	routeMe    = "users/me"
	routeUser  = "users/{id}"
	routeToken = "oauth/token" //nolint:gosec // G101: a path, no credential
	routeNone  = ""            // a path that the vendor does not have
)

// route is a known path.
type route struct {
	name string
	id   string // of users/{id}
}

// operation is one method of a path: its price in tokens and the OAuth scope
// that it needs.
type operation struct {
	scope  string
	cost   int
	handle func(*Server, http.ResponseWriter, *call)
}

func operations(name string) map[string]operation {
	switch name {
	case routeUsers:
		return map[string]operation{
			http.MethodGet:  {scope: "users:read", cost: 20, handle: (*Server).listUsers},
			http.MethodPost: {scope: "admin", cost: 10, handle: (*Server).addUser},
		}
	case routeFind:
		return map[string]operation{http.MethodGet: {scope: "users:read", cost: 40, handle: (*Server).findUsers}}
	case routeMe:
		return map[string]operation{http.MethodGet: {scope: "base", cost: 2, handle: (*Server).getMe}}
	case routeUser:
		return map[string]operation{
			http.MethodGet: {scope: "users:read", cost: 2, handle: (*Server).getUser},
			http.MethodPut: {scope: "admin", cost: 10, handle: (*Server).updateUser},
		}
	}
	return nil
}

// findRoute knows the three prefixes of the vendor. Users exist in v1 only, so
// no path below /api/v2 is known here.
func findRoute(path string) route {
	if path == "/oauth/token" || path == "/oauth/token/" {
		return route{name: routeToken}
	}
	rest, ok := strings.CutPrefix(path, "/v1/")
	if !ok {
		rest, ok = strings.CutPrefix(path, "/api/v1/")
	}
	if !ok {
		return route{}
	}
	switch rest {
	case routeUsers, routeFind, routeMe:
		return route{name: rest}
	}
	if id, ok := strings.CutPrefix(rest, "users/"); ok && id != "" && !strings.Contains(id, "/") {
		return route{name: routeUser, id: id}
	}
	return route{}
}

// call is one authenticated request to a known operation.
type call struct {
	*http.Request
	id     int64
	caller caller
	faults activeFaults
}

// serveAPI takes a request through authentication, rate limits, path, method,
// scope and budget, in that order.
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request, rt route, active activeFaults) {
	who, refused := s.authenticate(r)
	if refused != nil {
		refused.write(w)
		return
	}
	if s.limits.burst(w, who) {
		return
	}
	ops := operations(rt.name)
	if ops == nil {
		problem{status: http.StatusNotFound, text: "Not found", short: true}.write(w)
		return
	}
	op, ok := ops[r.Method]
	if !ok {
		w.Header().Set("Allow", allowed(ops))
		problem{status: http.StatusMethodNotAllowed, text: "Method not allowed"}.write(w)
		return
	}
	if who.oauth && !slices.Contains(who.scopes, op.scope) {
		problem{status: http.StatusForbidden, text: "Scope and URL mismatch", code: http.StatusForbidden, short: true}.write(w)
		return
	}
	if s.limits.spend(w, r, who, op.cost) {
		return
	}
	c := &call{Request: r, caller: who, faults: active}
	if rt.name == routeUser {
		id, err := strconv.ParseInt(rt.id, 10, 64)
		if err != nil || id < 1 {
			problem{status: http.StatusBadRequest, text: "Validation failed: id: must be a positive integer"}.write(w)
			return
		}
		c.id = id
	}
	op.handle(s, w, c)
}

func allowed(ops map[string]operation) string {
	var methods []string
	for m := range ops {
		methods = append(methods, m)
	}
	slices.Sort(methods)
	return strings.Join(methods, ", ")
}

// problem is an error answer. The vendor has several envelopes; which one
// belongs to which status is in README.md.
type problem struct {
	status int
	text   string
	code   int  // errorCode, when the envelope has one
	short  bool // without error_info, data and additional_data
}

func (p problem) write(w http.ResponseWriter) {
	type short struct {
		Success bool   `json:"success"`
		Error   string `json:"error"`
		Code    int    `json:"errorCode,omitempty"`
	}
	if p.short {
		writeJSON(w, p.status, short{Error: p.text, Code: p.code})
		return
	}
	writeJSON(w, p.status, struct {
		Success    bool   `json:"success"`
		Error      string `json:"error"`
		Info       string `json:"error_info"`
		Data       any    `json:"data"`
		Additional any    `json:"additional_data"`
	}{Error: p.text, Info: "Please check developers.pipedrive.com"})
}

func notFound(w http.ResponseWriter) {
	problem{status: http.StatusNotFound, text: "User not found or not accessible.", short: true}.write(w)
}

func forbidden(w http.ResponseWriter) {
	problem{status: http.StatusForbidden, text: "You do not have permissions to do this."}.write(w)
}

func invalid(w http.ResponseWriter, text string) {
	problem{status: http.StatusBadRequest, text: "Validation failed: " + text}.write(w)
}
