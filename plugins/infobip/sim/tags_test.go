package sim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestTags(t *testing.T) {
	s := unlimited(200)
	expect(t, send(t, s, "POST", "/people/2/tags", `{"name":"Blue / Green"}`), 200, `{"createdAt":"2026-03-04T05:06:07","modifiedAt":"2026-03-04T05:06:07","id":105,"name":"Blue / Green"}`)
	expect(t, send(t, s, "POST", "/people/2/tags", `{"name":"Blue / Green"}`), 409, "already exists")
	expect(t, get(t, s, "/people/2/tags/Blue%20%2F%20Green"), 200, `"id":105`)
	expect(t, get(t, s, "/people/2/tags/Red"), 404, "NOT_FOUND")
	names := func(query string) string {
		t.Helper()
		e := get(t, s, "/people/2/tags"+query)
		expect(t, e, 200)
		var list []string
		for _, tag := range decodeAs[[]Tag](t, e) {
			list = append(list, tag.Name)
		}
		return strings.Join(list, ",")
	}
	if got := names(""); got != "Beta,Blue / Green,Newsletter,Partner,VIP" {
		t.Error(got)
	}
	if got := names("?limit=2&page=2&orderBy=name:desc"); got != "Blue / Green,Beta" && got != "Newsletter,Blue / Green" {
		t.Error(got)
	}
	if got := names("?orderBy=createdAt:desc&limit=1"); got != "Blue / Green" {
		t.Error(got)
	}
}

func TestTagPersons(t *testing.T) {
	s := unlimited(5)
	const people = `{"people":[{"query":{"type":"ID","identifier":"1"}},{"query":{"type":"EXTERNAL_ID","identifier":"nobody"}},{"query":{"type":"ID","identifier":"2"}}]}`
	expect(t, send(t, s, "PATCH", "/people/2/tags/Red/persons", people), 404)
	expect(t, send(t, s, "POST", "/people/2/tags", `{"name":"Red"}`), 200)
	for range 2 {
		if got := send(t, s, "PATCH", "/people/2/tags/Red/persons", people); got.status != 200 || got.body != "" {
			t.Errorf("%d %s", got.status, got.body)
		}
	}
	tagged := func() (list []int64) {
		for id := int64(1); id <= 5; id++ {
			p, _ := s.Person(id)
			for _, tag := range p.Tags {
				if tag == "Red" {
					list = append(list, id)
				}
			}
		}
		return list
	}
	if got := fmt.Sprint(tagged()); got != "[1 2]" {
		t.Error(got)
	}
	expect(t, send(t, s, "DELETE", "/people/2/tags/Red/persons", `{"people":[{"query":{"type":"ID","identifier":"1"}}]}`), 200)
	if got := fmt.Sprint(tagged()); got != "[2]" {
		t.Error(got)
	}
}

// TestDeletedTag: everybody loses it, generated people too, and defining it
// again does not bring it back.
func TestDeletedTag(t *testing.T) {
	s := unlimited(200)
	mustAdd(t, s, ada())
	with := func() (n int) {
		for id := int64(1); id <= 201; id++ {
			p, _ := s.Person(id)
			if slices.Contains(p.Tags, "VIP") {
				n++
			}
		}
		return n
	}
	if with() < 20 {
		t.Fatalf("only %d people have the tag", with())
	}
	expect(t, send(t, s, "DELETE", "/people/2/tags/VIP", ""), 200)
	expect(t, send(t, s, "DELETE", "/people/2/tags/VIP", ""), 404)
	expect(t, send(t, s, "POST", "/people/2/tags", `{"name":"VIP"}`), 200)
	if n := with(); n != 0 {
		t.Errorf("%d people have the deleted tag", n)
	}
}

func TestCustomAttributes(t *testing.T) {
	const path = "/people/2/customAttributes"
	s := unlimited(3)
	mustAdd(t, s, ada())
	expect(t, send(t, s, "PATCH", persons+by(byID, "1"), `{"customAttributes":{"Badge":"7"}}`), 400, "customAttributes.Badge")
	expect(t, send(t, s, "POST", path, `{"name":"Badge","dataType":"STRING"}`), 200, `{"createdAt":"2026-03-04T05:06:07","modifiedAt":"2026-03-04T05:06:07","name":"Badge","dataType":"STRING"}`)
	expect(t, send(t, s, "POST", path, `{"name":"Badge","dataType":"INTEGER"}`), 409)
	expect(t, send(t, s, "POST", path, `{"name":"Cars","dataType":"LIST_OF_OBJECTS","objectSchema":{"plate":"STRING","since":"DATE_TIME"}}`), 200, `"objectSchema":{"plate":"STRING","since":"DATE_TIME"}`)
	expect(t, send(t, s, "PATCH", persons+by(byID, "1"), `{"customAttributes":{"Badge":"7","Cars":[{"plate":"X","since":"2026-01-01T10:00:00"}]}}`), 200, `"Badge":"7"`)
	expect(t, get(t, s, path+"/Badge"), 200, `"dataType":"STRING"`)
	got := get(t, s, path+"?limit=2&includeTotalCount=true")
	expect(t, got, 200, `"limit":2`, `"page":1`, `"orderBy":"name:asc"`, `"totalCount":7`, `"customAttributes":[{`, `"name":"Badge"`, `"name":"Cars"`)
	expect(t, send(t, s, "DELETE", path+"/Department", ""), 200)
	expect(t, get(t, s, path+"/Department"), 404)
	for _, who := range []string{by(byID, "1"), by(byID, "2"), by(byExternalID, "x-ada")} {
		if e := get(t, s, persons+who); strings.Contains(e.body, "Department") {
			t.Error(e.body)
		}
	}
	expect(t, send(t, s, "DELETE", path+"/Department", ""), 404)
}
