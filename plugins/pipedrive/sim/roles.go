package sim

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"

	"github.com/rollcall-agent/rollcall/plugins/internal/simkit"
)

// unassignedRole is the role of users without a role.
const unassignedRole = 1

// role is a role of the company. Users refer to it by id.
type role struct {
	id, parent int64
	name       string
	settings   map[string]int64
	pipelines  []int64 // the hidden ones
}

// roles holds the company's roles.
type roles struct {
	mu   sync.Mutex
	byID map[int64]*role
	last int64
}

func newRoles() *roles {
	r := &roles{}
	r.reset()
	return r
}

func (r *roles) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.byID, r.last = map[int64]*role{}, 0
	names := []string{
		"(Unassigned users)", "Admins", "Sales", "Sales North", "Sales South", "Marketing", "Support", "Support Level 2", "Reviewers",
	}
	for i, parent := range []int64{1, 1, 1, 3, 3, 1, 1, 7, 2} {
		r.add(names[i], parent)
	}
}

func (r *roles) add(name string, parent int64) *role {
	r.last++
	one := &role{id: r.last, parent: parent, name: name, settings: map[string]int64{}}
	for _, key := range settingKeys() {
		one.settings[key.(string)] = 1
	}
	r.byID[r.last] = one
	return one
}

func settingKeys() []any {
	return []any{
		"deal_default_visibility", "lead_default_visibility", "org_default_visibility", "person_default_visibility", "product_default_visibility",
	}
}

func (r *roles) level(one *role) int {
	level := 1
	for one.parent != unassignedRole && one.id != unassignedRole {
		one = r.byID[one.parent]
		level++
	}
	return level
}

// roleData is a role as the vendor shows it: the counts are strings.
type roleData struct {
	ID          int64  `json:"id"`
	Parent      int64  `json:"parent_role_id"`
	Name        string `json:"name"`
	ActiveFlag  bool   `json:"active_flag"`
	Assignments string `json:"assignment_count"`
	SubRoles    string `json:"sub_role_count"`
	Level       int    `json:"level,omitempty"` // in the list only
}

func (r *roles) data(one *role, assigned map[int64]int) roleData {
	subs := 0
	for _, other := range r.byID {
		if other.parent == one.id && other.id != one.id && one.id != unassignedRole {
			subs++
		}
	}
	return roleData{one.id, one.parent, one.name, true, strconv.Itoa(assigned[one.id]), strconv.Itoa(subs), 0}
}

// assigned returns the number of users of each role.
func (s *Server) assigned() map[int64]int {
	counts := map[int64]int{}
	s.people.all(func(u User) {
		if u.RoleID != unassignedRole {
			counts[int64(u.RoleID)]++
		}
	})
	return counts
}

func roleRoutes() []route {
	name := simkit.Schema{Type: simkit.String, NotEmpty: true}
	parent := simkit.Schema{Type: simkit.Integer, Null: true}
	required := name
	required.Required = true
	user := &simkit.Schema{Members: map[string]simkit.Schema{"user_id": {Type: simkit.Integer, Required: true}}}
	setting := &simkit.Schema{Members: map[string]simkit.Schema{
		"setting_key": {Type: simkit.String, Required: true, Enum: settingKeys()},
		"value":       {Type: simkit.Integer, Required: true, Enum: []any{int64(1), int64(3), int64(5), int64(7)}},
	}}
	return []route{
		{name: "roles", ops: map[string]operation{
			http.MethodGet: reading(scopeAdmin, 20, (*Server).listRoles),
			http.MethodPost: writing(10, &simkit.Schema{Members: map[string]simkit.Schema{"name": required, "parent_role_id": parent}},
				(*Server).addRole),
		}},
		{name: "roles/{id}", ops: map[string]operation{
			http.MethodGet: reading(scopeAdmin, 2, withRole((*Server).getRole)),
			http.MethodPut: writing(10, &simkit.Schema{Members: map[string]simkit.Schema{"name": name, "parent_role_id": parent}},
				withRole((*Server).updateRole)),
			http.MethodDelete: writing(6, nil, withRole((*Server).deleteRole)),
		}},
		{name: "roles/{id}/assignments", ops: map[string]operation{
			http.MethodGet:    reading(scopeAdmin, 10, withRole((*Server).listAssignments)),
			http.MethodPost:   writing(10, user, withRole((*Server).assign)),
			http.MethodDelete: writing(6, user, withRole((*Server).unassign)),
		}},
		{name: "roles/{id}/settings", ops: map[string]operation{
			http.MethodGet:  reading(scopeAdmin, 20, withRole(getSettings)),
			http.MethodPost: writing(10, setting, withRole(setSetting)),
		}},
		{name: "roles/{id}/pipelines", ops: map[string]operation{
			http.MethodGet: reading(scopeAdmin, 20, withRole(getPipelines)),
			http.MethodPut: writing(10, pipelinesBody(), withRole(setPipelines)),
		}},
	}
}

// withRole calls handle with the role in the path, while nobody else can change
// roles.
func withRole(handle func(*Server, http.ResponseWriter, *call, *role)) func(*Server, http.ResponseWriter, *call) {
	return func(s *Server, w http.ResponseWriter, c *call) {
		s.roles.mu.Lock()
		defer s.roles.mu.Unlock()
		one, ok := s.roles.byID[c.id]
		if !ok {
			s.noRole(w)
			return
		}
		handle(s, w, c, one)
	}
}

func (s *Server) noRole(w http.ResponseWriter) {
	if s.reads("unknown_role", "400") {
		invalid(w, "role: does not exist")
		return
	}
	missing(w, "Role not found")
}

func (s *Server) listRoles(w http.ResponseWriter, c *call) {
	s.roles.mu.Lock()
	defer s.roles.mu.Unlock()
	counts := s.assigned()
	var list []roleData
	for _, id := range slices.Sorted(maps.Keys(s.roles.byID)) {
		one := s.roles.byID[id]
		data := s.roles.data(one, counts)
		data.Level = s.roles.level(one)
		list = append(list, data)
	}
	writeOffsets(s, w, c, list)
}

func (s *Server) addRole(w http.ResponseWriter, c *call) {
	s.roles.mu.Lock()
	defer s.roles.mu.Unlock()
	parent, ok := s.roles.parent(c.body, 0)
	if !ok {
		invalid(w, "parent_role_id: does not exist")
		return
	}
	writeData(w, map[string]int64{"id": s.roles.add(c.body["name"].(string), parent).id})
}

// parent returns the new parent of role id from a body. The parent must exist,
// and must not be the role itself or below it.
func (r *roles) parent(body map[string]any, id int64) (int64, bool) {
	parent, given := body["parent_role_id"].(int64)
	if !given {
		return unassignedRole, true
	}
	one, ok := r.byID[parent]
	for ok && one.id != unassignedRole {
		if one.id == id {
			return 0, false
		}
		one = r.byID[one.parent]
	}
	return parent, ok
}

func (s *Server) getRole(w http.ResponseWriter, _ *call, one *role) {
	simkit.WriteJSON(w, http.StatusOK, map[string]any{
		"success": true, "data": s.roles.data(one, s.assigned()),
		"additional_data": map[string]any{"settings": one.settings},
	})
}

func (s *Server) updateRole(w http.ResponseWriter, c *call, one *role) {
	if _, given := c.body["parent_role_id"]; given {
		parent, ok := s.roles.parent(c.body, one.id)
		if !ok || one.id == unassignedRole {
			invalid(w, "parent_role_id: cannot be the parent")
			return
		}
		one.parent = parent
	}
	if name, given := c.body["name"].(string); given {
		one.name = name
	}
	writeData(w, map[string]int64{"id": one.id})
}

// deleteRole deletes a role, unless it is in use.
func (s *Server) deleteRole(w http.ResponseWriter, _ *call, one *role) {
	data := s.roles.data(one, s.assigned())
	if one.id == unassignedRole || data.Assignments != "0" || data.SubRoles != "0" {
		invalid(w, "role: is in use")
		return
	}
	delete(s.roles.byID, one.id)
	writeData(w, map[string]int64{"id": one.id})
}

// assignment is a user in a role.
type assignment struct {
	UserID     int64  `json:"user_id"`
	RoleID     int64  `json:"role_id"`
	Parent     int64  `json:"parent_role_id"`
	Name       string `json:"name"`
	ActiveFlag bool   `json:"active_flag"`
	Type       string `json:"type"` // a digit
}

func (one *role) assignment(user int64) assignment {
	return assignment{user, one.id, one.parent, one.name, true, "1"}
}

func (s *Server) listAssignments(w http.ResponseWriter, c *call, one *role) {
	list := []assignment{}
	s.people.all(func(u User) {
		if one.id != unassignedRole && int64(u.RoleID) == one.id {
			list = append(list, one.assignment(u.ID))
		}
	})
	writeOffsets(s, w, c, list)
}

func (s *Server) assign(w http.ResponseWriter, c *call, one *role) {
	id := c.body["user_id"].(int64)
	if !s.setRole(w, id, one.id, func(User) bool { return true }) {
		return
	}
	writeData(w, map[string]int64{"user_id": id, "role_id": one.id})
}

func (s *Server) unassign(w http.ResponseWriter, c *call, one *role) {
	in := func(u User) bool { return int64(u.RoleID) == one.id }
	if s.setRole(w, c.body["user_id"].(int64), unassignedRole, in) {
		writeData(w, map[string]int64{"id": one.id})
	}
}

// setRole sets a user's role. When it returns false, it has answered the
// request.
func (s *Server) setRole(w http.ResponseWriter, id, role int64, may func(User) bool) bool {
	u, ok := s.people.Get(id)
	if !ok || u.IsDeleted || !may(u) {
		notFound(w)
		return false
	}
	_, err := s.changePerson(id, byAPI, func(u *User) {
		u.RoleID = int(role)
		u.Modified = Some(s.stamp())
	})
	if err != nil {
		notFound(w)
	}
	return err == nil
}

func (s *Server) getRoleOfUser(w http.ResponseWriter, c *call) {
	s.roles.mu.Lock()
	defer s.roles.mu.Unlock()
	u, ok := s.people.Get(c.id)
	if !ok {
		notFound(w)
		return
	}
	list := []assignment{}
	if one := s.roles.byID[int64(u.RoleID)]; one != nil && one.id != unassignedRole {
		list = append(list, one.assignment(u.ID))
	}
	writeOffsets(s, w, c, list)
}
