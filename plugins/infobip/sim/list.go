package sim

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// paging holds the paging parameters of the vendor's lists: limit, a page that
// counts from one, an order, and whether to count.
type paging struct {
	limit, page int64
	order       string
	count       bool
}

const (
	defaultLimit = 20
	maxLimit     = 1000
)

// readPaging reads the parameters of a list that can be sorted by fields.
func readPaging(q url.Values, order string, fields ...string) (paging, violations) {
	p := paging{limit: defaultLimit, page: 1, order: order}
	var found violations
	p.limit = number(&found, q, "limit", p.limit, 1, maxLimit)
	p.page = number(&found, q, "page", p.page, 1, 1<<31)
	if v := q.Get("includeTotalCount"); v != "" {
		p.count = v == "true"
		if !p.count && v != "false" {
			found.add("includeTotalCount", "must be true or false")
		}
	}
	if v := q.Get("orderBy"); v != "" {
		p.order = v
		if field, direction, ok := strings.Cut(v, ":"); !ok {
			p.order += ":asc"
		} else if direction != "asc" && direction != "desc" {
			found.add("orderBy", "direction must be asc or desc")
		} else if v = field; v == "" {
			found.add("orderBy", "must name a field")
		}
		if field, _, _ := strings.Cut(p.order, ":"); !slices.Contains(fields, field) {
			found.add("orderBy", "must be one of %s", strings.Join(fields, ", "))
		}
	}
	return p, found
}

func number(found *violations, q url.Values, name string, standard, low, high int64) int64 {
	if !q.Has(name) {
		return standard
	}
	n, err := strconv.ParseInt(q.Get(name), 10, 64)
	if err != nil || n < low || n > high {
		found.add(name, "must be from %d to %d", low, high)
	}
	return n
}

// getPersons handles GET /people/2/persons. It returns one person when the
// query names one, and a list otherwise.
func (s *Server) getPersons(w http.ResponseWriter, c *call) {
	q, found := s.query(c.URL, "identifier", "type", "sender", "limit", "page", "includeTotalCount", "orderBy", "filter")
	one := q.Has("identifier") || q.Has("type") || q.Has("sender")
	if one {
		found = append(found, readIdentity(identity{q.Get("type"), q.Get("identifier"), q.Get("sender")}, "", identityTypes())...)
	}
	p, more := readPaging(q, s.readings.Get("list_order"), "firstName", "lastName", "createdAt", "modifiedAt")
	f, err := parseFilter(q.Get("filter"))
	if err != nil {
		found.add("filter", "%s", err)
	}
	if found = append(found, more...); len(found) > 0 {
		invalid(w, found)
		return
	}
	if one {
		s.getPerson(w, identity{q.Get("type"), q.Get("identifier"), q.Get("sender")})
		return
	}
	s.listPersons(w, c, p, f)
}

func (s *Server) getPerson(w http.ResponseWriter, id identity) {
	n, ok := s.lookup(id)
	p, there := s.people.get(n)
	switch {
	case !ok || !there:
		s.nobody(w)
	case s.readings.Is("get_one", "list"):
		writeJSON(w, http.StatusOK, map[string]any{"persons": []any{s.shown(p)}})
	default:
		writeJSON(w, http.StatusOK, s.shown(p))
	}
}

// listPersons writes people one by one, so that no page is held in memory.
func (s *Server) listPersons(w http.ResponseWriter, c *call, p paging, f filter) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	out := bufio.NewWriterSize(w, 32<<10)
	defer func() { _ = out.Flush() }() // the client is gone, and nobody is left to tell
	_, _ = out.WriteString("{")
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	if s.readings.Is("list_siblings", "present") {
		_, _ = out.WriteString(`"limit":` + strconv.FormatInt(p.limit, 10) + `,"page":` + strconv.FormatInt(p.page, 10) + `,"orderBy":`)
		_ = enc.Encode(p.order)
		_, _ = out.WriteString(",")
		if p.count {
			_, _ = out.WriteString(`"totalCount":` + strconv.FormatInt(s.count(c, f), 10) + ",")
		}
	}
	_, _ = out.WriteString(`"persons":[`)
	n, before := 0, int64(0)
	s.walk(c, p, f, func(one Person) bool {
		if n > 0 {
			_ = out.WriteByte(',')
		}
		err := enc.Encode(c.faults.Spoil(n, before, s.shown(one)))
		n, before = n+1, one.ID
		return err == nil
	})
	_, _ = out.WriteString("]}")
}

// seen returns how many people a request sees: all, or the first half with a
// fault.
func (s *Server) seen(c *call) int64 {
	total := s.people.total()
	if c.faults.Has(Half) {
		return total / 2
	}
	return total
}

func (s *Server) count(c *call, f filter) int64 {
	if f == nil {
		return s.seen(c)
	}
	var n int64
	s.walk(c, paging{limit: s.seen(c), page: 1, order: orderID}, f, func(Person) bool { n++; return true })
	return n
}

const walkStep = 1000

// walk calls visit with the people of a page.
func (s *Server) walk(c *call, p paging, f filter, visit func(Person) bool) {
	end, from := s.seen(c), (p.page-1)*p.limit
	if f == nil {
		s.each(p.order, from, min(p.limit, end-from), visit)
		return
	}
	skip, left, more := from, p.limit, true
	for at := int64(0); more && at < end; at += walkStep {
		s.each(p.order, at, min(walkStep, end-at), func(one Person) bool {
			switch {
			case !f(one):
			case skip > 0:
				skip--
			case left == 0:
				more = false
			default:
				left--
				more = visit(one)
			}
			return more
		})
	}
}

// each visits n of all people in an order.
func (s *Server) each(order string, from, n int64, visit func(Person) bool) {
	for _, id := range s.people.page(order, from, max(n, 0)) {
		if one, ok := s.people.get(id); ok && !visit(one) {
			return
		}
	}
}
