package sim

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
)

// TestControl is a story: joiners, changes and leavers while a client reads.
func TestControl(t *testing.T) {
	s := unlimited(3)
	control := func(method, path, body string, status int, parts ...string) {
		t.Helper()
		expect(t, do(t, s, method, "/_sim/"+path, body), status, parts...)
	}
	control("GET", "", "", 200, "/_sim/faults")
	control("POST", "persons", `{"firstName":"Bo","externalId":"x-bo","contactInformation":{"email":[{"address":"bo@example.org"}]}}`, 200, `"id":4`, `"origin":"PORTAL"`)
	control("POST", "persons", `{"externalId":"hr-1"}`, 400, "already exists")
	control("POST", "persons", `{"shoeSize":7}`, 400, "unknown field")
	control("PATCH", "persons/4", `{"firstName":"Ada"}`, 200, `"firstName":"Ada"`, `"externalId":"x-bo"`)
	control("PATCH", "persons/4", `{"id":9,"customAttributes":{"Department":"IT"}}`, 200, `"id":4`, `"Department":"IT"`)
	control("PATCH", "persons/99", `{}`, 404)
	control("PATCH", "persons/x", `{}`, 400)
	expect(t, get(t, s, persons+by(byEmail, "bo@example.org")), 200, `"firstName":"Ada"`, `"modifiedFrom":"PORTAL"`)
	control("DELETE", "persons/4", "", 200, `"externalId":"x-bo"`)
	control("GET", "persons/4", "", 404)
	control("DELETE", "persons/4", "", 404)

	control("POST", "agents", `{"displayName":"Zoe","email":"zoe@example.org"}`, 200, `"status":"ACTIVE"`, `"enabled":true`)
	control("PATCH", "agents/11", `{"enabled":false}`, 200, `"enabled":false`, `"displayName":"Zoe"`)
	expect(t, get(t, s, agentsPath+"?email=zoe@example.org"), 200, `"enabled":false`)
	control("GET", "agents/11", "", 200, "zoe@example.org")
	control("DELETE", "agents/11", "", 200)
	control("GET", "agents/11", "", 404)
	control("PATCH", "agents/11", "{}", 404)
	control("DELETE", "agents/11", "", 404)

	control("POST", "faults", `{"kind":"status","code":500,"route":"persons","method":"GET"}`, 204)
	control("GET", "faults", "", 200, `"kind":"status"`)
	expect(t, get(t, s, persons), 500)
	control("POST", "faults", `{"kind":"magic"}`, 400, "unknown kind")
	control("DELETE", "faults", "", 204)
	control("PATCH", "readings", `{"unknown_person":"400"}`, 204)
	control("PATCH", "readings", `{"unknown_person":"404","duplicate":"418"}`, 400)
	control("GET", "readings", "", 200, `"name":"unknown_person"`, `"value":"400"`)
	expect(t, get(t, s, persons+by(byID, "77")), 400)
	control("POST", "scopes", `{"scopes":["conversations:read"]}`, 204)
	expect(t, get(t, s, persons), 403)
	control("POST", "scopes", `{"scopes":["people:read"]}`, 204)
	control("POST", "tokens/expire", "", 204)
	control("POST", "reset", "", 204)
	expect(t, get(t, s, persons+by(byID, "77")), 404)
	control("GET", "stats", "", 200, `{"people":3,"agents":10,"requests":6}`)
	control("GET", "nothing", "", 404)
}

// TestChangeTakesGoValues: what Go code puts into a person is shown and
// compared as if it had come as JSON.
func TestChangeTakesGoValues(t *testing.T) {
	s := unlimited(1)
	if _, err := s.Change(1, func(p *Person) { p.Tags, p.CustomAttributes = nil, map[string]any{"Employee Number": 7} }); err != nil {
		t.Fatal(err)
	}
	expect(t, get(t, s, persons+by(byID, "1")), 200, `"tags":[]`)
	expect(t, send(t, s, "PATCH", upsertPath, `{"persons":[{"externalId":"hr-1","customAttributes":{"Employee Number":7}}]}`), 207, "NOT_MODIFIED")
	if _, err := s.Change(1, func(p *Person) { p.CustomAttributes = map[string]any{"Remote": func() {}} }); err == nil {
		t.Error("a function is a value")
	}
}

func TestJournal(t *testing.T) {
	s := unlimited(1)
	get(t, s, persons+"?limit=1")
	do(t, s, "GET", "/nothing", "")
	want := []Request{{Method: "GET", Path: persons, Query: "limit=1", Auth: "app", Status: 200}, {Method: "GET", Path: "/nothing", Status: 401}}
	got := s.Requests()
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("%+v", got)
	}
	b, _ := json.Marshal(got)
	if strings.Contains(string(b), "sim-api-key") {
		t.Error("the journal holds a credential")
	}
	for range 1100 {
		get(t, s, persons)
	}
	if n := len(s.Requests()); n != 1000 {
		t.Errorf("%d requests are kept", n)
	}
}

// TestConcurrentUse finds races when run with the race detector.
func TestConcurrentUse(t *testing.T) {
	s := unlimited(200)
	var wg sync.WaitGroup
	for _, work := range []func(){
		func() { get(t, s, persons+"?orderBy=lastName&limit=50") },
		func() { send(t, s, "POST", persons, `{"firstName":"Bo","tags":["New"]}`) },
		func() {
			send(t, s, "PATCH", persons+by(byID, "7"), `{"firstName":"Bo","tags":["Red"],"customAttributes":{"Remote":true}}`)
		},
		func() { send(t, s, "DELETE", persons+by(byID, "9"), "") },
		func() { send(t, s, "DELETE", "/people/2/tags/Red", "") },
		func() { send(t, s, "PUT", upsertPath, `{"persons":[{"externalId":"x-1","firstName":"Ada"}]}`) },
		func() {
			send(t, s, "POST", mergePath, `{"persons":[{"externalId":"hr-20","contactInformation":[{"type":"PHONE","identifier":"420600000021"}]}]}`)
		},
		func() { get(t, s, agentsPath+"?orderBy=displayName") },
		func() { _, _ = s.Change(7, func(p *Person) { p.Tags = append(p.Tags, "X") }) },
		func() { s.Count(); s.Requests(); _ = s.SetReading("duplicate", "400") },
	} {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 20 {
				work()
			}
		}()
	}
	wg.Wait()
	if p, err := s.Find(byPhone, "420600000021"); err != nil || p.ID != 20 {
		t.Errorf("merged into %d, %v", p.ID, err)
	}
}
