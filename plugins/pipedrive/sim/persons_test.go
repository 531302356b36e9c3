package sim

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/plugins/internal/simtest"
)

type personList struct {
	Data []struct {
		ID     int64
		Name   string
		Emails []Contact
		Update string `json:"update_time"`
	}
	Additional struct {
		Next *string `json:"next_cursor"`
	} `json:"additional_data"`
}

func newPersonsSim(t *testing.T, o Options) *Server {
	t.Helper()
	o.Unlimited = true
	if o.Now == nil {
		o.Now = simtest.NewClock().Now
	}
	return New(o)
}

func listOf(t *testing.T, s *Server, query string) personList {
	t.Helper()
	e := get(t, s, "/api/v2/persons?"+query)
	var l personList
	if err := json.Unmarshal([]byte(e.body), &l); err != nil || e.status != http.StatusOK {
		t.Fatalf("%s: %d %.300s %v", query, e.status, e.body, err)
	}
	return l
}

func idsOf(l personList) string {
	var ids []string
	for _, p := range l.Data {
		ids = append(ids, fmt.Sprint(p.ID))
	}
	return strings.Join(ids, " ")
}

func TestPersonsAreListedByCursor(t *testing.T) {
	s := newPersonsSim(t, Options{Persons: 12})
	send(t, s, "DELETE", "/api/v2/persons/4", "")
	send(t, s, "PATCH", "/api/v2/persons/2", `{"owner_id":7}`)
	for query, want := range map[string]string{
		"":                            "1 2 3 5 6 7 8 9 10 11 12",
		"limit=5":                     "1 2 3 5 6|7 8 9 10 11|12",
		"limit=5&sort_direction=desc": "12 11 10 9 8|7 6 5 3 2|1",
		"limit=6&sort_by=update_time": "1 3 5 6 7 8|9 10 11 12 2",
		"limit=6&sort_by=add_time&sort_direction=desc": "12 11 10 9 8 7|6 5 3 2 1",
		"ids=3,4,99":                                   "3",
		"owner_id=7":                                   "2",
		"updated_since=2026-03-04T05:06:07Z":           "2",
		"updated_until=2026-03-04T05:06:07Z":           "1 3 5 6 7 8 9 10 11 12", // not later than, but earlier
		"updated_until=2026-01-01T00:00:00Z&limit=500": "1 3 5 6 7 8 9 10 11 12",
	} {
		var pages []string
		cursor := ""
		for range 9 {
			l := listOf(t, s, query+"&cursor="+url.QueryEscape(cursor))
			pages = append(pages, idsOf(l))
			if l.Additional.Next == nil {
				break
			}
			cursor = *l.Additional.Next
		}
		if got := strings.Join(pages, "|"); got != want {
			t.Errorf("%q: %s, want %s", query, got, want)
		}
	}
	if e := get(t, s, "/api/v2/persons"); !strings.HasSuffix(e.body, `"additional_data":{"next_cursor":null}`+"\n}") {
		t.Errorf("the end of a list: %s", e.body[len(e.body)-60:])
	}
}

func TestACursorBelongsToItsQuery(t *testing.T) {
	s := newPersonsSim(t, Options{Persons: 12})
	cursor := *listOf(t, s, "limit=5&owner_id=1").Additional.Next
	for _, query := range []string{"limit=5&cursor=" + cursor, "sort_by=add_time&owner_id=1&cursor=" + cursor, "cursor=x", "limit=501", "limit=0", "sort_by=name", "sort_direction=up", "updated_since=yesterday", "ids=a", "ids=" + strings.Repeat("1,", 100) + "1"} {
		if e := get(t, s, "/api/v2/persons?"+query); e.status != http.StatusBadRequest {
			t.Errorf("%s: %d %.200s", query, e.status, e.body)
		}
	}
	if l := listOf(t, s, "limit=1&owner_id=1&cursor="+cursor); idsOf(l) != "6" {
		t.Errorf("another limit: %s", idsOf(l))
	}
}

func TestAPersonsLife(t *testing.T) {
	clock := simtest.NewClock()
	s := newPersonsSim(t, Options{Persons: 3, Now: clock.Now})
	e := send(t, s, "POST", "/api/v2/persons", `{"name":"Bo Ek","emails":[{"value":"bo@example.org"}],"phones":[],"custom_fields":{"a":1},"job_title":"x"}`)
	want := `"emails":[{"value":"bo@example.org","primary":true,"label":"work"}]`
	if e.status != 200 || !strings.Contains(e.body, `"id":4`) || !strings.Contains(e.body, want) || !strings.Contains(e.body, `"add_time":"2026-03-04T05:06:07Z"`) || !strings.Contains(e.body, `"job_title":"x"`) {
		t.Errorf("created: %d %s", e.status, e.body)
	}
	clock.Advance(time.Hour)
	e = send(t, s, "PATCH", "/api/v2/persons/4", `{"emails":[{"value":"a@example.org","label":"home"},{"value":"b@example.org","primary":true,"label":"work"}],"org_id":5}`)
	if e.status != 200 || !strings.Contains(e.body, `"name":"Bo Ek"`) || strings.Contains(e.body, "bo@example.org") || !strings.Contains(e.body, `"update_time":"2026-03-04T06:06:07Z"`) || !strings.Contains(e.body, `"org_id":5`) {
		t.Errorf("changed: %d %s", e.status, e.body)
	}
	if e := send(t, s, "DELETE", "/api/v2/persons/4", ""); e.body != `{"success":true,"data":{"id":4}}` {
		t.Errorf("deleted: %d %s", e.status, e.body)
	}
	if s.Persons() != 3 {
		t.Errorf("%d are left", s.Persons())
	}
	for _, method := range []string{"PATCH", "DELETE"} {
		if e := send(t, s, method, "/api/v2/persons/4", "{}"); e.status != 404 {
			t.Errorf("%s of a deleted one: %d", method, e.status)
		}
	}
	if e := get(t, s, "/api/v2/persons/4"); !strings.Contains(e.body, `"is_deleted":true`) || !strings.Contains(e.body, "Bo Ek") {
		t.Errorf("a deleted one: %s", e.body)
	}
	clock.Advance(30 * 24 * time.Hour)
	if e := get(t, s, "/api/v2/persons/4"); e.status != 404 {
		t.Errorf("a purged one: %d %s", e.status, e.body)
	}
}

func TestWhatBodiesOfPersonsAreRefused(t *testing.T) {
	s := newPersonsSim(t, Options{Persons: 3})
	for _, body := range []string{
		`{}`, `[]`, `{"name":""}`, `{"name":7}`, `{"name":"a","email":"x"}`, `{"name":"a","emails":"x"}`, `{"name":"a","emails":[{"primary":true}]}`,
		`{"name":"a","emails":[{"value":"x","kind":"work"}]}`, `{"name":"a","owner_id":"1"}`, `{"name":"a","visible_to":4}`, `{"name":"a","label_ids":["x"]}`,
		`{"name":"a","marketing_status":"maybe"}`, `{"name":"a","add_time":"2026-01-01 00:00:00"}`, `{"name":"a","name":"b"}`, `{"name":"a"`, `{"name":"a","custom_fields":[]}`,
		`{"name":"a","id":9}`, `{"name":"a","custom_fields":{"k":[]}}`, `{"name":"a","postal_address":{"city":"x"}}`, `{"name":"a","notes":"` + strings.Repeat("n", 10_001) + `"}`, `{"name":"a","is_deleted":false}`,
	} {
		if e := send(t, s, "POST", "/api/v2/persons", body); e.status != 400 {
			t.Errorf("POST %s: %d %s", body, e.status, e.body)
		}
	}
	if e := send(t, s, "PATCH", "/api/v2/persons/1", `{"add_time":"2026-01-01T00:00:00Z"}`); e.status != 400 {
		t.Errorf("PATCH of add_time: %d", e.status)
	}
	if e := do(t, s, "POST", "/api/v2/persons", `{"name":"a"}`, "x-api-token", "sim-api-token"); e.status != 415 {
		t.Errorf("without content type: %d", e.status)
	}
	if s.Persons() != 3 {
		t.Errorf("%d persons", s.Persons())
	}
}

func TestPersonsAreSearched(t *testing.T) {
	s := newPersonsSim(t, Options{Persons: 400})
	send(t, s, "POST", "/api/v2/persons", `{"name":"Ann Ek","emails":[{"value":"joann@x.org"},{"value":"ANN@x.org"}]}`)
	for query, want := range map[string]int{
		"term=ann@x.org&fields=email&exact_match=true":           1,
		"term=nn@x.org&fields=email":                             1,
		"term=nn@x.org&fields=email&exact_match=true":            0,
		"term=ada.novak1@example.org&fields=email&exact_match=1": 1,
		"term=Ada+Novak&exact_match=true":                        1,
		"term=ann@x.org&fields=name":                             0,
		"term=777+0000&fields=phone&limit=500":                   89,
	} {
		e := get(t, s, "/api/v2/persons/search?"+query)
		if e.status != 200 || strings.Count(e.body, `"result_score"`) != want {
			t.Errorf("%s: %d with %d results: %.300s", query, e.status, strings.Count(e.body, `"result_score"`), e.body)
		}
	}
	var l struct {
		Additional struct {
			Next string `json:"next_cursor"`
		} `json:"additional_data"`
	}
	first := get(t, s, "/api/v2/persons/search?term=example.org&limit=3")
	if err := json.Unmarshal([]byte(first.body), &l); err != nil || l.Additional.Next == "" {
		t.Fatalf("page: %s %v", first.body, err)
	}
	if next := get(t, s, "/api/v2/persons/search?term=example.org&limit=3&cursor="+l.Additional.Next); !strings.Contains(next.body, `"id":4,`) || strings.Contains(next.body, `"id":3,`) {
		t.Errorf("next page: %.200s", next.body)
	}
	if e := get(t, s, "/api/v2/persons/search?term=example&limit=3&cursor="+l.Additional.Next); e.status != 400 {
		t.Errorf("the cursor of another search: %d", e.status)
	}
	for range 2 {
		send(t, s, "POST", "/api/v2/persons", `{"name":"Same","emails":[{"value":"same@x.org"}]}`)
	}
	exact, cursor := "/api/v2/persons/search?term=same@x.org&fields=email&exact_match=true&limit=1", ""
	for _, want := range []string{`"id":402,`, `"id":403,`} {
		e := get(t, s, exact+"&cursor="+cursor)
		if !strings.Contains(e.body, want) || strings.Count(e.body, "result_score") != 1 {
			t.Errorf("one of two with an address, want %s: %s", want, e.body)
		}
		_ = json.Unmarshal([]byte(e.body), &l)
		cursor = l.Additional.Next
	}
	for _, query := range []string{"", "term=a", "term=ab&fields=shoe", "term=ab&exact_match=perhaps", "term=ab&limit=501", "term=ab&cursor=x"} {
		if e := get(t, s, "/api/v2/persons/search?"+query); e.status != 400 {
			t.Errorf("%s: %d", query, e.status)
		}
	}
}

func TestSearchHasALimitOfItsOwn(t *testing.T) {
	s := New(Options{Persons: 3, Plan: "ultimate", Now: simtest.NewClock().Now})
	for i := range 11 {
		want := 200
		if i == 10 {
			want = 429
		}
		if e := get(t, s, "/api/v2/persons/search?term=ada"); e.status != want {
			t.Errorf("search %d: %d", i+1, e.status)
		}
	}
}

func TestScopesOfPersons(t *testing.T) {
	for scope, want := range map[string]string{"contacts:read": "200 200 403", "contacts:full": "200 200 200", "users:read": "403 403 403", "search:read": "403 200 403"} {
		s := newPersonsSim(t, Options{Persons: 3, Scopes: []string{scope}})
		token := bearer(t, s)
		var got []string
		for _, r := range [][3]string{{"GET", "/api/v2/persons", ""}, {"GET", "/api/v2/persons/search?term=ada", ""}, {"PATCH", "/api/v2/persons/1", `{"name":"a"}`}} {
			got = append(got, fmt.Sprint(do(t, s, r[0], r[1], r[2], "Authorization", "Bearer "+token, "Content-Type", "application/json").status))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", scope, got, want)
		}
	}
}

func TestV1HasNoPersons(t *testing.T) {
	for _, path := range []string{"/v1/persons", "/v1/persons/1", "/api/v1/persons/search?term=ada"} {
		if e := get(t, newPersonsSim(t, Options{Persons: 1}), path); e.status != 404 {
			t.Errorf("%s: %d", path, e.status)
		}
	}
}

func personProbes() map[string]func(*testing.T, *Server) string {
	post := func(t *testing.T, s *Server, body string) string {
		return fmt.Sprint(send(t, s, "POST", "/api/v2/persons", body).status)
	}
	return map[string]func(*testing.T, *Server) string{
		"persons_without_name": func(t *testing.T, s *Server) string { return post(t, s, `{}`) },
		"persons_created":      func(t *testing.T, s *Server) string { return post(t, s, `{"name":"a"}`) },
		"persons_last_cursor":  func(t *testing.T, s *Server) string { return part(get(t, s, "/api/v2/persons").body, "next_cursor") },
		"persons_v1":           func(t *testing.T, s *Server) string { return fmt.Sprint(get(t, s, "/v1/persons").status) },
		"persons_deleted": func(t *testing.T, s *Server) string {
			send(t, s, "DELETE", "/api/v2/persons/1", "")
			return fmt.Sprint(get(t, s, "/api/v2/persons/1").status)
		},
		"persons_sync_fields": func(t *testing.T, s *Server) string {
			e := send(t, s, "PATCH", "/api/v2/persons/1", `{"job_title":"x"}`)
			return fmt.Sprint(e.status) + part(e.body, "job_title")
		},
	}
}

// Whatever a list is sorted by and starts at, a page of a million makes little
// more than its own persons, and changed ones are in their places.
func TestAPageOfAMillionPersons(t *testing.T) {
	s := newPersonsSim(t, Options{Persons: 1_000_000})
	send(t, s, "PATCH", "/api/v2/persons/500000", `{"name":"Bo"}`)
	late := s.persons.generate(999_999).UpdateTime.Format(time.RFC3339)
	middle := s.persons.generate(500_000)
	for query, want := range map[string]string{
		"limit=2": "1 2", "sort_direction=desc&limit=2": "1000000 999999", "ids=7,999999": "7 999999",
		"limit=3&sort_by=update_time&sort_direction=desc":                 "500000 1000000 999999",
		"updated_since=" + late:                                           "500000 999999 1000000",
		"updated_since=" + late + "&sort_by=update_time":                  "999999 1000000 500000",
		"limit=2&sort_by=add_time&sort_direction=desc":                    "1000000 999999",
		"limit=2&updated_since=" + middle.UpdateTime.Format(time.RFC3339): "500000 500001",
	} {
		if got := idsOf(listOf(t, s, query)); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
		if made := testing.AllocsPerRun(1, func() { listOf(t, s, query) }); made > 5000 {
			t.Errorf("%s took %.0f allocations", query, made)
		}
	}
}

func TestWhatOfAPersonIsShown(t *testing.T) {
	s := newPersonsSim(t, Options{Persons: 2})
	e := send(t, s, "POST", "/api/v2/persons", `{"name":"Bo","marketing_status":"subscribed","custom_fields":{"k1":"x","k2":null},"postal_address":{"value":"a"},"notes":"n"}`)
	if !strings.Contains(e.body, `"marketing_status":"no_consent"`) || !strings.Contains(e.body, `"last_name":null`) {
		t.Errorf("without an address: %s", e.body)
	}
	e = send(t, s, "PATCH", "/api/v2/persons/3", `{"emails":[{"value":"bo@example.org"}],"marketing_status":"subscribed","notes":null}`)
	if !strings.Contains(e.body, `"marketing_status":"subscribed"`) || !strings.Contains(e.body, `"notes":null,"postal_address":{"value":"a"}`) {
		t.Errorf("with one: %s", e.body)
	}
	for query, want := range map[string]string{
		"": `"custom_fields":{"k1":"x","k2":null}`, "custom_fields=k2": `"custom_fields":{"k2":null}`,
		"include_fields=marketing_status,files_count": `"files_count":0,"marketing_status":"subscribed"`,
	} {
		for _, p := range []string{"/api/v2/persons/3?", "/api/v2/persons?ids=3&"} {
			if e := get(t, s, p+query); !strings.Contains(e.body, want) || strings.Contains(e.body, "marketing") != strings.Contains(query, "marketing") {
				t.Errorf("%s%s: %s", p, query, e.body)
			}
		}
	}
	for _, query := range []string{"include_fields=age", "custom_fields=" + strings.Repeat("k,", 15) + "k", "include_labels=true", "filter_id=1", "deal_id=1"} {
		if e := get(t, s, "/api/v2/persons?"+query); e.status != 400 {
			t.Errorf("%s: %d", query, e.status)
		}
	}
}

func TestFaultsMeetPersons(t *testing.T) {
	for kind, want := range map[Kind]string{
		Half: "1 2", PageRepeats: "1 2 3", DuplicateID: "3 3", MissingID: "3 0", DataEmpty: "", DataNull: "",
	} {
		s := newPersonsSim(t, Options{Persons: 4})
		query := ""
		if kind != Half {
			query = "limit=3&cursor=" + *listOf(t, s, "limit=2").Additional.Next
		}
		if err := s.AddFault(Fault{Kind: kind, Route: "v2/persons"}); err != nil {
			t.Fatal(err)
		}
		if got := idsOf(listOf(t, s, query)); got != want {
			t.Errorf("%s: %s, want %s", kind, got, want)
		}
	}
}

func TestRestartForgetsPersons(t *testing.T) {
	s := newPersonsSim(t, Options{Persons: 4})
	send(t, s, "POST", "/api/v2/persons", `{"name":"Bo"}`)
	send(t, s, "DELETE", "/api/v2/persons/1", "")
	s.Restart()
	if got := idsOf(listOf(t, s, "")); got != "1 2 3 4" {
		t.Error(got)
	}
}

// bearer gets an access token.
func bearer(t *testing.T, s *Server) string {
	t.Helper()
	var a struct {
		Token string `json:"access_token"`
	}
	e := token(t, s, "grant_type=refresh_token&refresh_token=1:1:sim-refresh", "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("sim-client:sim-secret")))
	if err := json.Unmarshal([]byte(e.body), &a); err != nil || a.Token == "" {
		t.Fatalf("%d %s", e.status, e.body)
	}
	return a.Token
}
