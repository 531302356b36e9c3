package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
	"github.com/rollcall-agent/rollcall/agent/internal/tryout"
)

// The vendor of these tests has 25 people, 10 on a page.
const (
	vendorPeople = 25
	vendorPage   = 10
)

// vendor is a strict little server for one way of paging: whatever it does not
// expect is answered with 400.
type vendor struct {
	method string // default GET
	media  string // of the request's body
	// from returns the first record that is asked for, from what was sent, which
	// must hold nothing else.
	from func(sent url.Values) (int, error)
	// answer returns the whole answer for the records [from, to).
	answer func(h http.Header, at string, from, to int) string
}

func (v vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	refuse := func(format string, args ...any) { http.Error(w, fmt.Sprintf(format, args...), http.StatusBadRequest) }
	method, sent := v.method, r.URL.Query()
	if method == "" {
		method = http.MethodGet
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Method != method || r.Header.Get("Content-Type") != v.media {
		refuse("%v: %s with %q", err, r.Method, r.Header.Get("Content-Type"))
		return
	}
	switch v.media {
	case "application/json":
		var members map[string]any
		if err := json.Unmarshal(body, &members); err != nil || len(sent) > 0 {
			refuse("the body is %s, the query %v: %v", body, sent, err)
			return
		}
		for name, value := range members {
			sent.Set(name, fmt.Sprintf("%T:%v", value, value))
		}
	case "application/x-www-form-urlencoded":
		if sent, err = url.ParseQuery(string(body)); err != nil {
			refuse("the body is %s: %v", body, err)
			return
		}
	}
	from, err := v.from(sent)
	if err != nil || from > vendorPeople {
		refuse("what was sent is %v: %v", sent, err)
		return
	}
	text := v.answer(w.Header(), "http://"+r.Host+r.URL.Path, from, min(from+vendorPage, vendorPeople))
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, text)
}

// readsAt reads a position: name is the only thing that is sent, besides others with
// these values; number turns its text into the first record.
func readsAt(name string, number func(string) (int, error), others ...string) func(url.Values) (int, error) {
	return func(sent url.Values) (int, error) {
		for i := 0; i < len(others); i += 2 {
			if got := sent.Get(others[i]); got != others[i+1] {
				return 0, fmt.Errorf("%s is %q", others[i], got)
			}
			sent.Del(others[i])
		}
		text := sent.Get(name)
		sent.Del(name)
		if len(sent) > 0 {
			return 0, fmt.Errorf("%v was not expected", sent)
		}
		return number(text)
	}
}

// cursorOf is "" at the beginning, and then names the next record: "c10".
func cursorOf(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	rest, ok := strings.CutPrefix(text, "c")
	if !ok {
		return 0, fmt.Errorf("%q is no cursor", text)
	}
	return strconv.Atoi(rest)
}

func numberOr0(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	return strconv.Atoi(text)
}

// typedAs reads a value of a JSON body, which must have a type of Go.
func typedAs(kind string, number func(string) (int, error)) func(string) (int, error) {
	return func(text string) (int, error) {
		rest, ok := strings.CutPrefix(text, kind+":")
		if !ok {
			return 0, fmt.Errorf("%q is no %s", text, kind)
		}
		return number(rest)
	}
}

func pageFrom(first int) func(string) (int, error) {
	return func(text string) (int, error) {
		n, err := strconv.Atoi(text)
		if n < first {
			return 0, fmt.Errorf("page %q", text)
		}
		return (n - first) * vendorPage, err
	}
}

// peopleAt begins an answer, which says of itself that it is one, as all of this
// vendor do.
func peopleAt(from, to int) string {
	var all []string
	for i := from; i < to; i++ {
		all = append(all, fmt.Sprintf(`{"id":%d,"name":"P %d"}`, i+1, i+1))
	}
	return `{"success":true,"data":[` + strings.Join(all, ",") + "]"
}

// answers gives the records at data, and more members, in which %d is where the
// next page begins; the last page has those of last.
func answers(more, last string) func(http.Header, string, int, int) string {
	return func(_ http.Header, _ string, from, to int) string {
		members := strings.ReplaceAll(more, "%d", strconv.Itoa(to))
		if to == vendorPeople {
			members = strings.ReplaceAll(last, "%d", strconv.Itoa(to))
		}
		if members != "" {
			members = "," + members
		}
		return peopleAt(from, to) + members + `}`
	}
}

// answersHead answers the records, and a header on all pages but the last one.
func answersHead(name, value string) func(http.Header, string, int, int) string {
	return func(h http.Header, at string, from, to int) string {
		if to < vendorPeople {
			h.Set(name, strings.NewReplacer("AT", at, "%d", strconv.Itoa(to)).Replace(value))
		}
		return peopleAt(from, to) + `}`
	}
}

// waysOfPaging are the rows of the table in docs/configuration.md: what a vendor
// sends, and what to write.
var waysOfPaging = []struct {
	style, sends, write string
	vendor              vendor
	pages               int
}{
	{
		"none", "everybody in one answer", `repeat = { style = "none" }`,
		vendor{from: readsAt("-", numberOr0), answer: func(http.Header, string, int, int) string { return peopleAt(0, vendorPeople) + `}` }},
		1,
	},
	{
		"cursor", "the next position in the answer; null at the end", `repeat = { style = "cursor", param = "after", next = "/next" }`,
		vendor{from: readsAt("after", cursorOf), answer: answers(`"next":"c%d"`, `"next":null`)},
		3,
	},
	{
		"cursor", "the same; nothing there at the end", `repeat = { style = "cursor", param = "after", next = "/paging/next" }`,
		vendor{from: readsAt("after", cursorOf), answer: answers(`"paging":{"next":"c%d"}`, `"paging":{}`)},
		3,
	},
	{
		"cursor", "the next position in a header", `repeat = { style = "cursor", param = "after", next_header = "X-Next" }`,
		vendor{from: readsAt("after", cursorOf), answer: answersHead("X-Next", "c%d")},
		3,
	},
	{
		"cursor", "a position on the last page too, and a word that says it", `repeat = { style = "cursor", param = "after", next = "/cursor", until = 'answer.state == "done"' }`,
		vendor{from: readsAt("after", cursorOf), answer: answers(`"cursor":"c%d","state":"more"`, `"cursor":"c%d","state":"done"`)},
		3,
	},
	{
		"cursor", "a position that belongs into a JSON body",
		"method = \"POST\"\nbody = '{{ page.position == null ? {\"size\": page.limit} : {\"size\": page.limit, \"after\": page.position} }}'\n" +
			`repeat = { style = "cursor", next = "/next", limit = 10 }`,
		vendor{method: "POST", media: "application/json", from: func(sent url.Values) (int, error) {
			if sent.Get("after") == "" {
				return readsAt("after", cursorOf, "size", "float64:10")(sent)
			}
			return readsAt("after", typedAs("string", cursorOf), "size", "float64:10")(sent)
		}, answer: answers(`"next":"c%d"`, ``)},
		3,
	},
	{
		"offset", "fewer than a page at the end", `repeat = { style = "offset", param = "skip", limit_param = "top", limit = 10 }`,
		vendor{from: readsAt("skip", numberOr0, "top", "10"), answer: answers("", "")},
		3,
	},
	{
		"offset", "true or false: whether there is more", `repeat = { style = "offset", param = "start", more = "/more" }`,
		vendor{from: readsAt("start", numberOr0), answer: answers(`"more":true`, `"more":false`)},
		3,
	},
	{
		"offset", "where the next page starts", `repeat = { style = "offset", param = "start", next = "/next_start" }`,
		vendor{from: readsAt("start", numberOr0), answer: answers(`"next_start":%d`, `"next_start":null`)},
		3,
	},
	{
		"offset", "the number of all, and wants a form",
		"method = \"POST\"\nmessage_type = \"form\"\nbody = 'start={{ page.position }}&count={{ page.limit }}'\n" +
			`repeat = { style = "offset", limit = 10, until = "page.total >= answer.found", total = "/found" }`,
		vendor{method: "POST", media: "application/x-www-form-urlencoded", from: readsAt("start", strconv.Atoi, "count", "10"), answer: answers(`"found":25`, `"found":25`)},
		3,
	},
	{
		"page", "fewer than a page at the end", `repeat = { style = "page", param = "page", limit_param = "size", limit = 10 }`,
		vendor{from: readsAt("page", pageFrom(1), "size", "10"), answer: answers("", "")},
		3,
	},
	{
		"page", "the number of pages; the first page is 0", `repeat = { style = "page", param = "p", first = 0, until = "page.number >= answer.meta.pages" }`,
		vendor{from: readsAt("p", pageFrom(0)), answer: answers(`"meta":{"pages":3}`, `"meta":{"pages":3}`)},
		3,
	},
	{
		"page", "the number of all in a header, and full pages only", `repeat = { style = "page", param = "page", limit = 10, total_header = "X-Total" }`,
		vendor{from: readsAt("page", pageFrom(1)), answer: func(h http.Header, _ string, from, to int) string {
			h.Set("X-Total", "25")
			return peopleAt(from, to) + `}`
		}},
		3,
	},
	{
		"page", "true or false, and wants the number in a JSON body",
		"method = \"POST\"\nbody = '{\"page\": {{ page.position }}}'\n" + `repeat = { style = "page", more = "/more" }`,
		vendor{method: "POST", media: "application/json", from: readsAt("page", typedAs("float64", pageFrom(1))), answer: answers(`"more":true`, `"more":false`)},
		3,
	},
	{
		"next_url", "the whole URL of the next page", `repeat = { style = "next_url", next = "/next" }`,
		vendor{from: readsAt("at", numberOr0), answer: func(h http.Header, at string, from, to int) string {
			return answers(`"next":"`+at+`?at=%d"`, `"next":null`)(h, at, from, to)
		}},
		3,
	},
	{
		"next_url", "the URL in a header", `repeat = { style = "next_url", next_header = "X-Next-Page" }`,
		vendor{from: readsAt("at", numberOr0), answer: answersHead("X-Next-Page", "AT?at=%d")},
		3,
	},
	{
		"link_header", "`Link: <...>; rel=\"next\"` (RFC 8288)", `repeat = { style = "link_header" }`,
		vendor{from: readsAt("at", numberOr0), answer: answersHead("Link", `<AT?at=%d>; rel="next", <AT>; rel="first"`)},
		3,
	},
}

// bad are answers that a run must not use, and what the admin is told.
var badPaging = []struct {
	name, write string
	vendor      vendor
	says        []string
}{
	{
		"the position is ignored", `repeat = { style = "page", param = "page", limit = 10 }`,
		vendor{from: func(url.Values) (int, error) { return 0, nil }, answer: answers("", "")},
		[]string{"the page repeats", "page=2", "understands the position"},
	},
	{
		"fewer than announced", `repeat = { style = "offset", param = "skip", limit = 10, total = "/total" }`,
		vendor{from: readsAt("skip", numberOr0), answer: answers(`"total":26`, `"total":26`)},
		[]string{"25 records came", "announces 26 at /total", "a page is missing"},
	},
	{
		"more than announced", `repeat = { style = "offset", param = "skip", limit = 10, total_header = "X-Total" }`,
		vendor{from: readsAt("skip", numberOr0), answer: func(h http.Header, _ string, from, to int) string {
			h.Set("X-Total", "24")
			return peopleAt(from, to) + `}`
		}},
		[]string{"25 records came", "announces 24 in the header X-Total"},
	},
	{
		"nothing is announced", `repeat = { style = "offset", param = "skip", limit = 10, total = "/meta/total" }`,
		vendor{from: readsAt("skip", numberOr0), answer: answers(`"total":25`, `"total":25`)},
		[]string{"expected at /meta/total, and no answer has one there"},
	},
	{
		"what is announced is no number", `repeat = { style = "offset", param = "skip", limit = 10, total = "/total" }`,
		vendor{from: readsAt("skip", numberOr0), answer: answers(`"total":"many"`, `"total":"many"`)},
		[]string{"expected at /total, and the answer has many there"},
	},
	{
		"more pages than may be", `repeat = { style = "offset", param = "skip", limit = 10, max_pages = 2 }`,
		vendor{from: readsAt("skip", numberOr0), answer: answers("", "")},
		[]string{"more than 2 pages", "skip=20", "max_pages"},
	},
	{
		"until has no value", `repeat = { style = "page", param = "page", until = "answer.done" }`,
		vendor{from: readsAt("page", pageFrom(1)), answer: answers("", "")},
		[]string{"until has no value: answer.done is absent", "default("},
	},
	{
		"until is no yes or no", `repeat = { style = "page", param = "page", until = "answer.done" }`,
		vendor{from: readsAt("page", pageFrom(1)), answer: answers(`"done":"no"`, `"done":"no"`)},
		[]string{"until gives no, which is not true or false"},
	},
	{
		"until and next contradict each other", `repeat = { style = "cursor", param = "after", next = "/next", until = "answer.done" }`,
		vendor{from: readsAt("after", cursorOf), answer: answers(`"next":"c%d","done":false`, `"done":false`)},
		[]string{"says that there is more (until is false) and not where", `"/next"`},
	},
	{
		"a body without its value", "method = \"POST\"\nbody = '{\"after\": {{ page.position }}}'\n" + `repeat = { style = "cursor", next = "/next" }`,
		vendor{method: "POST", media: "application/json", from: readsAt("after", cursorOf), answer: answers(`"next":null`, `"next":null`)},
		[]string{"the body of page 1", "page.position is null", "default("},
	},
	{
		"a body that is the same for each page", "method = \"POST\"\nbody = '{\"size\": {{ page.limit }}}'\n" + `repeat = { style = "cursor", next = "/next", limit = 10 }`,
		vendor{method: "POST", media: "application/json", from: func(url.Values) (int, error) { return 0, nil }, answer: answers(`"next":"c10"`, ``)},
		[]string{"paging goes in circles"},
	},
}

// TestWaysOfPaging calls an endpoint for each row of the table through Pipedrive's
// connector as it is shipped: everybody comes, once.
func TestWaysOfPaging(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/configuration.md")
	must(t, err)
	var mux http.ServeMux
	endpoints := map[string]string{}
	for i, way := range waysOfPaging {
		name := fmt.Sprintf("way%d", i)
		mux.Handle("/"+name, way.vendor)
		endpoints[name] = way.write
		row := fmt.Sprintf("| %s | %s | `%s` |\n", way.style, way.sends, strings.ReplaceAll(way.write, "\n", "`<br>`"))
		if !strings.Contains(string(page), row) {
			t.Errorf("docs/configuration.md has no row\n%s", row)
		}
	}
	for i, bad := range badPaging {
		name := fmt.Sprintf("bad%d", i)
		mux.Handle("/"+name, bad.vendor)
		endpoints[name] = bad.write
	}
	s := pagingService(t, &mux, endpoints)
	for i, way := range waysOfPaging {
		end, keys := s.try(t, fmt.Sprintf("way%d", i), 0)
		if end.Problem != "" || !end.Complete || end.Pages != way.pages || len(keys) != vendorPeople || len(slices.Compact(slices.Sorted(slices.Values(keys)))) != vendorPeople {
			t.Errorf("%s: %s: %d records on %d pages: %+v", way.style, way.sends, len(keys), end.Pages, end)
		}
	}
	for i, bad := range badPaging {
		end, _ := s.try(t, fmt.Sprintf("bad%d", i), 0)
		for _, want := range bad.says {
			if !strings.Contains(end.Problem, want) {
				t.Errorf("%s: the admin is not told %q: %+v", bad.name, want, end)
			}
		}
		if end.Complete {
			t.Errorf("%s: it counts as complete", bad.name)
		}
	}
	if end, keys := s.try(t, "way1", 2); end.Problem != "" || end.Complete || end.Pages != 2 || end.Sent != 2 || len(keys) != 2*vendorPage {
		t.Errorf("two pages are enough: %d records, %+v", len(keys), end)
	}
	if end, keys := s.try(t, "way1", 3); end.Problem != "" || !end.Complete || len(keys) != vendorPeople {
		t.Errorf("three pages are all: %d records, %+v", len(keys), end)
	}
}

// pagingAgent asks an agent in this process.
type pagingAgent struct {
	*service.Service
	config string
}

func pagingService(t *testing.T, api http.Handler, endpoints map[string]string) pagingAgent {
	t.Helper()
	b := build()
	must(t, b.err)
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "token"), []byte("sim-api-token"), 0o600))
	var text strings.Builder
	fmt.Fprintf(&text, `[agent]
state_dir = "state"
modules_dir = %q
[modules]
allow_unsigned = true
[directory]
urls = ["ldaps://127.0.0.1:1"]
base_dn = "DC=example,DC=com"
scope = ["DC=example,DC=com"]
bind_dn = "rollcall@corp.test"
bind_password = "@{file:%s}"
[applications.crm]
connector = "pipedrive"
auth = "api_key"
api_key = "@{file:%[2]s}"
base_url = %q
rate_limit = "10000/1s"
`, b.modules, filepath.Join(dir, "token"), server.URL)
	for name, write := range endpoints {
		fmt.Fprintf(&text, "[applications.crm.endpoints.%s]\npath = \"/%[1]s\"\nkey = \"/id\"\nrecords = \"/data\"\n%s\n", name, write)
	}
	path := filepath.Join(dir, "agent.toml")
	must(t, os.WriteFile(path, []byte(text.String()), 0o600))
	cfg, err := config.Load(path)
	must(t, err)
	return pagingAgent{service.New(openAgent(t, cfg, slog.DiscardHandler)), path}
}

func (a pagingAgent) try(t *testing.T, endpoint string, pages int) (tryout.End, []string) {
	t.Helper()
	var end *tryout.End
	var keys []string
	in := service.TestEndpointRequest{Application: "crm", Endpoint: endpoint, Pages: pages}
	in.Config = a.config
	for part, err := range a.TestEndpoint(t.Context(), "test", in) {
		if err != nil {
			return tryout.End{Problem: err.Error()}, keys
		}
		for _, r := range part.Records {
			keys = append(keys, string(r.Key))
		}
		if part.End != nil {
			end = part.End
		}
	}
	if end == nil {
		t.Fatalf("%s: no end", endpoint)
	}
	return *end, keys
}
