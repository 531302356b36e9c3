package sim

import (
	"errors"
	"fmt"

	"github.com/rollcall-agent/rollcall/plugins/internal/simkit"
)

// ErrNoPerson and ErrNoAgent are the errors for a number that nobody has.
var (
	ErrNoPerson = fmt.Errorf("no such person: %w", simkit.ErrNotFound)
	ErrNoAgent  = fmt.Errorf("no such agent: %w", simkit.ErrNotFound)
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

// Change applies f to person id, as a user of the portal does. The id stays the
// same.
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

// Add creates a person with the next id.
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
	a, ok := s.agents.Get(n)
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

// ChangeAgent applies f to agent number n. The id stays the same.
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

// AddAgent creates an agent, as a user of the portal does.
func (s *Server) AddAgent(a Agent) Agent {
	a.CreatedAt = s.opts.Now().UTC().Format(agentTime)
	a.UpdatedAt = a.CreatedAt
	if a.Availability == "" {
		a.Availability = a.Status
	}
	return s.agents.add(a)
}

// DeleteAgent removes agent number n, which the vendor's API cannot do.
func (s *Server) DeleteAgent(n int64) (Agent, error) {
	a, ok := s.agents.remove(n)
	if !ok {
		return Agent{}, fmt.Errorf("delete agent %d: %w", n, ErrNoAgent)
	}
	return a, nil
}

// Restart discards changes of people and agents, faults and readings. Tokens
// and rate limits stay.
func (s *Server) Restart() {
	s.people.reset()
	s.agents.reset()
	s.ClearFaults()
	_ = s.readings.Reset(s.opts.Readings) // New has checked them
}

// Counts holds the numbers of people and agents.
type Counts struct {
	People int64 `json:"people"`
	Agents int64 `json:"agents"`
}

// Count counts people and agents.
func (s *Server) Count() Counts {
	return Counts{s.people.total(), s.agents.total()}
}
