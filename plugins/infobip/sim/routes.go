package sim

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/plugins/internal/simkit"
)

// The names of routes, as faults and the journal use them.
const (
	routePersons    = "persons"
	routeContacts   = "persons/contactInformation"
	routeBatch      = "persons/batch"
	routeMatch      = "persons/match"
	routeMerge      = "persons/merge"
	routeUpsert     = "persons/upsert"
	routeTags       = "tags"
	routeTag        = "tags/{name}"
	routeTagPersons = "tags/{name}/persons"
	routeAttributes = "customAttributes"
	routeAttribute  = "customAttributes/{name}"
	routeAgents     = "agents"
	routeAgent      = "agents/{agentId}"
	routeStatus     = "agents/{agentId}/status"
	routeAccounts   = "accounts"
	routeKeys       = "api-keys"
	routeSession    = "session"
	routeToken      = "oauth2/token" //nolint:gosec // G101: a path, not a credential
)

// route is a path that the simulator knows.
type route struct {
	name   string
	path   []string // segments; "*" is any
	errors envelope
	ops    map[string]operation
}

// operation is one method of a path.
type operation struct {
	scopes    []string // a caller needs one of them
	perSecond int      // the vendor's limit; 0 is none
	open      bool     // needs no credentials, or checks them itself
	query     bool     // accepts query parameters, and checks them itself
	handle    handler
}

// call is one admitted request for a known operation.
type call struct {
	*http.Request
	param  string // the segment in place of "*"
	form   scheme
	faults simkit.Active
}

type operations = map[string]operation

type handler func(*Server, http.ResponseWriter, *call)

// op returns an operation without query parameters, asked one with them, and
// open one without credentials.
func op(scopes []string, perSecond int, h handler) operation {
	return operation{scopes: scopes, perSecond: perSecond, handle: h}
}

func asked(scopes []string, perSecond int, h handler) operation {
	return operation{scopes: scopes, perSecond: perSecond, query: true, handle: h}
}

func open(perSecond int, h handler) operation {
	return operation{perSecond: perSecond, open: true, handle: h}
}

func routes() []*route {
	read := []string{peopleRead, peopleManage}
	manage := []string{peopleManage}
	get, post, put, patch, del := http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete
	r := func(name, path string, ops operations) *route {
		return &route{name: name, path: strings.Split(path, "/"), ops: ops}
	}
	list := []*route{
		r(routePersons, "people/2/persons", operations{
			get: asked(read, 5, (*Server).getPersons), post: op(manage, 10, (*Server).addPerson),
			put: asked(manage, 5, (*Server).replacePerson), patch: asked(manage, 5, (*Server).patchPerson),
			del: asked(manage, 5, (*Server).deletePerson),
		}),
		r(routeContacts, "people/2/persons/contactInformation", operations{
			put: asked(manage, 5, (*Server).setContacts), patch: asked(manage, 5, (*Server).addContacts),
			del: asked(manage, 5, (*Server).removeContacts),
		}),
		r(routeBatch, "people/2/persons/batch", operations{
			post: op(manage, 5, (*Server).batchCreate), patch: op(manage, 5, (*Server).batchUpdate), del: op(manage, 5, (*Server).batchDelete),
		}),
		r(routeMatch, "people/2/persons/match", operations{post: op(read, 15, (*Server).match)}),
		r(routeMerge, "people/3/persons/merge", operations{post: op(manage, 5, (*Server).merge)}),
		r(routeUpsert, "people/3/persons/upsert", operations{put: op(manage, 5, (*Server).upsert), patch: op(manage, 5, (*Server).upsert)}),
		r(routeTags, "people/2/tags", operations{get: asked(read, 5, (*Server).listTags), post: op(manage, 5, (*Server).addTag)}),
		r(routeTag, "people/2/tags/*", operations{get: op(read, 5, (*Server).getTag), del: op(manage, 5, (*Server).deleteTag)}),
		r(routeTagPersons, "people/2/tags/*/persons",
			operations{patch: op(manage, 5, (*Server).tagPersons), del: op(manage, 5, (*Server).untagPersons)}),
		r(routeAttributes, "people/2/customAttributes",
			operations{get: asked(read, 5, (*Server).listAttributes), post: op(manage, 5, (*Server).addAttribute)}),
		r(routeAttribute, "people/2/customAttributes/*",
			operations{get: op(read, 5, (*Server).getAttribute), del: op(manage, 5, (*Server).deleteAttribute)}),
	}
	for _, rt := range list {
		if rt.path[1] == "3" {
			rt.errors = errors3
		}
	}
	return append(list, otherRoutes(r)...)
}

// otherRoutes lists the routes outside People.
func otherRoutes(r func(string, string, operations) *route) []*route {
	read, manage := []string{conversationsRead, conversationsManage}, []string{conversationsManage}
	account := []string{accountManage}
	keys := r(routeKeys, "settings/2/api-keys", operations{http.MethodGet: op(account, 0, (*Server).listKeys)})
	keys.errors = newErrors
	return []*route{
		r(routeAgents, "ccaas/1/agents", operations{
			http.MethodGet: asked(read, 0, (*Server).listAgents), http.MethodPost: op(manage, 0, (*Server).addAgent),
		}),
		r(routeAgent, "ccaas/1/agents/*", operations{
			http.MethodGet: op(read, 0, (*Server).getAgent), http.MethodPut: op(manage, 0, (*Server).updateAgent),
		}),
		r(routeStatus, "ccaas/1/agents/*/status", operations{http.MethodPut: op(manage, 0, (*Server).setAgentStatus)}),
		r(routeAccounts, "settings/1/accounts", operations{http.MethodGet: asked(account, 0, (*Server).listAccounts)}),
		keys,
		r(routeSession, "auth/1/session", operations{
			http.MethodPost: open(0, (*Server).createSession), http.MethodDelete: open(0, (*Server).endSession),
		}),
		r(routeToken, "auth/1/oauth2/token", operations{http.MethodPost: open(10, (*Server).createToken)}),
	}
}

// findRoute returns the route of a path and the segment in place of its "*";
// nil when there is none.
func (s *Server) findRoute(u *url.URL) (*route, string) {
	segments := strings.Split(strings.TrimPrefix(u.EscapedPath(), "/"), "/")
	for _, rt := range s.routes {
		if param, ok := rt.match(segments); ok {
			return rt, param
		}
	}
	return nil, ""
}

func (rt *route) match(segments []string) (param string, ok bool) {
	if len(segments) != len(rt.path) {
		return "", false
	}
	for i, want := range rt.path {
		got, err := url.PathUnescape(segments[i])
		if err != nil || got == "" || (want != "*" && got != want) {
			return "", false
		}
		if want == "*" {
			param = got
		}
	}
	return param, true
}

// serveAPI checks a request's path, method, credentials, scope and rate limit,
// in that order, and serves it.
func (s *Server) serveAPI(w http.ResponseWriter, c *call, rt *route) {
	if rt == nil {
		if _, _, ok := s.authenticate(c.Request); !ok {
			refuse(w, http.StatusUnauthorized, "")
			return
		}
		refuse(w, http.StatusNotFound, "")
		return
	}
	op, known := rt.ops[c.Method]
	if !known {
		w.Header().Set("Allow", allowed(rt.ops))
		rt.errors.refuse(w, http.StatusMethodNotAllowed)
		return
	}
	if !op.open {
		var ok bool
		if c.form, _, ok = s.authenticate(c.Request); !ok {
			rt.errors.refuse(w, http.StatusUnauthorized)
			return
		}
		if !s.tokens.allows(op.scopes) {
			rt.errors.refuse(w, http.StatusForbidden)
			return
		}
	}
	if s.limits.exceeded(c.Method+" "+rt.name, op.perSecond) {
		s.tooMany(w, rt)
		return
	}
	if _, found := s.query(c.URL); !op.query && len(found) > 0 {
		rt.errors.invalid(w, found)
		return
	}
	op.handle(s, w, c)
}

func allowed(ops operations) string {
	var methods []string
	for m := range ops {
		methods = append(methods, m)
	}
	slices.Sort(methods)
	return strings.Join(methods, ", ")
}
