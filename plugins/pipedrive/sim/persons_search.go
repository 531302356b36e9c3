package sim

import (
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/rollcall-agent/rollcall/plugins/internal/simkit"
)

// personSearch is a parsed query of GET /api/v2/persons/search.
type personSearch struct {
	term    string
	exact   bool
	fields  []string
	org     int64
	picture bool
	limit   int
	after   int64 // id of the last person of the previous page
	digest  string
}

func searchFields() []string {
	return []string{"custom_fields", "email", "notes", "phone", "name"}
}

// searchPersons handles GET /api/v2/persons/search.
func (s *Server) searchPersons(w http.ResponseWriter, c *call) {
	q, err := s.readPersonSearch(c.URL.Query())
	if err != nil {
		invalid(w, err.Error())
		return
	}
	items, last, next := []any{}, int64(0), ""
	for id := range s.persons.candidates(q) {
		one, ok := s.persons.get(id)
		if !ok || !one.Deleted.IsZero() || !q.matches(one) {
			continue
		}
		if len(items) == q.limit {
			next = cursorAt("search:"+q.digest, position{last, last})
			break
		}
		items = append(items, map[string]any{"result_score": q.score(), "item": q.item(one)})
		last = id
	}
	simkit.WriteJSON(w, http.StatusOK, map[string]any{
		"success": true, "data": map[string]any{"items": items}, "additional_data": s.nextCursor(next),
	})
}

// candidates returns the ids that a search examines. An exact search for an
// address need not examine everybody, because generated addresses contain the
// number.
func (p *persons) candidates(q personSearch) iter.Seq[int64] {
	return func(yield func(int64) bool) {
		if !q.exact || !slices.Equal(q.fields, []string{"email"}) {
			p.count(q.after+1, p.store.Highest(), false, yield)
			return
		}
		var ids []int64
		if number, ok := simkit.NumberOf(q.term); ok && number <= p.store.Generated() {
			ids = append(ids, number)
		}
		for _, one := range p.store.Changed() {
			ids = append(ids, one.ID)
		}
		slices.Sort(ids)
		for _, id := range slices.Compact(ids) {
			if id > q.after && !yield(id) {
				return
			}
		}
	}
}

func (q personSearch) matches(one Person) bool {
	if q.org != 0 && (one.OrgID == nil || *one.OrgID != q.org) {
		return false
	}
	return slices.ContainsFunc(q.fields, func(field string) bool { return slices.ContainsFunc(one.texts(field), q.hits) })
}

func (q personSearch) hits(text string) bool {
	if q.exact {
		return strings.EqualFold(text, q.term)
	}
	return strings.Contains(strings.ToLower(text), strings.ToLower(q.term))
}

// texts returns the values of a field that can be searched.
func (one Person) texts(field string) []string {
	switch field {
	case "name":
		return []string{one.Name}
	case "email":
		return values(one.Emails)
	case "phone":
		return values(one.Phones)
	case "notes":
		if text, ok := one.Sync["notes"].(string); ok {
			return []string{text}
		}
	case "custom_fields":
		var texts []string
		for _, v := range one.Custom {
			if text, ok := v.(string); ok {
				texts = append(texts, text)
			}
		}
		slices.Sort(texts)
		return texts
	}
	return nil
}

func values(list []Contact) []string {
	texts := make([]string, 0, len(list))
	for _, c := range list {
		texts = append(texts, c.Value)
	}
	return texts
}

// score returns how relevant a result is. The vendor does not document its
// measure.
func (q personSearch) score() float64 {
	if q.exact {
		return 1.25
	}
	return 0.5092
}

// item returns a person in the form of search results, where addresses and
// numbers are plain texts.
func (q personSearch) item(one Person) map[string]any {
	item := map[string]any{
		"id": one.ID, "type": "person", "name": one.Name, "phones": values(one.Phones), "emails": values(one.Emails),
		"visible_to": one.VisibleTo, "owner": map[string]any{"id": one.OwnerID}, "organization": nil,
		"custom_fields": q.foundIn(one, "custom_fields"), "notes": q.foundIn(one, "notes"),
	}
	if one.OrgID != nil {
		item["organization"] = map[string]any{"id": *one.OrgID, "name": fmt.Sprintf("Organization %d", *one.OrgID), "address": nil}
	}
	if q.picture {
		item["picture"] = nil
	}
	return item
}

func (q personSearch) foundIn(one Person, field string) []string {
	found := []string{}
	for _, text := range one.texts(field) {
		if q.hits(text) {
			found = append(found, text)
		}
	}
	return found
}

func (s *Server) readPersonSearch(v url.Values) (personSearch, error) {
	q := personSearch{term: v.Get("term"), fields: searchFields(), digest: digestOf(v)}
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
			if !slices.Contains(searchFields(), f) {
				return q, fmt.Errorf("fields: must be of %s", strings.Join(searchFields(), ", "))
			}
		}
	}
	if text := v.Get("include_fields"); text != "" && text != "person.picture" {
		return q, errors.New("include_fields: must be person.picture")
	}
	q.picture = v.Get("include_fields") != ""
	return q, q.readPage(s, v)
}

func (q *personSearch) readPage(s *Server, v url.Values) (err error) {
	if q.org, err = readID(v, "organization_id"); err != nil {
		return err
	}
	if q.limit, err = s.readLimit(v); err != nil {
		return err
	}
	after, err := readCursor(v.Get("cursor"), "search:"+q.digest)
	if after != nil {
		q.after = after.id
	}
	return err
}
