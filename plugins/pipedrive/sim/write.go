package sim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"
)

const maxBody = 1 << 20

var apps = []string{"global", "sales", "campaigns", "projects", "account_settings", "partnership", "nova"}

var uuidText = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// readBody reads a JSON object with known members only, each of them once. It
// has answered when it returns nil.
func readBody(w http.ResponseWriter, r *http.Request, known ...string) map[string]json.RawMessage {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		problem{status: http.StatusUnsupportedMediaType, text: "Unsupported media type: use application/json"}.write(w)
		return nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		problem{status: http.StatusBadRequest, text: "Body cannot be read"}.write(w)
		return nil
	}
	members, err := object(body, known...)
	if err != nil {
		invalid(w, err.Error())
		return nil
	}
	return members
}

// object decodes a JSON object strictly: known members, none twice, nothing
// behind it.
func object(body []byte, known ...string) (map[string]json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return nil, errors.New("body: must be a JSON object")
	}
	members := map[string]json.RawMessage{}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, errors.New("body: is not valid JSON")
		}
		key, _ := name.(string)
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, errors.New("body: is not valid JSON")
		}
		if !slices.Contains(known, key) {
			return nil, fmt.Errorf("%s: is not allowed", key)
		}
		if _, twice := members[key]; twice {
			return nil, fmt.Errorf("%s: is given twice", key)
		}
		members[key] = value
	}
	if _, err := dec.Token(); err != nil {
		return nil, errors.New("body: is not valid JSON")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("body: has text behind the object")
	}
	return members, nil
}

func boolean(raw json.RawMessage) (value, ok bool) {
	switch string(raw) {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	return false, false
}

// text decodes a JSON string; null is none.
func text(raw json.RawMessage) (string, bool) {
	var v string
	ok := len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &v) == nil
	return v, ok
}

// addUser is POST /users: an invitation by e-mail. It answers 200, not 201.
func (s *Server) addUser(w http.ResponseWriter, c *call) {
	if s.opts.NoAdmin {
		forbidden(w)
		return
	}
	body := readBody(w, c.Request, "email", "access", "active_flag")
	if body == nil {
		return
	}
	u, err := s.invitation(body)
	if err != nil {
		invalid(w, err.Error())
		return
	}
	if _, taken := s.people.holder(u.Email.Value); taken {
		invalid(w, "email: is already in use")
		return
	}
	writeData(w, s.visible(s.people.add(u)))
}

// invitation checks the body of POST /users and makes the user of it.
func (s *Server) invitation(body map[string]json.RawMessage) (User, error) {
	address, ok := text(body["email"])
	if !ok {
		return User{}, errors.New("email: a string is required")
	}
	if parsed, err := mail.ParseAddress(address); err != nil || parsed.Address != address {
		return User{}, errors.New("email: must be an e-mail address")
	}
	access := []Access{{App: "sales", PermissionSetID: salesSet}}
	if raw, given := body["access"]; given {
		var err error
		if access, err = readAccess(raw); err != nil {
			return User{}, err
		}
	}
	active := true
	if raw, given := body["active_flag"]; given {
		if active, ok = boolean(raw); !ok {
			return User{}, errors.New("active_flag: must be a boolean")
		}
	}
	return s.invited(address, access, active), nil
}

// invited is a user who has not accepted yet: the name comes from the address,
// and the user sets it when accepting.
func (s *Server) invited(address string, access []Access, active bool) User {
	name, _, _ := strings.Cut(address, "@")
	now := s.opts.Now().UTC().Format(time.DateTime)
	return User{
		Name: name, DefaultCurrency: "EUR", Locale: "en_GB", Lang: 1, Email: Some(address), Phone: Null(),
		LastLogin: now, Created: now, Modified: Some(now), Access: access, ActiveFlag: active,
		TimezoneName: "Europe/Berlin", TimezoneOffset: "+01:00", RoleID: 1, IconURL: Null(),
	}
}

func readAccess(raw json.RawMessage) ([]Access, error) {
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil || items == nil {
		return nil, errors.New("access: must be an array")
	}
	var access []Access
	for i, item := range items {
		a, err := readApp(item)
		if err != nil {
			return nil, fmt.Errorf("access[%d].%w", i, err)
		}
		access = append(access, a)
	}
	if access == nil {
		return nil, errors.New("access: must not be empty")
	}
	return access, nil
}

func readApp(raw json.RawMessage) (Access, error) {
	m, err := object(raw, "app", "admin", "permission_set_id")
	if err != nil {
		return Access{}, err
	}
	app, ok := text(m["app"])
	if !ok || !slices.Contains(apps, app) {
		return Access{}, fmt.Errorf("app: must be one of %s", strings.Join(apps, ", "))
	}
	a := Access{App: app, PermissionSetID: globalSet}
	if app == "sales" {
		a.PermissionSetID = salesSet
	}
	if v, given := m["permission_set_id"]; given {
		id, ok := text(v)
		if !ok || !uuidText.MatchString(id) {
			return Access{}, errors.New("permission_set_id: must be a UUID")
		}
		a.PermissionSetID = id
	}
	if v, given := m["admin"]; given {
		if _, both := m["permission_set_id"]; both {
			return Access{}, errors.New("admin: either this or permission_set_id")
		}
		if a.Admin, ok = boolean(v); !ok {
			return Access{}, errors.New("admin: must be a boolean")
		}
	}
	return a, nil
}

// updateUser is PUT /users/{id}. Only active_flag can be updated.
func (s *Server) updateUser(w http.ResponseWriter, c *call) {
	if s.opts.NoAdmin {
		forbidden(w)
		return
	}
	body := readBody(w, c.Request, "active_flag")
	if body == nil {
		return
	}
	active, ok := boolean(body["active_flag"])
	if !ok {
		invalid(w, "active_flag: a boolean is required")
		return
	}
	if u, ok := s.people.get(c.id); !ok || u.IsDeleted {
		notFound(w)
		return
	}
	u, ok := s.people.change(c.id, func(u *User) {
		u.ActiveFlag = active
		u.Modified = Some(s.opts.Now().UTC().Format(time.DateTime))
	})
	if !ok {
		notFound(w)
		return
	}
	writeData(w, s.visible(u))
}
