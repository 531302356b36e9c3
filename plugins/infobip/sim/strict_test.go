package sim

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// badMembers are members that no person may have, in both versions, with the
// field that the answer must name.
func badMembers() map[string]string {
	long := func(n int) string { return `"` + strings.Repeat("č", n) + `"` }
	return map[string]string{
		`"foo":1`:                           "foo",
		`"name":"Ada"`:                      "name",
		`"id":7`:                            "id",
		`"createdAt":"2026-01-01T00:00:00"`: "createdAt",
		`"modifiedAt":"x"`:                  "modifiedAt",
		`"origin":"API"`:                    "origin",
		`"modifiedFrom":"API"`:              "modifiedFrom",
		`"computedAttributes":{}`:           "computedAttributes",
		`"externalId":1`:                    "externalId",
		`"externalId":` + long(257):         "externalId",
		`"firstName":` + long(256):          "firstName",
		`"firstName":["Ada"]`:               "firstName",
		`"lastName":` + long(256):           "lastName",
		`"lastName":true`:                   "lastName",
		`"middleName":` + long(51):          "middleName",
		`"address":` + long(257):            "address",
		`"city":` + long(51):                "city",
		`"country":` + long(51):             "country",
		`"gender":"female"`:                 "gender",
		`"gender":"OTHER"`:                  "gender",
		`"birthDate":"10.12.1815"`:          "birthDate",
		`"birthDate":"1815-02-30"`:          "birthDate",
		`"birthDate":"1815-12-10T00:00:00"`: "birthDate",
		`"birthDate":18151210`:              "birthDate",
		`"preferredLanguage":"english"`:     "preferredLanguage",
		`"profilePicture":"a.png"`:          "profilePicture",
		`"profilePicture":"https://example.org/` + strings.Repeat("a", 2083) + `"`: "profilePicture",
		`"type":"AGENT"`:                                       "type",
		`"tags":"VIP"`:                                         "tags",
		`"tags":[1]`:                                           "tags[0]",
		`"tags":["VIP"," "]`:                                   "tags[1]",
		`"tags":[` + long(257) + `]`:                           "tags[0]",
		`"customAttributes":[]`:                                "customAttributes",
		`"customAttributes":{"Nobody Defined":"x"}`:            "customAttributes.Nobody Defined",
		`"customAttributes":{"department":"x"}`:                "customAttributes.department",
		`"customAttributes":{"Department":7}`:                  "customAttributes.Department",
		`"customAttributes":{"Department":` + long(4097) + `}`: "customAttributes.Department",
		`"customAttributes":{"Employee Number":"7"}`:           "customAttributes.Employee Number",
		`"customAttributes":{"Employee Number":7.5}`:           "customAttributes.Employee Number",
		`"customAttributes":{"Contract Expiry":"soon"}`:        "customAttributes.Contract Expiry",
		`"customAttributes":{"Remote":"true"}`:                 "customAttributes.Remote",
		`"customAttributes":{"Devices":{}}`:                    "customAttributes.Devices",
		`"customAttributes":{"Devices":["Cap"]}`:               "customAttributes.Devices",
		`"customAttributes":{"Devices":[{"name":7}]}`:          "customAttributes.Devices",
		`"customAttributes":{"Devices":[{"size":"7"}]}`:        "customAttributes.Devices",
	}
}

// badContacts2 are contacts that version 2 does not take.
func badContacts2() map[string]string {
	contact := func(text string) string { return `"contactInformation":` + text }
	return map[string]string{
		contact(`[]`):                                              "contactInformation",
		contact(`"ada@example.org"`):                               "contactInformation",
		contact(`{"fax":[]}`):                                      "contactInformation.fax",
		contact(`{"whatsapp":[]}`):                                 "contactInformation.whatsapp",
		contact(`{"email":"ada@example.org"}`):                     "contactInformation.email",
		contact(`{"email":["ada@example.org"]}`):                   "contactInformation.email[0]",
		contact(`{"email":[{}]}`):                                  "contactInformation.email[0].address",
		contact(`{"email":[{"address":1}]}`):                       "contactInformation.email[0].address",
		contact(`{"email":[{"address":"ada"}]}`):                   "contactInformation.email[0].address",
		contact(`{"email":[{"address":"ada@example"}]}`):           "contactInformation.email[0].address",
		contact(`{"email":[{"address":"Ada <ada@example.org>"}]}`): "contactInformation.email[0].address",
		contact(`{"email":[{"address":"` + strings.Repeat("a", 250) + `@example.org"}]}`):                    "contactInformation.email[0].address",
		contact(`{"email":[{"address":"ada@example.org","primary":true}]}`):                                  "contactInformation.email[0].primary",
		contact(`{"phone":[{"number":447700900001}]}`):                                                       "contactInformation.phone[0].number",
		contact(`{"phone":[{"number":"+447700900001"}]}`):                                                    "contactInformation.phone[0].number",
		contact(`{"phone":[{"number":"00447700900001"}]}`):                                                   "contactInformation.phone[0].number",
		contact(`{"phone":[{"number":"447700 900001"}]}`):                                                    "contactInformation.phone[0].number",
		contact(`{"phone":[{"number":"` + strings.Repeat("4", 51) + `"}]}`):                                  "contactInformation.phone[0].number",
		contact(`{"phone":[{"number":"000"}]}`):                                                              "contactInformation.phone[0].number",
		contact(`{"phone":[{"address":"447700900001"}]}`):                                                    "contactInformation.phone[0].address",
		contact(`{"email":[` + strings.TrimSuffix(strings.Repeat(`{"address":"a@b.cd"},`, 101), ",") + `]}`): "contactInformation.email",
	}
}

// badContacts3 are contacts that version 3 does not take.
func badContacts3() map[string]string {
	contact := func(text string) string { return `"contactInformation":` + text }
	return map[string]string{
		contact(`{}`):    "contactInformation",
		contact(`["a"]`): "contactInformation[0]",
		contact(`[{"identifier":"ada@example.org"}]`):                          "contactInformation[0].type",
		contact(`[{"type":"EMAIL"}]`):                                          "contactInformation[0].identifier",
		contact(`[{"type":"FAX","identifier":"1"}]`):                           "contactInformation[0].type",
		contact(`[{"type":"EMAIL","identifier":"john.doe@example"}]`):          "contactInformation[0].identifier",
		contact(`[{"type":"PHONE","identifier":"000"}]`):                       "contactInformation[0].identifier",
		contact(`[{"type":"EMAIL","identifier":"a@b.cd","primary":"yes"}]`):    "contactInformation[0].primary",
		contact(`[{"type":"EMAIL","identifier":"a@b.cd","sender":1}]`):         "contactInformation[0].sender",
		contact(`[{"type":"EMAIL","identifier":"a@b.cd","address":"a@b.cd"}]`): "contactInformation[0].address",
		`"nickName":7`: "nickName",
		`"nickName":"` + strings.Repeat("a", 51) + `"`: "nickName",
		`"createdBy":"5"`:      "createdBy",
		`"createdFrom":"API"`:  "createdFrom",
		`"modifiedBy":"5"`:     "modifiedBy",
		`"tags":["VIP","VIP"]`: "tags",
	}
}

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

func TestPersonsOfVersion2AreStrict(t *testing.T) {
	s := unlimited(5)
	for _, set := range []map[string]string{badMembers(), badContacts2()} {
		for member, field := range set {
			for _, method := range []string{"POST", "PUT", "PATCH"} {
				target := persons
				if method != "POST" {
					target += by(byID, "3")
				}
				got := send(t, s, method, target, "{"+member+"}")
				if got.status != 400 || !strings.Contains(got.body, `"validationErrors":{`) || !strings.Contains(got.body, quoted(field)+":[") {
					t.Errorf("%s {%.80s}: %d %.300s", method, member, got.status, got.body)
				}
			}
			got := send(t, s, "POST", persons+"/batch", `{"people":[{`+member+`},{}]}`)
			if got.status != 207 || !strings.Contains(got.body, `"status":400,"index":0`) || strings.Contains(got.body, `"index":1`) {
				t.Errorf("batch create {%.80s}: %d %.300s", member, got.status, got.body)
			}
			got = send(t, s, "PATCH", persons+"/batch", `{"people":[{"query":{"type":"ID","identifier":"3"},"update":{`+member+`}}]}`)
			if got.status != 207 || !strings.Contains(got.body, `people[0].update.`+field) || !strings.Contains(got.body, `"status":400`) {
				t.Errorf("batch update {%.80s}: %d %.300s", member, got.status, got.body)
			}
		}
	}
	if p, _ := s.Person(3); p.ModifiedFrom == "API" && p.ModifiedAt == s.now() {
		t.Errorf("person 3 was changed: %+v", p)
	}
}

func TestPersonsOfVersion3AreStrict(t *testing.T) {
	s := unlimited(5)
	for _, set := range []map[string]string{badMembers(), badContacts3()} {
		for member, field := range set {
			for _, call := range [][2]string{{"PUT", "upsert"}, {"PATCH", "upsert"}, {"POST", "merge"}} {
				got := send(t, s, call[0], "/people/3/persons/"+call[1], `{"persons":[{`+member+`}]}`)
				e := decodeAs[answer3](t, got)
				if got.status != 207 || len(e.Errors) != 1 || e.Errors[0].Code != 400100 || len(e.Results) != 0 ||
					!strings.Contains(got.body, `"property":`+quoted("persons[0]."+field)) {
					t.Errorf("%v {%.80s}: %d %.300s", call, member, got.status, got.body)
				}
			}
		}
	}
	if n := s.Count().People; n != 5 {
		t.Errorf("%d people", n)
	}
}

// TestBodiesAreStrict breaks the body of every other write.
func TestBodiesAreStrict(t *testing.T) {
	s := unlimited(5)
	agent, err := s.Agent(1)
	if err != nil {
		t.Fatal(err)
	}
	many := func(item string) string {
		return `{"people":[` + strings.TrimSuffix(strings.Repeat(item+",", 1001), ",") + `]}`
	}
	const query = `{"query":{"type":"ID","identifier":"1"}}`
	queries := []string{
		`{}`, `{"people":{}}`, `{"people":[]}`, `{"people":[1]}`, many(query), `{"people":[` + query + `],"all":true}`,
		`{"people":[{}]}`, `{"people":[{"query":1}]}`, `{"people":[{"query":{"type":"ID"}}]}`, `{"people":[{"query":{"identifier":"1"}}]}`,
		`{"people":[{"query":{"type":"ID","identifier":1}}]}`, `{"people":[{"query":{"type":"FAX","identifier":"1"}}]}`,
		`{"people":[{"query":{"type":"LINE","identifier":"1"}}]}`, `{"people":[{"query":{"type":"ID","identifier":"1","id":1}}]}`,
		`{"people":[{"query":{"type":"ID","identifier":"1"},"update":{}}]}`,
	}
	contacts := []string{`{}`, `{"contactInformation":null}`, `{"contactInformation":[]}`, `{"contactInformation":{},"firstName":"Ada"}`, `{"contactInformation":{"phone":[{"number":"+1"}]}}`}
	agents := []string{
		`{}`, `{"displayName":"A","status":"ACTIVE"}`, `{"displayName":"A","role":"AGENT"}`, `{"status":"ACTIVE","role":"AGENT"}`,
		`{"displayName":"A","status":"ACTIVE","role":"ADMIN"}`, `{"displayName":"A","status":"ONLINE","role":"AGENT"}`,
		`{"displayName":1,"status":"ACTIVE","role":"AGENT"}`, `{"displayName":"` + strings.Repeat("a", 256) + `","status":"ACTIVE","role":"AGENT"}`,
		`{"displayName":"A","status":"ACTIVE","role":"AGENT","enabled":"true"}`, `{"displayName":"A","status":"ACTIVE","role":"AGENT","enabled":null}`,
		`{"displayName":"A","status":"ACTIVE","role":"AGENT","email":"a@b.cd"}`, `{"displayName":"A","status":"ACTIVE","role":"AGENT","id":"1"}`,
	}
	for target, bodies := range map[string][]string{
		"POST " + persons + "/batch":                                {`{}`, `{"people":{}}`, `{"people":[]}`, `{"people":["x"]}`, many(`{}`), `{"people":[{}],"x":1}`, `{"persons":[{}]}`},
		"PATCH " + persons + "/batch":                               {`{}`, `{"people":[]}`, many(query), `{"people":[{"query":{},"update":{},"x":1}]}`},
		"DELETE " + persons + "/batch":                              {`{}`, `{"people":[]}`, many(query), `{"people":[1]}`, queries[len(queries)-1]},
		"PUT " + persons + "/contactInformation" + by(byID, "1"):    contacts,
		"PATCH " + persons + "/contactInformation" + by(byID, "1"):  contacts,
		"DELETE " + persons + "/contactInformation" + by(byID, "1"): contacts,
		"POST " + persons + "/match": {
			`{}`, `{"identities":{}}`, `{"identities":[1]}`, `{"identities":[{"type":"ID"}]}`, `{"identities":[{"identifier":"1"}]}`,
			`{"identities":[{"type":"WEB_PUSH","identifier":"1","sender":"1"}]}`, `{"identities":[],"x":1}`, `{"identities":[{"type":"ID","identifier":"1","x":1}]}`,
		},
		"POST /people/2/tags":               {`{}`, `{"name":1}`, `{"name":""}`, `{"name":"` + strings.Repeat("a", 257) + `"}`, `{"name":"a","id":1}`, `{"name":"a","color":"red"}`},
		"PATCH /people/2/tags/VIP/persons":  queries,
		"DELETE /people/2/tags/VIP/persons": queries,
		"POST /people/2/customAttributes": {
			`{}`, `{"name":"a"}`, `{"dataType":"STRING"}`, `{"name":1,"dataType":"STRING"}`, `{"name":" ","dataType":"STRING"}`, `{"name":"a","dataType":"TEXT"}`,
			`{"name":"a[0]","dataType":"STRING"}`, `{"name":"{a}","dataType":"STRING"}`, `{"name":"` + strings.Repeat("a", 257) + `","dataType":"STRING"}`,
			`{"name":"a","dataType":"LIST_OF_OBJECTS"}`, `{"name":"a","dataType":"LIST_OF_OBJECTS","objectSchema":{}}`,
			`{"name":"a","dataType":"LIST_OF_OBJECTS","objectSchema":{"b":"TEXT"}}`, `{"name":"a","dataType":"LIST_OF_OBJECTS","objectSchema":{"b":"LIST_OF_OBJECTS"}}`,
			`{"name":"a","dataType":"STRING","objectSchema":{"b":"STRING"}}`, `{"name":"a","dataType":"STRING","unique":true}`, `{"name":"a","dataType":"STRING","createdAt":"x"}`,
		},
		"POST /ccaas/1/agents":                        agents,
		"PUT /ccaas/1/agents/" + agent.ID:             agents,
		"PUT /ccaas/1/agents/" + agent.ID + "/status": {`{}`, `{"status":"ONLINE"}`, `{"status":1}`, `{"status":"ACTIVE","enabled":true}`},
	} {
		method, path, _ := strings.Cut(target, " ")
		for _, body := range append(bodies, `[]`, `"x"`, `null`, `{"a":`, `{} {}`, `{"x":1,"x":2}`, "{\"x\":\"\xff\"}") {
			if got := send(t, s, method, path, body); got.status != 400 || !strings.Contains(got.body, `"messageId":"BAD_REQUEST"`) {
				t.Errorf("%s %.200s: %d %.300s", target, body, got.status, got.body)
			}
		}
		if got := do(t, s, method, path, bodies[0], "Authorization", "App sim-api-key", "Content-Type", "text/plain"); got.status != 415 {
			t.Errorf("%s as text: %d", target, got.status)
		}
		if got := do(t, s, method, path, "<a/>", "Authorization", "App sim-api-key", "Content-Type", "application/xml"); got.status != 415 {
			t.Errorf("%s as XML: %d", target, got.status)
		}
	}
	if c := fmt.Sprint(s.Count()); c != "{5 10}" {
		t.Errorf("people and agents: %s", c)
	}
}

func TestRequestsOfVersion3AreStrict(t *testing.T) {
	s := unlimited(1)
	many := `{"persons":[` + strings.TrimSuffix(strings.Repeat(`{"externalId":"x"},`, 1001), ",") + `]}`
	for body, want := range map[string]string{
		`{"persons":`:                  `{"code":400103,"message":"Malformed JSON body, wrong syntax"}`,
		`[]`:                           `{"code":400103,"message":"Malformed JSON body, wrong syntax"}`,
		`{}`:                           `{"code":400104,"message":"Missing required property 'persons'","details":[{"property":"persons","message":"Required, but value is missing"}]}`,
		`{"persons":{}}`:               `"code":400100`,
		`{"persons":[]}`:               `"code":400100`,
		many:                           `"code":400100`,
		`{"persons":[{}],"people":[]}`: `"property":"people"`,
	} {
		for _, call := range [][2]string{{"PUT", "upsert"}, {"PATCH", "upsert"}, {"POST", "merge"}} {
			expect(t, send(t, s, call[0], "/people/3/persons/"+call[1], body), 400, want)
		}
	}
	expect(t, send(t, s, "POST", "/people/3/persons/merge?x=1", `{"persons":[{}]}`), 400, `"code":400100`, `"property":"x"`)
	expect(t, do(t, s, "POST", "/people/3/persons/merge", "{}", "Authorization", "App sim-api-key"), 415)
}

func TestQueriesAreStrict(t *testing.T) {
	s := unlimited(1)
	for _, target := range []string{
		persons + "?limit=0", persons + "?limit=1001", persons + "?limit=x", persons + "?page=0", persons + "?page=-1", persons + "?includeTotalCount=yes",
		persons + "?orderBy=id", persons + "?orderBy=lastName:up", persons + "?orderBy=:asc", persons + "?offset=20", persons + "?limit=1&limit=2",
		"/people/2/tags?limit=1001", "/people/2/tags?orderBy=id", "/people/2/tags/VIP?x=1", "/people/2/customAttributes?page=0", "/people/2/customAttributes?x=1",
		"/ccaas/1/agents?limit=1000", "/ccaas/1/agents?limit=-1", "/ccaas/1/agents?page=-1", "/ccaas/1/agents?status=ONLINE", "/ccaas/1/agents?role=ADMIN",
		"/ccaas/1/agents?enabled=1", "/ccaas/1/agents?email=ada", "/ccaas/1/agents?createdAfter=2019-05-10", "/ccaas/1/agents?orderBy=email", "/ccaas/1/agents?orderBy=id:up",
		"/ccaas/1/agents?name=Ada", "/ccaas/1/agents?updatedAfter=2019-05-10T09:53:58Z",
	} {
		expect(t, get(t, s, target), 400, "validationErrors")
	}
}
