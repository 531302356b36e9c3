package sim

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/rollcall-agent/rollcall/plugins/internal/simkit"
)

// The names of the routes of users.
const (
	routeUsers = "users"
	routeFind  = "users/find"
	routeUser  = "users/{id}"
)

func userRoutes() []route {
	return []route{
		{name: routeUsers, ops: map[string]operation{
			http.MethodGet:  reading(scopeRead, 20, (*Server).listUsers),
			http.MethodPost: writing(10, invitationBody(), (*Server).addUser),
		}},
		{name: routeFind, ops: map[string]operation{http.MethodGet: reading(scopeRead, 40, (*Server).findUsers)}},
		{name: "users/me", ops: map[string]operation{http.MethodGet: reading(scopeBase, 2, (*Server).getMe)}},
		{name: routeUser, ops: map[string]operation{
			http.MethodGet: reading(scopeRead, 2, (*Server).getUser),
			http.MethodPut: writing(10, activationBody(), (*Server).updateUser),
		}},
		{name: "users/{id}/permissions", ops: map[string]operation{http.MethodGet: reading(scopeRead, 10, (*Server).getPermissions)}},
		{name: "users/{id}/roleAssignments", ops: map[string]operation{http.MethodGet: reading(scopeRead, 10, (*Server).getRoleOfUser)}},
		{name: "users/{id}/roleSettings", ops: map[string]operation{http.MethodGet: reading(scopeRead, 10, (*Server).getSettingsOfUser)}},
		{name: "users/{id}/followers", ops: map[string]operation{http.MethodGet: reading(scopeRead, 20, (*Server).getFollowers)}},
		{name: "v2/users/{id}/followers", ops: map[string]operation{http.MethodGet: reading(scopeRead, 10, (*Server).listFollowers)}},
		{name: "userSettings", ops: map[string]operation{http.MethodGet: reading(scopeBase, 2, getUserSettings)}},
		{name: "userConnections", ops: map[string]operation{http.MethodGet: reading(scopeBase, 20, getUserConnections)}},
	}
}

// visible returns u as the caller may see it.
func (s *Server) visible(u User) User {
	if !u.IsYou && !u.IsDeleted && s.reads("phones", "own") {
		u.Phone = Null()
	}
	if s.opts.NoAccountSettings {
		u.Modified = Text{}
	}
	return u
}

// getUser handles GET /users/{id}.
func (s *Server) getUser(w http.ResponseWriter, c *call) {
	u, ok := s.people.Get(c.id)
	if !ok {
		notFound(w)
		return
	}
	writeData(w, s.visible(u))
}

// getMe handles GET /users/me: the caller and their company.
func (s *Server) getMe(w http.ResponseWriter, _ *call) {
	type language struct {
		Code    string `json:"language_code"`
		Country string `json:"country_code"`
	}
	u, ok := s.people.Get(1)
	if !ok {
		notFound(w)
		return
	}
	writeData(w, struct {
		User
		CompanyID       int      `json:"company_id"`
		CompanyName     string   `json:"company_name"`
		CompanyDomain   string   `json:"company_domain"`
		CompanyCountry  string   `json:"company_country"`
		CompanyIndustry string   `json:"company_industry"`
		Language        language `json:"language"`
	}{s.visible(u), companyID, "Example Company", companyDomain, "CZ", "Technology", language{"en", "GB"}})
}

const (
	companyID     = 1234
	companyDomain = "example-co"
)

// findUsers handles GET /users/find: by name, or by e-mail address.
func (s *Server) findUsers(w http.ResponseWriter, c *call) {
	q := c.URL.Query()
	term := strings.ToLower(q.Get("term"))
	if term == "" {
		invalid(w, "term: is required")
		return
	}
	byEmail := q.Get("search_by_email")
	if byEmail != "" && byEmail != "0" && byEmail != "1" {
		invalid(w, "search_by_email: must be 0 or 1")
		return
	}
	found := []User{}
	s.people.all(func(u User) {
		in := u.Name
		if byEmail == "1" {
			in = u.Email.Value
		}
		if strings.Contains(strings.ToLower(in), term) {
			found = append(found, s.visible(u))
		}
	})
	writeData(w, found)
}

// listUsers handles GET /users. It generates people one by one while writing
// them.
func (s *Server) listUsers(w http.ResponseWriter, c *call) {
	form, size := s.pagingForm()
	p, err := s.readPage(c.URL.Query(), form, size, "user")
	if err != nil {
		invalid(w, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	out := bufio.NewWriterSize(w, 32<<10)
	defer func() { _ = out.Flush() }() // the client is gone, and nobody is left to tell
	_, _ = out.WriteString(`{"success":true,"data":[`)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	next := s.writePage(c, p, func(n int, item any) error {
		if n > 0 {
			_ = out.WriteByte(',')
		}
		return enc.Encode(item)
	})
	_ = out.WriteByte(']')
	if tail := p.tail(next, "user"); tail != nil {
		_, _ = out.WriteString(`,"additional_data":`)
		_ = enc.Encode(tail)
	}
	_ = out.WriteByte('}')
}

// writePage calls emit with the people of a page and returns the id of the
// first one after it; 0 when there is none.
func (s *Server) writePage(c *call, p page, emit func(int, any) error) (next int64) {
	last := s.people.Highest()
	if c.faults.Has(Half) {
		last /= 2
	}
	skipped, written, before := 0, 0, int64(0)
	for id := p.from; id <= last; id++ {
		u, ok := s.people.Get(id)
		if !ok {
			continue
		}
		if skipped < p.start {
			skipped++
			continue
		}
		if p.limit > 0 && written == p.limit {
			return id
		}
		if emit(written, c.faults.Spoil(written, before, s.visible(u))) != nil {
			return 0
		}
		before = id
		written++
	}
	return 0
}

// followers returns the followers of a user: the caller follows everybody,
// nobody else follows anybody.
func (s *Server) followers(w http.ResponseWriter, c *call) (ids []int64, ok bool) {
	if _, ok := s.people.Get(c.id); !ok {
		notFound(w)
		return nil, false
	}
	if c.id == 1 {
		return []int64{}, true
	}
	return []int64{1}, true
}

// getFollowers handles GET /users/{id}/followers of version 1.
func (s *Server) getFollowers(w http.ResponseWriter, c *call) {
	if ids, ok := s.followers(w, c); ok {
		writeData(w, ids)
	}
}

// listFollowers handles GET /users/{id}/followers of version 2.
func (s *Server) listFollowers(w http.ResponseWriter, c *call) {
	type follower struct {
		UserID  int64  `json:"user_id"`
		AddTime string `json:"add_time"`
	}
	p, err := s.readPage(c.URL.Query(), CursorPaging, defaultPage, "follower")
	if err != nil {
		invalid(w, err.Error())
		return
	}
	ids, ok := s.followers(w, c)
	if !ok {
		return
	}
	list := []follower{}
	for _, id := range ids {
		if id >= p.from {
			list = append(list, follower{id, "2021-01-01T00:00:00Z"})
		}
	}
	simkit.WriteJSON(w, http.StatusOK, map[string]any{"success": true, "data": list, "additional_data": p.tail(0, "follower")})
}

func getUserSettings(_ *Server, w http.ResponseWriter, _ *call) {
	writeData(w, map[string]any{
		"marketplace_team": false, "list_limit": 100, "beta_app": false, "prevent_salesphone_callto_override": false,
		"file_upload_destination": "s3", "callto_link_syntax": "callto:[number]", "autofill_deal_expected_close_date": false,
		"person_duplicate_condition": "name && (org_id || email || phone)",
	})
}

func getUserConnections(_ *Server, w http.ResponseWriter, _ *call) {
	writeData(w, map[string]any{"google": "sim-123-4567890"})
}
