package sim

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/plugins/internal/simkit"
)

// agentQuery is a parsed query of GET /ccaas/1/agents.
type agentQuery struct {
	wanted      []func(Agent) bool
	limit, page int64
	order       string
}

const (
	agentLimit    = 10
	agentMaxLimit = 999
)

func (s *Server) agentQuery(u *url.URL) (agentQuery, violations) {
	q, found := s.query(u, "agentIds", "queueIds", "displayName", "email", "status", "availability", "role", "enabled",
		"createdAfter", "createdBefore", "updatedAfter", "updatedBefore", "limit", "page", "orderBy")
	found = slices.DeleteFunc(found,
		func(v simkit.Violation) bool { return v.Path == "agentIds" || v.Path == "queueIds" }) // lists may be repeated
	a := agentQuery{order: orderID}
	a.limit = number(&found, q, "limit", agentLimit, 0, agentMaxLimit)
	a.page = number(&found, q, "page", 0, 0, 1<<31)
	a.texts(&found, q)
	a.times(&found, q)
	if q.Has("queueIds") {
		a.wanted = append(a.wanted, func(Agent) bool { return false }) // no agent is in any queue
	}
	if v := q.Get("orderBy"); v != "" {
		field, direction, ok := strings.Cut(v, ":")
		if !ok {
			direction = "asc"
		}
		a.order = field + ":" + direction
		if _, ok := agentKey(field, Agent{}); !ok || (direction != "asc" && direction != "desc") {
			found.add("orderBy", "must be a property with asc or desc")
		}
	}
	return a, found
}

func (a *agentQuery) want(f func(Agent) bool) { a.wanted = append(a.wanted, f) }

func (a *agentQuery) texts(found *violations, q url.Values) {
	if q.Has("agentIds") {
		ids := strings.Split(strings.Join(q["agentIds"], ","), ",")
		a.want(func(one Agent) bool { return slices.Contains(ids, one.ID) })
	}
	if v := strings.ToLower(q.Get("displayName")); v != "" {
		a.want(func(one Agent) bool { return strings.Contains(strings.ToLower(one.DisplayName), v) })
	}
	if v := q.Get("email"); v != "" {
		if bad := email(v); bad != "" {
			found.add("email", "%s", bad)
		}
		a.want(func(one Agent) bool { return strings.EqualFold(one.Email, v) })
	}
	exact := func(name string, of func(Agent) string, values []string) {
		if v := q.Get(name); q.Has(name) {
			if bad := oneOf(values...)(v); bad != "" {
				found.add(name, "%s", bad)
			}
			a.want(func(one Agent) bool { return of(one) == v })
		}
	}
	exact("status", func(one Agent) string { return one.Status }, agentStatuses())
	exact("availability", func(one Agent) string { return one.Availability }, agentStatuses())
	exact("role", func(one Agent) string { return one.Role }, agentRoles())
	exact("enabled", func(one Agent) string { return strconv.FormatBool(one.Enabled) }, []string{"true", "false"})
}

func (a *agentQuery) times(found *violations, q url.Values) {
	bound := func(name string, of func(Agent) string, after bool) {
		if !q.Has(name) {
			return
		}
		limit, err := time.Parse(agentTime, q.Get(name))
		if err != nil {
			found.add(name, "must be a time of the form 2019-05-10T09:53:58.463+0000")
		}
		a.want(func(one Agent) bool {
			t, err := time.Parse(agentTime, of(one))
			return err == nil && ((after && t.After(limit)) || (!after && t.Before(limit)))
		})
	}
	created, updated := func(one Agent) string { return one.CreatedAt }, func(one Agent) string { return one.UpdatedAt }
	bound("createdAfter", created, true)
	bound("createdBefore", created, false)
	bound("updatedAfter", updated, true)
	bound("updatedBefore", updated, false)
}

// agentKey returns the value to sort an agent by; false for an unknown field.
func agentKey(field string, one Agent) (string, bool) {
	switch field {
	case "id":
		return one.ID, true
	case "displayName":
		return one.DisplayName, true
	case "status":
		return one.Status, true
	case "availability":
		return one.Availability, true
	case "role":
		return one.Role, true
	case "enabled":
		return strconv.FormatBool(one.Enabled), true
	case "createdAt":
		return one.CreatedAt, true
	case "updatedAt":
		return one.UpdatedAt, true
	}
	return "", false
}

// selected returns the numbers of a page of agents, and how many agents match
// in all.
func (s *Server) selected(c *call, q agentQuery) (page []int64, total int64) {
	last := s.agents.Highest()
	if c.faults.Has(Half) {
		last /= 2
	}
	from := q.page * q.limit
	if len(q.wanted) == 0 && q.order == orderID {
		return s.agents.page(last, from, q.limit)
	}
	var entries []entry
	for n := int64(1); n <= last; n++ {
		one, ok := s.agents.Get(n)
		if !ok || slices.ContainsFunc(q.wanted, func(f func(Agent) bool) bool { return !f(one) }) {
			continue
		}
		key, _ := agentKey(fieldOfOrder(q.order), one)
		entries = append(entries, entry{key, n})
	}
	total = int64(len(entries))
	page = ordered(entries, q.order)
	return page[min(from, total):min(from+q.limit, total)], total
}
