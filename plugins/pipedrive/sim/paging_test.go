package sim

import (
	"fmt"
	"strings"
	"testing"
)

func ids(l list) string {
	var out []string
	for _, u := range l.Data {
		out = append(out, fmt.Sprint(u.ID))
	}
	return strings.Join(out, " ")
}

func TestUnpagedListIgnoresParameters(t *testing.T) {
	s := New(Options{Seed: 1, People: 4})
	for _, query := range []string{"", "?start=2&limit=1", "?limit=x", "?cursor=zzz", "?unknown=1"} {
		got := get(t, s, "/v1/users"+query)
		if l := decode(t, got); got.status != 200 || !l.Success || ids(l) != "1 2 3 4" || strings.Contains(got.body, "additional_data") {
			t.Errorf("%s: %d %s", query, got.status, ids(l))
		}
	}
}

func TestOffsetPaging(t *testing.T) {
	s := New(Options{Seed: 1, People: 5, Paging: OffsetPaging, PageSize: 2})
	for _, c := range []struct{ query, ids, tail string }{
		{"", "1 2", `{"pagination":{"start":0,"limit":2,"more_items_in_collection":true,"next_start":2}}`},
		{"?start=2", "3 4", `{"pagination":{"start":2,"limit":2,"more_items_in_collection":true,"next_start":4}}`},
		{"?start=4", "5", `{"pagination":{"start":4,"limit":2,"more_items_in_collection":false}}`},
		{"?start=3&limit=2", "4 5", `{"pagination":{"start":3,"limit":2,"more_items_in_collection":false}}`},
		{"?start=9&limit=500", "", `{"pagination":{"start":9,"limit":500,"more_items_in_collection":false}}`},
	} {
		got := get(t, s, "/v1/users"+c.query)
		_, tail, _ := strings.Cut(got.body, `"additional_data":`)
		if l := decode(t, got); ids(l) != c.ids || strings.TrimSpace(strings.TrimSuffix(tail, "}")) != c.tail {
			t.Errorf("%s: %s, %s", c.query, ids(l), tail)
		}
	}
	for query, text := range map[string]string{
		"limit=501": "limit: must be from 1 to 500", "limit=0": "limit: must be from 1 to 500", "limit=x": "limit: must be from 1 to 500",
		"start=-1": "start: must not be negative", "start=x": "start: must not be negative",
	} {
		if got := get(t, s, "/v1/users?"+query); got.status != 400 || got.body != invalidBody(text) {
			t.Errorf("%s: %d %s", query, got.status, got.body)
		}
	}
}

func TestCursorPaging(t *testing.T) {
	s := New(Options{Seed: 1, People: 5, Paging: CursorPaging})
	if _, err := s.Remove(3); err != nil {
		t.Fatal(err)
	}
	var pages []string
	query := "?limit=2"
	for range 5 {
		l := decode(t, get(t, s, "/v1/users"+query))
		pages = append(pages, ids(l))
		if l.Additional == nil || l.Additional.NextCursor == nil {
			break
		}
		query = "?limit=2&cursor=" + *l.Additional.NextCursor
	}
	if got := strings.Join(pages, " | "); got != "1 2 | 4 5" {
		t.Errorf("pages %s", got)
	}
	if !strings.HasSuffix(get(t, s, "/v1/users").body, "\"additional_data\":{\"next_cursor\":null}\n}") {
		t.Error("the last page has no null cursor")
	}
	for _, cursor := range []string{"zzz", "dXNlcjow", "!"} {
		if got := get(t, s, "/v1/users?cursor="+cursor); got.status != 400 || got.body != invalidBody("cursor: is invalid") {
			t.Errorf("cursor %s: %d %s", cursor, got.status, got.body)
		}
	}
}
