package sim

import (
	"fmt"
	"strings"
	"testing"
)

func TestBatchCreate(t *testing.T) {
	s := unlimited(1)
	mustAdd(t, s, ada())
	got := send(t, s, "POST", persons+"/batch", `{"people":[{"contactInformation":{"email":[{"address":"ada.king@example.org"}]}},{"externalId":"x-2"},{"externalId":"x-2"},{"externalId":"x-3"}]}`)
	expect(t, got, 207)
	const want = `{"results":[{"errors":[{"message":"Destination(email) ada.king@example.org already exists."}],"status":409,"index":0},` +
		`{"errors":[{"message":"Person with externalId x-2 already exists."}],"status":409,"index":2}]}`
	if got.body != want {
		t.Errorf("%s\nwant\n%s", got.body, want)
	}
	for _, id := range []string{"x-2", "x-3"} {
		expect(t, get(t, s, persons+by(byExternalID, id)), 200)
	}
	got = send(t, s, "POST", persons+"/batch", `{"people":[{"externalId":"x-4"}]}`)
	expect(t, got, 200)
	if got.body != `{"results":[]}` {
		t.Error(got.body)
	}
}

func TestBatchOf1000(t *testing.T) {
	s := unlimited(0)
	var items []string
	for i := range 1000 {
		items = append(items, fmt.Sprintf(`{"externalId":"x-%d"}`, i))
	}
	expect(t, send(t, s, "POST", persons+"/batch", `{"people":[`+strings.Join(items, ",")+`]}`), 200)
	if n := s.Count().People; n != 1000 {
		t.Errorf("%d people", n)
	}
}

func TestBatchUpdateAndDelete(t *testing.T) {
	s := unlimited(0)
	mustAdd(t, s, ada())
	mustAdd(t, s, Person{ExternalID: "x-bo"})
	got := send(t, s, "PATCH", persons+"/batch", `{"people":[{"query":{"type":"PHONE","identifier":"41793026727"},"update":{"firstName":"No"}},
		{"query":{"type":"EXTERNAL_ID","identifier":"x-ada"},"update":{"firstName":"Bo","tags":["New"]}},
		{"query":{"type":"EXTERNAL_ID","identifier":"x-bo"},"update":{"externalId":"x-ada"}}]}`)
	expect(t, got, 207)
	const want = `{"results":[{"errors":[{"message":"There is no person matching the query"}],"status":409,"query":{"identifier":"41793026727","type":"PHONE"}},` +
		`{"errors":[{"message":"Person with externalId x-ada already exists."}],"status":409,"query":{"identifier":"x-bo","type":"EXTERNAL_ID"}}]}`
	if got.body != want {
		t.Errorf("%s\nwant\n%s", got.body, want)
	}
	if p, _ := s.Find(byExternalID, "x-ada"); p.FirstName != "Bo" || strings.Join(p.Tags, " ") != "VIP New" {
		t.Errorf("%+v", p)
	}
	got = send(t, s, "DELETE", persons+"/batch", `{"people":[{"query":{"type":"EXTERNAL_ID","identifier":"x-ada"}},{"query":{"type":"EXTERNAL_ID","identifier":"x-ada"}}]}`)
	expect(t, got, 207)
	if got.body != `{"results":[{"errors":[{"message":"There is no person matching the query"}],"status":409,"query":{"identifier":"x-ada","type":"EXTERNAL_ID"}}]}` {
		t.Error(got.body)
	}
	if n := s.Count().People; n != 1 {
		t.Errorf("%d people", n)
	}
}

func TestMatch(t *testing.T) {
	s := unlimited(5)
	mustAdd(t, s, ada())
	got := send(t, s, "POST", persons+"/match", `{"identities":[{"type":"EXTERNAL_ID","identifier":"x-ada"},{"type":"EMAIL","identifier":"Ada.King@example.org"},
		{"type":"EXTERNAL_ID","identifier":"x-ada"},{"type":"PHONE","identifier":"1"},{"type":"KAKAO_TALK","identifier":"1","sender":"2"},{"type":"ID","identifier":"1"}]}`)
	expect(t, got, 200)
	if got.body != `{"matches":[{"type":"EXTERNAL_ID","identifier":"x-ada","personId":6},{"type":"EMAIL","identifier":"Ada.King@example.org","personId":6},{"type":"ID","identifier":"1","personId":1}]}` {
		t.Error(got.body)
	}
	expect(t, send(t, s, "POST", persons+"/match", `{"identities":[{"type":"ID","identifier":"99"}]}`), 200, `{"matches":[]}`)
}

const (
	upsertPath = "/people/3/persons/upsert"
	mergePath  = "/people/3/persons/merge"
)

func TestUpsert(t *testing.T) {
	s := unlimited(0)
	put := func(body string) string {
		t.Helper()
		e := send(t, s, "PUT", upsertPath, body)
		expect(t, e, 207)
		return e.body
	}
	const one = `{"persons":[{"externalId":"x-1","firstName":"Ada","nickName":"A","tags":["VIP"],"customAttributes":{"Remote":true},` +
		`"contactInformation":[{"type":"EMAIL","identifier":"a@example.org"},{"type":"EMAIL","identifier":"b@example.org","primary":true},{"type":"PHONE","identifier":"447700900001"}]}]}`
	if got := put(one); got != `{"errors":[],"results":[{"id":1,"index":0,"status":"CREATED"}]}` {
		t.Error(got)
	}
	if got := put(one); got != `{"errors":[],"results":[{"id":1,"index":0,"status":"NOT_MODIFIED"}]}` {
		t.Error(got)
	}
	if p, _ := s.Person(1); fmt.Sprint(p.emails()) != "[b@example.org a@example.org]" {
		t.Errorf("the primary address is not the first: %v", p.emails())
	}
	got := put(`{"persons":[{"contactInformation":[{"type":"EMAIL","identifier":"A@example.org"}],"lastName":"King"},{"externalId":"x-2"},{"firstName":1}]}`)
	if got != `{"errors":[{"code":400100,"message":"One or more properties of the person are invalid","details":[{"property":"persons[2].firstName","message":"must be a string"}],"index":2}],`+
		`"results":[{"id":1,"index":0,"status":"UPDATED"},{"id":2,"index":1,"status":"CREATED"}]}` {
		t.Error(got)
	}
	if p, _ := s.Person(1); p.ExternalID != "" || p.FirstName != "" || p.LastName != "King" || len(p.Tags) != 0 || fmt.Sprint(p.phones(), p.emails()) != "[] [A@example.org]" {
		t.Errorf("not replaced: %+v", p)
	}
}

func TestUpsertPatch(t *testing.T) {
	s := unlimited(0)
	mustAdd(t, s, ada())
	mustAdd(t, s, Person{ExternalID: "x-bo"})
	patch := func(person string) string {
		t.Helper()
		e := send(t, s, "PATCH", upsertPath, `{"persons":[`+person+`]}`)
		expect(t, e, 207)
		return e.body
	}
	if got := patch(`{"externalId":"x-ada","firstName":"Ada","tags":["VIP"],"contactInformation":[{"type":"EMAIL","identifier":"ada.king@example.org"}]}`); !strings.Contains(got, `"NOT_MODIFIED"`) {
		t.Error(got)
	}
	if got := patch(`{"externalId":"x-ada","tags":["New"],"contactInformation":[{"type":"EMAIL","identifier":"n@example.org"}]}`); !strings.Contains(got, `{"id":1,"index":0,"status":"UPDATED"}`) {
		t.Error(got)
	}
	if p, _ := s.Person(1); p.City != "London" || fmt.Sprint(p.Tags, p.emails()) != "[VIP New] [ada.king@example.org n@example.org]" {
		t.Errorf("%+v", p)
	}
	got := patch(`{"externalId":"x-bo","contactInformation":[{"type":"PHONE","identifier":"447700900001"}]}`)
	if got != `{"errors":[{"code":409100,"message":"The identifiers belong to more than one person","index":0}],"results":[]}` {
		t.Error(got)
	}
}

func TestMerge(t *testing.T) {
	s := unlimited(0)
	mustAdd(t, s, ada())
	mustAdd(t, s, Person{ExternalID: "x-bo", FirstName: "Bo", MiddleName: "B", Tags: []string{"Beta"}, Contact: Contact{Phone: []Phone{{"447700900002"}}}})
	mustAdd(t, s, Person{ExternalID: "x-other"})
	got := send(t, s, "POST", mergePath, `{"persons":[{"lastName":"Byron","contactInformation":[{"type":"PHONE","identifier":"447700900002"},{"type":"EMAIL","identifier":"Ada.King@example.org"},{"type":"EMAIL","identifier":"c@example.org"}]},{"externalId":"x-new"}]}`)
	expect(t, got, 207)
	if got.body != `{"errors":[],"results":[{"id":1,"index":0},{"id":4,"index":1}]}` {
		t.Error(got.body)
	}
	p, _ := s.Person(1)
	if p.ExternalID != "x-ada" || p.FirstName != "Ada" || p.MiddleName != "B" || p.LastName != "Byron" || fmt.Sprint(p.Tags, p.phones(), p.emails()) !=
		"[VIP Beta] [447700900001 447700900002] [ada.king@example.org c@example.org]" {
		t.Errorf("%+v", p)
	}
	if _, err := s.Person(2); err == nil {
		t.Error("the second person is still there")
	}
	if found, err := s.Find(byPhone, "447700900002"); err != nil || found.ID != 1 {
		t.Errorf("the phone leads to %d, %v", found.ID, err)
	}
}
