package sim

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/plugins/internal/simtest"
)

// probes ask for what each reading is about. Each answers differently for each
// value.
func probes() map[string]func(*testing.T, *Server) string {
	status := func(e exchange) string { return fmt.Sprint(e.status) }
	invite := func(t *testing.T, s *Server, body string) exchange { return send(t, s, "POST", "/v1/users", body) }
	grant := func(t *testing.T, s *Server) tokenAnswer { return answer(t, token(t, s, refreshForm+inBody)) }
	full := func(s *Server) { s.opts.Seats = s.Count().Active }
	limited := func(t *testing.T, s *Server) exchange {
		s.opts.Unlimited, s.opts.Burst = false, 1
		get(t, s, "/v1/users/me")
		return get(t, s, "/v1/users/me")
	}
	all := personProbes()
	maps.Copy(all, map[string]func(*testing.T, *Server) string{
		"duplicate_email": func(t *testing.T, s *Server) string {
			return status(invite(t, s, `{"email":"ada.novak1@example.org"}`))
		},
		"unknown_members": func(t *testing.T, s *Server) string {
			return status(invite(t, s, `{"email":"bo@example.org","name":"Bo"}`))
		},
		"find_limit": func(t *testing.T, s *Server) string {
			s.opts.Unlimited = false
			return get(t, s, "/v1/users/find?term=a").header.Get("x-ratelimit-limit")
		},
		"phones": func(t *testing.T, s *Server) string {
			return fmt.Sprint(decode(t, get(t, s, "/v1/users")).Data[1].Phone.Null)
		},
		"refresh_token":   func(t *testing.T, s *Server) string { return fmt.Sprint(grant(t, s).RefreshToken == "1:1:sim-refresh") },
		"token_type":      func(t *testing.T, s *Server) string { return grant(t, s).TokenType },
		"scope_separator": func(t *testing.T, s *Server) string { return grant(t, s).Scope },
		"retry_after":     func(t *testing.T, s *Server) string { return limited(t, s).header.Get("Retry-After") },
		"too_many_body":   func(t *testing.T, s *Server) string { return limited(t, s).body },
		"permission_set":  func(t *testing.T, s *Server) string { return get(t, s, "/v1/permissionSets/"+salesSet).body[:25] },
		"seat_status": func(t *testing.T, s *Server) string {
			full(s)
			return status(invite(t, s, `{"email":"bo@example.org"}`))
		},
		"reactivate": func(t *testing.T, s *Server) string {
			_, _ = s.SetActive(2, false)
			_, _ = s.SetActive(3, true)
			full(s)
			return status(send(t, s, "PUT", "/v1/users/2", `{"active_flag":true}`))
		},
		"put_deleted": func(t *testing.T, s *Server) string {
			_, _ = s.Delete(2)
			return status(send(t, s, "PUT", "/v1/users/2", `{"active_flag":true}`))
		},
		"delete_user": func(t *testing.T, s *Server) string { return status(send(t, s, "DELETE", "/v1/users/2", "")) },
		"admin_with_set": func(t *testing.T, s *Server) string {
			return status(invite(t, s, `{"email":"bo@example.org","access":[{"app":"sales","admin":false,"permission_set_id":"`+salesSet+`"}]}`))
		},
		"page_limit":   func(t *testing.T, s *Server) string { return status(get(t, s, "/v1/roles?limit=501")) },
		"invited_name": func(t *testing.T, s *Server) string { return invite(t, s, `{"email":"bo@example.org"}`).body[:60] },
		"invited_login": func(t *testing.T, s *Server) string {
			return part(invite(t, s, `{"email":"bo@example.org"}`).body, "last_login")
		},
		"unknown_role": func(t *testing.T, s *Server) string { return status(get(t, s, "/v1/roles/99")) },
		"webhook_ids":  func(t *testing.T, s *Server) string { return part(delivered(t, s), "entity_id") },
		"webhook_time": func(t *testing.T, s *Server) string { return part(delivered(t, s), "timestamp") },
		"webhook_user": func(t *testing.T, s *Server) string { return part(delivered(t, s), "timezone_name") },
		"webhook_retry_id": func(t *testing.T, s *Server) string {
			r := newReceiver(t)
			r.status = 500
			s.opts.LoopbackWebhooks, s.opts.AfterFunc = true, r.after
			send(t, s, "POST", "/v1/webhooks", `{"subscription_url":"`+r.URL+`","event_action":"*","event_object":"user","name":"n"}`)
			_, _ = s.Rename(2, "Ada King")
			r.run(simtest.NewClock())
			return fmt.Sprint(r.got[0].meta["id"] == r.got[1].meta["id"])
		},
		"webhook_removed": func(t *testing.T, s *Server) string {
			send(t, s, "POST", "/v1/webhooks", `{"subscription_url":"https://example.org","event_action":"*","event_object":"user","name":"n"}`)
			if _, err := s.RemoveWebhook(1); err != nil {
				t.Error(err)
			}
			return part(get(t, s, "/v1/webhooks").body, "is_active")
		},
	})
	return all
}

func part(body, member string) string {
	return regexp.MustCompile(`"` + member + `":[^,}]*`).FindString(body)
}

// delivered is what a webhook gets about a renaming.
func delivered(t *testing.T, s *Server) string {
	t.Helper()
	r := newReceiver(t)
	s.opts.LoopbackWebhooks, s.opts.AfterFunc = true, r.after
	send(t, s, "POST", "/v1/webhooks", `{"subscription_url":"`+r.URL+`","event_action":"*","event_object":"user","name":"n"}`)
	_, _ = s.Rename(2, "Ada King")
	r.run(simtest.NewClock())
	if len(r.got) != 1 {
		t.Fatalf("%d deliveries", len(r.got))
	}
	return r.got[0].raw
}

func TestEachReadingAnswersDifferently(t *testing.T) {
	for _, r := range Readings() {
		probe, ok := probes()[r.Name]
		if !ok {
			t.Errorf("reading %s is not tested", r.Name)
			continue
		}
		answers := map[string]string{}
		for i, value := range r.Values {
			o := Options{Seed: 1, People: 3, Persons: 3, Now: simtest.NewClock().Now, Unlimited: true, Readings: map[string]string{r.Name: value}}
			if i == 0 {
				o.Readings = nil // the default
			}
			got := probe(t, New(o))
			if other, twice := answers[got]; twice {
				t.Errorf("reading %s: %s and %s answer the same: %s", r.Name, value, other, got)
			}
			answers[got] = value
			s := New(Options{Seed: 1, People: 3, Persons: 3, Now: simtest.NewClock().Now, Unlimited: true})
			if err := s.SetReading(r.Name, value); err != nil || r.Name != "refresh_token" && probe(t, s) != got {
				t.Errorf("reading %s=%s: set while it runs, it answers otherwise: %v", r.Name, value, err)
			}
		}
	}
}

func TestReadingsThatDoNotExist(t *testing.T) {
	s := New(Options{})
	if s.SetReading("phones", "none") == nil || s.SetReading("phone", "own") == nil {
		t.Error("accepted")
	}
	defer func() {
		if recover() == nil {
			t.Error("New does not refuse")
		}
	}()
	New(Options{Readings: map[string]string{"phones": "none"}})
}

func TestReadingsAreReset(t *testing.T) {
	s := New(Options{Readings: map[string]string{"phones": "all"}})
	if err := s.SetReading("phones", "own"); err != nil {
		t.Fatal(err)
	}
	do(t, s, "PATCH", "/_sim/readings", `{"unknown_members":"ignored"}`)
	s.Restart()
	var list []struct{ Name, Value string }
	if err := json.Unmarshal([]byte(do(t, s, "GET", "/_sim/readings", "").body), &list); err != nil {
		t.Fatal(err)
	}
	values := fmt.Sprint(list)
	if !strings.Contains(values, "{phones all}") || !strings.Contains(values, "{unknown_members refused}") {
		t.Error(values)
	}
}
