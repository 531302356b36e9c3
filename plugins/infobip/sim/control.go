package sim

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/rollcall-agent/rollcall/plugins/internal/simkit"
)

// controlHandler adds Infobip's own paths to the common control API.
func (s *Server) controlHandler() http.Handler {
	mux := s.kit.Control(controlHelp + simkit.ControlHelp)
	mux.HandleFunc("GET /_sim/stats", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, struct {
			Counts
			Requests int `json:"requests"`
		}{s.Count(), s.kit.Journal.Count()})
	})
	mux.HandleFunc("POST /_sim/persons", func(w http.ResponseWriter, r *http.Request) { controlWrite(w, r, Person{}, s.Add) })
	mux.HandleFunc("GET /_sim/persons/{id}", simkit.ControlRecord(s.Person))
	mux.HandleFunc("PATCH /_sim/persons/{id}", controlPatch(s.Person, s.replace))
	mux.HandleFunc("DELETE /_sim/persons/{id}", simkit.ControlRecord(s.Delete))
	mux.HandleFunc("POST /_sim/agents", func(w http.ResponseWriter, r *http.Request) {
		controlWrite(w, r, Agent{Role: "AGENT", Status: "ACTIVE", Enabled: true}, func(a Agent) (Agent, error) { return s.AddAgent(a), nil })
	})
	mux.HandleFunc("GET /_sim/agents/{id}", simkit.ControlRecord(s.Agent))
	mux.HandleFunc("PATCH /_sim/agents/{id}", controlPatch(s.Agent, s.replaceAgent))
	mux.HandleFunc("DELETE /_sim/agents/{id}", simkit.ControlRecord(s.DeleteAgent))
	mux.HandleFunc("POST /_sim/scopes", func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Scopes []string }
		if simkit.ControlBody(w, r, &in) {
			s.SetScopes(in.Scopes...)
			simkit.ControlDone(w, nil)
		}
	})
	mux.HandleFunc("POST /_sim/tokens/expire", func(w http.ResponseWriter, _ *http.Request) {
		s.ExpireTokens()
		simkit.ControlDone(w, nil)
	})
	mux.HandleFunc("POST /_sim/reset", func(w http.ResponseWriter, _ *http.Request) {
		s.Restart()
		simkit.ControlDone(w, nil)
	})
	return mux
}

const controlHelp = `Control of the simulator (the vendor has nothing like it):
  GET    /_sim/stats                    people, agents, requests
  POST   /_sim/persons                  {"firstName":"Bo","contactInformation":{"email":[{"address":"bo@example.org"}]}}
  GET    /_sim/persons/ID
  PATCH  /_sim/persons/ID               any members of a person, e.g. {"firstName":"Ada"}
  DELETE /_sim/persons/ID
  POST   /_sim/agents                   {"displayName":"Bo Ek","email":"bo@example.org","role":"AGENT","status":"ACTIVE","enabled":true}
  GET    /_sim/agents/N                 agent number N, counted from 1; also PATCH, DELETE
  POST   /_sim/scopes                   {"scopes":["people:read"]}: what the caller may do; [] is nothing
  POST   /_sim/tokens/expire            ends every session and access token
  POST   /_sim/reset                    forget changes, faults and readings
`

// controlWrite decodes the body into v and answers with the result of do.
func controlWrite[T any](w http.ResponseWriter, r *http.Request, v T, do func(T) (T, error)) {
	if !simkit.ControlBody(w, r, &v) {
		return
	}
	v, err := do(v)
	if err != nil {
		simkit.ControlDone(w, err)
		return
	}
	writeJSON(w, http.StatusOK, v)
}

// controlPatch reads the body over a record and stores it.
func controlPatch[T any](get func(int64) (T, error), put func(int64, T) (T, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
		if err != nil {
			simkit.ControlDone(w, fmt.Errorf("read id: %w", err))
			return
		}
		v, err := get(id)
		if err != nil {
			simkit.ControlDone(w, err)
			return
		}
		controlWrite(w, r, v, func(v T) (T, error) { return put(id, v) })
	}
}

func (s *Server) replace(id int64, p Person) (Person, error) {
	return s.Change(id, func(old *Person) {
		p.ModifiedAt, p.ModifiedFrom = old.ModifiedAt, old.ModifiedFrom
		*old = p
	})
}

func (s *Server) replaceAgent(n int64, a Agent) (Agent, error) {
	return s.ChangeAgent(n, func(old *Agent) {
		a.UpdatedAt = old.UpdatedAt
		*old = a
	})
}
