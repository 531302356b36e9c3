package sim

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
)

// Version 3 has its own form of a person, error envelope and codes.
const (
	codeInvalid  = 400100
	codeSyntax   = 400103
	codeMissing  = 400104
	codeConflict = 409100
)

type result3 struct {
	ID     int64  `json:"id"`
	Index  int    `json:"index"`
	Status string `json:"status,omitempty"`
}

// answer3 is the body of 207.
type answer3 struct {
	Errors  []problem3 `json:"errors"`
	Results []result3  `json:"results"`
}

func refuse3(w http.ResponseWriter, code int, text string, found violations) {
	writeJSON(w, http.StatusBadRequest, problem3{Code: code, Message: text, Details: found.details()})
}

// persons3 reads {"persons":[{...}]}. When it returns false, it has answered
// the request.
func (s *Server) persons3(w http.ResponseWriter, c *call) ([]any, bool) {
	kind, _, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		refuse(w, http.StatusUnsupportedMediaType, "")
		return nil, false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, c.Body, maxBody))
	var v any
	if err == nil {
		v, err = decode(body)
	}
	m, ok := v.(map[string]any)
	if err != nil || !ok {
		refuse3(w, codeSyntax, "Malformed JSON body, wrong syntax", nil)
		return nil, false
	}
	var found violations
	for _, name := range sortedNames(m) {
		if name != "persons" {
			s.rules().unwanted(&found, name, false)
		}
	}
	list, ok := m["persons"].([]any)
	switch {
	case m["persons"] == nil:
		refuse3(w, codeMissing, "Missing required property 'persons'", wrong("persons", "Required, but value is missing"))
		return nil, false
	case !ok:
		found.add("persons", "must be an array")
	case len(list) == 0 || len(list) > maxBatch:
		found.add("persons", "size must be between 1 and %d", maxBatch)
	}
	if len(found) > 0 {
		refuse3(w, codeInvalid, "One or more properties of the request are invalid", found)
		return nil, false
	}
	return list, true
}

// item3 checks a person in the form of version 3 and reads it.
func (s *Server) item3(v any, index int) (changes, violations) {
	path := fmt.Sprintf("persons[%d]", index)
	m, ok := v.(map[string]any)
	if !ok {
		return changes{}, wrong(path, "must be an object")
	}
	plain := map[string]any{}
	for name, member := range m {
		if name != "nickName" && !slices.Contains([]string{"createdFrom", "createdBy", "modifiedBy"}, name) {
			plain[name] = member
		}
	}
	r := s.rules()
	var found violations
	for _, name := range []string{"createdFrom", "createdBy", "modifiedBy"} {
		if _, given := m[name]; given {
			r.unwanted(&found, path+"."+name, true)
		}
	}
	if nick, given := m["nickName"]; given {
		r.value(&found, path+".nickName", nick, text(50))
	}
	if tags := items(plain["tags"]); len(tags) > 0 && repeats(tags) {
		found.add(path+".tags", "must not have equal items")
	}
	found = append(found, r.person(plain, path+".", r.contact3)...)
	if len(found) > 0 {
		return changes{}, found
	}
	ch := s.attributes(plain)
	if nick, ok := m["nickName"].(string); ok {
		ch.nick = &nick
	}
	ch.contact = contacts3(plain["contactInformation"])
	return ch, nil
}

// repeats reports whether a string occurs twice.
func repeats(list []any) bool {
	seen := map[string]bool{}
	for _, v := range list {
		t, ok := v.(string)
		if ok && seen[t] {
			return true
		}
		seen[t] = true
	}
	return false
}

// contact3 checks contactInformation in the form of version 3: a list.
func (r rules) contact3(found *violations, path string, v any) {
	list, ok := v.([]any)
	if !ok {
		found.add(path, "must be an array")
		return
	}
	for i, item := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		m, ok := item.(map[string]any)
		if !ok {
			found.add(at, "must be an object")
			continue
		}
		for _, name := range sortedNames(m) {
			switch name {
			case "type", "identifier":
			case "sender":
				r.value(found, at+".sender", m[name], text(255))
			case "primary":
				r.value(found, at+".primary", m[name], boolean)
			default:
				r.unwanted(found, at+"."+name, false)
			}
		}
		r.destination3(found, at, m)
	}
}

func (r rules) destination3(found *violations, at string, m map[string]any) {
	if m["type"] == nil {
		found.add(at+".type", "Must not be null")
	} else if bad := oneOf("PHONE", "EMAIL")(m["type"]); bad != "" {
		found.add(at+".type", "%s", bad)
	}
	checks := map[any]check{"PHONE": r.phone(), "EMAIL": email}
	if kind, _ := m["type"].(string); m["identifier"] == nil {
		found.add(at+".identifier", "Must not be null")
	} else if c := checks[kind]; c != nil {
		if bad := c(m["identifier"]); bad != "" {
			found.add(at+".identifier", "%s", bad)
		}
	}
}

// contacts3 reads a checked list; primary destinations come first.
func contacts3(v any) *contacts {
	list := items(v)
	if list == nil {
		return nil
	}
	c := &contacts{hasPhones: true, hasEmails: true}
	for _, item := range list {
		m, _ := item.(map[string]any)
		value, _ := m["identifier"].(string)
		into := &c.emails
		if m["type"] == "PHONE" {
			into, value = &c.phones, strings.TrimPrefix(value, "+")
		}
		if m["primary"] == true {
			*into = append([]string{value}, *into...)
		} else {
			*into = append(*into, value)
		}
	}
	return c
}

// holders returns the people who have one of the identifiers of ch, lowest id
// first.
func (p *people) holders(ch changes) []int64 {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.holdersLocked(ch)
}

func (p *people) holdersLocked(ch changes) []int64 {
	var keys []key
	if v := ch.values["externalId"]; v != nil && *v != "" {
		keys = append(keys, key{byExternalID, *v})
	}
	if ch.contact != nil {
		for _, n := range ch.contact.phones {
			keys = append(keys, key{byPhone, n})
		}
		for _, a := range ch.contact.emails {
			keys = append(keys, key{byEmail, a})
		}
	}
	var ids []int64
	for _, k := range keys {
		if id, ok := p.holder(k); ok && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

var errSeveral = errors.New("The identifiers belong to more than one person") //nolint:staticcheck // in the form of the vendor's texts

// upsert handles PUT and PATCH /people/3/persons/upsert.
func (s *Server) upsert(w http.ResponseWriter, c *call) {
	apply := s.overwrite
	if c.Method == http.MethodPatch {
		how := addOnce
		if s.readings.Is("upsert_patch", "instead") {
			how = replace
		}
		apply = func(p *Person, ch changes) error { return s.update(p, ch, how) }
	}
	s.each3(w, c, func(ch changes) (int64, string, error) {
		ids := s.people.holders(ch)
		switch len(ids) {
		case 0:
			p, err := s.make3(ch)
			return p.ID, "CREATED", err
		case 1:
			var old Person
			status := "UPDATED"
			p, err := s.people.change(ids[0], func(p *Person) error {
				old = p.clone()
				if err := apply(p, ch); err != nil {
					return err
				}
				if sameData(old, *p) {
					status, *p = "NOT_MODIFIED", old
				}
				return nil
			})
			return p.ID, status, err
		}
		return 0, "", errSeveral
	})
}

func (s *Server) make3(ch changes) (Person, error) {
	p := s.blank()
	if err := s.overwrite(&p, ch); err != nil {
		return Person{}, err
	}
	return s.people.add(p)
}

// each3 answers 207 with a result for each person in a request.
func (s *Server) each3(w http.ResponseWriter, c *call, do func(changes) (int64, string, error)) {
	list, ok := s.persons3(w, c)
	if !ok {
		return
	}
	answer := answer3{Errors: []problem3{}, Results: []result3{}}
	for i, item := range list {
		ch, found := s.item3(item, i)
		var err error
		id, status := int64(0), ""
		if len(found) > 0 {
			err = found
		} else {
			id, status, err = do(ch)
		}
		if err == nil {
			answer.Results = append(answer.Results, result3{id, i, status})
			continue
		}
		e := problem3{Code: codeConflict, Message: err.Error(), Index: &i}
		if errors.As(err, &found) {
			e.Code, e.Message, e.Details = codeInvalid, "One or more properties of the person are invalid", found.details()
		}
		answer.Errors = append(answer.Errors, e)
	}
	writeJSON(w, http.StatusMultiStatus, answer)
}

// merge handles POST /people/3/persons/merge. People who share identifiers
// become one, and the values in the request take precedence.
func (s *Server) merge(w http.ResponseWriter, c *call) {
	s.each3(w, c, func(ch changes) (int64, string, error) {
		p, err := s.people.merge(ch, func(p *Person) error { return s.update(p, ch, addOnce) })
		if errors.Is(err, errNobody) {
			p, err = s.make3(ch)
		}
		return p.ID, "", err
	})
}

// merge merges everybody who has an identifier of ch into the first of them.
func (p *people) merge(ch changes, apply func(*Person) error) (Person, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	ids := p.holdersLocked(ch)
	if len(ids) == 0 {
		return Person{}, errNobody
	}
	one, _ := p.locked(ids[0]) // a person with the identifier exists
	for _, id := range ids[1:] {
		other, _ := p.locked(id)
		one.take(other)
	}
	if err := apply(&one); err != nil {
		return Person{}, err
	}
	for _, id := range ids[1:] {
		_, _ = p.removeLocked(id)
	}
	return p.changeLocked(ids[0], func(into *Person) error { *into = one; return nil })
}

// take fills the gaps of p from another person.
func (p *Person) take(other Person) {
	for _, a := range standard() {
		if to := a.of(p); *to == "" {
			*to = *a.of(&other)
		}
	}
	for name, v := range other.CustomAttributes {
		if _, has := p.CustomAttributes[name]; !has {
			if p.CustomAttributes == nil {
				p.CustomAttributes = map[string]any{}
			}
			p.CustomAttributes[name] = v
		}
	}
	for _, t := range other.Tags {
		if !slices.Contains(p.Tags, t) {
			p.Tags = append(p.Tags, t)
		}
	}
	p.Contact.Phone = append(p.Contact.Phone, other.Contact.Phone...)
	p.Contact.Email = append(p.Contact.Email, other.Contact.Email...)
}
