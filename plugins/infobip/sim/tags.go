package sim

import (
	"maps"
	"net/http"
	"slices"
)

// Tag is a label that people can have.
type Tag struct {
	CreatedAt  string `json:"createdAt"`
	ModifiedAt string `json:"modifiedAt"`
	ID         int64  `json:"id"`
	Name       string `json:"name"`
}

// defineTag defines a tag. The caller holds the lock.
func (p *people) defineTag(name, at string) Tag {
	p.lastTag++
	t := Tag{at, at, 100 + p.lastTag, name}
	p.tags[name] = t
	return t
}

func (p *people) tag(name string) (Tag, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	t, ok := p.tags[name]
	return t, ok
}

func (p *people) definition(name string) (CustomAttribute, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	def, ok := p.custom[name]
	return def, ok
}

// addTag defines a tag unless it exists.
func (p *people) addTag(name, at string) (Tag, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.tags[name]; ok {
		return Tag{}, false
	}
	return p.defineTag(name, at), true
}

// dropTag removes a tag from everybody.
func (p *people) dropTag(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.tags[name]; !ok {
		return false
	}
	delete(p.tags, name)
	p.dropped.tags[name] = true
	for id, one := range p.changed {
		one.Tags = slices.DeleteFunc(slices.Clone(one.Tags), func(t string) bool { return t == name })
		p.changed[id] = one
	}
	return true
}

func (p *people) addAttribute(def CustomAttribute) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.custom[def.Name]; ok {
		return false
	}
	p.custom[def.Name] = def
	return true
}

// dropAttribute removes a custom attribute from everybody.
func (p *people) dropAttribute(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.custom[name]; !ok {
		return false
	}
	delete(p.custom, name)
	p.dropped.custom[name] = true
	for id, one := range p.changed {
		one = one.clone()
		delete(one.CustomAttributes, name)
		p.changed[id] = one
	}
	return true
}

// pageOf returns a page of definitions, and how many there are in all.
func pageOf[T any](all map[string]T, p paging, key func(one T, field string) string) ([]T, int) {
	names := slices.Sorted(maps.Keys(all))
	entries := make([]entry, len(names))
	for i, name := range names {
		entries[i] = entry{key(all[name], fieldOfOrder(p.order)), int64(i)}
	}
	list := []T{}
	for _, i := range ordered(entries, p.order) {
		list = append(list, all[names[i]])
	}
	size := int64(len(list))
	from := min((p.page-1)*p.limit, size)
	return list[from:min(from+p.limit, size)], len(list)
}

// definitionKey returns the value to sort definitions by.
func definitionKey(field, created, modified, name string) string {
	switch field {
	case "createdAt":
		return created
	case "modifiedAt":
		return modified
	}
	return name
}

// pagingOf reads the parameters of a list of definitions. When it returns
// false, it has answered the request.
func (s *Server) pagingOf(w http.ResponseWriter, c *call) (paging, bool) {
	q, found := s.query(c.URL, "limit", "page", "includeTotalCount", "orderBy")
	p, more := readPaging(q, "name:asc", "name", "createdAt", "modifiedAt")
	if found = append(found, more...); len(found) > 0 {
		invalid(w, found)
		return p, false
	}
	return p, true
}

func (p paging) answer(name string, list any, total int) map[string]any {
	answer := map[string]any{"limit": p.limit, "page": p.page, "orderBy": p.order, name: list}
	if p.count {
		answer["totalCount"] = total
	}
	return answer
}

// listTags handles GET /people/2/tags.
func (s *Server) listTags(w http.ResponseWriter, c *call) {
	p, ok := s.pagingOf(w, c)
	if !ok {
		return
	}
	s.people.mu.RLock()
	list, total := pageOf(s.people.tags, p,
		func(t Tag, field string) string { return definitionKey(field, t.CreatedAt, t.ModifiedAt, t.Name) })
	s.people.mu.RUnlock()
	if s.readings.Is("tags_list", "array") {
		writeJSON(w, http.StatusOK, list)
		return
	}
	writeJSON(w, http.StatusOK, p.answer("tags", list, total))
}

// addTag handles POST /people/2/tags.
func (s *Server) addTag(w http.ResponseWriter, c *call) {
	m, ok := s.object(w, c.Request)
	if !ok {
		return
	}
	var found violations
	for _, name := range sortedNames(m) {
		if name != "name" {
			s.rules().unwanted(&found, name, name == "id" || name == "createdAt" || name == "modifiedAt")
		}
	}
	if m["name"] == nil {
		found.add("name", isMissing)
	} else if bad := tagName(m["name"]); bad != "" {
		found.add("name", "%s", bad)
	}
	if len(found) > 0 {
		invalid(w, found)
		return
	}
	t, ok := s.people.addTag(m["name"].(string), s.now())
	if !ok {
		s.exists(w, "Tag", m["name"].(string))
		return
	}
	writeJSON(w, http.StatusOK, t)
}

// exists answers with a definition that exists already.
func (s *Server) exists(w http.ResponseWriter, what, name string) {
	status := http.StatusConflict
	if s.readings.Is("duplicate", "400") {
		status = http.StatusBadRequest
	}
	refuse(w, status, what+" "+name+" already exists.")
}

// getTag handles GET /people/2/tags/{name}.
func (s *Server) getTag(w http.ResponseWriter, c *call) {
	if t, ok := s.people.tag(c.param); ok {
		writeJSON(w, http.StatusOK, t)
		return
	}
	refuse(w, http.StatusNotFound, "")
}

// deleteTag handles DELETE /people/2/tags/{name}: everybody loses the tag.
func (s *Server) deleteTag(w http.ResponseWriter, c *call) {
	if !s.people.dropTag(c.param) {
		refuse(w, http.StatusNotFound, "")
		return
	}
	s.deleted(w)
}

// tagPersons handles PATCH /people/2/tags/{name}/persons.
func (s *Server) tagPersons(w http.ResponseWriter, c *call) {
	s.markPersons(w, c, func(p *Person) error {
		if !slices.Contains(p.Tags, c.param) {
			p.Tags = append(p.Tags, c.param)
		}
		return nil
	})
}

// untagPersons handles DELETE /people/2/tags/{name}/persons.
func (s *Server) untagPersons(w http.ResponseWriter, c *call) {
	s.markPersons(w, c, func(p *Person) error {
		p.Tags = slices.DeleteFunc(p.Tags, func(t string) bool { return t == c.param })
		return nil
	})
}

// markPersons changes each person in a list. It ignores people who do not
// exist, because the answer has no place to name them.
func (s *Server) markPersons(w http.ResponseWriter, c *call, apply func(*Person) error) {
	if _, ok := s.people.tag(c.param); !ok {
		refuse(w, http.StatusNotFound, "")
		return
	}
	list, ok := s.batch(w, c, "query")
	if !ok {
		return
	}
	var found violations
	ids := make([]identity, len(list))
	for i, item := range list {
		ids[i] = s.batchIdentity(&found, i, item)
	}
	if len(found) > 0 {
		invalid(w, found)
		return
	}
	for _, who := range ids {
		if id, ok := s.lookup(who); ok {
			_, _ = s.people.change(id, func(p *Person) error { // a person deleted in the meantime is ignored too
				p.ModifiedAt = s.now()
				return apply(p)
			})
		}
	}
	if c.Method == http.MethodDelete {
		s.deleted(w)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// listAttributes handles GET /people/2/customAttributes.
func (s *Server) listAttributes(w http.ResponseWriter, c *call) {
	p, ok := s.pagingOf(w, c)
	if !ok {
		return
	}
	s.people.mu.RLock()
	list, total := pageOf(s.people.custom, p, func(d CustomAttribute, field string) string {
		return definitionKey(field, d.CreatedAt, d.ModifiedAt, d.Name)
	})
	s.people.mu.RUnlock()
	writeJSON(w, http.StatusOK, p.answer("customAttributes", list, total))
}

// addAttribute handles POST /people/2/customAttributes.
func (s *Server) addAttribute(w http.ResponseWriter, c *call) {
	m, ok := s.object(w, c.Request)
	if !ok {
		return
	}
	def, found := s.rules().definition(m)
	if len(found) > 0 {
		invalid(w, found)
		return
	}
	def.CreatedAt = s.now()
	def.ModifiedAt = def.CreatedAt
	if !s.people.addAttribute(def) {
		s.exists(w, "Custom attribute", def.Name)
		return
	}
	writeJSON(w, http.StatusOK, def)
}

// getAttribute handles GET /people/2/customAttributes/{name}.
func (s *Server) getAttribute(w http.ResponseWriter, c *call) {
	if def, ok := s.people.definition(c.param); ok {
		writeJSON(w, http.StatusOK, def)
		return
	}
	refuse(w, http.StatusNotFound, "")
}

// deleteAttribute handles DELETE /people/2/customAttributes/{name}: everybody
// loses the value.
func (s *Server) deleteAttribute(w http.ResponseWriter, c *call) {
	if !s.people.dropAttribute(c.param) {
		refuse(w, http.StatusNotFound, "")
		return
	}
	s.deleted(w)
}
