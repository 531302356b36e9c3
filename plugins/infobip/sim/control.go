package sim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
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
	mux.HandleFunc("GET /_sim/requests", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, s.Requests()) })
	mux.HandleFunc("POST /_sim/persons", s.controlAdd)
	mux.HandleFunc("GET /_sim/persons/{id}", s.controlPerson(func(id int64, _ *http.Request) (Person, error) { return s.Person(id) }))
	mux.HandleFunc("PATCH /_sim/persons/{id}", s.controlPerson(s.controlPatch))
	mux.HandleFunc("DELETE /_sim/persons/{id}", s.controlPerson(func(id int64, _ *http.Request) (Person, error) { return s.Delete(id) }))
	mux.HandleFunc("POST /_sim/agents", s.controlAddAgent)
	mux.HandleFunc("GET /_sim/agents/{n}", s.controlAgent(func(n int64, _ *http.Request) (Agent, error) { return s.Agent(n) }))
	mux.HandleFunc("PATCH /_sim/agents/{n}", s.controlAgent(s.controlPatchAgent))
	mux.HandleFunc("DELETE /_sim/agents/{n}", s.controlAgent(func(n int64, _ *http.Request) (Agent, error) { return s.DeleteAgent(n) }))
	mux.HandleFunc("GET /_sim/faults", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, s.Faults()) })
	mux.HandleFunc("POST /_sim/faults", s.controlFault)
	mux.HandleFunc("DELETE /_sim/faults", func(w http.ResponseWriter, _ *http.Request) { s.ClearFaults(); noContent(w) })
	mux.HandleFunc("GET /_sim/readings", s.controlReadings)
	mux.HandleFunc("POST /_sim/readings", s.controlSetReadings)
	mux.HandleFunc("POST /_sim/scopes", s.controlScopes)
	mux.HandleFunc("POST /_sim/tokens/expire", func(w http.ResponseWriter, _ *http.Request) { s.ExpireTokens(); noContent(w) })
	mux.HandleFunc("POST /_sim/reset", func(w http.ResponseWriter, _ *http.Request) { s.Restart(); noContent(w) })
	return mux
}

const controlHelp = `Control of the simulator (the vendor has nothing like it):
  GET    /_sim/stats                    people, agents, requests
  GET    /_sim/requests                 the last 1000 requests
  POST   /_sim/persons                  {"firstName":"Bo","contactInformation":{"email":[{"address":"bo@example.org"}]}}
  GET    /_sim/persons/ID
  PATCH  /_sim/persons/ID               any members of a person, e.g. {"firstName":"Ada"}
  DELETE /_sim/persons/ID
  POST   /_sim/agents                   {"displayName":"Bo Ek","email":"bo@example.org","role":"AGENT","status":"ACTIVE","enabled":true}
  GET    /_sim/agents/N                 agent number N, counted from 1; also PATCH, DELETE
  POST   /_sim/faults                   {"kind":"lost","route":"persons","method":"POST","times":1}
  GET    /_sim/faults                   DELETE clears them
  GET    /_sim/readings                 open questions, their values and the one in force
  POST   /_sim/readings                 {"unknown_person":"400"}
  POST   /_sim/scopes                   {"scopes":["people:read"]}: what the caller may do; [] is nothing
  POST   /_sim/tokens/expire            ends every session and access token
  POST   /_sim/reset                    forget changes, faults and readings
`

func noContent(w http.ResponseWriter) { w.WriteHeader(http.StatusNoContent) }

// ErrNoPerson and ErrNoAgent tell that there is nobody with that number.
var (
	ErrNoPerson = errors.New("no such person")
	ErrNoAgent  = errors.New("no such agent")
)

// Person returns person id.
func (s *Server) Person(id int64) (Person, error) {
	p, ok := s.people.get(id)
	if !ok {
		return Person{}, fmt.Errorf("person %d: %w", id, ErrNoPerson)
	}
	return p, nil
}

// Find returns the person who has an identifier of type ID, EXTERNAL_ID, PHONE
// or EMAIL.
func (s *Server) Find(kind, identifier string) (Person, error) {
	id, ok := s.people.find(key{kind, identifier})
	if !ok {
		return Person{}, fmt.Errorf("person with %s %s: %w", kind, identifier, ErrNoPerson)
	}
	return s.Person(id)
}

// Change applies f to person id, as a user of the portal does. The id stays.
func (s *Server) Change(id int64, f func(*Person)) (Person, error) {
	p, err := s.people.change(id, func(p *Person) error {
		p.ModifiedAt, p.ModifiedFrom = s.now(), "PORTAL"
		f(p)
		return p.normalize()
	})
	if errors.Is(err, errNobody) {
		err = ErrNoPerson
	}
	if err != nil {
		return Person{}, fmt.Errorf("change person %d: %w", id, err)
	}
	return p, nil
}

// Add makes a new person with the next id.
func (s *Server) Add(p Person) (Person, error) {
	if p.CreatedAt == "" {
		p.CreatedAt = s.now()
	}
	p.ModifiedAt, p.ModifiedFrom, p.Origin = s.now(), "PORTAL", "PORTAL"
	if p.Type == "" {
		p.Type = "CUSTOMER"
	}
	err := p.normalize()
	if err == nil {
		p, err = s.people.add(p)
	}
	if err != nil {
		return Person{}, fmt.Errorf("add person: %w", err)
	}
	return p, nil
}

// Delete deletes person id.
func (s *Server) Delete(id int64) (Person, error) {
	p, err := s.people.remove(id)
	if err != nil {
		return Person{}, fmt.Errorf("delete person %d: %w", id, ErrNoPerson)
	}
	return p, nil
}

// Agent returns agent number n, counted from 1, with every member.
func (s *Server) Agent(n int64) (Agent, error) {
	a, ok := s.agents.get(n)
	if !ok {
		return Agent{}, fmt.Errorf("agent %d: %w", n, ErrNoAgent)
	}
	return a, nil
}

// AgentNumber returns the number of the agent with that id.
func (s *Server) AgentNumber(id string) (int64, error) {
	n, ok := s.agents.number(id)
	if !ok {
		return 0, fmt.Errorf("agent %q: %w", id, ErrNoAgent)
	}
	return n, nil
}

// ChangeAgent applies f to agent number n. The id stays.
func (s *Server) ChangeAgent(n int64, f func(*Agent)) (Agent, error) {
	a, ok := s.agents.change(n, func(a *Agent) {
		a.UpdatedAt = s.opts.Now().UTC().Format(agentTime)
		f(a)
	})
	if !ok {
		return Agent{}, fmt.Errorf("change agent %d: %w", n, ErrNoAgent)
	}
	return a, nil
}

// AddAgent makes a new agent, as a user of the portal does.
func (s *Server) AddAgent(a Agent) Agent {
	a.CreatedAt = s.opts.Now().UTC().Format(agentTime)
	a.UpdatedAt = a.CreatedAt
	if a.Availability == "" {
		a.Availability = a.Status
	}
	return s.agents.add(a)
}

// DeleteAgent takes agent number n away, which the vendor's API cannot do.
func (s *Server) DeleteAgent(n int64) (Agent, error) {
	a, _ := s.agents.get(n)
	if !s.agents.remove(n) {
		return Agent{}, fmt.Errorf("delete agent %d: %w", n, ErrNoAgent)
	}
	return a, nil
}

// Restart forgets changes of people and agents, faults and readings. Tokens
// and rate limits stay.
func (s *Server) Restart() {
	s.people.reset()
	s.agents.reset()
	s.ClearFaults()
	s.readings.reset(s.opts.Readings)
}

// Counts is how many there are.
type Counts struct {
	People int64 `json:"people"`
	Agents int64 `json:"agents"`
}

// Count counts people and agents.
func (s *Server) Count() Counts {
	s.agents.mu.RLock()
	defer s.agents.mu.RUnlock()
	return Counts{s.people.total(), s.agents.last - int64(len(s.agents.gone))}
}

func controlError(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	if errors.Is(err, ErrNoPerson) || errors.Is(err, ErrNoAgent) {
		status = http.StatusNotFound
	}
	writeJSON(w, status, map[string]string{"error": err.Error()})
}

// controlBody decodes the body into v and refuses unknown members.
func controlBody(w http.ResponseWriter, r *http.Request, v any) bool {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	dec.DisallowUnknownFields()
	dec.UseNumber()
	if err := dec.Decode(v); err != nil {
		controlError(w, fmt.Errorf("read body: %w", err))
		return false
	}
	return true
}
