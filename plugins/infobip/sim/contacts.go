package sim

import (
	"net/http"
	"slices"
	"strings"
)

// setContacts handles PUT contactInformation: it replaces all phones and
// addresses.
func (s *Server) setContacts(w http.ResponseWriter, c *call) {
	s.writeContacts(w, c, func(p *Person, given *contacts) error {
		given.hasPhones, given.hasEmails = true, true
		return s.applyContacts(p, given, replace)
	})
}

// addContacts handles PATCH contactInformation.
func (s *Server) addContacts(w http.ResponseWriter, c *call) {
	s.writeContacts(w, c, func(p *Person, given *contacts) error { return s.applyContacts(p, given, add) })
}

// removeContacts handles DELETE contactInformation, with a body. It ignores
// destinations that the person does not have.
func (s *Server) removeContacts(w http.ResponseWriter, c *call) {
	s.writeContacts(w, c, func(p *Person, given *contacts) error {
		phones := slices.DeleteFunc(p.phones(), func(n string) bool { return slices.Contains(given.phones, n) })
		emails := slices.DeleteFunc(p.emails(), func(a string) bool {
			return slices.ContainsFunc(given.emails, func(b string) bool { return strings.EqualFold(a, b) })
		})
		p.setContacts(phones, emails)
		return nil
	})
}

func (s *Server) writeContacts(w http.ResponseWriter, c *call, apply func(*Person, *contacts) error) {
	id, ok := s.target(w, c)
	if !ok {
		return
	}
	m, ok := s.object(w, c.Request)
	if !ok {
		return
	}
	var found violations
	for _, name := range sortedNames(m) {
		if name != "contactInformation" {
			s.rules().unwanted(&found, name, false)
		}
	}
	if m["contactInformation"] == nil {
		found.add("contactInformation", isMissing)
	} else {
		s.rules().contact2(&found, "contactInformation", m["contactInformation"])
	}
	if len(found) > 0 {
		invalid(w, found)
		return
	}
	given := s.contacts2(m["contactInformation"].(map[string]any))
	p, err := s.people.change(id, func(p *Person) error {
		if err := apply(p, given); err != nil {
			return err
		}
		p.ModifiedAt, p.ModifiedFrom = s.now(), "API"
		return s.complete(*p)
	})
	if err != nil {
		s.fail(w, err)
		return
	}
	writeJSON(w, http.StatusOK, s.shown(p))
}
