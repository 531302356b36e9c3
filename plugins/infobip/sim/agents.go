package sim

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Agent is somebody who answers conversations: the nearest to a person who
// signs in that the vendor's API has.
type Agent struct {
	ID           string `json:"id"`
	DisplayName  string `json:"displayName"`
	Status       string `json:"status"`
	Availability string `json:"availability"`
	Role         string `json:"role"`
	Enabled      bool   `json:"enabled"`
	CreatedAt    string `json:"createdAt"` // 2019-05-10T09:53:58.463+0000
	UpdatedAt    string `json:"updatedAt"`
	Email        string `json:"email,omitempty"` // the vendor shows it of one agent, not in the list
}

const agentTime = "2006-01-02T15:04:05.000-0700"

func agentStatuses() []string { return []string{"ACTIVE", "BUSY", "INVISIBLE", "AWAY"} }

func agentRoles() []string { return []string{"AGENT", "SUPERVISOR"} }

// agents holds the generated ones and what was changed since.
type agents struct {
	generator

	mu      sync.RWMutex
	changed map[int64]Agent
	gone    map[int64]bool
	last    int64
}

func newAgents(o Options) *agents {
	a := &agents{generator: newGenerator(o.Seed+1, o.Agents)}
	a.reset()
	return a
}

func (a *agents) reset() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.changed, a.gone, a.last = map[int64]Agent{}, map[int64]bool{}, a.count
}

// idText is the id of agent n: the number, so that ids have an order, and
// digits that nobody guesses.
func (a *agents) idText(n int64) string {
	d := dice(a.seed*0x632be59bd9b4e019 + uint64(n))
	return fmt.Sprintf("%016X%016X", uint64(n)*0x1F3A5C7B9, d.next())
}

var agentID = regexp.MustCompile(`^[0-9A-F]{32}$`)

// number is the agent behind an id.
func (a *agents) number(id string) (int64, bool) {
	if !agentID.MatchString(id) {
		return 0, false
	}
	high, err := strconv.ParseUint(id[:16], 16, 64)
	n := int64(high / 0x1F3A5C7B9)
	return n, err == nil && a.idText(n) == id
}

func (a *agents) generate(n int64) Agent {
	d := dice(a.seed*0x632be59bd9b4e019 + uint64(n))
	d.next()
	first, last := a.name(&d, n)
	created := time.Date(2019, 5, 10, 9, 53, 58, 463e6, time.UTC).Add(time.Duration(d.below(2300*24*3600)) * time.Second)
	one := Agent{
		ID: a.idText(n), DisplayName: strings.TrimSpace(first + " " + last), Status: pick(&d, agentStatuses()), Role: "AGENT", Enabled: true,
		CreatedAt: created.Format(agentTime), Email: fmt.Sprintf("%s%d@example.org", a.foldName(first+last), n),
	}
	one.Availability = one.Status
	one.UpdatedAt = created.Add(time.Duration(d.below(90*24*3600)) * time.Second).Format(agentTime)
	if d.below(8) == 0 {
		one.Role = "SUPERVISOR"
	}
	if n > 1 && d.below(12) == 0 {
		one.Enabled = false
	}
	return one
}

func (a *agents) locked(n int64) (Agent, bool) {
	if n < 1 || n > a.last || a.gone[n] {
		return Agent{}, false
	}
	if one, ok := a.changed[n]; ok {
		return one, true
	}
	return a.generate(n), true
}

func (a *agents) get(n int64) (Agent, bool) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.locked(n)
}

// page returns the numbers of a page of the agents up to last, and how many
// they are, without making any.
func (a *agents) page(last, from, n int64) (page []int64, total int64) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if len(a.gone) == 0 {
		for i := from + 1; i <= min(from+n, last); i++ {
			page = append(page, i)
		}
		return page, last
	}
	for i := int64(1); i <= last; i++ {
		if a.gone[i] {
			continue
		}
		if total >= from && total < from+n {
			page = append(page, i)
		}
		total++
	}
	return page, total
}

func (a *agents) highest() int64 {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.last
}

func (a *agents) add(one Agent) Agent {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last++
	one.ID = a.idText(a.last)
	a.changed[a.last] = one
	return one
}

func (a *agents) change(n int64, f func(*Agent)) (Agent, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	one, ok := a.locked(n)
	if !ok {
		return Agent{}, false
	}
	id := one.ID
	f(&one)
	one.ID = id
	a.changed[n] = one
	return one, true
}

func (a *agents) remove(n int64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, ok := a.locked(n)
	if ok {
		delete(a.changed, n)
		a.gone[n] = true
	}
	return ok
}

// listAgents is GET /ccaas/1/agents. Its pages count from zero.
func (s *Server) listAgents(w http.ResponseWriter, c *call) {
	q, found := s.agentQuery(c.URL)
	if len(found) > 0 {
		invalid(w, found)
		return
	}
	page, total := s.selected(c, q)
	list, before := make([]any, len(page)), ""
	for i, n := range page {
		one, _ := s.agents.get(n) // gone since: an empty one
		if s.readings.is("agents_email", "absent") {
			one.Email = ""
		}
		list[i] = c.faults.spoil(i, before, one)
		before = one.ID
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"agents":     list,
		"pagination": map[string]any{"totalItems": total, "page": q.page, "limit": q.limit, "orderBy": q.order},
	})
}

// agentOf finds the agent of the path. It has answered when it returns false.
func (s *Server) agentOf(w http.ResponseWriter, c *call) (int64, bool) {
	text := fmt.Sprintf("Invalid agent id given '%s'", c.param)
	n, ok := s.agents.number(c.param)
	if _, there := s.agents.get(n); ok && there {
		return n, true
	}
	if !agentID.MatchString(c.param) || s.readings.is("unknown_agent", "400") {
		refuseAs(w, http.StatusBadRequest, "NOT_FOUND", text, nil)
		return 0, false
	}
	refuse(w, http.StatusNotFound, "")
	return 0, false
}

// getAgent is GET /ccaas/1/agents/{agentId}.
func (s *Server) getAgent(w http.ResponseWriter, c *call) {
	if n, ok := s.agentOf(w, c); ok {
		one, _ := s.agents.get(n)
		writeJSON(w, http.StatusOK, one)
	}
}

// addAgent is POST /ccaas/1/agents. It answers 200, and takes no address.
func (s *Server) addAgent(w http.ResponseWriter, c *call) {
	set, ok := s.agentBody(w, c, true)
	if !ok {
		return
	}
	one := Agent{Enabled: true, CreatedAt: s.opts.Now().UTC().Format(agentTime)}
	set(&one)
	writeJSON(w, http.StatusOK, s.agents.add(one))
}

// updateAgent is PUT /ccaas/1/agents/{agentId}.
func (s *Server) updateAgent(w http.ResponseWriter, c *call) {
	s.changeAgent(w, c, true)
}

// setAgentStatus is PUT /ccaas/1/agents/{agentId}/status.
func (s *Server) setAgentStatus(w http.ResponseWriter, c *call) {
	s.changeAgent(w, c, false)
}

func (s *Server) changeAgent(w http.ResponseWriter, c *call, whole bool) {
	n, ok := s.agentOf(w, c)
	if !ok {
		return
	}
	set, ok := s.agentBody(w, c, whole)
	if !ok {
		return
	}
	one, ok := s.agents.change(n, func(one *Agent) {
		if whole && s.readings.is("agent_enabled", "true") {
			one.Enabled = true
		}
		set(one)
	})
	if !ok {
		refuse(w, http.StatusNotFound, "")
		return
	}
	one.Email = "" // the vendor's examples of writes have none
	writeJSON(w, http.StatusOK, one)
}

// agentBody reads a whole agent, or only a status.
func (s *Server) agentBody(w http.ResponseWriter, c *call, whole bool) (set func(*Agent), ok bool) {
	m, ok := s.object(w, c.Request)
	if !ok {
		return nil, false
	}
	checks := map[string]check{"status": oneOf(agentStatuses()...)}
	if whole {
		checks["displayName"], checks["role"], checks["enabled"] = text(255), oneOf(agentRoles()...), boolean
	}
	var found violations
	for _, name := range sortedNames(m) {
		switch c := checks[name]; {
		case c == nil:
			s.rules().unwanted(&found, name, whole && slices.Contains([]string{"id", "createdAt", "updatedAt"}, name))
		case m[name] != nil:
			if bad := c(m[name]); bad != "" {
				found.add(name, "%s", bad)
			}
		case name == "enabled":
			found.add(name, isMissing)
		}
	}
	for _, name := range []string{"displayName", "status", "role"} {
		if checks[name] != nil && m[name] == nil {
			found.add(name, isMissing)
		}
	}
	if len(found) > 0 {
		refuseAs(w, http.StatusBadRequest, "BAD_REQUEST", "Required request body is missing or not valid.", found)
		return nil, false
	}
	return func(one *Agent) {
		one.Status = m["status"].(string)
		one.Availability = one.Status
		one.UpdatedAt = s.opts.Now().UTC().Format(agentTime)
		if whole {
			one.DisplayName, one.Role = m["displayName"].(string), m["role"].(string)
			if v, ok := m["enabled"].(bool); ok {
				one.Enabled = v
			}
		}
	}, true
}
