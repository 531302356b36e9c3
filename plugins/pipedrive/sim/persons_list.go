package sim

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/plugins/internal/simkit"
)

// personQuery is what GET /api/v2/persons was asked for.
type personQuery struct {
	ids          []int64 // nil: everybody
	owner, org   int64   // 0: any
	since, until time.Time
	sort         string
	down         bool
	limit        int
	after        *position // where the page before ended
	digest       string    // of everything but cursor and limit
}

// position is a place in a list: the value that is sorted by, and the id.
type position struct {
	at int64
	id int64
}

// listPersons is GET /api/v2/persons, page by page.
func (s *Server) listPersons(w http.ResponseWriter, c *call) {
	q, err := readPersonQuery(c.URL.Query())
	if err != nil {
		invalid(w, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	out := bufio.NewWriterSize(w, 32<<10)
	defer func() { _ = out.Flush() }() // the client is gone: nobody is left to tell
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	_, _ = out.WriteString(`{"success":true,"data":[`)
	written := 0
	var last position
	more := false
	s.persons.each(q, c.faults.Has(simkit.Half), func(one Person) bool {
		if written == q.limit {
			more = true
			return false
		}
		if written > 0 {
			_ = out.WriteByte(',')
		}
		_ = enc.Encode(one.members())
		written++
		last = q.position(one)
		return true
	})
	_, _ = out.WriteString(`],"additional_data":`)
	_ = enc.Encode(s.personsTail(q, last, more))
	_ = out.WriteByte('}')
}

func (s *Server) personsTail(q personQuery, last position, more bool) any {
	if more {
		return map[string]any{"next_cursor": q.cursor(last)}
	}
	if s.reads("persons_last_cursor", "absent") {
		return map[string]any{}
	}
	return map[string]any{"next_cursor": nil}
}

func (q personQuery) position(one Person) position {
	switch q.sort {
	case "add_time":
		return position{one.AddTime.Unix(), one.ID}
	case "update_time":
		return position{one.UpdateTime.Unix(), one.ID}
	}
	return position{one.ID, one.ID}
}

func (q personQuery) cursor(p position) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "person:%s:%d:%d", q.digest, p.at, p.id))
}

func (q personQuery) wants(one Person) bool {
	return one.Deleted.IsZero() &&
		(q.ids == nil || slices.Contains(q.ids, one.ID)) &&
		(q.owner == 0 || one.OwnerID == q.owner) &&
		(q.org == 0 || one.OrgID != nil && *one.OrgID == q.org) &&
		(q.since.IsZero() || !one.UpdateTime.Before(q.since)) &&
		(q.until.IsZero() || one.UpdateTime.Before(q.until))
}

func (p position) less(other position) bool {
	return p.at < other.at || p.at == other.at && p.id < other.id
}

// each calls f with the contacts of a query in their order, until it says no.
// In the order of ids nobody is kept in memory.
func (p *persons) each(q personQuery, half bool, f func(Person) bool) {
	last := p.store.Highest()
	if half {
		last /= 2
	}
	if q.sort != "id" {
		p.sorted(q, last, f)
		return
	}
	from, to, step := int64(1), last, int64(1)
	if q.down {
		from, to, step = last, 1, -1
	}
	if q.after != nil {
		from = q.after.id + step
	}
	for id := from; (step > 0 && id <= to) || (step < 0 && id >= to); id += step {
		if one, ok := p.get(id); ok && q.wants(one) && !f(one) {
			return
		}
	}
}

// sorted sorts the places of everybody first.
func (p *persons) sorted(q personQuery, last int64, f func(Person) bool) {
	var places []position
	for id := int64(1); id <= last; id++ {
		if one, ok := p.get(id); ok && q.wants(one) {
			places = append(places, q.position(one))
		}
	}
	order := func(a, b position) bool { return a.less(b) != q.down && a != b }
	slices.SortFunc(places, func(a, b position) int {
		switch {
		case order(a, b):
			return -1
		case order(b, a):
			return 1
		}
		return 0
	})
	for _, place := range places {
		if q.after != nil && !order(*q.after, place) {
			continue
		}
		if one, ok := p.get(place.id); ok && !f(one) {
			return
		}
	}
}

func readPersonQuery(v url.Values) (q personQuery, err error) {
	q = personQuery{sort: "id", limit: 100}
	if text := v.Get("ids"); text != "" {
		if q.ids, err = readIDs(text); err != nil {
			return q, err
		}
	}
	for name, to := range map[string]*int64{"owner_id": &q.owner, "org_id": &q.org} {
		if err := readNumber(v, name, 1, 1<<62, to); err != nil {
			return q, err
		}
	}
	for name, to := range map[string]*time.Time{"updated_since": &q.since, "updated_until": &q.until} {
		if text := v.Get(name); text != "" {
			if *to, err = time.Parse(time.RFC3339, text); err != nil {
				return q, fmt.Errorf("%s: must be a time as in RFC 3339", name)
			}
		}
	}
	if text := v.Get("sort_by"); text != "" {
		if !slices.Contains([]string{"id", "update_time", "add_time"}, text) {
			return q, errors.New("sort_by: must be one of id, update_time, add_time")
		}
		q.sort = text
	}
	switch v.Get("sort_direction") {
	case "", "asc":
	case "desc":
		q.down = true
	default:
		return q, errors.New("sort_direction: must be asc or desc")
	}
	limit := int64(q.limit)
	if err := readNumber(v, "limit", 1, maxPage, &limit); err != nil {
		return q, err
	}
	q.limit = int(limit)
	q.digest = digestOf(v)
	return q, q.readCursor(v.Get("cursor"))
}

// digestOf ties a cursor to the query that it came from.
func digestOf(v url.Values) string {
	h := fnv.New64a()
	for _, name := range []string{"ids", "owner_id", "org_id", "updated_since", "updated_until", "sort_by", "sort_direction", "filter_id"} {
		_, _ = fmt.Fprintf(h, "%s=%q;", name, v.Get(name))
	}
	return strconv.FormatUint(h.Sum64(), 16)
}

func (q *personQuery) readCursor(text string) error {
	if text == "" {
		return nil
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	parts := strings.Split(string(b), ":")
	if err != nil || len(parts) != 4 || parts[0] != "person" || parts[1] != q.digest {
		return errors.New("cursor: is invalid")
	}
	at, err1 := strconv.ParseInt(parts[2], 10, 64)
	id, err2 := strconv.ParseInt(parts[3], 10, 64)
	if err1 != nil || err2 != nil {
		return errors.New("cursor: is invalid")
	}
	q.after = &position{at, id}
	return nil
}

func readIDs(text string) ([]int64, error) {
	var ids []int64
	for _, part := range strings.Split(text, ",") {
		id, err := strconv.ParseInt(part, 10, 64)
		if err != nil || id < 1 {
			return nil, errors.New("ids: must be positive integers")
		}
		ids = append(ids, id)
	}
	if len(ids) > 100 {
		return nil, errors.New("ids: must be at most 100")
	}
	return ids, nil
}

func readNumber(v url.Values, name string, least, most int64, to *int64) error {
	text := v.Get(name)
	if text == "" {
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < least || n > most {
		return fmt.Errorf("%s: must be from %d to %d", name, least, most)
	}
	*to = n
	return nil
}
