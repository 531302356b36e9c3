package sim

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"

	"github.com/rollcall-agent/rollcall/plugins/internal/simkit"
)

// team is a legacy team: its flags are numbers.
type team struct {
	ID        int64   `json:"id"`
	Name      string  `json:"name"`
	ManagerID int64   `json:"manager_id"`
	Users     []int64 `json:"users,omitzero"`
	Active    int64   `json:"active_flag"`
	Deleted   int64   `json:"deleted_flag"`
	AddTime   string  `json:"add_time"`
	Creator   int64   `json:"created_by_user_id"`
}

// teams holds the legacy teams.
type teams struct {
	mu   sync.Mutex
	byID map[int64]*team
	last int64
}

func newTeams() *teams { return &teams{byID: map[int64]*team{}} }

func (t *teams) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.byID)
	t.last = 0
}

func teamRoutes() []route {
	name := simkit.Schema{Type: simkit.String, NotEmpty: true}
	manager := simkit.Schema{Type: simkit.Integer}
	users := simkit.Schema{Type: simkit.Array, Items: &simkit.Schema{Type: simkit.Integer}}
	flag := simkit.Schema{Type: simkit.Integer, Enum: []any{int64(0), int64(1)}}
	change := map[string]simkit.Schema{"name": name, "manager_id": manager, "users": users, "active_flag": flag, "deleted_flag": flag}
	name.Required, manager.Required = true, true
	create := map[string]simkit.Schema{"name": name, "manager_id": manager, "users": users}
	users.Required = true
	members := &simkit.Schema{Members: map[string]simkit.Schema{"users": users}}
	return []route{
		{name: "legacyTeams", ops: map[string]operation{
			http.MethodGet:  reading(scopeRead, 20, (*Server).listTeams),
			http.MethodPost: writing(10, &simkit.Schema{Members: create}, (*Server).addTeam),
		}},
		{name: "legacyTeams/user/{id}", ops: map[string]operation{http.MethodGet: reading(scopeRead, 20, (*Server).listTeams)}},
		{name: "legacyTeams/{id}", ops: map[string]operation{
			http.MethodGet: reading(scopeRead, 2, withTeam(getTeam)),
			http.MethodPut: writing(10, &simkit.Schema{Members: change}, withTeam((*Server).updateTeam)),
		}},
		{name: "legacyTeams/{id}/users", ops: map[string]operation{
			http.MethodGet:    reading(scopeRead, 20, withTeam(getTeamUsers)),
			http.MethodPost:   writing(10, members, withTeam((*Server).addTeamUsers)),
			http.MethodDelete: writing(10, members, withTeam((*Server).deleteTeamUsers)),
		}},
	}
}

func withTeam(handle func(*Server, http.ResponseWriter, *call, *team)) func(*Server, http.ResponseWriter, *call) {
	return func(s *Server, w http.ResponseWriter, c *call) {
		s.teams.mu.Lock()
		defer s.teams.mu.Unlock()
		one, ok := s.teams.byID[c.id]
		if !ok {
			missing(w, fmt.Sprintf("Team %d does not exist", c.id))
			return
		}
		handle(s, w, c, one)
	}
}

// shown returns a team as the query asks for it.
func shown(c *call, t team) (team, error) {
	switch c.URL.Query().Get("skip_users") {
	case "", "0":
		t.Users = slices.Clone(t.Users)
	case "1":
		t.Users = nil
	default:
		return t, fmt.Errorf("skip_users: must be 0 or 1")
	}
	return t, nil
}

// listTeams handles GET /legacyTeams, and of one user GET /legacyTeams/user/{id}.
func (s *Server) listTeams(w http.ResponseWriter, c *call) {
	s.teams.mu.Lock()
	defer s.teams.mu.Unlock()
	list := []team{}
	for _, id := range slices.Sorted(maps.Keys(s.teams.byID)) {
		t, err := shown(c, *s.teams.byID[id])
		if err != nil {
			invalid(w, err.Error())
			return
		}
		if c.id == 0 || slices.Contains(s.teams.byID[id].Users, c.id) {
			list = append(list, t)
		}
	}
	orders := map[string]func(a, b team) int{
		"":            func(team, team) int { return 0 },
		"id":          func(team, team) int { return 0 },
		"name":        func(a, b team) int { return cmp.Compare(a.Name, b.Name) },
		"manager_id":  func(a, b team) int { return cmp.Compare(a.ManagerID, b.ManagerID) },
		"active_flag": func(a, b team) int { return cmp.Compare(a.Active, b.Active) },
	}
	order, ok := orders[c.URL.Query().Get("order_by")]
	if !ok {
		invalid(w, "order_by: must be one of id, name, manager_id, active_flag")
		return
	}
	slices.SortStableFunc(list, order)
	writeData(w, list)
}

// unknownUser returns the first user in a body who does not exist.
func (s *Server) unknownUser(body map[string]any) (path string, unknown bool) {
	is := func(v any) bool {
		u, ok := s.people.Get(v.(int64))
		return ok && !u.IsDeleted
	}
	if id, given := body["manager_id"]; given && !is(id) {
		return "manager_id", true
	}
	list, _ := body["users"].([]any)
	for i, id := range list {
		if !is(id) {
			return fmt.Sprintf("users[%d]", i), true
		}
	}
	return "", false
}

func userIDs(body map[string]any) []int64 {
	list := []int64{}
	items, _ := body["users"].([]any)
	for _, v := range items {
		if !slices.Contains(list, v.(int64)) {
			list = append(list, v.(int64))
		}
	}
	slices.Sort(list)
	return list
}

func (s *Server) addTeam(w http.ResponseWriter, c *call) {
	if path, unknown := s.unknownUser(c.body); unknown {
		invalid(w, path+": is not a user")
		return
	}
	s.teams.mu.Lock()
	defer s.teams.mu.Unlock()
	s.teams.last++
	t := &team{
		ID: s.teams.last, Name: c.body["name"].(string), ManagerID: c.body["manager_id"].(int64), Users: userIDs(c.body),
		Active: 1, AddTime: s.stamp(), Creator: 1,
	}
	s.teams.byID[t.ID] = t
	writeData(w, t)
}

func getTeam(_ *Server, w http.ResponseWriter, c *call, t *team) {
	data, err := shown(c, *t)
	if err != nil {
		invalid(w, err.Error())
		return
	}
	writeData(w, data)
}

func (s *Server) updateTeam(w http.ResponseWriter, c *call, t *team) {
	if path, unknown := s.unknownUser(c.body); unknown {
		invalid(w, path+": is not a user")
		return
	}
	if v, given := c.body["name"].(string); given {
		t.Name = v
	}
	for member, field := range map[string]*int64{"manager_id": &t.ManagerID, "active_flag": &t.Active, "deleted_flag": &t.Deleted} {
		if v, given := c.body[member].(int64); given {
			*field = v
		}
	}
	if _, given := c.body["users"]; given {
		t.Users = userIDs(c.body)
	}
	writeData(w, t)
}

func getTeamUsers(_ *Server, w http.ResponseWriter, _ *call, t *team) { writeData(w, t.Users) }

func (s *Server) addTeamUsers(w http.ResponseWriter, c *call, t *team) {
	if path, unknown := s.unknownUser(c.body); unknown {
		invalid(w, path+": is not a user")
		return
	}
	for _, id := range userIDs(c.body) {
		if !slices.Contains(t.Users, id) {
			t.Users = append(t.Users, id)
		}
	}
	slices.Sort(t.Users)
	writeData(w, t.Users)
}

func (s *Server) deleteTeamUsers(w http.ResponseWriter, c *call, t *team) {
	gone := userIDs(c.body)
	t.Users = slices.DeleteFunc(t.Users, func(id int64) bool { return slices.Contains(gone, id) })
	writeData(w, t.Users)
}
