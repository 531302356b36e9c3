package sim

import (
	"fmt"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/plugins/internal/simtest"
)

type agentList struct {
	Agents     []Agent
	Pagination struct {
		TotalItems, Page, Limit int
		OrderBy                 string
	}
}

const agentsPath = "/ccaas/1/agents"

func agentsOf(t *testing.T, s *Server, query string) agentList {
	t.Helper()
	e := get(t, s, agentsPath+query)
	expect(t, e, 200)
	return decodeAs[agentList](t, e)
}

func TestAgentPagesCountFromZero(t *testing.T) {
	s := New(Options{Seed: 1, Agents: 25})
	first := agentsOf(t, s, "")
	if p := first.Pagination; len(first.Agents) != 10 || p.TotalItems != 25 || p.Page != 0 || p.Limit != 10 || p.OrderBy != "id:asc" {
		t.Errorf("%+v", first.Pagination)
	}
	if _, err := s.DeleteAgent(3); err != nil {
		t.Fatal(err)
	}
	var all []string
	for page := range 4 {
		l := agentsOf(t, s, fmt.Sprintf("?limit=8&page=%d", page))
		if l.Pagination.TotalItems != 24 {
			t.Errorf("total %d", l.Pagination.TotalItems)
		}
		for _, a := range l.Agents {
			all = append(all, a.ID)
			if a.Email != "" || !agentID.MatchString(a.ID) {
				t.Errorf("%+v", a)
			}
		}
	}
	if len(all) != 24 || !slices.IsSorted(all) {
		t.Errorf("%d: %v", len(all), all)
	}
	if l := agentsOf(t, s, "?limit=0"); len(l.Agents) != 0 || l.Pagination.TotalItems != 24 {
		t.Errorf("%+v", l)
	}
}

func TestAgentFilters(t *testing.T) {
	c := simtest.NewClock()
	s := New(Options{Seed: 1, Agents: 200, Now: c.Now})
	one := s.AddAgent(Agent{DisplayName: "Zora Unique", Status: "AWAY", Availability: "BUSY", Role: "SUPERVISOR", Email: "zora@example.org"})
	c.Advance(time.Second)
	other := s.AddAgent(Agent{DisplayName: "Yves", Status: "BUSY", Role: "AGENT", Enabled: true})
	for query, want := range map[string]string{
		"?displayName=UNIQUE":                                              one.ID,
		"?email=Zora@example.org":                                          one.ID,
		"?agentIds=" + one.ID + ",x":                                       one.ID,
		"?agentIds=x&agentIds=" + one.ID:                                   one.ID,
		"?status=AWAY&availability=BUSY":                                   one.ID,
		"?queueIds=1":                                                      "",
		"?createdAfter=" + url.QueryEscape(one.CreatedAt):                  other.ID,
		"?updatedAfter=" + url.QueryEscape("2026-03-04T06:06:07.500+0100"): other.ID,
		"?createdAfter=2026-01-01T00:00:00.000%2B0000&createdBefore=" + url.QueryEscape(other.CreatedAt):                   one.ID,
		"?role=SUPERVISOR&enabled=false&displayName=zora":                                                                  one.ID,
		"?limit=1&orderBy=createdAt:desc":                                                                                  other.ID,
		"?limit=1&orderBy=displayName:desc&displayName=z&enabled=false&status=AWAY&role=SUPERVISOR&email=zora@example.org": one.ID,
	} {
		l := agentsOf(t, s, query)
		got := ""
		if len(l.Agents) > 0 {
			got = l.Agents[0].ID
		}
		if got != want || len(l.Agents) > 1 {
			t.Errorf("%s: %d agents, %s, want %s", query, len(l.Agents), got, want)
		}
	}
	for query, ok := range map[string]func(Agent) bool{
		"?limit=999&enabled=true":        func(a Agent) bool { return a.Enabled },
		"?limit=999&role=SUPERVISOR":     func(a Agent) bool { return a.Role == "SUPERVISOR" },
		"?limit=999&status=INVISIBLE":    func(a Agent) bool { return a.Status == "INVISIBLE" },
		"?limit=999&availability=ACTIVE": func(a Agent) bool { return a.Availability == "ACTIVE" },
	} {
		l := agentsOf(t, s, query)
		if len(l.Agents) < 5 || len(l.Agents) > 195 || l.Pagination.TotalItems != len(l.Agents) || slices.ContainsFunc(l.Agents, func(a Agent) bool { return !ok(a) }) {
			t.Errorf("%s: %d agents", query, len(l.Agents))
		}
	}
}

func TestWriteAgents(t *testing.T) {
	c := simtest.NewClock()
	s := New(Options{Seed: 1, Agents: 3, Now: c.Now})
	got := send(t, s, "POST", agentsPath, `{"displayName":"Angus","status":"ACTIVE","role":"SUPERVISOR","enabled":false}`)
	expect(t, got, 200)
	a := decodeAs[Agent](t, got)
	if want := (Agent{a.ID, "Angus", "ACTIVE", "ACTIVE", "SUPERVISOR", false, "2026-03-04T05:06:07.000+0000", "2026-03-04T05:06:07.000+0000", ""}); a != want {
		t.Errorf("%+v", a)
	}
	c.Advance(90 * time.Millisecond)
	expect(t, send(t, s, "PUT", agentsPath+"/"+a.ID+"/status", `{"status":"AWAY"}`), 200, `"status":"AWAY"`, `"enabled":false`, `"updatedAt":"2026-03-04T05:06:07.090+0000"`)
	expect(t, send(t, s, "PUT", agentsPath+"/"+a.ID, `{"displayName":"Malcolm","status":"BUSY","role":"AGENT","enabled":false}`), 200, `"displayName":"Malcolm"`, `"enabled":false`)
	expect(t, send(t, s, "PUT", agentsPath+"/"+a.ID, `{"displayName":"Malcolm","status":"BUSY","role":"AGENT"}`), 200, `"enabled":true`) // the default
	generated, _ := s.Agent(2)
	expect(t, get(t, s, agentsPath+"/"+generated.ID), 200, `"email":"`+generated.Email+`"`)
	expect(t, get(t, s, agentsPath+"/1234567890ABCDEFGHIJKLMNOPRSTUVZ"), 400, `{"messageId":"NOT_FOUND","text":"Invalid agent id given '1234567890ABCDEFGHIJKLMNOPRSTUVZ'"}`)
	for _, id := range []string{"97457D13B1FC79AF3C1A1096AE7E77AB", generated.ID[:31] + "0"} {
		if id == generated.ID {
			id = generated.ID[:31] + "1"
		}
		expect(t, get(t, s, agentsPath+"/"+id), 404, `"Not found"`)
		expect(t, send(t, s, "PUT", agentsPath+"/"+id, `{"displayName":"M","status":"BUSY","role":"AGENT"}`), 404)
		expect(t, send(t, s, "PUT", agentsPath+"/"+id+"/status", `{"status":"BUSY"}`), 404)
	}
	expect(t, send(t, s, "DELETE", agentsPath+"/"+a.ID, ""), 405)
}

func TestGeneratedAgents(t *testing.T) {
	s := New(Options{Seed: 1, Agents: 1000})
	seen := map[string]bool{}
	disabled := 0
	for n := int64(1); n <= 1000; n++ {
		a, err := s.Agent(n)
		if err != nil || seen[a.ID] || seen[a.Email] {
			t.Fatalf("agent %d: %+v, %v", n, a, err)
		}
		seen[a.ID], seen[a.Email] = true, true
		if back, err := s.AgentNumber(a.ID); err != nil || back != n {
			t.Errorf("agent %d: its id leads to %d, %v", n, back, err)
		}
		if !a.Enabled {
			disabled++
		}
	}
	if disabled < 30 || disabled > 200 {
		t.Errorf("%d disabled", disabled)
	}
}
