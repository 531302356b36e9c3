package sim

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rollcall-agent/rollcall/plugins/internal/simkit"
)

// personSearch is what GET /api/v2/persons/search was asked for.
type personSearch struct {
	term   string
	exact  bool
	fields []string
	org    int64
	limit  int
	from   int64 // id of the first contact that is looked at
}

var searchFields = []string{"custom_fields", "email", "notes", "phone", "name"}

// searchPersons is GET /api/v2/persons/search.
func (s *Server) searchPersons(w http.ResponseWriter, c *call) {
	q, err := readPersonSearch(c.URL.Query())
	if err != nil {
		invalid(w, err.Error())
		return
	}
	items := []any{}
	var next any
	for id := range s.persons.candidates(q) {
		one, ok := s.persons.get(id)
		if !ok || !one.Deleted.IsZero() || id < q.from || !q.matches(one) {
			continue
		}
		if len(items) == q.limit {
			next = searchCursor(id)
			break
		}
		items = append(items, map[string]any{"result_score": 0.5, "item": found(one)})
	}
	simkit.WriteJSON(w, http.StatusOK, map[string]any{
		"success": true, "data": map[string]any{"items": items}, "additional_data": map[string]any{"next_cursor": next},
	})
}

func searchCursor(id int64) string { return fmt.Sprintf("found-%d", id) }

// candidates are the ids that a search looks at. An exact search for an
// address need not look at everybody: generated ones tell their number.
func (p *persons) candidates(q personSearch) func(yield func(int64) bool) {
	return func(yield func(int64) bool) {
		number, ok := simkit.NumberOf(q.term)
		if q.exact && slices.Equal(q.fields, []string{"email"}) {
			if ok && number <= p.store.Generated() && !yield(number) {
				return
			}
			for _, one := range p.store.Changed() {
				if (!ok || one.ID != number) && !yield(one.ID) {
					return
				}
			}
			return
		}
		for id := int64(1); id <= p.store.Highest(); id++ {
			if !yield(id) {
				return
			}
		}
	}
}

func (q personSearch) matches(one Person) bool {
	if q.org != 0 && (one.OrgID == nil || *one.OrgID != q.org) {
		return false
	}
	for _, field := range q.fields {
		var texts []string
		switch field {
		case "name":
			texts = []string{one.Name}
		case "email":
			texts = values(one.Emails)
		case "phone":
			texts = values(one.Phones)
		case "notes":
			if text, ok := one.Extra["notes"].(string); ok {
				texts = []string{text}
			}
		}
		for _, text := range texts {
			if q.exact && strings.EqualFold(text, q.term) || !q.exact && strings.Contains(strings.ToLower(text), strings.ToLower(q.term)) {
				return true
			}
		}
	}
	return false
}

func values(list []Contact) []string {
	texts := make([]string, 0, len(list))
	for _, c := range list {
		texts = append(texts, c.Value)
	}
	return texts
}

// found is a contact in the form of search results, where addresses and
// numbers are plain texts.
func found(one Person) map[string]any {
	emails := values(one.Emails)
	var primary any
	for _, e := range one.Emails {
		if e.Primary {
			primary = e.Value
		}
	}
	return map[string]any{
		"id": one.ID, "type": "person", "name": one.Name, "emails": emails, "phones": values(one.Phones), "primary_email": primary,
		"visible_to": one.VisibleTo, "owner": map[string]any{"id": one.OwnerID}, "organization": nil,
		"custom_fields": []any{}, "notes": []any{}, "update_time": one.UpdateTime.Format(time.RFC3339),
	}
}

func readPersonSearch(v url.Values) (personSearch, error) {
	q := personSearch{term: v.Get("term"), fields: searchFields, limit: 100, from: 1}
	switch v.Get("exact_match") {
	case "", "false", "0":
	case "true", "1":
		q.exact = true
	default:
		return q, errors.New("exact_match: must be a boolean")
	}
	least := 2
	if q.exact {
		least = 1
	}
	if n := utf8.RuneCountInString(q.term); n < least {
		return q, fmt.Errorf("term: must have at least %d characters", least)
	}
	if text := v.Get("fields"); text != "" {
		q.fields = strings.Split(text, ",")
		for _, f := range q.fields {
			if !slices.Contains(searchFields, f) {
				return q, fmt.Errorf("fields: must be of %s", strings.Join(searchFields, ", "))
			}
		}
	}
	limit := int64(q.limit)
	for _, n := range []struct {
		name  string
		most  int64
		value *int64
	}{{"organization_id", 1 << 62, &q.org}, {"limit", maxPage, &limit}} {
		if err := readNumber(v, n.name, 1, n.most, n.value); err != nil {
			return q, err
		}
	}
	q.limit = int(limit)
	if text := v.Get("cursor"); text != "" {
		if _, err := fmt.Sscanf(text, "found-%d", &q.from); err != nil || searchCursor(q.from) != text {
			return q, errors.New("cursor: is invalid")
		}
	}
	return q, nil
}
