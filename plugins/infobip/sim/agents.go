package sim

import (
	"fmt"
	"net/http"
	"slices"
)

// Agent is somebody who answers conversations. In the vendor's API nothing
// comes closer to a person who signs in.
type Agent struct {
	ID           string `json:"id"`
	DisplayName  string `json:"displayName"`
	Status       string `json:"status"`
	Availability string `json:"availability"`
	Role         string `json:"role"`
	Enabled      bool   `json:"enabled"`
	CreatedAt    string `json:"createdAt"` // 2019-05-10T09:53:58.463+0000
	UpdatedAt    string `json:"updatedAt"`
	Email        string `json:"email,omitempty"` // the vendor shows it for a single agent, not in the list
}

const agentTime = "2006-01-02T15:04:05.000-0700"

func agentStatuses() []string { return []string{"ACTIVE", "BUSY", "INVISIBLE", "AWAY"} }

func agentRoles() []string { return []string{"AGENT", "SUPERVISOR"} }

// listAgents handles GET /ccaas/1/agents. Its pages count from zero.
func (s *Server) listAgents(w http.ResponseWriter, c *call) {
	q, found := s.agentQuery(c.URL)
	if len(found) > 0 {
		invalid(w, found)
		return
	}
	page, total := s.selected(c, q)
	list, before := make([]any, len(page)), ""
	for i, n := range page {
		one, _ := s.agents.Get(n) // an agent that has gone since is an empty one
		if s.readings.Is("agents_email", "absent") {
			one.Email = ""
		}
		list[i] = c.faults.Spoil(i, before, one)
		before = one.ID
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"agents":     list,
		"pagination": map[string]any{"totalItems": total, "page": q.page, "limit": q.limit, "orderBy": q.order},
	})
}

// agentOf returns the agent in the path. When it returns false, it has answered
// the request.
func (s *Server) agentOf(w http.ResponseWriter, c *call) (int64, bool) {
	text := fmt.Sprintf("Invalid agent id given '%s'", c.param)
	n, ok := s.agents.number(c.param)
	if _, there := s.agents.Get(n); ok && there {
		return n, true
	}
	if !agentID.MatchString(c.param) || s.readings.Is("unknown_agent", "400") {
		refuseAs(w, http.StatusBadRequest, "NOT_FOUND", text, nil)
		return 0, false
	}
	refuse(w, http.StatusNotFound, "")
	return 0, false
}

// getAgent handles GET /ccaas/1/agents/{agentId}.
func (s *Server) getAgent(w http.ResponseWriter, c *call) {
	if n, ok := s.agentOf(w, c); ok {
		one, _ := s.agents.Get(n)
		writeJSON(w, http.StatusOK, one)
	}
}

// addAgent handles POST /ccaas/1/agents. It answers 200, and accepts no
// address.
func (s *Server) addAgent(w http.ResponseWriter, c *call) {
	set, ok := s.agentBody(w, c, true)
	if !ok {
		return
	}
	one := Agent{Enabled: true, CreatedAt: s.opts.Now().UTC().Format(agentTime)}
	set(&one)
	writeJSON(w, http.StatusOK, s.agents.add(one))
}

// updateAgent handles PUT /ccaas/1/agents/{agentId}.
func (s *Server) updateAgent(w http.ResponseWriter, c *call) {
	s.changeAgent(w, c, true)
}

// setAgentStatus handles PUT /ccaas/1/agents/{agentId}/status.
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
		if whole && s.readings.Is("agent_enabled", "true") {
			one.Enabled = true
		}
		set(one)
	})
	if !ok {
		refuse(w, http.StatusNotFound, "")
		return
	}
	one.Email = "" // the vendor's examples of writes show none
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
