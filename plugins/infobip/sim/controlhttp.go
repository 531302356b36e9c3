package sim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

func (s *Server) controlPerson(do func(int64, *http.Request) (Person, error)) http.HandlerFunc {
	return numbered("id", do)
}

func (s *Server) controlAgent(do func(int64, *http.Request) (Agent, error)) http.HandlerFunc {
	return numbered("n", do)
}

// numbered answers a request about the record whose number is in the path.
func numbered[T any](name string, do func(int64, *http.Request) (T, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.ParseInt(r.PathValue(name), 10, 64)
		if err != nil {
			controlError(w, fmt.Errorf("read number: %w", err))
			return
		}
		one, err := do(n, r)
		if err != nil {
			controlError(w, err)
			return
		}
		writeJSON(w, http.StatusOK, one)
	}
}

// decodeOver reads the body over what v holds and refuses unknown members.
func decodeOver(r *http.Request, v any) error {
	dec := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxBody))
	dec.DisallowUnknownFields()
	dec.UseNumber()
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("read body: %w", err)
	}
	return nil
}

func (s *Server) controlPatch(id int64, r *http.Request) (Person, error) {
	p, err := s.Person(id)
	if err != nil {
		return p, err
	}
	if err := decodeOver(r, &p); err != nil {
		return p, err
	}
	return s.Change(id, func(old *Person) {
		p.ModifiedAt, p.ModifiedFrom = old.ModifiedAt, old.ModifiedFrom
		*old = p
	})
}

func (s *Server) controlPatchAgent(n int64, r *http.Request) (Agent, error) {
	a, err := s.Agent(n)
	if err != nil {
		return a, err
	}
	if err := decodeOver(r, &a); err != nil {
		return a, err
	}
	return s.ChangeAgent(n, func(old *Agent) {
		a.UpdatedAt = old.UpdatedAt
		*old = a
	})
}

func (s *Server) controlAdd(w http.ResponseWriter, r *http.Request) {
	var p Person
	if !controlBody(w, r, &p) {
		return
	}
	p, err := s.Add(p)
	if err != nil {
		controlError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, p)
}

func (s *Server) controlAddAgent(w http.ResponseWriter, r *http.Request) {
	a := Agent{Role: "AGENT", Status: "ACTIVE", Enabled: true}
	if controlBody(w, r, &a) {
		writeJSON(w, http.StatusOK, s.AddAgent(a))
	}
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
	noContent(w)
}

func (s *Server) controlReadings(w http.ResponseWriter, _ *http.Request) {
	type entry struct {
		Reading
		Value string `json:"value"`
	}
	var list []entry
	for _, r := range Readings() {
		list = append(list, entry{r, s.readings.get(r.Name)})
	}
	writeJSON(w, http.StatusOK, list)
}

func (s *Server) controlSetReadings(w http.ResponseWriter, r *http.Request) {
	var chosen map[string]string
	if !controlBody(w, r, &chosen) {
		return
	}
	for name, value := range chosen {
		if err := CheckReading(name, value); err != nil {
			controlError(w, err)
			return
		}
	}
	for name, value := range chosen {
		_ = s.SetReading(name, value) // checked above
	}
	noContent(w)
}

func (s *Server) controlScopes(w http.ResponseWriter, r *http.Request) {
	var in struct{ Scopes []string }
	if controlBody(w, r, &in) {
		s.SetScopes(in.Scopes...)
		noContent(w)
	}
}

func (s *Server) controlStats(w http.ResponseWriter, _ *http.Request) {
	s.journal.mu.Lock()
	n := s.journal.n
	s.journal.mu.Unlock()
	writeJSON(w, http.StatusOK, struct {
		Counts
		Requests int `json:"requests"`
	}{s.Count(), n})
}
