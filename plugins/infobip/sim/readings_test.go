package sim

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/plugins/internal/simkit"
)

// reading is one value of a reading, and what a client sees of it.
type reading struct {
	name, value string
	see         func(*testing.T, *Server) string
	want        string
}

// status is what a request is answered with, with the body when it is short.
func answer(method, target, body string) func(*testing.T, *Server) string {
	return func(t *testing.T, s *Server) string {
		e := send(t, s, method, target, body)
		return strings.TrimSpace(fmt.Sprint(e.status, " ", e.body))
	}
}

// after sends one request and then looks.
func after(method, target, body string, look func(*testing.T, *Server) string) func(*testing.T, *Server) string {
	return func(t *testing.T, s *Server) string {
		e := send(t, s, method, target, body)
		if e.status != 200 && e.status != 207 {
			return fmt.Sprint(e.status)
		}
		return look(t, s)
	}
}

// person2 shows parts of person 2, who is ada.
func person2(t *testing.T, s *Server) string {
	p, err := s.Person(2)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s/%s%v %v %v%d", p.FirstName, p.City, p.Tags, p.phones(), p.emails(), len(p.CustomAttributes))
}

func batchAnswer(body string) func(*testing.T, *Server) string {
	return answer("PATCH", persons+"/batch", body)
}

func cases() []reading {
	unknown := persons + by(byID, "77")
	me := persons + by(byID, "2")
	taken := `{"externalId":"x-ada"}`
	again := `{"tags":["VIP"],"contactInformation":{"phone":[{"number":"447700900001"}],"email":[{"address":"ADA.king@example.org"}]}}`
	nulls := `{"city":null,"tags":null,"customAttributes":{"Department":null},"contactInformation":{"phone":null}}`
	const full = "Ada/London[VIP] [447700900001] [ada.king@example.org]1"
	notFound := `404 {"requestError":{"serviceException":{"messageId":"NOT_FOUND","text":"Not found"}}}`
	exists := `{"requestError":{"serviceException":{"messageId":"%s","text":"Person with externalId x-ada already exists."}}}`
	mixed := `{"people":[{"query":{"type":"ID","identifier":"2"},"update":{"firstName":"Bo"}},{"query":{"type":"ID","identifier":"77"},"update":{}}]}`
	failed := `{"errors":[{"message":"There is no person matching the query"}],"status":409,"query":{"identifier":"77","type":"ID"}}`
	wrongItem := `{"people":[{"query":{"type":"ID","identifier":"2"},"update":{"firstName":7}},{"query":{"type":"ID","identifier":"2"},"update":{"city":"Rome"}}]}`
	match := answer("POST", persons+"/match", `{"identities":[{"type":"ID","identifier":"77"}]}`)
	upsert := after("PATCH", upsertPath, `{"persons":[{"externalId":"x-ada","tags":["New"],"contactInformation":[{"type":"EMAIL","identifier":"n@example.org"}]}]}`, person2)
	list := func(t *testing.T, s *Server) string {
		e := get(t, s, persons+"?limit=1&includeTotalCount=true")
		return e.body[:strings.Index(e.body, `{"id"`)]
	}
	order := func(t *testing.T, s *Server) string { return fmt.Sprint(ids(listOf(t, s, ""))) }
	plus := after("POST", persons, `{"externalId":"p","contactInformation":{"phone":[{"number":"+447700900009"}]}}`, func(_ *testing.T, s *Server) string {
		p, err := s.Find(byExternalID, "p")
		return fmt.Sprint(p.phones(), err)
	})
	limited := func(t *testing.T, s *Server) string {
		s.limits.opts.Unlimited, s.limits.opts.PerSecond = false, 1
		get(t, s, persons)
		e := get(t, s, persons)
		return fmt.Sprint(e.status, e.header["Retry-After"])
	}
	agent := func(s *Server) string { a, _ := s.Agent(1); return a.ID }
	put := func(t *testing.T, s *Server) string {
		_, _ = s.ChangeAgent(1, func(a *Agent) { a.Enabled = false })
		e := send(t, s, "PUT", agentsPath+"/"+agent(s), `{"displayName":"A","status":"BUSY","role":"AGENT"}`)
		return fmt.Sprint(e.status, strings.Contains(e.body, `"enabled":true`))
	}
	agentMails := func(t *testing.T, s *Server) string {
		return fmt.Sprint(strings.Count(get(t, s, agentsPath).body, `"email":`))
	}
	nobody := func(t *testing.T, s *Server) string {
		e := get(t, s, agentsPath+"/"+strings.Repeat("0", 32))
		return fmt.Sprint(e.status, strings.Contains(e.body, "Invalid agent id given"))
	}
	unknownMember := after("PATCH", me, `{"shoeSize":7,"firstName":"Bo"}`, person2)
	attribute := after("PATCH", me, `{"customAttributes":{"Badge":7},"firstName":"Bo"}`, person2)
	whole := func(t *testing.T, s *Server) string {
		return fmt.Sprint(send(t, s, "PUT", me, get(t, s, me).body).status)
	}
	query := func(t *testing.T, s *Server) string {
		return fmt.Sprint(get(t, s, persons+"?email=ada.king@example.org").status)
	}
	empty := func(t *testing.T, s *Server) string {
		return fmt.Sprint(strings.Contains(get(t, s, me).body, `"middleName":null`))
	}
	return []reading{
		{"unknown_person", "404", answer("GET", unknown, ""), notFound},
		{"unknown_person", "404", answer("PUT", unknown, "{}"), notFound},
		{"unknown_person", "400", answer("PATCH", unknown, "{}"), `400 {"requestError":{"serviceException":{"messageId":"BAD_REQUEST","text":"There is no person matching the query"}}}`},
		{"unknown_person", "200", answer("GET", unknown, ""), "200"},
		{"unknown_person", "200", answer("DELETE", unknown, ""), "200"},
		{"duplicate", "409", answer("POST", persons, taken), "409 " + fmt.Sprintf(exists, "CONFLICT")},
		{"duplicate", "400", answer("POST", persons, taken), "400 " + fmt.Sprintf(exists, "BAD_REQUEST")},
		{"get_one", "person", func(t *testing.T, s *Server) string { return get(t, s, me).body[:7] }, `{"id":2`},
		{"get_one", "list", func(t *testing.T, s *Server) string { return get(t, s, me).body[:19] }, `{"persons":[{"id":2`},
		{"list_siblings", "present", list, "{\"limit\":1,\"page\":1,\"orderBy\":\"id:asc\"\n,\"totalCount\":2,\"persons\":["},
		{"list_siblings", "absent", list, `{"persons":[`},
		{"list_order", "id:asc", order, "[1 2]"},
		{"list_order", "modifiedAt:desc", order, "[2 1]"},
		{"append_existing", "once", after("PATCH", me, again, person2), full},
		{"append_existing", "twice", after("PATCH", me, again, person2), "Ada/London[VIP VIP] [447700900001 447700900001] [ada.king@example.org ADA.king@example.org]1"},
		{"append_existing", "refused", after("PATCH", me, again, person2), "400"},
		{"null_members", "empties", after("PATCH", me, nulls, person2), "Ada/[VIP] [447700900001] [ada.king@example.org]0"},
		{"null_members", "ignored", after("PATCH", me, nulls, person2), full},
		{"null_members", "refused", after("PATCH", me, `{"city":null}`, person2), "400"},
		{"empty_attributes", "absent", empty, "false"},
		{"empty_attributes", "null", empty, "true"},
		{"unknown_members", "refused", unknownMember, "400"},
		{"unknown_members", "ignored", unknownMember, "Bo" + full[3:]},
		{"read_only_members", "refused", whole, "400"},
		{"read_only_members", "ignored", whole, "200"},
		{"unknown_attributes", "refused", attribute, "400"},
		{"unknown_attributes", "ignored", attribute, "Bo" + full[3:]},
		{"unknown_tags", "defined", after("PATCH", me, `{"tags":["Red"]}`, answerTag), "200"},
		{"unknown_tags", "refused", after("PATCH", me, `{"tags":["Red"]}`, answerTag), "400"},
		{"without_identifier", "accepted", after("POST", persons, `{"firstName":"Bo"}`, person2), full},
		{"without_identifier", "refused", after("POST", persons, `{"firstName":"Bo"}`, person2), "400"},
		{"without_identifier", "refused", after("PUT", me, `{"firstName":"Bo"}`, person2), "400"},
		{"phone_plus", "refused", plus, "400"},
		{"phone_plus", "stripped", plus, "[447700900009] <nil>"},
		{"unknown_query", "refused", query, "400"},
		{"unknown_query", "ignored", query, "200"},
		{"retry_after", "absent", limited, "429 []"},
		{"retry_after", "present", limited, "429 [1]"},
		{"batch_status", "207", batchAnswer(mixed), `207 {"results":[` + failed + `]}`},
		{"batch_status", "200", batchAnswer(mixed), `200 {"results":[` + failed + `]}`},
		{"batch_results", "failed", batchAnswer(mixed), `207 {"results":[` + failed + `]}`},
		{"batch_results", "all", batchAnswer(mixed), `207 {"results":[{"status":200,"query":{"identifier":"2","type":"ID"},"isModified":true},` + failed + `]}`},
		{"batch_invalid", "item", after("PATCH", persons+"/batch", wrongItem, person2), "Ada/Rome" + full[len("Ada/London"):]},
		{"batch_invalid", "batch", after("PATCH", persons+"/batch", wrongItem, person2), "400"},
		{"match_none", "200", match, `200 {"matches":[]}`},
		{"match_none", "404", match, notFound},
		{"upsert_patch", "added", upsert, "Ada/London[VIP New] [447700900001] [ada.king@example.org n@example.org]1"},
		{"upsert_patch", "instead", upsert, "Ada/London[New] [] [n@example.org]1"},
		{"tags_list", "array", func(t *testing.T, s *Server) string { return get(t, s, "/people/2/tags").body[:2] }, "[{"},
		{"tags_list", "object", func(t *testing.T, s *Server) string { return get(t, s, "/people/2/tags").body[:11] }, `{"limit":20`},
		{"delete_body", "none", answer("DELETE", me, ""), "200"},
		{"delete_body", "string", answer("DELETE", me, ""), `200 ""`},
		{"agents_email", "absent", agentMails, "0"},
		{"agents_email", "present", agentMails, "10"},
		{"agent_enabled", "true", put, "200 true"},
		{"agent_enabled", "kept", put, "200 false"},
		{"unknown_agent", "404", nobody, "404 false"},
		{"unknown_agent", "400", nobody, "400 true"},
		{"api_keys_app", "401", func(t *testing.T, s *Server) string { return fmt.Sprint(get(t, s, "/settings/2/api-keys").status) }, "401"},
		{"api_keys_app", "403", func(t *testing.T, s *Server) string { return fmt.Sprint(get(t, s, "/settings/2/api-keys").status) }, "403"},
	}
}

func answerTag(t *testing.T, s *Server) string {
	return fmt.Sprint(get(t, s, "/people/2/tags/Red").status)
}

// TestReadings sees every value of every reading, set by an option and while
// the simulator runs.
func TestReadings(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range cases() {
		seen[c.name+"="+c.value] = true
		for _, running := range []bool{false, true} {
			s := unlimited(1)
			if running {
				if err := s.SetReading(c.name, c.value); err != nil {
					t.Fatal(err)
				}
			} else {
				s = unlimited(1, c.name, c.value)
			}
			mustAdd(t, s, ada())
			if got := c.see(t, s); got != c.want {
				t.Errorf("%s=%s: %s\nwant %s", c.name, c.value, got, c.want)
			}
		}
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range Readings() {
		for _, v := range r.Values {
			if !seen[r.Name+"="+v] {
				t.Errorf("no test sees %s=%s", r.Name, v)
			}
		}
		var shown []string
		for _, v := range r.Values {
			shown = append(shown, "`"+v+"`")
		}
		if line := fmt.Sprintf("| %s | %s | %s |", r.Name, r.Question, strings.Join(shown, ", ")); !strings.Contains(string(readme), line) {
			t.Errorf("README.md lacks the line\n%s", line)
		}
	}
}

func TestWrongReadings(t *testing.T) {
	s := unlimited(1)
	for name, value := range map[string]string{"duplicate": "418", "nothing": "1", "": ""} {
		if err := s.SetReading(name, value); err == nil {
			t.Errorf("%s=%s is accepted", name, value)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("New takes a reading that does not exist")
		}
	}()
	unlimited(1, "duplicate", "418")
}

// TestReadmeNamesRoutesAndFaults keeps what users read in step with the code.
func TestReadmeNamesRoutesAndFaults(t *testing.T) {
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme := string(b)
	for _, rt := range unlimited(0).routes {
		if !strings.Contains(readme, "`"+rt.name+"`") {
			t.Errorf("README.md does not name the route %s", rt.name)
		}
	}
	for _, kind := range append(simkit.Kinds(), vendor().Own...) {
		if !strings.Contains(readme, "| "+string(kind)) && !strings.Contains(readme, ", "+string(kind)) {
			t.Errorf("README.md does not name the fault %s", kind)
		}
	}
}
