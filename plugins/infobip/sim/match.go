package sim

import (
	"fmt"
	"net/http"
	"slices"
)

type matched struct {
	Type       string `json:"type"`
	Identifier string `json:"identifier"`
	Sender     string `json:"sender,omitempty"`
	PersonID   int64  `json:"personId"`
}

// match handles POST /people/2/persons/match: it returns the ids behind
// identities.
func (s *Server) match(w http.ResponseWriter, c *call) {
	m, ok := s.object(w, c.Request)
	if !ok {
		return
	}
	var found violations
	for _, name := range sortedNames(m) {
		if name != "identities" {
			s.rules().unwanted(&found, name, false)
		}
	}
	list, ok := m["identities"].([]any)
	switch {
	case m["identities"] == nil:
		found.add("identities", isMissing)
	case !ok:
		found.add("identities", "must be an array")
	}
	matches := []matched{}
	for i, item := range list {
		path := fmt.Sprintf("identities[%d]", i)
		one, ok := item.(map[string]any)
		if !ok {
			found.add(path, "must be an object")
			continue
		}
		id := s.identityOf(&found, path+".", one)
		bad := readIdentity(id, path+".", s.matchTypes())
		found = append(found, bad...)
		person, ok := s.lookup(id)
		entry := matched{id.kind, id.value, id.sender, person}
		if ok && len(bad) == 0 && !slices.Contains(matches, entry) {
			matches = append(matches, entry)
		}
	}
	switch {
	case len(found) > 0:
		invalid(w, found)
	case len(matches) == 0 && s.readings.Is("match_none", "404"):
		refuse(w, http.StatusNotFound, "")
	default:
		writeJSON(w, http.StatusOK, map[string]any{"matches": matches})
	}
}

// matchTypes lists the types that match knows: not WEB_PUSH, but KAKAO_TALK.
func (s *Server) matchTypes() []string {
	return append(slices.DeleteFunc(identityTypes(), func(t string) bool { return t == "WEB_PUSH" }), "KAKAO_TALK")
}
