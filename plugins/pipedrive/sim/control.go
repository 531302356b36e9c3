package sim

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/rollcall-agent/rollcall/plugins/internal/simkit"
)

// The control API lives below /_sim/, which the vendor's API does not use.

func (s *Server) controlHandler() http.Handler {
	mux := s.kit.Control(controlHelp)
	mux.HandleFunc("GET /_sim/stats", s.controlStats)
	mux.HandleFunc("POST /_sim/users", s.controlAdd)
	mux.HandleFunc("GET /_sim/users/{id}", simkit.ControlRecord(s.User))
	mux.HandleFunc("PATCH /_sim/users/{id}", s.controlPatch)
	mux.HandleFunc("POST /_sim/users/{id}/activate", simkit.ControlRecord(func(id int64) (User, error) { return s.SetActive(id, true) }))
	mux.HandleFunc("POST /_sim/users/{id}/deactivate", simkit.ControlRecord(func(id int64) (User, error) { return s.SetActive(id, false) }))
	mux.HandleFunc("DELETE /_sim/users/{id}", simkit.ControlRecord(s.Delete))
	mux.HandleFunc("POST /_sim/users/{id}/remove", simkit.ControlRecord(s.Remove))
	mux.HandleFunc("POST /_sim/paging", s.controlPaging)
	s.controlWebhooks(mux)
	mux.HandleFunc("POST /_sim/oauth/code", s.controlCode)
	for path, do := range map[string]func(){"oauth/expire": s.ExpireAccessTokens, "oauth/revoke": s.RevokeRefreshTokens, "reset": s.Restart} {
		mux.HandleFunc("POST /_sim/"+path, func(w http.ResponseWriter, _ *http.Request) {
			do()
			simkit.ControlDone(w, nil)
		})
	}
	return mux
}

const controlHelp = `Control of the simulator (the vendor has nothing like it):
  GET    /_sim/stats                    people of each kind, requests, tokens spent
` + simkit.ControlHelp + `  POST   /_sim/users                    {"name":"Bo Ek","email":"bo@example.org"}: a joiner who has accepted
  GET    /_sim/users/ID
  PATCH  /_sim/users/ID                 any fields of a user, e.g. {"name":"Ada King"}
  POST   /_sim/users/ID/deactivate      also /activate
  DELETE /_sim/users/ID                 permanently deleted: the row stays, as "(deleted user)"
  POST   /_sim/users/ID/remove          the row disappears (the vendor never does that)
` + webhooksHelp + `  POST   /_sim/paging                   {"form":"none|offset|cursor","size":100}
  POST   /_sim/oauth/code               {"redirect_uri":"http://127.0.0.1/"}: an authorization code
  POST   /_sim/oauth/expire             every access token; /revoke: every refresh token
  POST   /_sim/reset                    forget changes, persons, roles, teams, webhooks, faults, readings and the paging form;
                                        no webhook is told
`

// ErrNoUser is the error for an id that no user has.
var ErrNoUser = fmt.Errorf("no such user: %w", simkit.ErrNotFound)

// User returns user id with every field, whatever the caller may see.
func (s *Server) User(id int64) (User, error) {
	u, ok := s.people.Get(id)
	if !ok {
		return User{}, fmt.Errorf("user %d: %w", id, ErrNoUser)
	}
	return u, nil
}

// Change applies f to user id, as the web application does. The id stays the
// same.
func (s *Server) Change(id int64, f func(*User)) (User, error) { return s.changePerson(id, byApp, f) }

// Add creates an active user who has accepted the invitation.
func (s *Server) Add(name, email string) User {
	u := s.invited(email, []Access{{App: "sales", PermissionSetID: salesSet}}, true)
	u.Name, u.Activated = name, true
	return s.addPerson(u, byApp)
}

// Rename changes the name of user id.
func (s *Server) Rename(id int64, name string) (User, error) {
	return s.Change(id, func(u *User) { u.Name = name })
}

// SetActive activates or deactivates user id.
func (s *Server) SetActive(id int64, active bool) (User, error) {
	return s.Change(id, func(u *User) { u.ActiveFlag = active })
}

// Delete deletes user id permanently. Its row remains, as in the vendor's API.
func (s *Server) Delete(id int64) (User, error) { return s.Change(id, (*User).forget) }

// Remove removes user id from every answer, which the vendor never does. Webhooks
// are told of a deletion.
func (s *Server) Remove(id int64) (User, error) {
	u, ok := s.people.Remove(id)
	if !ok {
		return User{}, fmt.Errorf("remove user %d: %w", id, ErrNoUser)
	}
	s.emit(event{action: "delete", by: byApp, id: id, before: &u})
	return u, nil
}

// Restart discards every change and goes back to the options. Tokens and rate
// limits stay.
func (s *Server) Restart() {
	s.people.Reset()
	s.persons.store.Reset()
	s.roles.reset()
	s.teams.reset()
	s.hooks.reset()
	s.ClearFaults()
	_ = s.kit.Readings.Reset(s.opts.Readings) // New has checked them
	s.SetPaging(s.opts.Paging, s.opts.PageSize)
}

func (s *Server) controlPatch(w http.ResponseWriter, r *http.Request) {
	var fields json.RawMessage
	if !simkit.ControlBody(w, r, &fields) {
		return
	}
	simkit.ControlRecord(func(id int64) (User, error) {
		u, err := s.User(id)
		if err != nil {
			return u, err
		}
		if err := patch(&u, fields); err != nil {
			return u, err
		}
		return s.Change(id, func(old *User) { *old = u })
	})(w, r)
}

func patch(u *User, fields json.RawMessage) error {
	known := simkit.Schema{Members: map[string]simkit.Schema{}}
	for _, name := range []string{
		"name", "default_currency", "locale", "lang", "email", "phone", "activated", "last_login", "created", "modified",
		"has_created_company", "access", "active_flag", "timezone_name", "timezone_offset", "role_id", "icon_url", "is_you", "is_deleted",
	} {
		known.Members[name] = simkit.Schema{}
	}
	if _, found := known.Read(fields, false); len(found) > 0 {
		return found
	}
	if err := json.Unmarshal(fields, u); err != nil {
		return fmt.Errorf("change user: %w", err)
	}
	return nil
}

func (s *Server) controlAdd(w http.ResponseWriter, r *http.Request) {
	var in struct{ Name, Email string }
	if simkit.ControlBody(w, r, &in) {
		simkit.WriteJSON(w, http.StatusOK, s.Add(in.Name, in.Email))
	}
}

func (s *Server) controlPaging(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Form Paging
		Size int
	}
	if !simkit.ControlBody(w, r, &in) {
		return
	}
	if !in.Form.Valid() {
		simkit.ControlDone(w, fmt.Errorf("unknown form of paging %q: none, offset or cursor", in.Form))
		return
	}
	s.SetPaging(in.Form, in.Size)
	simkit.ControlDone(w, nil)
}

func (s *Server) controlCode(w http.ResponseWriter, r *http.Request) {
	var in struct {
		RedirectURI string `json:"redirect_uri"`
	}
	if simkit.ControlBody(w, r, &in) {
		simkit.WriteJSON(w, http.StatusOK, map[string]string{"code": s.IssueCode(in.RedirectURI)})
	}
}

func (s *Server) controlStats(w http.ResponseWriter, _ *http.Request) {
	simkit.WriteJSON(w, http.StatusOK,
		map[string]any{"people": s.Count(), "persons": s.Persons(), "requests": s.kit.Journal.Count(), "tokens_spent": s.Spent()})
}
