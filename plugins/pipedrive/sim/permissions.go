package sim

import (
	"net/http"
	"slices"
	"strings"
)

// permissionSet says what users may do in one app.
type permissionSet struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	App         string `json:"app"`
	Type        string `json:"type,omitempty"` // in the list only
	Assignments int    `json:"assignment_count"`
	Contents    any    `json:"contents,omitempty"` // in a single set only
}

const (
	salesSet       = "f07d229d-088a-4144-a40f-1fe64295d180"
	salesAdminSet  = "0b7c4f6e-5d7a-4e0b-9a55-6f3f1d0c2a11"
	globalSet      = "233b7976-39bd-43a9-b305-ef3a2b0998e5"
	globalAdminSet = "ec8a42e5-1842-490d-9113-b3a3b4b1c0a9"
	settingsSet    = "7d1e0f52-1c43-4be1-8a35-5a0d7a3f9e21"

	adminSet   = "admin"
	regularSet = "regular"
)

func permissionSets() []permissionSet {
	set := func(id, name, app, kind string) permissionSet {
		return permissionSet{ID: id, Name: name, App: app, Type: kind}
	}
	return []permissionSet{
		set(salesAdminSet, "Deals admin", "sales", adminSet),
		set(salesSet, "Deals regular user", "sales", regularSet),
		set(globalAdminSet, "Global admin", "global", adminSet),
		set(globalSet, "Global regular user", "global", regularSet),
		set(settingsSet, "Account settings", "account_settings", adminSet),
		set("3a1f0c55-7a0e-4c58-8f0e-52d4f5c7b101", "Projects admin", "projects", adminSet),
		set("3a1f0c55-7a0e-4c58-8f0e-52d4f5c7b102", "Projects regular user", "projects", regularSet),
		set("5b2e1d66-8b1f-4d69-9a1f-63e5a6d8c201", "Campaigns admin", "campaigns", adminSet),
		set("5b2e1d66-8b1f-4d69-9a1f-63e5a6d8c202", "Campaigns regular user", "campaigns", regularSet),
		set("6c3f2e77-9c20-4e7a-8b20-74f6b7e9d301", "Partnership", "partnership", regularSet),
		set("7d403f88-ad31-4f8b-9c31-8507c8fae401", "Nova", "nova", regularSet),
	}
}

func findSet(id string) (permissionSet, bool) {
	sets := permissionSets()
	i := slices.IndexFunc(sets, func(p permissionSet) bool { return strings.EqualFold(p.ID, id) })
	if i < 0 {
		return permissionSet{}, false
	}
	return sets[i], true
}

// setOf returns the set that a user invited without one gets in an app.
func setOf(app string, admin bool) string {
	best := ""
	for _, p := range permissionSets() {
		if p.App == app && (best == "" || (p.Type == adminSet) == admin) {
			best = p.ID
		}
	}
	return best
}

// permissions returns what a set allows; an admin may do more.
func (p permissionSet) permissions() []string {
	list := []string{"can_use_api", "can_see_other_users", "can_share_filters"}
	if p.App == "sales" {
		list = append(list, "can_add_products", "can_edit_products", "can_bulk_edit_items", "can_use_email_tracking")
	}
	if p.Type == adminSet {
		list = append(list, "can_add_custom_fields", "can_create_own_workflow", "can_change_visibility_of_items", "can_edit_shared_filters")
	}
	slices.Sort(list)
	return list
}

func permissionSetRoutes() []route {
	return []route{
		{name: "permissionSets", ops: map[string]operation{http.MethodGet: reading(scopeAdmin, 20, (*Server).listSets)}},
		{name: "permissionSets/{uuid}", ops: map[string]operation{http.MethodGet: reading(scopeAdmin, 2, (*Server).getSet)}},
		{name: "permissionSets/{uuid}/assignments", ops: map[string]operation{http.MethodGet: reading(scopeAdmin, 20, (*Server).listSetUsers)}},
	}
}

func has(u User, set string) bool {
	return slices.ContainsFunc(u.Access, func(a Access) bool { return a.PermissionSetID == set })
}

func (s *Server) usersOf(set string) (ids []int64) {
	s.people.all(func(u User) {
		if has(u, set) {
			ids = append(ids, u.ID)
		}
	})
	return ids
}

func (s *Server) listSets(w http.ResponseWriter, c *call) {
	app := c.URL.Query().Get("app")
	if app != "" && !slices.Contains(appNames(), any(app)) {
		invalid(w, "app: is unknown")
		return
	}
	counts := map[string]int{}
	s.people.all(func(u User) {
		for _, a := range u.Access {
			counts[a.PermissionSetID]++
		}
	})
	list := []permissionSet{}
	for _, p := range permissionSets() {
		if app == "" || app == p.App {
			p.Assignments = counts[p.ID]
			list = append(list, p)
		}
	}
	writeData(w, list)
}

// getSet handles GET /permissionSets/{id}; its 404 has no body.
func (s *Server) getSet(w http.ResponseWriter, c *call) {
	p, ok := findSet(c.params["uuid"])
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	p.Assignments, p.Contents, p.Type = len(s.usersOf(p.ID)), p.permissions(), ""
	if s.reads("permission_set", "object") {
		writeData(w, p)
		return
	}
	writeData(w, []permissionSet{p})
}

func (s *Server) listSetUsers(w http.ResponseWriter, c *call) {
	type setUser struct {
		UserID int64  `json:"user_id"`
		SetID  string `json:"permission_set_id"`
		Name   string `json:"name"`
	}
	p, ok := findSet(c.params["uuid"])
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	list := []setUser{}
	for _, id := range s.usersOf(p.ID) {
		list = append(list, setUser{id, p.ID, p.Name})
	}
	writeOffsets(s, w, c, list)
}

// getPermissions handles GET /users/{id}/permissions: every existing
// permission.
func (s *Server) getPermissions(w http.ResponseWriter, c *call) {
	u, ok := s.people.Get(c.id)
	if !ok {
		notFound(w)
		return
	}
	may := map[string]bool{}
	for _, p := range permissionSets() {
		for _, name := range p.permissions() {
			may[name] = may[name] || has(u, p.ID)
		}
	}
	writeData(w, may)
}
