package sim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// The control API lives below /_sim/, where the vendor has nothing. It needs
// no credentials: listen on a loopback address only.

func (s *Server) controlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_sim/{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, controlHelp)
	})
	mux.HandleFunc("GET /_sim/stats", s.controlStats)
	mux.HandleFunc("GET /_sim/requests", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, s.Requests())
	})
	mux.HandleFunc("POST /_sim/users", s.controlAdd)
	mux.HandleFunc("GET /_sim/users/{id}", s.controlUser(s.User))
	mux.HandleFunc("PATCH /_sim/users/{id}", s.controlPatch)
	mux.HandleFunc("POST /_sim/users/{id}/activate", s.controlUser(func(id int64) (User, error) { return s.SetActive(id, true) }))
	mux.HandleFunc("POST /_sim/users/{id}/deactivate", s.controlUser(func(id int64) (User, error) { return s.SetActive(id, false) }))
	mux.HandleFunc("DELETE /_sim/users/{id}", s.controlUser(s.Delete))
	mux.HandleFunc("POST /_sim/users/{id}/remove", s.controlUser(s.Remove))
	mux.HandleFunc("GET /_sim/faults", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, s.Faults())
	})
	mux.HandleFunc("POST /_sim/faults", s.controlFault)
	mux.HandleFunc("DELETE /_sim/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.ClearFaults()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /_sim/paging", s.controlPaging)
	mux.HandleFunc("POST /_sim/oauth/code", s.controlCode)
	mux.HandleFunc("POST /_sim/oauth/expire", func(w http.ResponseWriter, _ *http.Request) {
		s.ExpireAccessTokens()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /_sim/oauth/revoke", func(w http.ResponseWriter, _ *http.Request) {
		s.RevokeRefreshTokens()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /_sim/reset", func(w http.ResponseWriter, _ *http.Request) {
		s.Restart()
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}

const controlHelp = `Control of the simulator (the vendor has nothing like it):
  GET    /_sim/stats                    people of each kind, requests, tokens spent
  GET    /_sim/requests                 the last 1000 requests
  POST   /_sim/users                    {"name":"Bo Ek","email":"bo@example.org"}: a joiner who has accepted
  GET    /_sim/users/ID
  PATCH  /_sim/users/ID                 any fields of a user, e.g. {"name":"Ada King"}
  POST   /_sim/users/ID/deactivate      also /activate
  DELETE /_sim/users/ID                 permanently deleted: the row stays, as "(deleted user)"
  POST   /_sim/users/ID/remove          the row disappears (the vendor never does that)
  POST   /_sim/faults                   {"kind":"data_empty","route":"users","times":1}
  GET    /_sim/faults                   DELETE clears them
  POST   /_sim/paging                   {"form":"none|offset|cursor","size":100}
  POST   /_sim/oauth/code               {"redirect_uri":"http://127.0.0.1/"}: an authorization code
  POST   /_sim/oauth/expire             every access token; /revoke: every refresh token
  POST   /_sim/reset                    forget changes, faults and the paging form
`

// ErrNoUser tells that there is no user with that id.
var ErrNoUser = errors.New("no such user")

// User returns user id with every field, whatever the caller may see.
func (s *Server) User(id int64) (User, error) {
	u, ok := s.people.get(id)
	if !ok {
		return User{}, fmt.Errorf("user %d: %w", id, ErrNoUser)
	}
	return u, nil
}

// Change applies f to user id. The id itself stays.
func (s *Server) Change(id int64, f func(*User)) (User, error) {
	u, ok := s.people.change(id, f)
	if !ok {
		return User{}, fmt.Errorf("change user %d: %w", id, ErrNoUser)
	}
	return u, nil
}

// Add makes a new, active user who has accepted the invitation.
func (s *Server) Add(name, email string) User {
	u := s.invited(email, []Access{{App: "sales", PermissionSetID: salesSet}}, true)
	u.Name, u.Activated = name, true
	return s.people.add(u)
}

// Rename changes the name of user id.
func (s *Server) Rename(id int64, name string) (User, error) {
	return s.Change(id, func(u *User) { u.Name = name })
}

// SetActive activates or deactivates user id.
func (s *Server) SetActive(id int64, active bool) (User, error) {
	return s.Change(id, func(u *User) { u.ActiveFlag = active })
}

// Delete deletes user id permanently. The row stays, as the vendor keeps it.
func (s *Server) Delete(id int64) (User, error) {
	return s.Change(id, (*User).forget)
}

// Remove takes user id out of every answer, which the vendor never does.
func (s *Server) Remove(id int64) (User, error) {
	s.people.mu.Lock()
	defer s.people.mu.Unlock()
	u, ok := s.people.locked(id)
	if !ok {
		return User{}, fmt.Errorf("remove user %d: %w", id, ErrNoUser)
	}
	s.people.gone[id] = true
	delete(s.people.changed, id)
	return u, nil
}

// Restart forgets changes of people, faults and the paging form. Tokens and
// rate limits stay.
func (s *Server) Restart() {
	s.people.reset()
	s.ClearFaults()
	s.SetPaging(s.opts.Paging, s.opts.PageSize)
}

func controlError(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	if errors.Is(err, ErrNoUser) {
		status = http.StatusNotFound
	}
	writeJSON(w, status, map[string]string{"error": err.Error()})
}

// controlBody decodes the body into v and refuses unknown members.
func controlBody(w http.ResponseWriter, r *http.Request, v any) bool {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		controlError(w, fmt.Errorf("read body: %w", err))
		return false
	}
	return true
}

func (s *Server) controlUser(do func(int64) (User, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
		if err != nil {
			controlError(w, fmt.Errorf("read id: %w", err))
			return
		}
		u, err := do(id)
		if err != nil {
			controlError(w, err)
			return
		}
		writeJSON(w, http.StatusOK, u)
	}
}

func (s *Server) controlPatch(w http.ResponseWriter, r *http.Request) {
	var fields json.RawMessage
	if !controlBody(w, r, &fields) {
		return
	}
	s.controlUser(func(id int64) (User, error) {
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
	known := []string{
		"name", "default_currency", "locale", "lang", "email", "phone", "activated", "last_login", "created", "modified",
		"has_created_company", "access", "active_flag", "timezone_name", "timezone_offset", "role_id", "icon_url", "is_you", "is_deleted",
	}
	if _, err := object(fields, known...); err != nil {
		return err
	}
	if err := json.Unmarshal(fields, u); err != nil {
		return fmt.Errorf("change user: %w", err)
	}
	return nil
}

func (s *Server) controlAdd(w http.ResponseWriter, r *http.Request) {
	var in struct{ Name, Email string }
	if !controlBody(w, r, &in) {
		return
	}
	writeJSON(w, http.StatusOK, s.Add(in.Name, in.Email))
}

func (s *Server) controlFault(w http.ResponseWriter, r *http.Request) {
	var f Fault
	if !controlBody(w, r, &f) {
		return
	}
	if err := s.AddFault(f); err != nil {
		controlError(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) controlPaging(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Form Paging
		Size int
	}
	if !controlBody(w, r, &in) {
		return
	}
	if !in.Form.Valid() {
		controlError(w, fmt.Errorf("unknown form of paging %q: none, offset or cursor", in.Form))
		return
	}
	s.SetPaging(in.Form, in.Size)
	w.WriteHeader(http.StatusNoContent)
}

// Valid reports whether p is a form that the simulator knows.
func (p Paging) Valid() bool { return p == Unpaged || p == OffsetPaging || p == CursorPaging }

func (s *Server) controlCode(w http.ResponseWriter, r *http.Request) {
	var in struct {
		RedirectURI string `json:"redirect_uri"`
	}
	if controlBody(w, r, &in) {
		writeJSON(w, http.StatusOK, map[string]string{"code": s.IssueCode(in.RedirectURI)})
	}
}

func (s *Server) controlStats(w http.ResponseWriter, _ *http.Request) {
	s.journal.mu.Lock()
	n := s.journal.n
	s.journal.mu.Unlock()
	writeJSON(w, http.StatusOK, map[string]any{"people": s.Count(), "requests": n, "tokens_spent": s.Spent()})
}
