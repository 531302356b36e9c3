package host_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// paging answers page n of a list without end.
type paging func(n int) string

func (e paging) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.Atoi(r.URL.Query().Get("p"))
	w.Header().Set("Link", fmt.Sprintf(`</users?p=%d>; rel="next"`, n+1))
	fmt.Fprintf(w, `{"data":[%s],"next":"%d","more":true,"url":"/users?p=%[2]d"}`, e(n), n+1)
}

func empty(int) string { return "" }

// TestAFetchThatComesToNothingEnds: endless cursors, in each style of paging,
// and a connector's own endless loops.
func TestAFetchThatComesToNothingEnds(t *testing.T) {
	cursor := abi.Repeat{Style: abi.RepeatCursor, Param: "p", Next: "/next"}
	with := func(r abi.Repeat, max int) abi.Repeat { r.MaxEmpty = max; return r }
	thenEmpty := func(n int) string { // 30 people, then nobody
		if n < 3 {
			return fmt.Sprintf(`{"id":%d}`, n)
		}
		return ""
	}
	const circle = " brought no record that was not delivered before"
	cases := map[string]struct {
		do       string
		repeat   abi.Repeat
		pages    paging
		says     []string
		requests int
	}{
		"cursor":                          {"", cursor, empty, []string{"endpoint users: 100 pages in a row" + circle + ": the fetch makes no progress. The last request was GET /users?p=99"}, 100},
		"next_url":                        {"", abi.Repeat{Style: abi.RepeatNextURL, Next: "/url"}, empty, []string{"100 pages in a row", "GET /users?p=99"}, 100},
		"link_header":                     {"", abi.Repeat{Style: abi.RepeatLinkHeader}, empty, []string{"100 pages in a row", "GET /users?p=99"}, 100},
		"offset, told where":              {"", abi.Repeat{Style: abi.RepeatOffset, Param: "p", Next: "/next"}, empty, []string{"100 pages in a row", "p=99"}, 100},
		"offset, told that there is more": {"", abi.Repeat{Style: abi.RepeatOffset, Param: "p", More: "/more"}, empty, []string{"makes no progress"}, 1},
		"page, told that there is more":   {"", abi.Repeat{Style: abi.RepeatPage, Param: "p", More: "/more"}, empty, []string{"makes no progress"}, 1},
		"page, of the same people": {
			"",
			abi.Repeat{Style: abi.RepeatPage, Param: "p", More: "/more"},
			func(int) string { return `{"id":1},{"id":2}` },
			[]string{"endpoint users: the page repeats", "GET /users?p=2"},
			2,
		},
		"after some people":   {"", cursor, thenEmpty, []string{"100 pages in a row", "p=102"}, 103},
		"the same page again": {"", cursor, func(int) string { return `{"id":1},{"id":2}` }, []string{"the page repeats", "GET /users?p=1"}, 2},
		"in another order": {"", cursor, func(n int) string {
			return []string{`{"id":1},{"id":2}`, `{"id":2},{"id":1}`}[n%2]
		}, []string{"the page repeats", "p=1"}, 2},
		"two pages in turn": {"", cursor, func(n int) string { return fmt.Sprintf(`{"id":%d}`, n%2) }, []string{"the page repeats", "p=2"}, 3},
		"records without a key": {
			"", cursor, func(int) string { return `{"a":1},{"b":2}` },
			[]string{"100 pages in a row" + circle + " (200 records without a usable key; of the last: the record has no /id)"},
			100,
		},
		"as many as is said":      {"", with(cursor, 7), empty, []string{"7 pages in a row", "p=6"}, 7},
		"more than usual":         {"", with(cursor, 1_200), empty, []string{"1200 pages in a row", "p=1199"}, 1_200},
		"requests without a page": {"restless", abi.Repeat{}, empty, []string{"1000 requests in a row" + circle, "GET /users?i=999"}, 1_000},
		"who does not listen":     {"restless-deaf", abi.Repeat{}, empty, []string{"1000 requests in a row"}, 1_000},
		"and no request at all":   {"silent-batches", abi.Repeat{}, empty, []string{"100 pages in a row", "No request was sent"}, 0},
		"what the connector made": {"restless-batches", abi.Repeat{}, empty, []string{"100 pages in a row", "GET /users?i=100"}, 101},
	}
	for _, name := range soak.Some(t, 5, slices.Sorted(maps.Keys(cases))) {
		t.Run(name, func(t *testing.T) {
			c := cases[name]
			f := share(t, c.pages)
			_, report, err := f.fetch(t.Context(), c.do, func(call *abi.FetchCall) { call.Endpoint.Repeat = c.repeat })
			e := asCallError(t, err)
			if e.Kind != abi.KindBadResponse || report.Requests != c.requests || e.Next == "" {
				t.Errorf("%s after %d requests: %s; next: %s", e.Kind, report.Requests, e.Message, e.Next)
			}
			ours := strings.Contains(e.Message, "in a row") // else the connector has seen it
			if ours != strings.Contains(e.Next, "repeat = { max_empty = 1000 } in [applications.app.endpoints.users]") {
				t.Errorf("%s; next: %s", e.Message, e.Next)
			}
			for _, want := range c.says {
				if !strings.Contains(e.Message, want) {
					t.Errorf("the message does not say %q: %s", want, e.Message)
				}
			}
		})
	}
}

// TestEmptyPagesAreNoEnd: an application may send many empty pages before the
// next record, and a connector may send many requests about each.
func TestEmptyPagesAreNoEnd(t *testing.T) {
	pages := paging(func(n int) string {
		if n%100 == 99 {
			return fmt.Sprintf(`{"id":%d}`, n)
		}
		return ""
	})
	f := share(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("p") == "300" {
			fmt.Fprint(w, `{"data":[],"next":null}`)
			return
		}
		pages.ServeHTTP(w, r)
	}))
	got, report, err := f.fetch(t.Context(), "", func(c *abi.FetchCall) {
		c.Endpoint.Repeat = abi.Repeat{Style: abi.RepeatCursor, Param: "p", Next: "/next"}
	})
	if err != nil || len(got) != 3 || report.Requests != 301 {
		t.Errorf("%d records, %d requests, %v", len(got), report.Requests, err)
	}
	got, report, err = f.fetch(t.Context(), "photos", nil)
	if err != nil || len(got) != 500 || report.Requests != 1_500 {
		t.Errorf("photos: %d, %d requests, %v", len(got), report.Requests, err)
	}
}
