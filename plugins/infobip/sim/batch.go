package sim

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
)

const maxBatch = 1000

// batch reads {"people":[{...}]}. members lists what an item may have; without
// any, everything is allowed. When batch returns false, it has answered the
// request.
func (s *Server) batch(w http.ResponseWriter, c *call, members ...string) ([]map[string]any, bool) {
	m, ok := s.object(w, c.Request)
	if !ok {
		return nil, false
	}
	var found violations
	for _, name := range sortedNames(m) {
		if name != "people" {
			s.rules().unwanted(&found, name, false)
		}
	}
	list := s.batchItems(&found, m["people"], members)
	if len(found) > 0 {
		invalid(w, found)
		return nil, false
	}
	return list, true
}

func (s *Server) batchItems(found *violations, v any, members []string) []map[string]any {
	array, ok := v.([]any)
	switch {
	case v == nil:
		found.add("people", isMissing)
	case !ok:
		found.add("people", "must be an array")
	case len(array) == 0 || len(array) > maxBatch:
		found.add("people", "size must be between 1 and %d", maxBatch)
	default:
		list := make([]map[string]any, len(array))
		for i, item := range array {
			if list[i], ok = item.(map[string]any); !ok {
				found.add(fmt.Sprintf("people[%d]", i), "must be an object")
			}
			for _, name := range sortedNames(list[i]) {
				if len(members) > 0 && !slices.Contains(members, name) {
					s.rules().unwanted(found, fmt.Sprintf("people[%d].%s", i, name), false)
				}
			}
		}
		return list
	}
	return nil
}

// batchIdentity reads the query of item i.
func (s *Server) batchIdentity(found *violations, i int, item map[string]any) identity {
	path := fmt.Sprintf("people[%d].query", i)
	m, ok := item["query"].(map[string]any)
	switch {
	case item["query"] == nil:
		found.add(path, isMissing)
		return identity{}
	case !ok:
		found.add(path, "must be an object")
		return identity{}
	}
	id := s.identityOf(found, path+".", m)
	*found = append(*found, readIdentity(id, path+".", identityTypes())...)
	return id
}

// identityOf reads the members of an identity.
func (s *Server) identityOf(found *violations, prefix string, m map[string]any) identity {
	var id identity
	into := map[string]*string{"identifier": &id.value, "type": &id.kind, "sender": &id.sender}
	for _, name := range sortedNames(m) {
		t, isText := m[name].(string)
		switch {
		case into[name] == nil:
			s.rules().unwanted(found, prefix+name, false)
		case !isText:
			found.add(prefix+name, mustBeText)
		default:
			*into[name] = t
		}
	}
	return id
}

// result is what a batch says about an item.
type result struct {
	Errors   []itemError       `json:"errors,omitempty"`
	Status   int               `json:"status"`
	Index    *int              `json:"index,omitempty"`
	Query    map[string]string `json:"query,omitempty"`
	Modified *bool             `json:"isModified,omitempty"`
}

type itemError struct {
	Message string `json:"message"`
}

// outcome returns the result of an item for what its write returned.
func outcome(err error) result {
	var found violations
	switch {
	case err == nil:
		return result{Status: http.StatusOK}
	case errors.As(err, &found):
		r := result{Status: http.StatusBadRequest}
		for _, v := range found {
			r.Errors = append(r.Errors, itemError{v.Path + " " + v.Text})
		}
		return r
	}
	return result{Status: http.StatusConflict, Errors: []itemError{{err.Error()}}}
}

func (id identity) query() map[string]string {
	q := map[string]string{"type": id.kind, "identifier": id.value}
	if id.sender != "" {
		q["sender"] = id.sender
	}
	return q
}

// finish answers a batch.
func (s *Server) finish(w http.ResponseWriter, results []result) {
	status := http.StatusOK
	shown := []result{}
	for _, r := range results {
		failed := r.Status != http.StatusOK
		if failed && s.readings.Is("batch_status", "207") {
			status = http.StatusMultiStatus
		}
		if failed || s.readings.Is("batch_results", "all") {
			shown = append(shown, r)
		}
	}
	writeJSON(w, status, map[string]any{"results": shown})
}

// whole answers 400 for the whole batch if an item breaks a rule and a reading
// asks for that.
func (s *Server) whole(w http.ResponseWriter, found violations) (answered bool) {
	if len(found) == 0 || s.readings.Is("batch_invalid", "item") {
		return false
	}
	invalid(w, found)
	return true
}

// batchCreate handles POST /people/2/persons/batch.
func (s *Server) batchCreate(w http.ResponseWriter, c *call) {
	list, ok := s.batch(w, c)
	if !ok {
		return
	}
	var found violations
	r := s.rules()
	for i, item := range list {
		found = append(found, r.person(item, fmt.Sprintf("people[%d].", i), r.contact2)...)
	}
	if s.whole(w, found) {
		return
	}
	results := make([]result, len(list))
	for i, item := range list {
		_, err := s.create(item, "")
		results[i] = outcome(err)
		results[i].Index = &i
	}
	s.finish(w, results)
}

// batchUpdate handles PATCH /people/2/persons/batch.
func (s *Server) batchUpdate(w http.ResponseWriter, c *call) {
	list, ok := s.batch(w, c, "query", "update")
	if !ok {
		return
	}
	var all violations
	broken := make([]violations, len(list))
	ids := make([]identity, len(list))
	r := s.rules()
	for i, item := range list {
		ids[i] = s.batchIdentity(&broken[i], i, item)
		path := fmt.Sprintf("people[%d].update", i)
		if m, ok := item["update"].(map[string]any); ok {
			broken[i] = append(broken[i], r.person(m, path+".", r.contact2)...)
		} else {
			broken[i].add(path, "must be an object")
		}
		all = append(all, broken[i]...)
	}
	if s.whole(w, all) {
		return
	}
	results := make([]result, len(list))
	for i, item := range list {
		modified, err := false, error(nil)
		if len(broken[i]) > 0 {
			err = broken[i]
		} else {
			modified, err = s.updateItem(ids[i], item["update"].(map[string]any))
		}
		results[i] = outcome(err)
		results[i].Query, results[i].Modified = ids[i].query(), &modified
		if err != nil {
			results[i].Modified = nil
		}
	}
	s.finish(w, results)
}

func (s *Server) updateItem(who identity, m map[string]any) (modified bool, err error) {
	id, ok := s.lookup(who)
	if !ok {
		return false, errNobody
	}
	ch := s.changes2(m)
	var old Person
	one, err := s.people.change(id, func(p *Person) error {
		old = p.clone()
		return s.update(p, ch, add)
	})
	return err == nil && !sameData(old, one), err
}

// batchDelete handles DELETE /people/2/persons/batch, with a body.
func (s *Server) batchDelete(w http.ResponseWriter, c *call) {
	list, ok := s.batch(w, c, "query")
	if !ok {
		return
	}
	var all violations
	broken := make([]violations, len(list))
	ids := make([]identity, len(list))
	for i, item := range list {
		ids[i] = s.batchIdentity(&broken[i], i, item)
		all = append(all, broken[i]...)
	}
	if s.whole(w, all) {
		return
	}
	results := make([]result, len(list))
	for i, who := range ids {
		var err error
		id, ok := s.lookup(who)
		switch {
		case len(broken[i]) > 0:
			err = broken[i]
		case !ok:
			err = errNobody
		default:
			_, err = s.people.remove(id)
		}
		results[i] = outcome(err)
		results[i].Query = who.query()
	}
	s.finish(w, results)
}
