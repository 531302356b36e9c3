package sim

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestCreatePerson(t *testing.T) {
	s := unlimited(3)
	body := `{"externalId":"x-1","firstName":"Ada","lastName":"King","middleName":"M","address":"1 Long Street","city":"London","country":"United Kingdom",
		"gender":"FEMALE","birthDate":"1815-12-10","preferredLanguage":"en-gb","profilePicture":"https://example.org/a.png","type":"LEAD","tags":["VIP","New one","VIP"],
		"customAttributes":{"Department":"Ops","Employee Number":12345678901234567890,"Contract Expiry":"2027-01-01","Remote":false,"Devices":[{"name":"Cap","price":1.5}]},
		"contactInformation":{"email":[{"address":"ada.king@example.org"}],"phone":[{"number":"447700900001"}]}}`
	got := send(t, s, "POST", persons, body)
	expect(t, got, 200)
	const want = `{"id":4,"createdAt":"2026-03-04T05:06:07","modifiedAt":"2026-03-04T05:06:07","externalId":"x-1","firstName":"Ada","lastName":"King","middleName":"M",` +
		`"address":"1 Long Street","city":"London","country":"United Kingdom","gender":"FEMALE","birthDate":"1815-12-10","preferredLanguage":"en-gb",` +
		`"profilePicture":"https://example.org/a.png","type":"LEAD","origin":"API","modifiedFrom":"API","tags":["VIP","New one"],` +
		`"customAttributes":{"Contract Expiry":"2027-01-01","Department":"Ops","Devices":[{"name":"Cap","price":1.5}],"Employee Number":12345678901234567890,"Remote":false},` +
		`"contactInformation":{"phone":[{"number":"447700900001"}],"email":[{"address":"ada.king@example.org"}]}}`
	if got.body != want {
		t.Errorf("created\n%s\nwant\n%s", got.body, want)
	}
	for kind, identifier := range map[string]string{byID: "4", byExternalID: "x-1", byPhone: "447700900001", byEmail: "ADA.King@example.org"} {
		if one := get(t, s, persons+by(kind, identifier)); one.body != want {
			t.Errorf("by %s: %d %s", kind, one.status, one.body)
		}
	}
	expect(t, get(t, s, "/people/2/tags/New%20one"), 200, `"name":"New one"`) // it was defined
}

func TestReplaceEmptiesWhatIsMissing(t *testing.T) {
	s := unlimited(0)
	p := mustAdd(t, s, ada())
	got := send(t, s, "PUT", persons+by(byExternalID, "x-ada"), `{"firstName":"Bo"}`)
	expect(t, got, 200)
	want := fmt.Sprintf(`{"id":%d,"createdAt":"2026-03-04T05:06:07","modifiedAt":"2026-03-04T05:06:07","firstName":"Bo","type":"CUSTOMER","origin":"PORTAL","modifiedFrom":"API","tags":[],"contactInformation":{}}`, p.ID)
	if got.body != want {
		t.Errorf("%s\nwant\n%s", got.body, want)
	}
	expect(t, get(t, s, persons+by(byExternalID, "x-ada")), 404) // the identifiers are free again
	expect(t, send(t, s, "POST", persons, `{"contactInformation":{"email":[{"address":"ada.king@example.org"}]}}`), 200)
}

func TestPatchKeepsAndAdds(t *testing.T) {
	s := unlimited(0)
	mustAdd(t, s, ada())
	got := send(t, s, "PATCH", persons+by(byEmail, "ada.king@example.org"),
		`{"firstName":"Bo","city":"","tags":["New","VIP"],"customAttributes":{"Remote":true},"contactInformation":{"email":[{"address":"bo@example.org"}]}}`)
	expect(t, got, 200)
	p := decodeAs[Person](t, got)
	want := ada()
	want.ID, want.FirstName, want.City, want.Tags, want.Type = p.ID, "Bo", "", []string{"VIP", "New"}, "CUSTOMER"
	want.CustomAttributes = map[string]any{"Department": "Ops", "Remote": true}
	want.Contact.Email = append(want.Contact.Email, Email{"bo@example.org"})
	p.CreatedAt, p.ModifiedAt, p.Origin, p.ModifiedFrom = "", "", "", ""
	if !reflect.DeepEqual(p, want) {
		t.Errorf("got  %+v\nwant %+v", p, want)
	}
	for _, address := range []string{"bo@example.org", "ada.king@example.org"} {
		expect(t, get(t, s, persons+by(byEmail, address)), 200)
	}
}

func TestDeletePerson(t *testing.T) {
	s := unlimited(3)
	got := send(t, s, "DELETE", persons+by(byExternalID, "hr-2"), "")
	expect(t, got, 200)
	if got.body != "" {
		t.Errorf("body %q", got.body)
	}
	for _, one := range []string{by(byID, "2"), by(byExternalID, "hr-2"), by(byPhone, "420600000002")} {
		expect(t, get(t, s, persons+one), 404, `"messageId":"NOT_FOUND"`)
		expect(t, send(t, s, "DELETE", persons+one, ""), 404)
	}
	expect(t, send(t, s, "POST", persons, `{"externalId":"hr-2"}`), 200, `"id":4`) // numbers are not used again
}

func TestIdentifiersBelongToOne(t *testing.T) {
	s := unlimited(5)
	mustAdd(t, s, ada())
	generated, err := s.Find(byExternalID, "hr-1")
	if err != nil {
		t.Fatal(err)
	}
	address := generated.Contact.Email[0].Address
	for body, text := range map[string]string{
		`{"contactInformation":{"email":[{"address":"Ada.KING@example.org"}]}}`:             "Destination(email) ada.king@example.org already exists.",
		`{"contactInformation":{"phone":[{"number":"447700900001"}]}}`:                      "Destination(phone) 447700900001 already exists.",
		`{"contactInformation":{"email":[{"address":"` + strings.ToUpper(address) + `"}]}}`: "Destination(email) " + strings.ToLower(address) + " already exists.",
		`{"externalId":"x-ada"}`: "x-ada already exists.",
		`{"externalId":"hr-1"}`:  "hr-1 already exists.",
	} {
		expect(t, send(t, s, "POST", persons, body), 409, text)
		expect(t, send(t, s, "PUT", persons+by(byID, "3"), body), 409, text)
		expect(t, send(t, s, "PATCH", persons+by(byID, "3"), body), 409, text)
	}
	before, _ := s.Person(3)
	expect(t, send(t, s, "PATCH", persons+by(byID, "3"), `{"firstName":"No","externalId":"hr-1"}`), 409)
	if after, _ := s.Person(3); !reflect.DeepEqual(before, after) {
		t.Errorf("a refused write changed %+v", after)
	}
	expect(t, send(t, s, "PATCH", persons+by(byExternalID, "x-ada"), `{"externalId":"x-ada"}`), 200) // one's own
}

func TestIdentityIsStrict(t *testing.T) {
	s := unlimited(3)
	for query, field := range map[string]string{
		"?identifier=1":                 "type",
		"?type=ID":                      "identifier",
		"?identifier=1&type=id":         "type",
		"?identifier=one&type=ID":       "identifier",
		"?identifier=U1&type=LINE":      "sender",
		"?identifier=1&type=ID&a=b":     "a",
		"?identifier=1&type=ID&type=ID": "type",
		"?email=a@example.org":          "email",
		"?phone=420600000001":           "phone",
		"?externalId=hr-1":              "externalId",
		"?identifier=%zz&type=ID":       "query",
	} {
		for _, method := range []string{"GET", "PUT", "PATCH", "DELETE"} {
			body := ""
			if method[0] == 'P' {
				body = `{"firstName":"Ada"}`
			}
			got := send(t, s, method, persons+query, body)
			expect(t, got, 400, `"messageId":"BAD_REQUEST","text":"Bad request","validationErrors":{`, `"`+field+`":[`)
		}
	}
	for _, method := range []string{"PUT", "PATCH", "DELETE"} {
		expect(t, send(t, s, method, persons, `{}`), 400, `"identifier":[`)
	}
	expect(t, get(t, s, persons+"?identifier=U1&type=LINE&sender=1"), 404)
	if c := s.Count(); c.People != 3 {
		t.Errorf("%d people are left", c.People)
	}
}

func TestContactInformation(t *testing.T) {
	const path = persons + "/contactInformation"
	s := unlimited(3)
	mustAdd(t, s, ada())
	who := by(byExternalID, "x-ada")
	contact := func(e exchange) string {
		t.Helper()
		expect(t, e, 200)
		p := decodeAs[Person](t, e)
		return fmt.Sprint(p.phones(), p.emails())
	}
	steps := []struct{ method, body, want string }{
		{"PATCH", `{"contactInformation":{"phone":[{"number":"447700900002"}],"email":[{"address":"b@example.org"}]}}`, "[447700900001 447700900002] [ada.king@example.org b@example.org]"},
		{"DELETE", `{"contactInformation":{"phone":[{"number":"447700900001"},{"number":"447700900009"}],"email":[{"address":"ADA.KING@example.org"}]}}`, "[447700900002] [b@example.org]"},
		{"PUT", `{"contactInformation":{"email":[{"address":"c@example.org"}]}}`, "[] [c@example.org]"},
		{"PUT", `{"contactInformation":{}}`, "[] []"},
	}
	for _, step := range steps {
		if got := contact(send(t, s, step.method, path+who, step.body)); got != step.want {
			t.Errorf("%s %s: %s, want %s", step.method, step.body, got, step.want)
		}
	}
	expect(t, send(t, s, "PATCH", path+who, `{"contactInformation":{"phone":[{"number":"420600000001"}]}}`), 409, "Destination(phone) 420600000001 already exists.")
	expect(t, send(t, s, "PATCH", path+by(byID, "99"), `{"contactInformation":{}}`), 404)
}

func TestAtMost100Contacts(t *testing.T) {
	s := unlimited(0)
	mustAdd(t, s, ada())
	list := func(from, n int) string {
		var items []string
		for i := range n {
			items = append(items, fmt.Sprintf(`{"address":"a%d@example.org"}`, from+i))
		}
		return `{"contactInformation":{"email":[` + strings.Join(items, ",") + `]}}`
	}
	who := by(byExternalID, "x-ada")
	expect(t, send(t, s, "PATCH", persons+who, list(0, 101)), 400, "contactInformation.email")
	expect(t, send(t, s, "PATCH", persons+who, list(0, 99)), 200)
	expect(t, send(t, s, "PATCH", persons+who, list(100, 1)), 400, "contactInformation")
}
