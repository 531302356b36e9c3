package sim

import (
	"fmt"
	"net/http"
	"net/mail"
	"regexp"
	"strconv"
	"strings"

	"github.com/rollcall-agent/rollcall/plugins/internal/simkit"
)

func appNames() []any {
	return []any{"global", "sales", "campaigns", "projects", "account_settings", "partnership", "nova"}
}

var uuidText = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

func invitationBody() *simkit.Schema {
	access := simkit.Schema{Type: simkit.Object, Members: map[string]simkit.Schema{
		"app":               {Type: simkit.String, Required: true, Enum: appNames()},
		"admin":             {Type: simkit.Boolean},
		"permission_set_id": {Type: simkit.String, Check: isUUID},
	}}
	return &simkit.Schema{Members: map[string]simkit.Schema{
		"email":       {Type: simkit.String, Required: true, Check: isAddress},
		"access":      {Type: simkit.Array, NotEmpty: true, Items: &access},
		"active_flag": {Type: simkit.Boolean},
	}}
}

// activationBody is a schema: only active_flag can be updated.
func activationBody() *simkit.Schema {
	return &simkit.Schema{Members: map[string]simkit.Schema{"active_flag": {Type: simkit.Boolean, Required: true}}}
}

func isAddress(v any) string {
	if parsed, err := mail.ParseAddress(v.(string)); err != nil || parsed.Address != v {
		return "must be an e-mail address"
	}
	return ""
}

func isUUID(v any) string {
	if !uuidText.MatchString(v.(string)) {
		return "must be a UUID"
	}
	return ""
}

// addUser handles POST /users: an invitation by e-mail. It answers 200, not
// 201.
func (s *Server) addUser(w http.ResponseWriter, c *call) {
	access, err := s.readAccess(c.body["access"])
	if err != nil {
		invalid(w, err.Error())
		return
	}
	active, given := c.body["active_flag"].(bool)
	address := c.body["email"].(string)
	s.people.adding.Lock()
	defer s.people.adding.Unlock()
	if u, taken := s.people.holder(address); taken {
		s.refuseAddress(w, u)
		return
	}
	if (active || !given) && !s.freeSeat() {
		s.refuseSeat(w)
		return
	}
	writeData(w, s.visible(s.addPerson(s.invited(address, access, active || !given), byAPI)))
}

func (s *Server) refuseAddress(w http.ResponseWriter, holder User) {
	switch s.kit.Readings.Get("duplicate_email") {
	case "200":
		writeData(w, s.visible(holder))
	case "409":
		problem{status: http.StatusConflict, text: "User with this email already exists"}.write(w)
	default:
		invalid(w, "email: is already in use")
	}
}

// freeSeat reports whether one more user can be active.
func (s *Server) freeSeat() bool { return s.opts.Seats == 0 || s.Count().Active < s.opts.Seats }

func (s *Server) refuseSeat(w http.ResponseWriter) {
	status, _ := strconv.Atoi(s.kit.Readings.Get("seat_status"))
	problem{status: status, text: "Your plan has no free seat for this user.", reason: "feature_capping_users_limit"}.write(w)
}

// invited returns a user who has not accepted yet. The name comes from the
// address; the user sets it when accepting.
func (s *Server) invited(address string, access []Access, active bool) User {
	name, _, _ := strings.Cut(address, "@")
	if s.reads("invited_name", "address") {
		name = address
	}
	now := s.stamp()
	login := Some(now)
	if s.reads("invited_login", "null") {
		login = Null()
	}
	return User{
		Name: name, DefaultCurrency: "EUR", Locale: "en_GB", Lang: 1, Email: Some(address), Phone: Null(),
		LastLogin: login, Created: now, Modified: Some(now), Access: access, ActiveFlag: active,
		TimezoneName: "Europe/Berlin", TimezoneOffset: "+01:00", RoleID: unassignedRole, IconURL: Null(),
	}
}

// readAccess reads the access in an invitation; without any, it is to sales.
func (s *Server) readAccess(raw any) ([]Access, error) {
	items, given := raw.([]any)
	if !given {
		return []Access{{App: "sales", PermissionSetID: salesSet}}, nil
	}
	var access []Access
	for i, item := range items {
		m := item.(map[string]any)
		a := Access{App: m["app"].(string)}
		_, hasAdmin := m["admin"]
		a.Admin, _ = m["admin"].(bool)
		a.PermissionSetID = setOf(a.App, a.Admin)
		if id, given := m["permission_set_id"].(string); given {
			if hasAdmin && s.reads("admin_with_set", "refused") {
				return nil, fmt.Errorf("access[%d].admin: either this or permission_set_id", i)
			}
			set, known := findSet(id)
			if !known || set.App != a.App {
				return nil, fmt.Errorf("access[%d].permission_set_id: must be a permission set of the app", i)
			}
			a.PermissionSetID, a.Admin = set.ID, set.Type == adminSet
		}
		access = append(access, a)
	}
	return access, nil
}

// updateUser handles PUT /users/{id}.
func (s *Server) updateUser(w http.ResponseWriter, c *call) {
	active := c.body["active_flag"].(bool)
	s.people.adding.Lock()
	defer s.people.adding.Unlock()
	old, ok := s.people.Get(c.id)
	switch {
	case !ok, old.IsDeleted && s.reads("put_deleted", "404"):
		notFound(w)
		return
	case old.IsDeleted:
		invalid(w, "id: is a deleted user")
		return
	case active && !old.ActiveFlag && !s.freeSeat() && s.reads("reactivate", "refused"):
		s.refuseSeat(w)
		return
	}
	u, err := s.changePerson(c.id, byAPI, func(u *User) {
		u.ActiveFlag = active
		u.Modified = Some(s.stamp())
	})
	if err != nil {
		notFound(w)
		return
	}
	writeData(w, s.visible(u))
}

// origin is the value of meta.change_source in a delivery.
type origin string

const (
	byAPI origin = "api"
	byApp origin = "app" // the web application, for which the control API stands
)

// changePerson changes a user and notifies webhooks.
func (s *Server) changePerson(id int64, by origin, f func(*User)) (User, error) {
	before, after, ok, _ := s.people.Change(id, func(u *User) error {
		f(u)
		u.ID = id
		return nil
	})
	if !ok {
		return User{}, fmt.Errorf("change user %d: %w", id, ErrNoUser)
	}
	switch {
	case after.IsDeleted && !before.IsDeleted:
		s.emit(event{action: "delete", by: by, id: id, before: &before})
	default:
		s.emit(event{action: "change", by: by, id: id, before: &before, after: &after})
	}
	return after, nil
}

func (s *Server) addPerson(u User, by origin) User {
	u = s.people.Add(func(id int64) User {
		u.ID = id
		return u
	})
	s.emit(event{action: "create", by: by, id: u.ID, after: &u})
	return u
}
