package sim

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Names of routes: what faults and the journal call them.
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
	routeToken      = "oauth2/token" //nolint:gosec // G101: a path, no credential
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
	scopes    []string // one of them is needed
	perSecond int      // the vendor's limit; 0 is none
	open      bool     // needs no credentials, or looks at them itself
	handle    func(*Server, http.ResponseWriter, *call)
}

// call is one admitted request to a known operation.
type call struct {
	*http.Request
	param  string // what the path has instead of "*"
	form   scheme
	faults activeFaults
}

type operations = map[string]operation

func routes() []*route {
	read := []string{peopleRead, peopleManage}
	manage := []string{peopleManage}
	get, post, put, patch, del := http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete
	r := func(name, path string, ops operations) *route {
		return &route{name: name, path: strings.Split(path, "/"), ops: ops}
	}
	list := []*route{
		r(routePersons, "people/2/persons", operations{
			get: {read, 5, false, (*Server).getPersons}, post: {manage, 10, false, (*Server).addPerson},
			put: {manage, 5, false, (*Server).replacePerson}, patch: {manage, 5, false, (*Server).patchPerson}, del: {manage, 5, false, (*Server).deletePerson},
		}),
		r(routeContacts, "people/2/persons/contactInformation", operations{
			put: {manage, 5, false, (*Server).setContacts}, patch: {manage, 5, false, (*Server).addContacts}, del: {manage, 5, false, (*Server).removeContacts},
		}),
		r(routeBatch, "people/2/persons/batch", operations{
			post: {manage, 5, false, (*Server).batchCreate}, patch: {manage, 5, false, (*Server).batchUpdate}, del: {manage, 5, false, (*Server).batchDelete},
		}),
		r(routeMatch, "people/2/persons/match", operations{post: {read, 15, false, (*Server).match}}),
		r(routeMerge, "people/3/persons/merge", operations{post: {manage, 5, false, (*Server).merge}}),
		r(routeUpsert, "people/3/persons/upsert", operations{put: {manage, 5, false, (*Server).upsert}, patch: {manage, 5, false, (*Server).upsert}}),
		r(routeTags, "people/2/tags", operations{get: {read, 5, false, (*Server).listTags}, post: {manage, 5, false, (*Server).addTag}}),
		r(routeTag, "people/2/tags/*", operations{get: {read, 5, false, (*Server).getTag}, del: {manage, 5, false, (*Server).deleteTag}}),
		r(routeTagPersons, "people/2/tags/*/persons", operations{patch: {manage, 5, false, (*Server).tagPersons}, del: {manage, 5, false, (*Server).untagPersons}}),
		r(routeAttributes, "people/2/customAttributes", operations{get: {read, 5, false, (*Server).listAttributes}, post: {manage, 5, false, (*Server).addAttribute}}),
		r(routeAttribute, "people/2/customAttributes/*", operations{get: {read, 5, false, (*Server).getAttribute}, del: {manage, 5, false, (*Server).deleteAttribute}}),
	}
	return append(list, otherRoutes(r)...)
}

// otherRoutes are those outside People.
func otherRoutes(r func(string, string, operations) *route) []*route {
	read, manage := []string{conversationsRead, conversationsManage}, []string{conversationsManage}
	account := []string{accountManage}
	keys := r(routeKeys, "settings/2/api-keys", operations{http.MethodGet: {account, 0, false, (*Server).listKeys}})
	keys.errors = newErrors
	return []*route{
		r(routeAgents, "ccaas/1/agents", operations{
			http.MethodGet: {read, 0, false, (*Server).listAgents}, http.MethodPost: {manage, 0, false, (*Server).addAgent},
		}),
		r(routeAgent, "ccaas/1/agents/*", operations{
			http.MethodGet: {read, 0, false, (*Server).getAgent}, http.MethodPut: {manage, 0, false, (*Server).updateAgent},
		}),
		r(routeStatus, "ccaas/1/agents/*/status", operations{http.MethodPut: {manage, 0, false, (*Server).setAgentStatus}}),
		r(routeAccounts, "settings/1/accounts", operations{http.MethodGet: {account, 0, false, (*Server).listAccounts}}),
		keys,
		r(routeSession, "auth/1/session", operations{
			http.MethodPost: {nil, 0, true, (*Server).createSession}, http.MethodDelete: {nil, 0, true, (*Server).endSession},
		}),
		r(routeToken, "auth/1/oauth2/token", operations{http.MethodPost: {nil, 10, true, (*Server).createToken}}),
	}
}

// findRoute returns the route of a path and what stands for its "*"; nil when
// there is none.
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

// serveAPI takes a request through path, method, credentials, scope and rate
// limit, in that order.
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
