//go:build !wasip1

package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/plugins/infobip/sim"
	"github.com/rollcall-agent/rollcall/sdk/abi"
	"github.com/rollcall-agent/rollcall/sdk/sdktest"
)

// Every endpoint delivers what the simulator has, and the manifest lists the
// fields that it sends.
func TestEveryEndpoint(t *testing.T) {
	counts := map[string]int{"people": 30, "agents": 12, "accounts": 3, "tags": -1, "custom_attributes": -1}
	for _, e := range manifest(t).Endpoints {
		t.Run(e.Name, func(t *testing.T) {
			wanted, ok := counts[e.Name]
			if !ok {
				t.Fatal("the endpoint has no case")
			}
			s := newScene(t, sim.Options{Seed: 1, People: 30, Agents: 12})
			if err := s.host.Fetch(connector(), e); err != nil {
				t.Fatal(err)
			}
			if n := len(s.host.Records); n == 0 || wanted > 0 && n != wanted {
				t.Errorf("%d records, want %d", n, wanted)
			}
			listed := map[string]abi.AttributeType{}
			for _, a := range e.Attributes {
				listed[a.Name] = a.Type
			}
			for _, r := range s.host.Records {
				for name, value := range r.Fields {
					if _, isBool := value.(bool); listed[name] == "" || isBool != (listed[name] == abi.TypeBool) {
						t.Errorf("%s is listed as %q and sent as %T", name, listed[name], value)
					}
				}
			}
		})
	}
}

// Both forms of the list of tags, and lists that do not say how long they are.
func TestEveryEndpointWithEveryReading(t *testing.T) {
	for _, r := range soak.Some(t, 4, sim.Readings()) {
		for _, value := range r.Values {
			for _, e := range manifest(t).Endpoints {
				plain := newScene(t, sim.Options{Seed: 1, People: 30, Agents: 12})
				other := newScene(t, sim.Options{Seed: 1, People: 30, Agents: 12, Readings: map[string]string{r.Name: value}})
				for _, s := range []scene{plain, other} {
					if err := s.host.Fetch(connector(), e); err != nil {
						t.Fatalf("%s=%s: %s: %v", r.Name, value, e.Name, err)
					}
				}
				if plain.keys() != other.keys() {
					t.Errorf("%s=%s: %s: %s, want %s", r.Name, value, e.Name, other.keys(), plain.keys())
				}
			}
		}
	}
}

// small is the endpoint people with pages of so many.
func small(t *testing.T, limit int) abi.Endpoint {
	t.Helper()
	e := endpoint(t, "people")
	e.Repeat.Limit = limit
	return e
}

func TestPagesEndProperly(t *testing.T) {
	for _, siblings := range []string{"present", "absent"} {
		for people, want := range map[int]int{0: 1, 2: 1, 3: 2, 7: 3, 9: 4} {
			s := newScene(t, sim.Options{Seed: 1, People: people, Unlimited: true, Readings: map[string]string{"list_siblings": siblings}})
			if err := s.host.Fetch(connector(), small(t, 3)); err != nil {
				t.Fatalf("%d people: %v", people, err)
			}
			if len(s.host.Records) != people || len(s.requests()) != want {
				t.Errorf("%s, %d people: %d records in %v", siblings, people, len(s.host.Records), s.requests())
			}
		}
	}
}

func TestAgentsAreCountedFromPageZero(t *testing.T) {
	s := newScene(t, sim.Options{Seed: 1, Agents: 1200})
	if err := s.host.Fetch(connector(), endpoint(t, "agents")); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(s.requests(), " "); len(s.host.Records) != 1200 || !strings.Contains(got, "limit=999&orderBy=id%3Aasc&page=0") || !strings.Contains(got, "page=1") {
		t.Errorf("%d records, requests %v", len(s.host.Records), got)
	}
}

// lists answers GET with one body after the other, whatever is asked for.
func lists(t *testing.T, bodies ...string) *sdktest.Host {
	t.Helper()
	n := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		body := bodies[min(n, len(bodies)-1)]
		n++
		if body == "html" {
			w.Header().Set("Content-Type", "text/html")
		}
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return &sdktest.Host{URL: server.URL}
}

// peoplePage is a list of people, each "ID@SECOND".
func peoplePage(total string, people ...string) string {
	var rows []string
	for _, p := range people {
		id, second, _ := strings.Cut(p, "@")
		rows = append(rows, fmt.Sprintf(`{"id":%s,"createdAt":"2026-01-01T00:00:%s"}`, id, second))
	}
	if total != "" {
		total = `"totalCount":` + total + ","
	}
	return `{` + total + `"persons":[` + strings.Join(rows, ",") + `]}`
}

// A list read while people come and go is complete, or the fetch fails.
func TestPagesThatDoNotFitTogether(t *testing.T) {
	for name, c := range map[string]struct {
		bodies  []string
		message string // or how many records there are when the list is complete
	}{
		"somebody was added":          {[]string{peoplePage("2", "1@01", "2@02"), peoplePage("3", "3@03")}, "3"},
		"somebody was deleted":        {[]string{peoplePage("3", "1@01", "2@02"), peoplePage("2")}, "2 records are announced after 3"},
		"one of a second on both":     {[]string{peoplePage("", "1@01", "2@02"), peoplePage("", "3@02", "2@02"), peoplePage("")}, `record "2" is on two pages`},
		"one second over three pages": {[]string{peoplePage("", "1@01", "2@01"), peoplePage("", "3@01", "4@01"), peoplePage("", "1@01")}, `record "1" is on two pages`},
		"a second over pages":         {[]string{peoplePage("", "1@01", "2@02"), peoplePage("", "3@02", "4@02"), peoplePage("", "5@02")}, "5"},
		"another order":               {[]string{peoplePage("", "1@01", "4@04"), peoplePage("", "3@03", "2@02"), peoplePage("")}, "not in the order"},
		"the same page":               {[]string{peoplePage("", "1@01", "2@02")}, "the same page came twice"},
		"a page is missing":           {[]string{peoplePage("5", "1@01", "2@02"), peoplePage("5")}, "hold 2 records, and 5 are announced"},
		"smaller pages than asked":    {[]string{peoplePage("3", "1@01"), peoplePage("3", "2@02"), peoplePage("3", "3@03")}, "3"},
		"smaller pages, as it says":   {[]string{`{"limit":1,` + peoplePage("", "1@01")[1:], `{"limit":1,` + peoplePage("", "2@02")[1:], `{"limit":1,` + peoplePage("")[1:]}, "2"},
		"one person":                  {[]string{`{"id":7,"firstName":"Bo"}`}, "a single record"},
		"something else":              {[]string{`{"people":[]}`}, `"/persons"`},
		"null":                        {[]string{`{"persons":null}`}, `"/persons"`},
		"HTML":                        {[]string{"html"}, "HTML page instead of JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			h := lists(t, c.bodies...)
			err := h.Fetch(connector(), small(t, 2))
			if n, wrong := strconv.Atoi(c.message); wrong != nil {
				fails(t, err, abi.KindBadResponse, "GET /people/2/persons", c.message)
			} else if err != nil || len(h.Records) != n {
				t.Errorf("%d records, %v", len(h.Records), err)
			}
		})
	}
}

func TestSinglePersonIsNoList(t *testing.T) {
	s := newScene(t, sim.Options{Seed: 1, People: 3})
	e := endpoint(t, "people")
	e.Params["type"], e.Params["identifier"] = "ID", "1"
	fails(t, s.host.Fetch(connector(), e), abi.KindConfig, "identifier asks for one person", "get_person")
	if len(s.requests()) > 0 {
		t.Errorf("requests %v", s.requests())
	}
}

func TestFilterOfTheConfiguration(t *testing.T) {
	s := newScene(t, sim.Options{Seed: 1, People: 3})
	e := small(t, 2)
	e.Params["filter"] = fmt.Sprintf(`{"#eq":{"lastName":%q}}`, s.person(t, 2).LastName)
	err := s.host.Fetch(connector(), e)
	if err != nil || !slices.ContainsFunc(s.requests(), func(r string) bool { return strings.Contains(r, "filter=") }) {
		t.Errorf("%v, requests %v", err, s.requests())
	}
}
