package sim

import (
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

const maxBody = 16 << 20 // a batch of 1000 people

func (s *Server) rules() rules { return rules{s.readings, s.people.definition} }

func (s *Server) now() string { return s.opts.Now().UTC().Format(timeForm) }

// object reads a body of one JSON object. When it returns false, it has
// answered the request.
func (s *Server) object(w http.ResponseWriter, r *http.Request) (map[string]any, bool) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		refuse(w, http.StatusUnsupportedMediaType, "")
		return nil, false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		refuse(w, http.StatusBadRequest, "")
		return nil, false
	}
	v, err := decode(body)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return nil, false
	}
	m, ok := v.(map[string]any)
	if !ok {
		refuse(w, http.StatusBadRequest, "body: must be a JSON object")
	}
	return m, ok
}

// query checks the names of query parameters, and that none is repeated.
func (s *Server) query(u *url.URL, known ...string) (url.Values, violations) {
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, wrong("query", "is malformed")
	}
	var found violations
	for name, values := range q {
		switch {
		case !slices.Contains(known, name):
			if s.readings.Is("unknown_query", "refused") {
				found.add(name, isUnknown)
			}
		case len(values) > 1:
			found.add(name, "is given twice")
		}
	}
	return q, found
}

// identity says which person a request is about.
type identity struct{ kind, value, sender string }

// readIdentity checks identifier, type and sender.
func readIdentity(id identity, prefix string, types []string) violations {
	switch {
	case id.value == "":
		return wrong(prefix+"identifier", isMissing)
	case id.kind == "":
		return wrong(prefix+"type", isMissing)
	case !slices.Contains(types, id.kind):
		return wrong(prefix+"type", "must be one of the types of identifiers")
	case !slices.Contains(types[:4], id.kind) && id.sender == "":
		return wrong(prefix+"sender", "is required for the type %s", id.kind)
	}
	if _, err := strconv.ParseInt(id.value, 10, 64); id.kind == byID && err != nil {
		return wrong(prefix+"identifier", "must be a number")
	}
	return nil
}

// lookup returns the id of the person behind an identity. In the simulator
// nobody has a channel that needs a sender.
func (s *Server) lookup(id identity) (int64, bool) {
	return s.people.find(key{id.kind, id.value})
}

// target finds the person named by identifier, type and sender in the query.
// When it returns false, it has answered the request.
func (s *Server) target(w http.ResponseWriter, c *call) (int64, bool) {
	q, found := s.query(c.URL, "identifier", "type", "sender")
	id := identity{q.Get("type"), q.Get("identifier"), q.Get("sender")}
	if found = append(found, readIdentity(id, "", identityTypes())...); len(found) > 0 {
		invalid(w, found)
		return 0, false
	}
	n, ok := s.lookup(id)
	if !ok {
		s.nobody(w)
	}
	return n, ok
}

// addPerson handles POST /people/2/persons. It answers 200, not 201.
func (s *Server) addPerson(w http.ResponseWriter, c *call) {
	m, ok := s.object(w, c.Request)
	if !ok {
		return
	}
	p, err := s.create(m, "")
	if err != nil {
		s.fail(w, err)
		return
	}
	writeJSON(w, http.StatusOK, s.shown(p))
}

// create makes a person from a body in the form of version 2.
func (s *Server) create(m map[string]any, prefix string) (Person, error) {
	r := s.rules()
	if found := r.person(m, prefix, r.contact2); len(found) > 0 {
		return Person{}, found
	}
	p := s.blank()
	if err := s.overwrite(&p, s.changes2(m)); err != nil {
		return Person{}, err
	}
	return s.people.add(p)
}

// blank returns a new person without attributes.
func (s *Server) blank() Person {
	return Person{CreatedAt: s.now(), Origin: "API", Type: "CUSTOMER", Tags: []string{}}
}

// replacePerson handles PUT: it clears everything that is not given.
func (s *Server) replacePerson(w http.ResponseWriter, c *call) {
	s.write(w, c, s.overwrite)
}

// patchPerson handles PATCH: it replaces what is given, and adds tags and
// contacts.
func (s *Server) patchPerson(w http.ResponseWriter, c *call) {
	s.write(w, c, func(p *Person, ch changes) error { return s.update(p, ch, add) })
}

func (s *Server) write(w http.ResponseWriter, c *call, apply func(*Person, changes) error) {
	id, ok := s.target(w, c)
	if !ok {
		return
	}
	m, ok := s.object(w, c.Request)
	if !ok {
		return
	}
	r := s.rules()
	if found := r.person(m, "", r.contact2); len(found) > 0 {
		invalid(w, found)
		return
	}
	ch := s.changes2(m)
	p, err := s.people.change(id, func(p *Person) error { return apply(p, ch) })
	if err != nil {
		s.fail(w, err)
		return
	}
	writeJSON(w, http.StatusOK, s.shown(p))
}

// deletePerson handles DELETE /people/2/persons.
func (s *Server) deletePerson(w http.ResponseWriter, c *call) {
	id, ok := s.target(w, c)
	if !ok {
		return
	}
	if _, err := s.people.remove(id); err != nil {
		s.fail(w, err)
		return
	}
	s.deleted(w)
}

// deleted answers a deletion.
func (s *Server) deleted(w http.ResponseWriter) {
	if s.readings.Is("delete_body", "string") {
		writeJSON(w, http.StatusOK, "")
		return
	}
	w.WriteHeader(http.StatusOK)
}
