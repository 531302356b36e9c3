package sim

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
)

// vendorOperations are the prices and scopes that the vendor documents.
func vendorOperations() map[string]struct {
	cost   int
	scopes string
} {
	type op = struct {
		cost   int
		scopes string
	}
	return map[string]op{
		"GET users": {20, "users:read"}, "POST users": {10, "admin"}, "GET users/find": {40, "users:read"}, "GET users/me": {2, "base"},
		"GET users/{id}": {2, "users:read"}, "PUT users/{id}": {10, "admin"}, "GET users/{id}/permissions": {10, "users:read"},
		"GET users/{id}/roleAssignments": {10, "users:read"}, "GET users/{id}/roleSettings": {10, "users:read"},
		"GET users/{id}/followers": {20, "users:read"}, "GET v2/users/{id}/followers": {10, "users:read"},
		"GET userSettings": {2, "base"}, "GET userConnections": {20, "base"},
		"GET roles": {20, "admin"}, "POST roles": {10, "admin"}, "GET roles/{id}": {2, "admin"}, "PUT roles/{id}": {10, "admin"}, "DELETE roles/{id}": {6, "admin"},
		"GET roles/{id}/assignments": {10, "admin"}, "POST roles/{id}/assignments": {10, "admin"}, "DELETE roles/{id}/assignments": {6, "admin"},
		"GET roles/{id}/settings": {20, "admin"}, "POST roles/{id}/settings": {10, "admin"},
		"GET roles/{id}/pipelines": {20, "admin"}, "PUT roles/{id}/pipelines": {10, "admin"},
		"GET permissionSets": {20, "admin"}, "GET permissionSets/{uuid}": {2, "admin"}, "GET permissionSets/{uuid}/assignments": {20, "admin"},
		"GET legacyTeams": {20, "users:read"}, "POST legacyTeams": {10, "admin"}, "GET legacyTeams/{id}": {2, "users:read"}, "PUT legacyTeams/{id}": {10, "admin"},
		"GET legacyTeams/{id}/users": {20, "users:read"}, "POST legacyTeams/{id}/users": {10, "admin"}, "DELETE legacyTeams/{id}/users": {10, "admin"},
		"GET legacyTeams/user/{id}": {20, "users:read"},
		"GET v2/persons":            {10, "contacts:read contacts:full"}, "POST v2/persons": {5, "contacts:full"}, "GET v2/persons/search": {20, "contacts:read contacts:full search:read"},
		"GET v2/persons/{id}": {1, "contacts:read contacts:full"}, "PATCH v2/persons/{id}": {5, "contacts:full"}, "DELETE v2/persons/{id}": {3, "contacts:full"},
		"GET webhooks": {10, "admin"}, "POST webhooks": {10, "admin"}, "DELETE webhooks/{id}": {6, "admin"},
	}
}

// path fills the parameters of a route in.
func path(name string) string {
	name, prefix := strings.NewReplacer("{id}", "1", "{uuid}", salesSet).Replace(name), "/v1/"
	if rest, v2 := strings.CutPrefix(name, "v2/"); v2 {
		name, prefix = rest, "/api/v2/"
	}
	if name == "users/find" {
		name += "?term=x"
	}
	return prefix + name
}

func TestPriceScopeAndRightsOfEachOperation(t *testing.T) {
	for name, want := range vendorOperations() {
		method, route, _ := strings.Cut(name, " ")
		s := New(Options{Seed: 1, People: 3})
		send(t, s, method, path(route), "{}")
		if s.Spent() != want.cost {
			t.Errorf("%s costs %d, want %d", name, s.Spent(), want.cost)
		}
		for _, scope := range []string{"base", "users:read", "admin", "deals:read", "contacts:read", "contacts:full", "search:read"} {
			got := do(t, s, method, path(route), "{}", "Authorization", "Bearer "+s.IssueAccessToken(scope), "Content-Type", "application/json")
			if allowed := got.body != scopeBody; allowed != slices.Contains(strings.Fields(want.scopes), scope) {
				t.Errorf("%s with %s: %d %s", name, scope, got.status, got.body)
			}
		}
		plain := New(Options{Seed: 1, People: 3, NoAdmin: true})
		got := send(t, plain, method, path(route), "{}")
		refused := got.body == forbiddenBody || got.body == `{"success":false,"message":"Forbidden"}`
		if refused != (want.scopes == "admin" && method != http.MethodGet) || refused && got.status != 403 {
			t.Errorf("%s without admin rights: %d %s", name, got.status, got.body)
		}
	}
}

func TestNothingElseIsAnswered(t *testing.T) {
	known := vendorOperations()
	s := New(Options{Unlimited: true, Seed: 1, People: 2})
	for _, rt := range routes() {
		for method := range rt.ops {
			if _, ok := known[method+" "+rt.name]; !ok && !strings.HasPrefix(rt.name, "persons") {
				t.Errorf("%s %s is not documented", method, rt.name)
			}
		}
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
			got := send(t, s, method, path(rt.name), "{}")
			if _, ok := rt.ops[method]; ok == (got.status == 405) {
				t.Errorf("%s %s: %d", method, rt.name, got.status)
			}
		}
	}
	for _, p := range []string{"/v1/v2/users/1/followers", "/api/v1/v2/users/1/followers", "/api/v2/roles", "/v1/roles/", "/v1/roles//settings", "/v1/legacyTeams/user", "/api/v3/users"} {
		if got := get(t, s, p); got.status != 404 && got.status != 400 {
			t.Errorf("%s: %d", p, got.status)
		}
	}
}

func TestREADMETellsEveryRouteAndReading(t *testing.T) {
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for _, rt := range routes() {
		if name := strings.ReplaceAll(strings.TrimPrefix(rt.name, "v2/"), "{uuid}", "{id}"); !strings.Contains(text, "/"+name) {
			t.Errorf("README.md does not name %s", name)
		}
	}
	for _, r := range Readings() {
		i := strings.Index(text, "| `"+r.Name+"` |")
		if i < 0 {
			t.Errorf("README.md does not list the reading %s", r.Name)
			continue
		}
		line, _, _ := strings.Cut(text[i:], "\n")
		if want := strings.Join(r.Values, ", "); !strings.Contains(line, "| "+want+" |") || !strings.Contains(line, r.Question) {
			t.Errorf("reading %s: README.md says %s, want %s | %s", r.Name, line, want, r.Question)
		}
	}
	for _, k := range []Kind{Lost, Reset, Unsuccess, DataNull, DataEmpty, Forbidden} {
		if !strings.Contains(text, "| "+string(k)) && !strings.Contains(text, ", "+string(k)) && !slices.Contains(strings.Fields(text), string(k)) {
			t.Errorf("README.md does not name the fault %s", k)
		}
	}
}
