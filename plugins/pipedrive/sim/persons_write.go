package sim

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/mail"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/plugins/internal/simkit"
)

// syncFields exist only in companies that have set up contact sync.
func syncFields() []string {
	return []string{"postal_address", "notes", "im", "birthday", "job_title"}
}

// personBody is the schema of the bodies of POST and PATCH. Only POST has
// add_time.
func personBody(create bool) *simkit.Schema {
	text := simkit.Schema{Type: simkit.String, Null: true}
	contact := simkit.Schema{Type: simkit.Object, Members: map[string]simkit.Schema{
		"value": {Type: simkit.String, Required: true}, "primary": {Type: simkit.Boolean}, "label": {Type: simkit.String},
	}}
	contacts := simkit.Schema{Type: simkit.Array, Items: &contact}
	address := simkit.Schema{Type: simkit.Object, Null: true, Members: map[string]simkit.Schema{}}
	for _, name := range []string{
		"value", "country", "admin_area_level_1", "admin_area_level_2", "locality", "sublocality", "route", "street_number",
		"subpremise", "postal_code",
	} {
		address.Members[name] = text
	}
	s := &simkit.Schema{Members: map[string]simkit.Schema{
		"name": {Type: simkit.String, NotEmpty: true}, "owner_id": {Type: simkit.Integer}, "org_id": {Type: simkit.Integer, Null: true},
		"emails": contacts, "phones": contacts,
		"visible_to":       {Type: simkit.Integer, Enum: []any{int64(1), int64(3), int64(5), int64(7)}},
		"label_ids":        {Type: simkit.Array, Items: &simkit.Schema{Type: simkit.Integer}},
		"marketing_status": {Type: simkit.String, Enum: []any{"no_consent", "unsubscribed", "subscribed", "archived"}},
		"custom_fields":    {Type: simkit.Object, Free: true, Check: noEmptySet},
		"postal_address":   address, "notes": {Type: simkit.String, Null: true, Max: 10_000}, "im": contacts, "birthday": text, "job_title": text,
	}}
	if create {
		s.Members["add_time"] = simkit.Schema{Type: simkit.String, Check: rfc3339}
	}
	return s
}

func rfc3339(v any) string {
	if _, err := time.Parse(time.RFC3339, v.(string)); err != nil {
		return "must be a time as in RFC 3339"
	}
	return ""
}

// noEmptySet refuses []: a custom field with several options is cleared by
// null.
func noEmptySet(v any) string {
	for _, name := range slices.Sorted(maps.Keys(v.(map[string]any))) {
		if list, ok := v.(map[string]any)[name].([]any); ok && len(list) == 0 {
			return name + " must not be an empty array: null clears it"
		}
	}
	return ""
}

// createPerson handles POST /api/v2/persons.
func (s *Server) createPerson(w http.ResponseWriter, c *call) {
	err := s.checkPerson(c.body)
	if _, named := c.body["name"]; !named && s.reads("persons_without_name", "refused") {
		err = errors.New("name: is required")
	}
	if err != nil {
		invalid(w, err.Error())
		return
	}
	now := s.persons.second()
	made := Person{OwnerID: 1, AddTime: now, UpdateTime: now, VisibleTo: 3, Marketing: "no_consent"}
	made.write(c.body)
	if text, ok := c.body["add_time"].(string); ok {
		made.AddTime, _ = time.Parse(time.RFC3339, text) // the schema has checked it
	}
	made = s.persons.store.Add(func(id int64) Person {
		made.ID = id
		return made
	})
	status := http.StatusOK
	if s.reads("persons_created", "201") {
		status = http.StatusCreated
	}
	simkit.WriteJSON(w, status, map[string]any{"success": true, "data": s.shown(made, written())})
}

// written is the view in the answers to POST and PATCH.
func written() view { return view{include: []string{"marketing_status"}} }

// checkPerson refuses, or removes, fields that a company without contact sync
// does not have.
func (s *Server) checkPerson(body map[string]any) error {
	for _, name := range syncFields() {
		if _, given := body[name]; given && s.reads("persons_sync_fields", "refused") {
			return fmt.Errorf("%s: is not allowed", name)
		}
		if s.reads("persons_sync_fields", "ignored") {
			delete(body, name)
		}
	}
	return nil
}

// getPerson handles GET /api/v2/persons/{id}.
func (s *Server) getPerson(w http.ResponseWriter, c *call) {
	v, err := readView(c.URL.Query())
	if err != nil {
		invalid(w, err.Error())
		return
	}
	one, ok := s.persons.get(c.id)
	if !ok || !one.Deleted.IsZero() && s.reads("persons_deleted", "404") {
		noPerson(w)
		return
	}
	writeData(w, s.shown(one, v))
}

// updatePerson handles PATCH /api/v2/persons/{id}: lists are replaced as a
// whole.
func (s *Server) updatePerson(w http.ResponseWriter, c *call) {
	if err := s.checkPerson(c.body); err != nil {
		invalid(w, err.Error())
		return
	}
	one, ok := s.persons.change(c.id, func(p *Person) { p.write(c.body) })
	if !ok {
		noPerson(w)
		return
	}
	writeData(w, s.shown(one, written()))
}

// deletePerson handles DELETE /api/v2/persons/{id}: it marks the person as
// deleted.
func (s *Server) deletePerson(w http.ResponseWriter, c *call) {
	now := s.persons.now()
	if _, ok := s.persons.change(c.id, func(p *Person) { p.Deleted = now }); !ok {
		noPerson(w)
		return
	}
	writeData(w, map[string]any{"id": c.id})
}

func noPerson(w http.ResponseWriter) { missing(w, "Person not found") }

// write applies the members of a checked body.
func (one *Person) write(body map[string]any) {
	take(body, "name", &one.Name)
	take(body, "owner_id", &one.OwnerID)
	take(body, "visible_to", &one.VisibleTo)
	if v, given := body["org_id"]; given {
		one.OrgID = nil
		if id, ok := v.(int64); ok {
			one.OrgID = &id
		}
	}
	if v, ok := body["emails"].([]any); ok {
		one.Emails = contacts(v)
	}
	if v, ok := body["phones"].([]any); ok {
		one.Phones = contacts(v)
	}
	if v, ok := body["label_ids"].([]any); ok {
		one.LabelIDs = nil
		for _, id := range v {
			one.LabelIDs = append(one.LabelIDs, id.(int64))
		}
	}
	if slices.ContainsFunc(one.Emails, func(c Contact) bool { _, err := mail.ParseAddress(c.Value); return err == nil }) {
		take(body, "marketing_status", &one.Marketing) // without a valid address it stays as it is
	}
	one.writeFree(body)
}

// take sets to if the body has that member.
func take[T any](body map[string]any, name string, to *T) {
	if v, ok := body[name].(T); ok {
		*to = v
	}
}

// writeFree sets custom fields and those of contact sync; null clears a field.
func (one *Person) writeFree(body map[string]any) {
	custom, _ := body["custom_fields"].(map[string]any)
	for name, value := range custom {
		if one.Custom == nil {
			one.Custom = map[string]any{}
		}
		one.Custom[name] = value
	}
	for _, name := range syncFields() {
		if v, given := body[name]; given {
			if one.Sync == nil {
				one.Sync = map[string]any{}
			}
			one.Sync[name] = v
		}
	}
}

// contacts reads addresses or numbers. One of them is the primary one.
func contacts(items []any) []Contact {
	list := make([]Contact, 0, len(items))
	for _, item := range items {
		m, _ := item.(map[string]any)
		c := Contact{Label: "work"}
		take(m, "value", &c.Value)
		take(m, "primary", &c.Primary)
		take(m, "label", &c.Label)
		list = append(list, c)
	}
	if len(list) > 0 && !slices.ContainsFunc(list, func(c Contact) bool { return c.Primary }) {
		list[0].Primary = true
	}
	return list
}
