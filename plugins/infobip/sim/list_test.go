package sim

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// listed is the body of a list of people.
type listed struct {
	Limit, Page int
	OrderBy     string
	TotalCount  *int
	Persons     []Person
}

func ids(l listed) []int64 {
	var list []int64
	for _, p := range l.Persons {
		list = append(list, p.ID)
	}
	return list
}

func listOf(t *testing.T, s *Server, query string) listed {
	t.Helper()
	e := get(t, s, persons+query)
	expect(t, e, 200)
	return decodeAs[listed](t, e)
}

func TestPagesCountFromOne(t *testing.T) {
	s := unlimited(45)
	first := listOf(t, s, "")
	if first.Limit != 20 || first.Page != 1 || first.OrderBy != "id:asc" || first.TotalCount != nil || len(first.Persons) != 20 {
		t.Errorf("%+v", first)
	}
	for _, id := range []int64{2, 21, 45} {
		if _, err := s.Delete(id); err != nil {
			t.Fatal(err)
		}
	}
	var all []int64
	for page := 1; ; page++ {
		l := listOf(t, s, fmt.Sprintf("?limit=10&page=%d&includeTotalCount=true", page))
		if l.TotalCount == nil || *l.TotalCount != 42 {
			t.Errorf("page %d: total %v", page, l.TotalCount)
		}
		all = append(all, ids(l)...)
		if len(l.Persons) < 10 {
			break
		}
	}
	if len(all) != 42 || !slices.IsSorted(all) || slices.Contains(all, 21) {
		t.Errorf("%v", all)
	}
	if l := listOf(t, s, "?page=1000000000"); len(l.Persons) != 0 {
		t.Errorf("far page: %v", ids(l))
	}
	if body := get(t, s, persons+"?page=9").body; !strings.Contains(body, `"persons":[]`) {
		t.Error(body)
	}
}

func TestOrder(t *testing.T) {
	s := unlimited(300)
	key := map[string]func(Person) string{
		"firstName": func(p Person) string { return p.FirstName }, "lastName": func(p Person) string { return p.LastName },
		"createdAt": func(p Person) string { return p.CreatedAt }, "modifiedAt": func(p Person) string { return p.ModifiedAt },
	}
	for field, of := range key {
		for _, direction := range []string{"", ":asc", ":desc"} {
			var got []string
			seen := map[int64]bool{}
			for page := 1; page <= 3; page++ {
				for _, p := range listOf(t, s, "?limit=100&page="+strconv.Itoa(page)+"&orderBy="+field+direction).Persons {
					got, seen[p.ID] = append(got, of(p)), true
				}
			}
			if direction == ":desc" {
				slices.Reverse(got)
			}
			if len(seen) != 300 || !slices.IsSorted(got) {
				t.Errorf("%s%s: %d people, sorted %v", field, direction, len(seen), slices.IsSorted(got))
			}
		}
	}
	if _, err := s.Change(150, func(p *Person) { p.LastName = "" }); err != nil {
		t.Fatal(err)
	}
	if l := listOf(t, s, "?limit=1000&orderBy=lastName"); !slices.Contains(ids(l)[:3], 150) {
		t.Errorf("the order is stale: %v", ids(l)[:3])
	}
}

func TestFilter(t *testing.T) {
	s := unlimited(0)
	add := func(first, last, born, department string, number int, tags ...string) {
		mustAdd(t, s, Person{
			FirstName: first, LastName: last, BirthDate: born, Tags: tags,
			CustomAttributes: map[string]any{"Department": department, "Employee Number": number},
			Contact:          Contact{Email: []Email{{strings.ToLower(first) + "@example.org"}}},
		})
	}
	add("Ada", "King", "1815-12-10", "Ops", 9, "VIP")
	add("Bob", "Queen", "1900-01-01", "IT", 10, "VIP", "Beta")
	add("Adam", "Kingston", "", "IT", 100)
	for filter, want := range map[string]string{
		`{"firstName":"Ada"}`:                                                       "[1]",
		`{"#eq":{"firstName":"ada"}}`:                                               "[]",
		`{"#ne":{"firstName":"Ada"}}`:                                               "[2 3]",
		`{"#ne":{"birthDate":"1815-12-10"}}`:                                        "[2 3]",
		`{"#contains":{"lastName":"king"}}`:                                         "[1 3]",
		`{"#notContain":{"lastName":"king"}}`:                                       "[2]",
		`{"#startsWith":{"firstName":"Ada"}}`:                                       "[1 3]",
		`{"#endsWith":{"firstName":"dam"}}`:                                         "[3]",
		`{"#gt":{"birthDate":"1850-01-01"}}`:                                        "[2]",
		`{"#lte":{"birthDate":"1815-12-10"}}`:                                       "[1]",
		`{"#eq":{"id":2}}`:                                                          "[2]",
		`{"customAttributes":{"Department":"IT"}}`:                                  "[2 3]",
		`{"#gt":{"customAttributes":{"Employee Number":9}}}`:                        "[2 3]",
		`{"#gte":{"customAttributes":{"Employee Number":9}}}`:                       "[1 2 3]",
		`{"#lt":{"customAttributes":{"Employee Number":10}}}`:                       "[1]",
		`{"#contains":{"tags":"VIP"}}`:                                              "[1 2]",
		`{"tags":"Beta"}`:                                                           "[2]",
		`{"#ne":{"tags":"Beta"}}`:                                                   "[1 3]",
		`{"contactInformation":{"email":{"address":"bob@example.org"}}}`:            "[2]",
		`{"#and":[{"#contains":{"lastName":"king"}},{"#contains":{"tags":"VIP"}}]}`: "[1]",
		`{"#or":[{"firstName":"Bob"},{"#and":[{"firstName":"Adam"},{"customAttributes":{"Department":"IT"}}]}]}`: "[2 3]",
		`{"#and":[{"firstName":"Bob"},{"firstName":"Adam"}]}`:                                                    "[]",
	} {
		l := listOf(t, s, "?includeTotalCount=true&filter="+url.QueryEscape(filter))
		if got := fmt.Sprint(ids(l)); got != want || *l.TotalCount != len(l.Persons) {
			t.Errorf("%s: %s of %d, want %s", filter, got, *l.TotalCount, want)
		}
	}
	l := listOf(t, s, "?limit=1&page=2&filter="+url.QueryEscape(`{"#contains":{"tags":"VIP"}}`))
	if fmt.Sprint(ids(l)) != "[2]" {
		t.Errorf("second page of a filter: %v", ids(l))
	}
	for _, filter := range []string{
		`firstName`, `[]`, `{}`, `{"firstName":"a","lastName":"b"}`, `{"shoeSize":7}`, `{"#like":{"firstName":"a"}}`, `{"#and":{}}`, `{"#or":[]}`, `{"#and":[1]}`,
		`{"#contains":{"firstName":7}}`, `{"#eq":"x"}`, `{"#eq":{"firstName":null}}`, `{"#eq":{"firstName":["a"]}}`, `{"#eq":{}}`,
	} {
		expect(t, get(t, s, persons+"?filter="+url.QueryEscape(filter)), 400, `"filter":[`)
	}
}

// TestFilterAcrossSteps pages through more people than are looked at in one step.
func TestFilterAcrossSteps(t *testing.T) {
	s := unlimited(2500)
	var all []int64
	for page := 1; page <= 10; page++ {
		l := listOf(t, s, "?limit=300&page="+strconv.Itoa(page)+"&filter="+url.QueryEscape(`{"#startsWith":{"externalId":"hr-"}}`))
		all = append(all, ids(l)...)
	}
	want := 0
	for id := int64(1); id <= 2500; id++ {
		if p, _ := s.Person(id); p.ExternalID != "" {
			want++
		}
	}
	if len(all) != want || !slices.IsSorted(all) {
		t.Errorf("%d people, want %d", len(all), want)
	}
}

func TestGeneratedPeople(t *testing.T) {
	a, b, c := unlimited(3000), New(Options{Seed: 2, People: 3000}), unlimited(3000)
	seen := map[key]int64{}
	without, same, twice := map[string]int{}, 0, 0
	for id := int64(1); id <= 3000; id++ {
		p, err := a.Person(id)
		if err != nil {
			t.Fatal(err)
		}
		if again, _ := c.Person(id); fmt.Sprint(again) != fmt.Sprint(p) {
			t.Fatalf("person %d is not always the same", id)
		}
		other, _ := b.Person(id)
		if other.FirstName == p.FirstName && other.LastName == p.LastName {
			same++
		}
		keys := identifiers(p)
		if len(keys) == 0 {
			t.Errorf("person %d has no identifier", id)
		}
		twice += max(len(p.Contact.Email)-1, 0)
		for name, empty := range map[string]bool{"phone": len(p.Contact.Phone) == 0, "email": len(p.Contact.Email) == 0, "externalId": p.ExternalID == ""} {
			if empty {
				without[name]++
			}
		}
		for _, k := range keys {
			if seen[k] != 0 {
				t.Fatalf("%v belongs to %d and %d", k, seen[k], id)
			}
			seen[k] = id
			if found, err := a.Find(k.kind, k.value); err != nil || found.ID != id {
				t.Fatalf("%v: found %d, %v", k, found.ID, err)
			}
		}
		if found := a.rules().person(asBody(t, p), "", a.rules().contact2); len(found) > 0 {
			t.Fatalf("person %d breaks the vendor's rules: %v", id, found)
		}
	}
	if without["phone"] < 50 || without["email"] < 50 || without["externalId"] < 30 || twice < 50 {
		t.Errorf("people without: %v, with two addresses: %d", without, twice)
	}
	if same > 600 {
		t.Errorf("another seed makes the same names: %d of 3000", same)
	}
}

// asBody is a person as a client may write it.
func asBody(t *testing.T, p Person) map[string]any {
	t.Helper()
	v, err := decode([]byte(exchangeBody(t, p)))
	if err != nil {
		t.Fatal(err)
	}
	m := v.(map[string]any)
	for _, name := range readOnlyMembers() {
		delete(m, name)
	}
	return m
}

func TestUnknownIdentifiersAreNobody(t *testing.T) {
	s := unlimited(10)
	for _, one := range []string{
		by(byID, "11"), by(byID, "0"), by(byID, "-1"), by(byExternalID, "hr-11"), by(byExternalID, "hr-01"), by(byExternalID, "1"),
		by(byPhone, "42060000001"), by(byPhone, "420600000011"), by(byEmail, "nobody1@example.org"), by(byEmail, "1"), by(byEmail, "@"),
	} {
		expect(t, get(t, s, persons+one), 404)
	}
}

// TestUnchangedPeopleTakeNoMemory: reading everybody and writing what is there
// already keeps nothing.
func TestUnchangedPeopleTakeNoMemory(t *testing.T) {
	s := unlimited(300)
	listOf(t, s, "?limit=1000&orderBy=lastName")
	for id := int64(1); id <= 300; id++ {
		p, _ := s.Person(id)
		if p.ExternalID != "" {
			expect(t, send(t, s, "PATCH", upsertPath, fmt.Sprintf(`{"persons":[{"externalId":"hr-%d","firstName":%q}]}`, id, p.FirstName)), 207, "NOT_MODIFIED")
		}
	}
	if n := len(s.people.changed); n != 0 {
		t.Errorf("%d people are kept", n)
	}
}
