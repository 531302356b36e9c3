package sim

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/host/soak"
)

// TestIdentifiersStayUnique writes at random and looks after each step whether
// every identifier leads to the one person who has it.
func TestIdentifiersStayUnique(t *testing.T) {
	soak.Check(t, 30, 100, func(rt *rapid.T) {
		s := unlimited(8)
		value := rapid.IntRange(1, 10)
		person := func() string {
			n := value.Draw(rt, "value")
			return rapid.SampledFrom([]string{
				`{}`, `{"firstName":"Bo"}`,
				fmt.Sprintf(`{"externalId":"hr-%d"}`, n), fmt.Sprintf(`{"externalId":"x-%d"}`, n),
				fmt.Sprintf(`{"contactInformation":{"phone":[{"number":"4206%08d"}]}}`, n),
				fmt.Sprintf(`{"contactInformation":{"email":[{"address":"A%d@example.org"},{"address":"b@example.org"}]}}`, n),
			}).Draw(rt, "body")
		}
		who := func() string {
			n := value.Draw(rt, "who")
			return by(byID, fmt.Sprint(n))
		}
		upsert := func() string {
			n := value.Draw(rt, "value")
			return fmt.Sprintf(`{"persons":[{"externalId":"x-%d","contactInformation":[{"type":"PHONE","identifier":"4206%08d"}]}]}`, n, value.Draw(rt, "phone"))
		}
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			var got exchange
			switch rapid.IntRange(0, 7).Draw(rt, "kind") {
			case 0:
				got = send(t, s, http.MethodPost, persons, person())
			case 1:
				got = send(t, s, http.MethodPut, persons+who(), person())
			case 2, 3:
				got = send(t, s, http.MethodPatch, persons+who(), person())
			case 4:
				got = send(t, s, http.MethodDelete, persons+who(), "")
			case 5:
				got = send(t, s, http.MethodPut, upsertPath, upsert())
			case 6:
				got = send(t, s, http.MethodPatch, upsertPath, upsert())
			case 7:
				got = send(t, s, http.MethodPost, mergePath, upsert())
			}
			if !strings.Contains(" 200 207 404 409 ", fmt.Sprintf(" %d ", got.status)) {
				rt.Fatalf("status %d: %s", got.status, got.body)
			}
			ownersAgree(rt, s)
		}
	})
}

func ownersAgree(rt *rapid.T, s *Server) {
	owner := map[key]int64{}
	there := int64(0)
	for id := int64(1); id <= s.people.last; id++ {
		p, err := s.Person(id)
		if err != nil {
			continue
		}
		there++
		for _, k := range identifiers(p) {
			if other, taken := owner[k]; taken && other != id {
				rt.Fatalf("%v belongs to %d and %d", k, other, id)
			}
			owner[k] = id
			if found, err := s.Find(k.kind, k.value); err != nil || found.ID != id {
				rt.Fatalf("%v of %d leads to %d, %v", k, id, found.ID, err)
			}
		}
	}
	if n := s.Count().People; n != there {
		rt.Fatalf("%d people are counted, %d are there", n, there)
	}
	if l := len(s.people.page(orderID, 0, 100)); int64(l) != there {
		rt.Fatalf("%d people are listed, %d are there", l, there)
	}
	for n := 1; n <= 10; n++ {
		for _, k := range []key{{byExternalID, fmt.Sprintf("hr-%d", n)}, {byPhone, fmt.Sprintf("4206%08d", n)}} {
			if found, err := s.Find(k.kind, k.value); err == nil && owner[k] != found.ID {
				rt.Fatalf("%v leads to %d, but belongs to %d", k, found.ID, owner[k])
			}
		}
	}
}

// FuzzBodies sends anything to every operation that takes a body: no panic,
// and no status that the vendor does not document.
func FuzzBodies(f *testing.F) {
	for _, seed := range []string{
		`{"firstName":"Ada","tags":["VIP"],"customAttributes":{"Department":"Ops","Devices":[{"price":1}]},"contactInformation":{"phone":[{"number":"447700900001"}]}}`,
		`{"people":[{"query":{"type":"ID","identifier":"1"},"update":{"firstName":null}}]}`, `{"people":[{"externalId":"x"}]}`,
		`{"persons":[{"externalId":"x","contactInformation":[{"type":"EMAIL","identifier":"a@b.cd","primary":true}],"tags":["a","a"]}]}`,
		`{"identities":[{"type":"ID","identifier":"1"}]}`, `{"name":"a","dataType":"LIST_OF_OBJECTS","objectSchema":{"b":"STRING"}}`,
		`{"displayName":"A","status":"ACTIVE","role":"AGENT"}`, `{"contactInformation":{"email":[{"address":"a@b.cd"}]}}`, `[]`, `{"persons":[1]}`, `{"tags":[[]]}`, `{"tags":[{"a":1},{"a":1}]}`,
		`{"persons":[{"tags":[{},{}]}]}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		s := unlimited(3)
		for _, rt := range s.routes {
			for method := range rt.ops {
				if method == http.MethodGet {
					continue
				}
				agent, _ := s.Agent(1)
				name := "VIP"
				if strings.HasPrefix(rt.name, "agents") {
					name = agent.ID
				}
				target := "/" + strings.ReplaceAll(strings.Join(rt.path, "/"), "*", name)
				if op := rt.ops[method]; op.query {
					target += by(byID, "1")
				}
				got := do(t, s, method, target, body, "Authorization", "App sim-api-key", "Content-Type", "application/json")
				if !strings.Contains(" 200 204 207 400 401 404 409 415 ", fmt.Sprintf(" %d ", got.status)) {
					t.Errorf("%s %s: %d %s", method, target, got.status, got.body)
				}
			}
		}
	})
}

// FuzzFilter sends anything as a filter.
func FuzzFilter(f *testing.F) {
	for _, seed := range []string{`{"#and":[{"firstName":"Ada"},{"#gt":{"id":1e400}}]}`, `{"#ne":{"tags":true}}`, `{"#lt":{"customAttributes":{"Devices":{"price":7}}}}`, `{"#eq":{"contactInformation":{"phone":"1"}}}`} {
		f.Add(seed)
	}
	s := unlimited(20)
	f.Fuzz(func(_ *testing.T, filter string) {
		if want, err := parseFilter(filter); err == nil && want != nil {
			for id := int64(1); id <= 20; id++ {
				p, _ := s.Person(id)
				want(p)
			}
		}
	})
}
