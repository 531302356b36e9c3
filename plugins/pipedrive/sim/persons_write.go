package sim

import (
	"net/http"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/plugins/internal/simkit"
)

// personSchema is the body of POST and PATCH. add_time belongs to POST only.
func personSchema(create bool) simkit.Schema {
	text := simkit.Schema{Type: simkit.String, Null: true}
	contact := simkit.Schema{Type: simkit.Object, Members: map[string]simkit.Schema{
		"value": {Type: simkit.String, Required: true}, "primary": {Type: simkit.Boolean}, "label": {Type: simkit.String},
	}}
	contacts := simkit.Schema{Type: simkit.Array, Items: &contact}
	id := simkit.Schema{Type: simkit.Integer, Null: true}
	s := simkit.Schema{Members: map[string]simkit.Schema{
		"name": {Type: simkit.String, NotEmpty: true}, "owner_id": {Type: simkit.Integer}, "org_id": id,
		"emails": contacts, "phones": contacts,
		"visible_to":       {Type: simkit.Integer, Enum: []any{int64(1), int64(3), int64(5), int64(7)}},
		"label_ids":        {Type: simkit.Array, Items: &simkit.Schema{Type: simkit.Integer}},
		"marketing_status": {Type: simkit.String, Enum: []any{"no_consent", "unsubscribed", "subscribed", "archived"}},
		"custom_fields":    {Type: simkit.Object, Free: true},
		"notes":            text, "birthday": text, "job_title": text,
		"postal_address": {Type: simkit.Object, Free: true, Null: true},
		"im":             {Type: simkit.Array, Items: &contact},
	}}
	if create {
		s.Members["add_time"] = simkit.Schema{Type: simkit.String, Check: rfc3339}
	}
	return s
}

func rfc3339(v any) string {
	text, _ := v.(string)
	if _, err := time.Parse(time.RFC3339, text); err != nil {
		return "must be a time as in RFC 3339"
	}
	return ""
}

// createPerson is POST /api/v2/persons.
func (s *Server) createPerson(w http.ResponseWriter, c *call) {
	members := c.body
	if _, named := members["name"]; !named && s.reads("persons_without_name", "refused") {
		invalid(w, "name: is required")
		return
	}
	now := s.persons.now().UTC().Truncate(time.Second)
	made := Person{OwnerID: 1, AddTime: now, UpdateTime: now, VisibleTo: 3, Marketing: "no_consent"}
	made.write(members)
	if text, ok := members["add_time"].(string); ok {
		made.AddTime, _ = time.Parse(time.RFC3339, text) // the schema has seen it
	}
	made = s.persons.store.Add(func(id int64) Person { made.ID = id; return made })
	status := http.StatusOK
	if s.reads("persons_created", "201") {
		status = http.StatusCreated
	}
	simkit.WriteJSON(w, status, map[string]any{"success": true, "data": made.members()})
}

// getPerson is GET /api/v2/persons/{id}. Deleted ones are shown until they are
// purged.
func (s *Server) getPerson(w http.ResponseWriter, c *call) {
	one, ok := s.persons.get(c.id)
	if !ok {
		noPerson(w)
		return
	}
	writeData(w, one.members())
}

// updatePerson is PATCH /api/v2/persons/{id}: lists are replaced as a whole.
func (s *Server) updatePerson(w http.ResponseWriter, c *call) {
	one, ok := s.persons.change(c.id, func(p *Person) { p.write(c.body) })
	if !ok {
		noPerson(w)
		return
	}
	writeData(w, one.members())
}

// deletePerson is DELETE /api/v2/persons/{id}: it marks.
func (s *Server) deletePerson(w http.ResponseWriter, c *call) {
	now := s.persons.now()
	if _, ok := s.persons.change(c.id, func(p *Person) { p.Deleted = now }); !ok {
		noPerson(w)
		return
	}
	writeData(w, map[string]any{"id": c.id})
}

func noPerson(w http.ResponseWriter) { missing(w, "Person not found.") }

// write takes over the members of a body that the schema has passed.
func (one *Person) write(members map[string]any) {
	if v, ok := members["name"].(string); ok {
		one.Name = v
	}
	if v, ok := members["owner_id"].(int64); ok {
		one.OwnerID = v
	}
	if v, given := members["org_id"]; given {
		one.OrgID = nil
		if id, ok := v.(int64); ok {
			one.OrgID = &id
		}
	}
	if v, ok := members["emails"].([]any); ok {
		one.Emails = contacts(v)
	}
	if v, ok := members["phones"].([]any); ok {
		one.Phones = contacts(v)
	}
	if v, ok := members["visible_to"].(int64); ok {
		one.VisibleTo = v
	}
	if v, ok := members["label_ids"].([]any); ok {
		one.LabelIDs = nil
		for _, id := range v {
			one.LabelIDs = append(one.LabelIDs, id.(int64)) //nolint:forcetypeassert // the schema has seen it
		}
	}
	if v, ok := members["marketing_status"].(string); ok {
		one.Marketing = v
	}
	one.writeFree(members)
}

func (one *Person) writeFree(members map[string]any) {
	if v, ok := members["custom_fields"].(map[string]any); ok {
		if one.Custom == nil {
			one.Custom = map[string]any{}
		}
		for name, value := range v {
			one.Custom[name] = value
		}
	}
	for _, name := range []string{"notes", "birthday", "job_title", "postal_address", "im"} {
		if v, given := members[name]; given {
			if one.Extra == nil {
				one.Extra = map[string]any{}
			}
			one.Extra[name] = v
		}
	}
}

// contacts reads addresses or numbers. One of them is the primary one.
func contacts(items []any) []Contact {
	var list []Contact
	for _, item := range items {
		m, _ := item.(map[string]any)
		c := Contact{Label: "work"}
		c.Value, _ = m["value"].(string)
		c.Primary, _ = m["primary"].(bool)
		if label, ok := m["label"].(string); ok {
			c.Label = label
		}
		list = append(list, c)
	}
	if len(list) > 0 && !slices.ContainsFunc(list, func(c Contact) bool { return c.Primary }) {
		list[0].Primary = true
	}
	return list
}
